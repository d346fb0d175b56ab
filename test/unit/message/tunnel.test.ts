import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { fakeClock } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { Tunnel } from '../../../src/message/tunnel.js'
import type { TunnelEnd, TunnelOptions } from '../../../src/message/tunnel.js'
import { turns, watchProcess } from '../../helpers/watch-process.js'
import { inMemory, overTcp, overTls, Reading } from './connections.js'
import type { Connection } from './connections.js'
import { closeFrame, frame } from './frames.js'

watchProcess()

const IDLE = 60_000
const LEAVE = 10_000

type Link = () => Connection | Promise<Connection>

async function joined<Stream extends Duplex>(
  link: () => Connection<Stream> | Promise<Connection<Stream>>,
  options: Partial<TunnelOptions> = {},
) {
  const clock = fakeClock()
  const client = await link()
  const peer = await link()
  const tunnel = new Tunnel({
    client: client.near,
    peer: peer.near,
    protocol: 'foo',
    idleTimeout: IDLE,
    clock,
    ...options,
  })
  return {
    ...{ clock, tunnel, client: client.far, peer: peer.far },
    ...{ nearClient: client.near, nearPeer: peer.near },
    fromPeer: new Reading(client.far),
    fromClient: new Reading(peer.far),
  }
}

type Joined = Awaited<ReturnType<typeof joined>>

async function open<Stream extends Duplex>(
  link: () => Connection<Stream> | Promise<Connection<Stream>>,
  options?: Partial<TunnelOptions>,
) {
  const all = await joined(link, options)
  let end: TunnelEnd | undefined
  const run = all.tunnel.run().then((ended) => (end = ended))
  return { ...all, run, end: () => end }
}

/** What the tunnel had put there. */
function listenersLeft({ nearClient, nearPeer }: Joined): string[] {
  return [nearClient, nearPeer].flatMap((stream) =>
    ['data', 'drain', 'error', 'close'].filter((event) => stream.listenerCount(event) > 0),
  )
}

/** Writes until nothing is taken any more. */
async function fill(socket: Socket): Promise<void> {
  const written = (): number => socket.bytesWritten - socket.writableLength
  for (let before = -1; before !== written();) {
    before = written()
    socket.write(Buffer.alloc(1_000_000))
    await turns(20)
  }
}

const LINKS: [string, Link][] = [
  ['in memory', () => inMemory()],
  ['over TCP', overTcp],
  ['over TLS', overTls],
]

describe.each(LINKS)('a tunnel %s', (_, link) => {
  it('carries bytes both ways, and ends when both sides have', async () => {
    const all = await open(link)
    all.client.write('ping')
    await all.fromClient.reads('ping')
    all.peer.write('pong!')
    await all.fromPeer.reads('pong!')
    all.client.end()
    await all.fromClient.end()
    all.peer.end()
    expect(await all.run).toEqual({ how: 'ended', by: 'client', toPeer: 4, toClient: 5 })
    await Promise.all([all.fromPeer.close(), all.fromClient.close()])
    expect(all.clock.pending).toBe(0)
  })

  it('leaves no listener behind', async () => {
    const all = await joined(link)
    const before = ['data', 'end', 'drain', 'error', 'close'].map((event) => [
      all.nearClient.listenerCount(event),
      all.nearPeer.listenerCount(event),
    ])
    const run = all.tunnel.run()
    all.client.end()
    all.peer.end()
    await run
    // Node's own may be gone by now.
    const after = ['data', 'end', 'drain', 'error', 'close'].map((event) => [
      all.nearClient.listenerCount(event),
      all.nearPeer.listenerCount(event),
    ])
    after.forEach((counts, i) => {
      counts.forEach((count, j) => expect(count).toBeLessThanOrEqual(before[i]![j]!))
    })
  })

  it.each(['client', 'peer'] as const)('passes half a close on: the %s ends first', async (by) => {
    const all = await open(link)
    const other = by === 'client' ? 'peer' : 'client'
    const reading = by === 'client' ? all.fromClient : all.fromPeer
    const back = by === 'client' ? all.fromPeer : all.fromClient
    all[by].end('last words')
    await reading.end()
    expect(reading.text).toBe('last words')
    all[other].write('still here')
    await back.reads('still here')
    expect(all.end()).toBeUndefined()
    all[other].end('bye')
    expect(await all.run).toMatchObject({ how: 'ended', by })
    await back.end()
    expect(back.text).toBe('still herebye')
  })

  it('a connection on which nothing happens is closed', async () => {
    const all = await open(link)
    all.clock.advance(IDLE - 1)
    await turns()
    expect(all.end()).toBeUndefined()
    all.clock.advance(1)
    expect(await all.run).toEqual({ how: 'idle', toPeer: 0, toClient: 0 })
    await Promise.all([all.fromPeer.end(), all.fromClient.end()])
    expect(all.clock.pending).toBe(0)
  })

  it.each(['client', 'peer'] as const)('a byte of the %s is a sign of life', async (side) => {
    const all = await open(link)
    const reading = side === 'client' ? all.fromClient : all.fromPeer
    for (let i = 1; i <= 5; i++) {
      all.clock.advance(IDLE - 10)
      all[side].write('.')
      await reading.until(() => reading.length === i)
    }
    expect(all.clock.pending).toBe(1)
    all.clock.advance(IDLE - 1)
    expect(all.nearClient.destroyed).toBe(false)
    all.clock.advance(1)
    expect(await all.run).toMatchObject({ how: 'idle' })
  })

  it('destroy() ends it at once', async () => {
    const all = await open(link)
    all.tunnel.destroy()
    all.tunnel.destroy()
    expect(await all.run).toEqual({ how: 'destroyed', toPeer: 0, toClient: 0 })
    await Promise.all([all.fromPeer.end(), all.fromClient.end()])
    all.tunnel.destroy()
    all.tunnel.drain()
    expect(all.clock.pending).toBe(0)
  })

  it('a side that breaks off takes the other with it', async () => {
    const all = await open(link)
    all.nearPeer.destroy(new Error('broken'))
    const end = await all.run
    expect(end).toMatchObject({ how: 'reset', by: 'peer', cause: { message: 'broken' } })
    expect(all.nearClient.destroyed).toBe(true)
    expect(all.clock.pending).toBe(0)
  })

  it('drain() ends what is no WebSocket', async () => {
    const all = await open(link)
    all.client.write('x')
    await all.fromClient.reads('x')
    all.tunnel.drain()
    await Promise.all([all.fromPeer.end(), all.fromClient.end()])
    all.client.end()
    all.peer.end()
    expect(await all.run).toEqual({ how: 'drained', toPeer: 1, toClient: 0 })
    expect(all.clock.pending).toBe(0)
  })

  it('drain() does not wait longer than ten seconds', async () => {
    const all = await open(link)
    all.tunnel.drain()
    all.tunnel.drain()
    await Promise.all([all.fromPeer.end(), all.fromClient.end()])
    all.peer.write('and so on')
    all.clock.advance(LEAVE - 1)
    await turns()
    expect(all.end()).toBeUndefined()
    all.clock.advance(1)
    expect(await all.run).toMatchObject({ how: 'drained', toClient: 0 })
    expect(all.clock.pending).toBe(0)
  })
})

describe('a tunnel over TCP', () => {
  it.each(['client', 'peer'] as const)('a reset of the %s reaches the other', async (by) => {
    const client = await overTcp()
    const peer = await overTcp()
    const tunnel = new Tunnel({
      ...{ client: client.near, peer: peer.near, protocol: 'foo', idleTimeout: IDLE },
      clock: fakeClock(),
    })
    const [from, to] = by === 'client' ? [client.far, peer.far] : [peer.far, client.far]
    const reading = new Reading(to)
    new Reading(from)
    const run = tunnel.run()
    from.resetAndDestroy()
    const end = await run
    expect(end).toMatchObject({ how: 'reset', by, cause: { code: 'ECONNRESET' } })
    await reading.close()
    expect(reading).toMatchObject({ ended: false, error: 'ECONNRESET' })
  })

  it('a client that ends and is then gone: what the peer still says is dropped, for ten seconds', async () => {
    const all = await open(overTcp)
    all.client.end()
    await all.fromClient.end()
    all.nearClient.destroy()
    await turns()
    all.peer.write('anybody?')
    await turns()
    expect(all.end()).toBeUndefined()
    all.clock.advance(LEAVE)
    expect(await all.run).toEqual({ how: 'ended', by: 'client', toPeer: 0, toClient: 0 })
    expect(all.clock.pending).toBe(0)
  })

  it('a peer that breaks off while a FIN is on its way to the client', async () => {
    const all = await open(overTcp)
    all.nearPeer.prependListener('close', () => all.tunnel.drain())
    all.nearPeer.destroy(new Error('broken'))
    // libuv takes no reset of a connection that is being shut down: see resetAndDestroy().
    expect(await all.run).toMatchObject({ how: 'drained' })
  })

  it('a client that ends and is then gone does not leave the peer blocked', async () => {
    const all = await open(overTcp)
    all.client.pause()
    await fill(all.peer)
    all.client.end()
    await all.fromClient.end()
    all.nearClient.destroy()
    all.peer.end()
    expect(await all.run).toMatchObject({ how: 'ended', by: 'client' })
    expect(all.clock.pending).toBe(0)
  })

  it('timeouts of before are off', async () => {
    const all = await joined(overTcp)
    all.nearClient.setTimeout(1000)
    all.nearPeer.setTimeout(1000)
    const run = all.tunnel.run()
    expect([all.nearClient.timeout, all.nearPeer.timeout]).toEqual([0, 0])
    all.tunnel.destroy()
    await run
  })
})

describe('a tunnel that is joined too late', () => {
  it.each(['client', 'peer'] as const)('the %s has gone meanwhile', async (by) => {
    const all = await joined(overTcp)
    const near = by === 'client' ? all.nearClient : all.nearPeer
    near.destroy()
    await turns()
    expect(await all.tunnel.run()).toMatchObject({ how: 'reset', by, cause: undefined })
    expect(all.clock.pending).toBe(0)
    expect(listenersLeft(all)).toEqual([])
  })

  it('the client is just about to go: closed, and its event still to come', async () => {
    const all = await joined(overTcp, { protocol: 'websocket' })
    all.nearClient.destroy()
    let ended = false
    const run = all.tunnel.run().finally(() => (ended = true))
    await all.fromClient.end()
    expect(ended).toBe(false)
    all.peer.end()
    expect(await run).toMatchObject({ how: 'reset', by: 'client' })
    expect(listenersLeft(all)).toEqual([])
  })

  it('both have', async () => {
    const all = await joined(overTcp)
    all.nearClient.destroy()
    all.nearPeer.destroy()
    await turns()
    expect(await all.tunnel.run()).toMatchObject({ how: 'reset' })
    expect(all.clock.pending).toBe(0)
  })

  it('one has ended: the other can still talk to it', async () => {
    const all = await joined(() => inMemory())
    all.peer.end()
    all.nearPeer.resume()
    await turns()
    expect(all.nearPeer.readableEnded).toBe(true)
    const run = all.tunnel.run()
    await all.fromPeer.end()
    all.client.end('late')
    expect(await run).toMatchObject({ how: 'ended', by: 'peer', toPeer: 4 })
  })

  it('drain() and destroy() count before it runs', async () => {
    const drained = await joined(() => inMemory(), { protocol: 'websocket' })
    drained.tunnel.drain()
    const run = drained.tunnel.run()
    await drained.fromPeer.until(() => drained.fromPeer.length === 4)
    expect(drained.fromPeer.bytes).toEqual(closeFrame(1001))
    drained.tunnel.destroy()
    expect(await run).toMatchObject({ how: 'destroyed' })

    const destroyed = await joined(() => inMemory())
    destroyed.tunnel.drain()
    destroyed.tunnel.destroy()
    expect(await destroyed.tunnel.run()).toMatchObject({ how: 'destroyed' })
    expect(destroyed.clock.pending).toBe(0)
  })
})

describe('back-pressure', () => {
  const MB = Buffer.alloc(1_048_576, 'x')

  it.each(['client', 'peer'] as const)(
    'of a reader that does not read holds the %s up',
    async (from) => {
      const client = await overTcp()
      const peer = await overTcp()
      const tunnel = new Tunnel({
        ...{ client: client.near, peer: peer.near, protocol: 'foo', idleTimeout: IDLE },
        clock: fakeClock(),
      })
      const run = tunnel.run()
      const [sender, reader, inside] =
        from === 'client' ? [client.far, peer.far, peer.near] : [peer.far, client.far, client.near]
      reader.pause()
      for (let i = 0; i < 64; i++) sender.write(MB)
      sender.end()
      let written = -1
      while (written !== sender.bytesWritten - sender.writableLength) {
        written = sender.bytesWritten - sender.writableLength
        await turns(50)
      }
      // What the kernel holds, and one chunk or two of ours.
      expect(written).toBeLessThan(24 * MB.length)
      expect(inside.writableLength).toBeLessThan(512 * 1024)
      const reading = new Reading(reader)
      reader.resume()
      await reading.end()
      expect(reading.length).toBe(64 * MB.length)
      reader.end()
      expect(await run).toMatchObject({ how: 'ended' })
    },
  )

  it.each(['client', 'peer'] as const)(
    'a reader that takes something after a while is a sign of life: the %s',
    async (side) => {
      const all = await open(() => inMemory(8))
      const [reader, writer] = side === 'client' ? [all.client, all.peer] : [all.peer, all.client]
      const reading = side === 'client' ? all.fromPeer : all.fromClient
      reader.pause()
      writer.write('0123456789')
      await turns()
      all.clock.advance(IDLE - 10)
      reader.resume()
      await reading.until(() => reading.length === 10)
      await turns()
      all.clock.advance(IDLE - 1)
      expect(all.nearClient.destroyed).toBe(false)
      all.clock.advance(1)
      expect(await all.run).toMatchObject({ how: 'idle' })
    },
  )

  it('one direction that is blocked does not block the other', async () => {
    const all = await open(() => inMemory(8))
    all.client.pause()
    for (let i = 0; i < 100; i++) all.peer.write('12345678')
    await turns()
    all.client.write('hello')
    await all.fromClient.reads('hello')
    all.client.resume()
    await all.fromPeer.until(() => all.fromPeer.length === 800)
    all.tunnel.destroy()
    await all.run
  })
})

describe('draining a WebSocket', () => {
  it('does not leave a peer blocked whose client does not read', async () => {
    const all = await open(() => inMemory(8), { protocol: 'websocket' })
    all.client.pause()
    for (let i = 0; i < 50; i++) all.peer.write(frame('0123456789'))
    await turns()
    expect(all.peer.writableLength).toBeGreaterThan(0)
    all.tunnel.drain()
    await turns()
    expect(all.peer.writableLength).toBe(0)
    all.client.resume()
    all.peer.end()
    await all.fromPeer.end()
    all.client.end()
    await all.run
    expect(all.fromPeer.bytes.subarray(-4)).toEqual(closeFrame(1001))
  })

  const webSocket = <Stream extends Duplex>(
    link: () => Connection<Stream> | Promise<Connection<Stream>>,
  ) => open(link, { protocol: 'WebSocket' })

  it.each(LINKS)('tells the client that the server goes away, %s', async (_, link) => {
    const all = await webSocket(link)
    all.peer.write(frame('hello'))
    await all.fromPeer.until(() => all.fromPeer.length === 7)
    all.tunnel.drain()
    all.tunnel.drain()
    const goodbye = Buffer.concat([frame('hello'), closeFrame(1001)])
    await all.fromPeer.until(() => all.fromPeer.length === goodbye.length)
    expect(all.fromPeer.bytes).toEqual(goodbye)
    // Nothing of the peer follows the close frame; the client's answer goes to the peer.
    all.peer.write(frame('too late'))
    const answer = closeFrame(1001, 'masked')
    all.client.write(answer)
    await all.fromClient.until(() => all.fromClient.length === answer.length)
    all.peer.end(closeFrame(1001))
    await all.fromPeer.end()
    all.client.end()
    const end = await all.run
    expect(end).toEqual({ how: 'drained', toPeer: answer.length, toClient: 7 })
    expect(all.fromPeer.bytes).toEqual(goodbye)
    expect(all.clock.pending).toBe(0)
  })

  it('waits for the end of the frame that is on its way', async () => {
    const all = await webSocket(inMemory)
    const long = frame(Buffer.alloc(1000, 0x88))
    all.peer.write(long.subarray(0, 500))
    await all.fromPeer.until(() => all.fromPeer.length === 500)
    all.tunnel.drain()
    all.peer.write(long.subarray(500, 900))
    await all.fromPeer.until(() => all.fromPeer.length === 900)
    all.peer.write(Buffer.concat([long.subarray(900), frame('next'), frame('and next')]))
    const expected = Buffer.concat([long, closeFrame(1001)])
    await all.fromPeer.until(() => all.fromPeer.length >= expected.length)
    await turns()
    expect(all.fromPeer.bytes).toEqual(expected)
    all.tunnel.destroy()
    await all.run
  })

  it('between two frames, also where they came together', async () => {
    const all = await webSocket(inMemory)
    all.peer.write(Buffer.concat([frame('a'), frame('b').subarray(0, 1)]))
    await all.fromPeer.until(() => all.fromPeer.length === 4)
    all.tunnel.drain()
    await turns()
    expect(all.fromPeer.length).toBe(4)
    all.peer.write(frame('b').subarray(1))
    await all.fromPeer.until(() => all.fromPeer.length === 10)
    expect(all.fromPeer.bytes).toEqual(Buffer.concat([frame('a'), frame('b'), closeFrame(1001)]))
    all.tunnel.destroy()
    await all.run
  })

  it('a close frame of the peer that has passed is enough', async () => {
    const all = await webSocket(inMemory)
    all.peer.write(closeFrame(1000))
    await all.fromPeer.until(() => all.fromPeer.length === 4)
    all.tunnel.drain()
    await turns()
    expect(all.fromPeer.bytes).toEqual(closeFrame(1000))
    all.client.end(closeFrame(1000, 'masked'))
    await all.fromClient.end()
    all.peer.end()
    expect(await all.run).toMatchObject({ how: 'drained' })
    expect(all.fromPeer.bytes).toEqual(closeFrame(1000))
  })

  it('and so is one that is on its way', async () => {
    const all = await webSocket(inMemory)
    all.peer.write(closeFrame(1000).subarray(0, 2))
    await all.fromPeer.until(() => all.fromPeer.length === 2)
    all.tunnel.drain()
    all.peer.write(closeFrame(1000).subarray(2))
    await all.fromPeer.until(() => all.fromPeer.length === 4)
    await turns()
    expect(all.fromPeer.bytes).toEqual(closeFrame(1000))
    all.tunnel.destroy()
    await all.run
  })

  it('what are no frames are not mixed with one', async () => {
    const all = await webSocket(inMemory)
    all.peer.write('this is no frame')
    await all.fromPeer.reads('this is no frame')
    all.tunnel.drain()
    await Promise.all([all.fromPeer.end(), all.fromClient.end()])
    expect(all.fromPeer.text).toBe('this is no frame')
    all.client.end()
    all.peer.end()
    expect(await all.run).toMatchObject({ how: 'drained' })
  })

  it('garbage in place of the end of a frame ends it, too', async () => {
    const all = await webSocket(inMemory)
    all.peer.write(Buffer.from([0x82]))
    await all.fromPeer.until(() => all.fromPeer.length === 1)
    all.tunnel.drain()
    all.peer.write(Buffer.from([127, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3]))
    await Promise.all([all.fromPeer.end(), all.fromClient.end()])
    all.client.end()
    all.peer.end()
    expect(await all.run).toMatchObject({ how: 'drained' })
  })

  it('a client that does not leave is put out after ten seconds', async () => {
    const all = await webSocket(inMemory)
    all.tunnel.drain()
    await all.fromPeer.until(() => all.fromPeer.length === 4)
    all.clock.advance(LEAVE)
    expect(await all.run).toMatchObject({ how: 'drained' })
    expect(all.clock.pending).toBe(0)
  })

  it('a peer that keeps sending is read, so that its end is seen', async () => {
    const all = await webSocket(overTcp)
    all.tunnel.drain()
    for (let i = 0; i < 64; i++) all.peer.write(frame(Buffer.alloc(262_144)))
    all.peer.end()
    await all.fromPeer.end()
    all.client.end()
    expect(await all.run).toEqual({ how: 'drained', toPeer: 0, toClient: 0 })
    expect(all.fromPeer.bytes).toEqual(closeFrame(1001))
  })

  it('a peer that breaks: what it has sent still arrives, and the client sees the end', async () => {
    const all = await webSocket(overTcp)
    all.client.pause()
    await fill(all.peer)
    expect(all.nearClient.writableLength).toBeGreaterThan(0)
    all.nearPeer.destroy()
    await turns()
    all.client.resume()
    await all.fromPeer.end()
    expect(all.fromPeer.error).toBeUndefined()
    all.client.end()
    expect(await all.run).toMatchObject({
      ...{ how: 'reset', by: 'peer', toClient: all.fromPeer.length },
    })
    expect(all.clock.pending).toBe(0)
  })
})
