import { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { bufferedResponse } from '../../../src/message/buffered-response.js'
import type { BufferingOptions } from '../../../src/message/buffered-response.js'
import type { UpstreamFailure } from '../../../src/next-upstream/attempt-result.js'
import { watchProcess } from '../../helpers/watch-process.js'
import {
  bytes,
  Client,
  diskError,
  Peer,
  replaceDisk,
  TRUNCATED,
  turn,
  until,
  watchDisk,
} from './spool-rig.js'

watchProcess()

function buffering(options: Partial<BufferingOptions> = {}) {
  const disk = watchDisk()
  const peer = new Peer()
  const client = new Client()
  const over: (UpstreamFailure | undefined)[] = []
  const response = bufferedResponse(peer, {
    buffers: 1000,
    maxTempFile: 1_000_000,
    tempPath: disk.path,
    onUpstreamOver: (failure) => over.push(failure),
    ...options,
  })
  response.start(client)
  /** The client takes `bytes` more. */
  const drain = async (amount = Infinity): Promise<void> => {
    client.room = amount
    response.resume()
    await disk.idle()
  }
  return { disk, peer, client, over, response, drain }
}

describe('bufferedResponse: a client that keeps up', () => {
  it('gets the peer’s very own chunks, at once', async () => {
    const { peer, client, over, response, disk } = buffering()
    expect(response).toMatchObject({ status: 206, statusMessage: 'Some', rawHeaders: ['X-A', '1'] })
    const chunks = [bytes(5000), bytes(10), bytes(0), bytes(90_000)]
    for (const chunk of chunks) {
      expect(peer.sink!.data(chunk)).toBe(true)
      expect(client.chunks.at(-1)).toBe(chunk)
    }
    peer.end(['X-T', '1'])
    expect(client.ended).toEqual(['X-T', '1'])
    expect(over).toEqual([undefined])
    expect(peer.resumed).toBe(0)
    await disk.idle()
    expect(disk.made).toBe(0)
  })

  it('hears of a failure at once', () => {
    const { peer, client, over } = buffering()
    peer.send(10)
    peer.fail(TRUNCATED)
    expect(client.failed).toBe(TRUNCATED)
    expect(over).toEqual([TRUNCATED])
    client.expectBytes(10)
  })

  it('a response that is whole, or has a tunnel, comes back as it is', () => {
    const options = { buffers: 1, maxTempFile: 0, tempPath: undefined }
    let over = 0
    const whole = Object.assign(new Peer(), { whole: Buffer.from('a') })
    expect(bufferedResponse(whole, { ...options, onUpstreamOver: () => over++ })).toBe(whole)
    expect(over).toBe(1)
    const tunnel = Object.assign(new Peer(), { tunnel: new Duplex() })
    expect(bufferedResponse(tunnel, { ...options, onUpstreamOver: () => over++ })).toBe(tunnel)
    expect(over).toBe(1)
  })
})

describe('bufferedResponse: a slow client', () => {
  it('does not slow the peer down while there is memory', async () => {
    const { peer, client, over, drain, disk } = buffering({ buffers: 5000 })
    client.room = 100
    expect(peer.send(100)).toBe(true)
    expect(peer.send(2000)).toBe(true)
    expect(peer.send(2999)).toBe(true)
    client.expectBytes(100)
    peer.end()
    expect(over).toEqual([undefined])
    expect(client.over).toBe(false)
    await drain(1)
    client.expectBytes(2100)
    expect(client.over).toBe(false)
    await drain()
    client.expectBytes(5099)
    expect(client.ended).toEqual([])
    expect(disk.made).toBe(0)
    expect(peer.resumed).toBe(0)
  })

  it('spills into a file, and has everything in order', async () => {
    const { peer, client, over, drain, disk } = buffering()
    client.room = 1
    for (let i = 0; i < 500; i++) {
      await until(() => peer.open)
      peer.send(300 + i)
    }
    await disk.idle()
    expect(disk).toMatchObject({ made: 1, open: 1 })
    expect(client.taken).toBe(300)
    for (let i = 0; i < 3; i++) await drain(1)
    peer.end(['X-T', '1'])
    expect(over).toEqual([undefined])
    expect(client.over).toBe(false)
    await drain()
    client.expectBytes(peer.sent)
    expect(client.ended).toEqual(['X-T', '1'])
    await disk.idle()
    expect(disk.open).toBe(0)
  })

  it('stops the peer when memory and file are full, and goes on when there is room', async () => {
    const chunk = 1500
    const { peer, client, drain, disk } = buffering({ buffers: 10_000, maxTempFile: 150_000 })
    /** Sends until it has to wait, and not for the disk. */
    const fill = async (): Promise<number> => {
      const before = peer.sent
      for (;;) {
        await disk.idle()
        if (!peer.open) return peer.sent - before
        peer.send(chunk)
      }
    }
    const expectFull = (sent: number): void => {
      expect(sent).toBeGreaterThanOrEqual(160_000)
      expect(sent).toBeLessThan(160_000 + chunk)
    }
    client.room = 1
    peer.send(100)
    expectFull(await fill())
    expect(client.taken).toBe(100)
    // What the client takes from the head makes room in memory; the file has none before it is read to its end.
    const resumed = peer.resumed
    await drain(chunk)
    expect(client.taken).toBe(100 + chunk)
    expect(peer.resumed).toBe(resumed + 1)
    expect(await fill()).toBe(chunk)
    const writes = replaceDisk('writev')
    await drain()
    client.expectBytes(peer.sent)
    expect(writes).toEqual([])
    client.room = 1
    peer.send(100)
    expectFull(await fill())
    expect(writes[0]?.[2]).toBe(0)
    expect(disk.made).toBe(1)
    peer.end()
    await drain()
    client.expectBytes(peer.sent)
    expect(client.ended).toEqual([])
  })

  it('lets the peer wait for a slow disk', async () => {
    const { peer, client, drain, disk } = buffering({ buffers: 10_000 })
    const held: (() => void)[] = []
    replaceDisk('writev', (original, ...args) => {
      held.push(() => original(...args))
    })
    client.room = 1
    peer.send(1)
    peer.fill(2000)
    expect(peer.sent).toBe(1 + 12_000)
    await until(() => held.length === 1)
    held[0]!()
    await disk.idle()
    // The older half is in memory, the newer one in the file now.
    expect(peer.resumed).toBe(1)
    peer.fill(2000)
    expect(held).toHaveLength(2)
    // One write under way, the rest of the memory is full.
    expect(peer.sent).toBe(1 + 12_000 + 2000 + 6000)
    held[1]!()
    await disk.idle()
    expect(peer.resumed).toBe(2)
    expect(held).toHaveLength(3)
    held[2]!()
    peer.end()
    await drain()
    client.expectBytes(peer.sent)
  })

  it('who has caught up gets from memory what is on its way to the file, and the disk is left alone', async () => {
    const { peer, client, response, disk } = buffering({ maxTempFile: 10_000 })
    const held: (() => void)[] = []
    const writes = replaceDisk('writev', (original, ...args) => {
      held.push(() => original(...args))
    })
    const reads = replaceDisk('read')
    client.room = 1
    peer.send(1)
    peer.send(2000)
    await until(() => held.length === 1)
    client.room = Infinity
    response.resume()
    expect(client.taken).toBe(1)
    peer.send(300)
    peer.send(9000)
    held[0]!()
    await disk.idle()
    client.expectBytes(11_301)
    peer.send(5000)
    client.expectBytes(16_301)
    expect(writes).toHaveLength(1)
    expect(reads).toHaveLength(0)
    // And it is as before: memory first, then the file, and both have their limits.
    client.room = 1
    peer.send(1)
    peer.send(999)
    await disk.idle()
    expect(held).toHaveLength(1)
    for (let i = 1; peer.open || held.length > i;) {
      if (peer.open) peer.send(500)
      await disk.idle()
      if (held.length > i) held[i++]!()
      await disk.idle()
    }
    expect(peer.sent - client.taken).toBeGreaterThanOrEqual(11_000)
    expect(peer.sent - client.taken).toBeLessThan(11_500)
    expect(reads).toHaveLength(0)
    peer.end()
    client.room = Infinity
    response.resume()
    await disk.idle()
    client.expectBytes(peer.sent)
    expect(client.ended).toEqual([])
    // What had been written did wait in the file.
    expect(reads).toHaveLength(1)
  })

  it.each([
    ['read', 'writev'],
    ['writev', 'read'],
  ] as const)('a %s that is over before a %s does not disturb it', async (...order) => {
    const { peer, client, response, disk } = buffering()
    client.room = 1
    peer.send(1)
    peer.send(2000)
    await disk.idle()
    const held: Record<'read' | 'writev', (() => void)[]> = { read: [], writev: [] }
    for (const name of order) {
      replaceDisk(name, (original, ...args) => {
        held[name].push(() => original(...args))
      })
    }
    client.room = Infinity
    response.resume()
    peer.send(3000)
    peer.send(4000)
    expect([held.read.length, held.writev.length]).toEqual([1, 1])
    while (held.read.length + held.writev.length > 0) {
      for (const name of order) {
        held[name].shift()?.()
        await disk.idle()
      }
    }
    peer.end()
    client.expectBytes(9001)
    expect(client.ended).toEqual([])
  })

  it('a memory that is full to the last byte does not stop the peer where there is a file', async () => {
    const { peer, client, drain, disk } = buffering({ buffers: 2000 })
    client.room = 1
    peer.send(1)
    expect(peer.send(2000)).toBe(true)
    await disk.idle()
    expect(disk.made).toBe(0)
    peer.send(1)
    await disk.idle()
    expect(disk.made).toBe(1)
    expect(peer.open).toBe(true)
    peer.end()
    await drain()
    client.expectBytes(2002)
  })

  it('makes no file with maxTempFile 0', async () => {
    const { peer, client, drain, disk } = buffering({ maxTempFile: 0 })
    client.room = 1
    peer.send(1)
    expect(peer.send(999)).toBe(true)
    expect(peer.send(5)).toBe(false)
    await drain(1)
    expect(client.taken).toBeGreaterThan(1)
    expect(peer.resumed).toBe(1)
    for (const length of [1100, 1200, 1300]) peer.send(length)
    expect(peer.open).toBe(false)
    // There is room again when less than `buffers` is left, and not before.
    for (const taken of [1005, 2105, 3305]) {
      expect(client.taken).toBe(taken)
      expect(peer.resumed).toBe(1)
      await drain(1)
    }
    expect(peer.resumed).toBe(2)
    peer.end()
    client.expectBytes(4605)
    expect(disk.made).toBe(0)
  })

  it('keeps what a peer sends that does not stop', async () => {
    const { peer, client, drain } = buffering({ maxTempFile: 500 })
    client.room = 1
    for (let i = 0; i < 30; i++) peer.send(100)
    peer.end()
    await drain()
    client.expectBytes(3000)
    expect(client.ended).toEqual([])
  })

  it('takes a client that resumes from within', async () => {
    const { peer, client, response, disk } = buffering()
    client.room = 1
    peer.send(1)
    for (let i = 0; i < 30; i++) {
      peer.send(200)
      await disk.idle()
    }
    client.onData = () => response.resume()
    response.resume()
    await disk.idle()
    peer.send(7)
    peer.end()
    client.expectBytes(6008)
    expect(client.ended).toEqual([])
  })
})

describe('bufferedResponse: when things go wrong', () => {
  it('delivers what has come from a peer that broke off', async () => {
    const { peer, client, over, drain } = buffering()
    client.room = 1
    for (let i = 0; i < 30; i++) peer.send(200)
    peer.fail(TRUNCATED)
    expect(over).toEqual([TRUNCATED])
    expect(client.over).toBe(false)
    await drain()
    client.expectBytes(6000)
    expect(client.failed).toBe(TRUNCATED)
  })

  it.each(['open', 'unlink', 'writev', 'read'] as const)('the disk fails (%s)', async (name) => {
    const { peer, client, over, drain, disk } = buffering()
    replaceDisk(name, (original, ...args) => {
      const done = args.at(-1) as (error: Error) => void
      if (name === 'unlink') original(args[0], () => done(diskError('ENOSPC')))
      else process.nextTick(done, diskError('ENOSPC'))
    })
    client.room = 1
    for (let i = 0; i < 30; i++) peer.send(200)
    await disk.idle()
    if (name === 'read') await drain()
    expect(client.failed).toEqual({
      condition: 'error',
      phase: 'body',
      type: 'proxy_internal_error',
      requestSent: true,
      reusedConnection: false,
      responseStarted: true,
      cause: expect.objectContaining({ code: 'ENOSPC' }),
    })
    expect(peer.discarded).toBe(1)
    // It is over: neither a late chunk nor a late end reaches the client.
    peer.send(10)
    peer.end()
    await drain()
    expect(over).toEqual([])
    expect(disk.open).toBe(0)
    expect(Buffer.concat(client.chunks).equals(bytes(client.taken))).toBe(true)
  })

  it.each([0, 1, 2, 3, 4])('discarded before the answer to disk call number %i', async (number) => {
    const { peer, client, over, response, disk } = buffering()
    let calls = 0
    for (const name of ['open', 'unlink', 'writev', 'read'] as const) {
      replaceDisk(name, (original, ...args) => {
        const done = args.pop() as (...results: unknown[]) => void
        original(...args, (...results: unknown[]) => {
          if (++calls === number) response.discard()
          done(...results)
        })
      })
    }
    client.room = 1
    peer.send(300)
    peer.send(2000)
    if (number === 0) response.discard()
    await disk.idle()
    if (number === 4) {
      client.room = 1
      response.resume()
      await disk.idle()
    }
    expect(peer.discarded).toBe(1)
    expect(client.taken).toBe(300)
    peer.send(10)
    peer.end()
    response.resume()
    response.discard()
    await disk.idle()
    expect(client.taken).toBe(300)
    expect(client.over).toBe(false)
    expect(over).toEqual([])
    expect(disk).toMatchObject({ made: 1, open: 0 })
  })

  it('a peer that had to wait and is over, or given up, is not asked to go on', async () => {
    for (const how of ['end', 'discard', 'within'] as const) {
      const { peer, client, response } = buffering({ maxTempFile: 0 })
      client.room = 1
      for (const length of [1, 1100, 1100]) peer.send(length)
      expect(peer.open).toBe(false)
      if (how === 'end') peer.end()
      if (how === 'discard') response.discard()
      if (how === 'within') client.onData = () => response.discard()
      client.room = 1
      response.resume()
      await turn()
      expect(client.taken).toBe(how === 'discard' ? 1 : 1101)
      response.discard()
    }
  })

  it('discarded from within: by the client that leaves, or when the peer is over', async () => {
    const one = buffering()
    one.client.onData = () => one.response.discard()
    one.peer.send(10)
    one.peer.send(10)
    one.peer.end()
    expect(one.client).toMatchObject({ taken: 10, over: false })
    const two = buffering({ onUpstreamOver: () => two.response.discard() })
    two.client.room = 1
    two.peer.send(10)
    two.peer.send(10)
    two.peer.end()
    two.response.resume()
    await turn()
    expect(two.client).toMatchObject({ taken: 10, over: false })
    expect(two.peer.discarded).toBe(1)
  })
})
