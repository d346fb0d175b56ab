/** Tunnels that are open: how they end, and what they hold. */
import { fakeClock, respond, switchProtocols } from 'evenkeel/testing'
import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { ask } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import type { ServeOptions } from '../../helpers/serve.js'
import { forLocalhost } from '../../fixtures/test-only-certificates.js'
import { turns, watchProcess } from '../../helpers/watch-process.js'
import { asking, dial, rawClient, socketPeer } from './rig.js'
import type { RawClient } from './rig.js'

watchProcess()

/** A peer whose side of the tunnel the test holds. */
async function talkingPeer(tls: 'plain' | 'tls' = 'plain') {
  let taken: (socket: Socket) => void = () => undefined
  const socket = new Promise<Socket>((resolve) => (taken = resolve))
  const mock = await upstream({
    allowHalfOpen: true,
    answer: switchProtocols({
      talk(open) {
        // The kit ends its side when the other has; here the test does.
        open.removeAllListeners('end')
        open.on('error', () => undefined)
        taken(open)
      },
    }),
    ...(tls === 'tls' ? { tls: forLocalhost } : {}),
  })
  return { mock, socket }
}

async function opened(
  kind: NonNullable<ServeOptions['kind']> = 'http',
  tls: 'plain' | 'tls' = 'plain',
  options: Parameters<typeof serve>[1] = {},
) {
  const peer = await talkingPeer(tls)
  const served = await serve([peer.mock], { tls: { verify: false }, ...options }, { kind })
  const client = rawClient(served.port, kind === 'http' ? 'plain' : 'tls')
  client.socket.write(asking('foo'))
  await client.head()
  const socket = await peer.socket
  return { ...served, client, peer: socket, mock: peer.mock }
}

const WAYS: [string, 'http' | 'https', 'plain' | 'tls'][] = [
  ['http to http', 'http', 'plain'],
  ['https to http', 'https', 'plain'],
  ['http to https', 'http', 'tls'],
  ['https to https', 'https', 'tls'],
]

describe.each(WAYS)('%s', (_, kind, tls) => {
  it('a client that ends its side can still be talked to', async () => {
    const { client, peer, over } = await opened(kind, tls)
    const received = read(peer)
    client.socket.end('question')
    expect(await received).toBe('question')
    peer.write('long ')
    await client.got.until(() => client.rest() === 'long ')
    peer.end('answer')
    await client.got.end()
    expect(client.rest()).toBe('long answer')
    await over(1)
  })

  it('a peer that ends its side can still be talked to', async () => {
    const { client, peer, over } = await opened(kind, tls)
    const received = read(peer)
    peer.end('that is all')
    await client.got.end()
    expect(client.rest()).toBe('that is all')
    client.socket.write('but I')
    client.socket.end(' have more')
    expect(await received).toBe('but I have more')
    await over(1)
  })

  it('64 MB to a client that reads slowly: the peer is held up', async () => {
    const { client, peer } = await opened(kind, tls)
    client.socket.pause()
    const size = await flood(peer)
    client.socket.resume()
    peer.end()
    await client.got.end()
    expect(client.rest().length).toBe(size)
  })

  it('64 MB to a peer that reads slowly: the client is held up', async () => {
    const { client, peer } = await opened(kind, tls)
    peer.pause()
    const size = await flood(client.socket)
    let length = 0
    peer.on('data', (chunk: Buffer) => (length += chunk.length))
    const ended = new Promise((resolve) => peer.on('end', resolve))
    peer.resume()
    client.socket.end()
    await ended
    expect(length).toBe(size)
  })
})

/** Writes 64 MB; returns when no more is taken, which must be long before the end. */
async function flood(socket: Socket): Promise<number> {
  const chunk = Buffer.alloc(1024 * 1024, 'f')
  for (let i = 0; i < 64; i++) socket.write(chunk)
  const waits = (): number => socket.writableLength
  for (let before = -1; before !== waits();) {
    before = waits()
    await turns(100)
  }
  expect(waits()).toBeGreaterThan(32 * chunk.length)
  return 64 * chunk.length
}

async function read(socket: Socket): Promise<string> {
  let text = ''
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => (text += chunk))
  await new Promise((resolve) => socket.on('end', resolve))
  return text
}

describe('the end', () => {
  const reset = async ({ got }: RawClient): Promise<string | undefined> => {
    await got.close()
    return got.error
  }

  it('a peer that resets: so is the client', async () => {
    const { client, peer, over, finished } = await opened()
    peer.resetAndDestroy()
    expect(await reset(client)).toBe('ECONNRESET')
    await over(1)
    expect(finished[0]).toMatchObject({ status: 101 })
  })

  it('a client that resets: so is the peer, and nothing is left', async () => {
    const { client, peer, mock, over } = await opened()
    const closed = new Promise((resolve) => peer.on('close', resolve))
    client.socket.resetAndDestroy()
    await closed
    await over(1)
    await mock.waitFor(() => mock.openConnections === 0)
  })

  it('a peer that is killed: a WebSocket client is told', async () => {
    const peer = await socketPeer()
    const { port, over } = await serve({ upstream: [peer.url] })
    const clients = await Promise.all([dial(port), dial(port), dial(port)])
    await peer.has(3)
    peer.kill()
    for (const client of clients) expect((await client.closed).code).toBe(1006)
    await over(3)
  })

  it('the idle timeout of both directions together', async () => {
    const clock = fakeClock()
    const { client, peer, over, finished } = await opened('http', 'plain', {
      ...{ clock, tunnelTimeout: '30s' },
    })
    clock.advance(29_000)
    client.socket.write('a')
    await new Promise((resolve) => peer.once('data', resolve))
    clock.advance(29_000)
    peer.write('b')
    await client.got.until(() => client.rest() === 'b')
    clock.advance(29_999)
    await turns()
    expect(client.got.ended).toBe(false)
    clock.advance(1)
    await client.got.end()
    await over(1)
    expect(finished[0]).toMatchObject({ status: 101, error: undefined })
    expect(clock.pending).toBe(0)
  })

  it('the timeouts of requests are not for tunnels', async () => {
    const clock = fakeClock()
    const { client, peer } = await opened('http', 'plain', {
      ...{ clock, readTimeout: '1s', sendTimeout: '1s', connectTimeout: '1s' },
      nextUpstream: { timeout: '2s' },
    })
    clock.advance(60_000)
    await turns()
    peer.write('still here')
    await client.got.until(() => client.rest() === 'still here')
  })
})

describe('balancer.close()', () => {
  it('WebSocket clients are told that the server goes away, and peers that they have', async () => {
    const peer = await socketPeer()
    const { port, balancer } = await serve({ upstream: [peer.url] })
    const clients = await Promise.all([dial(port), dial(port)])
    await peer.has(2)
    const codes = peer.sockets.map(
      (socket) => new Promise((resolve) => socket.on('close', (code) => resolve(code))),
    )
    await balancer.close()
    for (const client of clients) expect(await client.closed).toMatchObject({ code: 1001 })
    expect(await Promise.all(codes)).toEqual([1001, 1001])
  })

  it('while messages come: whole ones, then the end', async () => {
    const message = Buffer.alloc(100_000, 'm')
    const peer = await socketPeer({
      talk(socket) {
        const send = (): void => {
          if (socket.readyState === socket.OPEN) socket.send(message, () => setImmediate(send))
        }
        send()
      },
    })
    const { port, balancer } = await serve({ upstream: [peer.url] })
    const client = await dial(port)
    for (let i = 0; i < 5; i++) expect((await client.message()).data.length).toBe(message.length)
    await balancer.close()
    // A frame cut in two would be 1006 or 1002.
    expect(await client.closed).toMatchObject({ code: 1001 })
  })

  it('other protocols see the end of the connection', async () => {
    const { client, peer, balancer } = await opened()
    peer.on('end', () => peer.end())
    peer.resume()
    const closed = balancer.close()
    await client.got.end()
    client.socket.end()
    await closed
  })

  it('does not wait for those that do not go', async () => {
    const clock = fakeClock()
    const { client, balancer } = await opened('http', 'plain', { clock })
    const closed = balancer.close()
    await client.got.end()
    await turns()
    clock.advance(10_000)
    await closed
  })

  it('`timeout` ends them', async () => {
    const clock = fakeClock()
    const { balancer } = await opened('http', 'plain', { clock })
    const closed = balancer.close({ timeout: 3000 })
    clock.advance(3000)
    await closed
  })

  it('a handshake that is under way is finished or refused, never left', async () => {
    let answer: () => void = () => undefined
    const wanted = new Promise<void>((resolve) => (answer = resolve))
    const peer = await upstream({
      answer: async () => {
        await wanted
        return switchProtocols()
      },
    })
    const { port, balancer } = await serve([peer])
    const { socket, got } = rawClient(port)
    socket.write(asking('websocket'))
    await peer.waitFor(() => peer.requests.length === 1)
    const closed = balancer.close()
    answer()
    await got.until(() => got.text.endsWith('\x88\x02\x03\xe9'))
    socket.end()
    await closed
    const late = rawClient(port)
    late.socket.write(asking('websocket'))
    expect(await late.head()).toMatch(/^HTTP\/1\.1 503 /)
  })
})

it('nothing of a tunnel is left: connections, leases, listeners', async () => {
  const peer = await upstream({ answer: switchProtocols() })
  peer.route('/', respond({ body: 'ok' }))
  const { port, balancer, over } = await serve([peer])
  for (let i = 0; i < 50; i++) {
    const { socket, got, rest } = rawClient(port)
    socket.write(`${asking('foo')}x`)
    await got.until(() => rest() === 'x')
    if (i % 2 === 0) socket.end()
    else socket.resetAndDestroy()
  }
  await over(50)
  expect(balancer.upstream.peers[0]!.connections).toBe(0)
  await peer.waitFor(() => peer.openConnections === 0)
  expect(await ask(port)).toMatchObject({ status: 200 })
})
