/** WebSockets through the balancer, with `ws` at both ends. */
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { forLocalhost } from '../../fixtures/test-only-certificates.js'
import { ask } from '../../helpers/clients.js'
import { serve } from '../../helpers/serve.js'
import type { ServeOptions } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { dial, socketPeer } from './rig.js'

watchProcess()

const WAYS: [string, NonNullable<ServeOptions['kind']>, 'plain' | 'tls', boolean][] = [
  ['http to http', 'http', 'plain', false],
  ['https to http', 'https', 'tls', false],
  ['http to https', 'http', 'plain', true],
  ['https to https', 'https', 'tls', true],
  ['a server for HTTP/2, by HTTP/1.1', 'http2', 'tls', false],
]

describe.each(WAYS)('%s', (_, kind, over, tls) => {
  const between = async () => {
    const peer = await socketPeer({ tls })
    const served = await serve(
      { upstream: [peer.url] },
      { tls: { ca: forLocalhost.cert } },
      { kind },
    )
    return { peer, ...served, client: await dial(served.port, { over }) }
  }

  it('text, binary, empty and a megabyte', async () => {
    const { client } = await between()
    for (const data of ['hello', '', 'ünïcödé', 'x'.repeat(70_000)]) {
      client.socket.send(data)
      expect(await client.text()).toBe(data)
    }
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 1_048_576]) {
      const data = randomBytes(size)
      client.socket.send(data)
      const { data: back, binary } = await client.message()
      expect(binary).toBe(true)
      expect(back.equals(data)).toBe(true)
    }
    expect(await client.close()).toEqual({ code: 1000, reason: '' })
  })

  it('the handshake is a request like others in the events, over when the connection is', async () => {
    const { client, finished, over: requestsOver, peer, errors } = await between()
    expect(finished).toEqual([])
    await client.close(1000)
    await requestsOver(1)
    expect(finished[0]).toMatchObject({
      status: 101,
      error: undefined,
      attempts: [{ peer: new URL(peer.url).host, status: 101 }],
    })
    expect(errors).toEqual([])
  })
})

it('a message in pieces, with pings between them', async () => {
  const pings: string[] = []
  const peer = await socketPeer({
    autoPong: false,
    talk(socket) {
      socket.on('ping', (data) => {
        pings.push(data.toString())
        socket.pong(data)
      })
      socket.on('message', (data: Buffer) => socket.send(data.toString()))
    },
  })
  const { port } = await serve({ upstream: [peer.url] })
  const client = await dial(port)
  const pongs: string[] = []
  client.socket.on('pong', (data) => pongs.push(data.toString()))
  client.socket.send('one ', { fin: false })
  client.socket.ping('p1')
  client.socket.send('two ', { fin: false })
  client.socket.ping('p2')
  client.socket.send('three', { fin: true })
  expect(await client.text()).toBe('one two three')
  expect(pings).toEqual(['p1', 'p2'])
  expect(pongs).toEqual(['p1', 'p2'])
})

it('compressed messages', async () => {
  const peer = await socketPeer({ perMessageDeflate: { threshold: 0 } })
  const { port } = await serve({ upstream: [peer.url] })
  const client = await dial(port, { perMessageDeflate: { threshold: 0 } })
  expect(client.socket.extensions).toContain('permessage-deflate')
  for (const data of ['a'.repeat(100_000), 'b', randomBytes(50_000).toString('hex')]) {
    client.socket.send(data)
    expect(await client.text()).toBe(data)
  }
  expect((await client.close()).code).toBe(1000)
})

it.each(['client', 'peer'] as const)('a close of the %s: code and reason', async (by) => {
  const peer = await socketPeer()
  const { port } = await serve({ upstream: [peer.url] })
  const client = await dial(port)
  await peer.has(1)
  const seen = new Promise((resolve) => {
    const other = by === 'client' ? peer.sockets[0]! : client.socket
    other.on('close', (code, reason) => resolve([code, reason.toString()]))
  })
  const closer = by === 'client' ? client.socket : peer.sockets[0]!
  closer.close(4001, 'enough')
  expect(await seen).toEqual([4001, 'enough'])
})

it('a subprotocol is agreed upon', async () => {
  const peer = await socketPeer({ handleProtocols: () => 'chat.v2' })
  const { port } = await serve({ upstream: [peer.url] })
  const client = await dial(port, { protocols: ['chat.v1', 'chat.v2'] })
  expect(client.socket.protocol).toBe('chat.v2')
  expect(peer.requests[0]!.headers['sec-websocket-protocol']).toBe('chat.v1,chat.v2')
})

it('fields go both ways, and tell the peer who asked', async () => {
  const peer = await socketPeer({
    verifyClient: ({ req }: { req: { headers: Record<string, unknown> } }) =>
      req.headers['cookie'] === 'a=1; b=2',
  })
  const { port } = await serve({ upstream: [peer.url] })
  const client = await dial(port, {
    path: '/room/1?x=y',
    origin: 'https://site.example',
    headers: { Cookie: 'a=1; b=2', 'X-Custom': 'kept', 'X-Forwarded-For': '6.6.6.6' },
  })
  const { url, headers, rawHeaders } = peer.requests[0]!
  expect(url).toBe('/room/1?x=y')
  expect(headers).toMatchObject({
    host: `127.0.0.1:${port}`,
    origin: 'https://site.example',
    connection: 'Upgrade',
    upgrade: 'websocket',
    'x-custom': 'kept',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
    'sec-websocket-version': '13',
  })
  expect(rawHeaders).toContain('Sec-WebSocket-Key')
  expect(client.head!.rawHeaders).toContain('Sec-WebSocket-Accept')
})

it('the head of the 101 is the peer`s: order, case and repeated fields', async () => {
  const peer = await socketPeer()
  const { port } = await serve({ upstream: [peer.url] })
  const client = await dial(port, { perMessageDeflate: false })
  const names = client.head!.rawHeaders.filter((_, i) => i % 2 === 0)
  expect(names).toEqual(['Sec-WebSocket-Accept', 'Connection', 'Upgrade'])
})

it('many at once, to all peers in turn', async () => {
  const peers = await Promise.all([socketPeer(), socketPeer(), socketPeer()])
  const { port, over } = await serve({ upstream: peers.map(({ url }) => url) })
  const clients = await Promise.all(Array.from({ length: 60 }, () => dial(port)))
  await Promise.all(
    clients.map(async (client, i) => {
      for (let j = 0; j < 5; j++) {
        client.socket.send(`${i}.${j}`)
        expect(await client.text()).toBe(`${i}.${j}`)
      }
    }),
  )
  expect(peers.map(({ sockets }) => sockets.length)).toEqual([20, 20, 20])
  await Promise.all(clients.map((client) => client.close()))
  await over(60)
})

it('an open one counts as a connection in use', async () => {
  const peers = [await socketPeer(), await socketPeer()]
  const { port, balancer, over } = await serve(
    { upstream: peers.map(({ url }) => url) },
    { selector: 'least_conn' },
  )
  const clients = [await dial(port), await dial(port)]
  expect(peers.map(({ sockets }) => sockets.length)).toEqual([1, 1])
  const inUse = (): number[] => balancer.upstream.peers.map((each) => each.connections)
  expect(inUse()).toEqual([1, 1])
  await Promise.all(clients.map((client) => client.close()))
  await over(2)
  expect(inUse()).toEqual([0, 0])
})

it('ordinary requests go on beside it', async () => {
  const peer = await socketPeer()
  const { port } = await serve({ upstream: [peer.url] })
  const client = await dial(port)
  expect(await ask(port)).toMatchObject({ whole: true, status: 426 })
  client.socket.send('still here')
  expect(await client.text()).toBe('still here')
})
