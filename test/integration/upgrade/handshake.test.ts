/** Until a peer answers 101 a request to upgrade is a request like any other. */
import { createServer } from 'node:net'
import { once } from 'node:events'
import { fakeClock, hang, raw, reset, respond, switchProtocols } from 'evenkeel/testing'
import type { AnswerSource } from 'evenkeel/testing'
import { onTestFinished, describe, expect, it } from 'vitest'
import { rawAsk } from '../../helpers/clients.js'
import { serve, upstream, upstreams } from '../../helpers/serve.js'
import { turns, watchProcess } from '../../helpers/watch-process.js'
import { asking, dial, dialling, rawClient, refusalOf, socketPeer } from './rig.js'

watchProcess()

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

describe('a peer that fails in the handshake: the next one is asked, and the client notices nothing', () => {
  it('refuses the connection', async () => {
    const good = await socketPeer()
    const { port, finished, over } = await serve({
      upstream: [`http://127.0.0.1:${await closedPort()}`, good.url],
    })
    const client = await dial(port)
    client.socket.send('hello')
    expect(await client.text()).toBe('hello')
    await client.close()
    await over(1)
    expect(finished[0]!.attempts.map(({ outcome }) => outcome)).toEqual([
      'connection_refused in connect',
      'ok',
    ])
  })

  const failing: [string, AnswerSource][] = [
    ['resets', reset()],
    ['ends without an answer', raw('', { close: true })],
    ['speaks another language', raw('SSH-2.0-OpenSSH\r\n', { close: true })],
    ['answers 503', respond({ status: 503 })],
    ['switches to what nobody asked for', switchProtocols({ protocol: 'foo' })],
    [
      'switches to several of which one was not asked for',
      switchProtocols({ protocol: 'websocket, foo' }),
    ],
    [
      'switches without a word to what',
      raw('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n'),
    ],
    ['has a field that cannot be written', switchProtocols({ headers: { 'X-A': 'b\x01' } })],
    [
      'has a reason that cannot be written',
      raw('HTTP/1.1 101 a\x01b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
    ],
  ]
  it.each(failing)('%s', async (_, answer) => {
    const bad = await upstream({ answer })
    const good = await socketPeer()
    const { port } = await serve({ upstream: [bad.url, good.url] }, { probe: false })
    const client = await dial(port)
    client.socket.send('hello')
    expect(await client.text()).toBe('hello')
    expect(bad.requests.length).toBe(1)
    await client.close()
  })

  it('hangs: readTimeout', async () => {
    const bad = await upstream({ answer: hang() })
    const good = await socketPeer()
    const clock = fakeClock()
    const { port } = await serve({ upstream: [bad.url, good.url] }, { clock, readTimeout: '7s' })
    const client = dialling(port)
    await bad.waitFor(() => bad.requests.length === 1)
    await turns()
    expect(good.sockets).toEqual([])
    clock.advance(7000)
    await once(client.socket, 'open')
    client.socket.send('hello')
    expect(await client.text()).toBe('hello')
    await client.close()
  })

  it('takes no connection: connectTimeout', async () => {
    const good = await socketPeer()
    // A TLS handshake with a server that says nothing.
    const silent = createServer().listen(0, '127.0.0.1')
    const taken = once(silent, 'connection')
    await once(silent, 'listening')
    onTestFinished(() => void silent.close())
    const clock = fakeClock()
    const { port: dead } = silent.address() as { port: number }
    const { port } = await serve(
      { upstream: [`https://127.0.0.1:${dead}`, good.url] },
      { clock, connectTimeout: '3s', tls: { verify: false } },
    )
    const client = dialling(port)
    const [socket] = (await taken) as [{ destroy(): void }]
    onTestFinished(() => socket.destroy())
    await turns()
    clock.advance(3000)
    await once(client.socket, 'open')
    await client.close()
  })

  it('what the client has sent meanwhile goes to the one that answers, once', async () => {
    const bad = await upstream({ answer: reset() })
    const good = await upstream({ answer: switchProtocols() })
    const { port } = await serve([bad, good])
    const { socket, got, head, rest } = rawClient(port)
    socket.write(`${asking('foo')}early bytes`)
    expect(await head()).toMatch(/^HTTP\/1\.1 101 /)
    await got.until(() => rest() === 'early bytes')
    socket.end()
    await got.end()
    expect(rest()).toBe('early bytes')
  })
})

describe('nobody is left', () => {
  it.each(['plain', 'tls'] as const)('a 502 on the socket (%s)', async (over) => {
    const peers = await upstreams(2, { answer: reset() })
    const { port, finished, errors } = await serve(
      peers,
      {},
      { kind: over === 'tls' ? 'https' : 'http' },
    )
    const { bytes, ended } = await rawAsk(port, asking('websocket'), over)
    expect(bytes).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n/)
    expect(bytes).toMatch(/\r\nConnection: close\r\n/)
    expect(bytes).toMatch(/\r\nProxy-Status: evenkeel; error=/)
    expect(bytes).toMatch(/\r\n\r\n502 Bad Gateway\n$/)
    expect(ended).toBe('fin')
    expect(errors.map(({ code }) => code)).toEqual(['ERR_UPSTREAM_CONNECTION'])
    expect(finished).toMatchObject([{ status: 502 }])
  })

  it('onError answers', async () => {
    const peer = await upstream({ answer: reset() })
    const { port } = await serve([peer], {
      onError(error, request, response) {
        response.writeHead(500, { 'X-Code': error.code })
        response.end(`sorry, ${String(request.headers['upgrade'])}`)
      },
    })
    const refused = await refusalOf(dialling(port))
    expect(refused).toMatchObject({ status: 500, body: 'sorry, websocket' })
    expect(refused.headers).toHaveProperty('x-code')
  })

  it('nextUpstream.timeout ends the handshake', async () => {
    const peer = await upstream({ answer: hang() })
    const clock = fakeClock()
    const { port } = await serve([peer], { clock, nextUpstream: { timeout: '2s' } })
    const refused = refusalOf(dialling(port))
    await peer.waitFor(() => peer.requests.length === 1)
    clock.advance(2000)
    expect(await refused).toMatchObject({ status: 504 })
  })
})

describe('a response in place of a 101 is relayed', () => {
  it.each([
    [200, 'not a WebSocket at all'],
    [302, ''],
    [400, 'Bad Request'],
    [401, 'who are you?'],
    [404, 'x'.repeat(200_000)],
    [426, 'Upgrade Required'],
  ])('%d', async (status, body) => {
    const headers = { 'X-From': 'peer', Location: '/login', 'WWW-Authenticate': 'Basic' }
    const peer = await upstream({ answer: respond({ status, headers, body }) })
    const { port, finished, over } = await serve([peer])
    const refused = await refusalOf(dialling(port))
    expect(refused.status).toBe(status)
    expect(refused.body).toBe(body)
    expect(refused.headers).toMatchObject({
      ...{ 'x-from': 'peer', location: '/login', 'www-authenticate': 'Basic' },
      connection: 'close',
    })
    await over(1)
    expect(finished[0]).toMatchObject({ status, error: undefined })
  })

  it('of unknown length', async () => {
    const peer = await upstream({
      answer: respond({ status: 403, body: ['a', 'b', 'c'], chunked: true }),
    })
    const { port } = await serve([peer])
    expect(await refusalOf(dialling(port))).toMatchObject({ status: 403, body: 'abc' })
  })

  it('and the connection is closed', async () => {
    const peer = await upstream({ answer: respond({ status: 401, body: 'no' }) })
    const { port } = await serve([peer])
    for (let i = 0; i < 3; i++) {
      const { bytes, ended } = await rawAsk(port, asking('websocket'))
      expect(bytes).toMatch(/\r\n\r\nno$/)
      expect(ended).toBe('fin')
    }
  })

  it('with back-pressure: a slow client gets all of a large one', async () => {
    const body = Buffer.alloc(20_000_000, 'z')
    const peer = await upstream({ answer: respond({ status: 400, body }) })
    const { port, finished, over } = await serve([peer])
    const { socket, got, rest } = rawClient(port)
    socket.pause()
    socket.write(asking('websocket'))
    await peer.waitFor(() => peer.requests.length === 1)
    await turns(50)
    expect(finished).toEqual([])
    socket.resume()
    await got.end()
    expect(rest().length).toBe(body.length)
    await over(1)
  })

  it('although the client sends and sends', async () => {
    const peer = await upstream({ answer: respond({ status: 403, body: 'no' }) })
    const { port } = await serve([peer])
    const { socket, got, head, rest } = rawClient(port)
    socket.write(asking('foo') + 'x'.repeat(300_000))
    expect(await head()).toMatch(/^HTTP\/1\.1 403 /)
    await got.end()
    expect(rest()).toBe('no')
    expect(got.error).toBeUndefined()
  })

  it('a client that does not close is cut off after a while', async () => {
    const clock = fakeClock()
    const peer = await upstream({ answer: respond({ status: 403 }) })
    const { port } = await serve([peer], { clock })
    const { socket, got } = rawClient(port)
    socket.write(asking('foo'))
    await got.end()
    const closed = got.close()
    // It goes on talking, and nobody answers.
    socket.on('error', () => undefined)
    clock.advance(5000)
    await turns()
    const talk = (): void => {
      if (!got.closed) socket.write('?', () => setImmediate(talk))
    }
    talk()
    await closed
  })
})

describe('a client that leaves in the handshake', () => {
  it.each(['fin', 'reset'] as const)('by a %s: the attempt is given up', async (how) => {
    const peer = await upstream({ answer: hang() })
    const { port, finished, over, errors } = await serve([peer])
    const { socket } = rawClient(port)
    socket.write(asking('websocket'))
    await peer.waitFor(() => peer.requests.length === 1)
    if (how === 'fin') socket.end()
    else socket.resetAndDestroy()
    await over(1)
    expect(finished[0]).toMatchObject({ status: 499 })
    expect(errors.map(({ code }) => code)).toEqual(['ERR_CLIENT_CLOSED'])
    await peer.waitFor(() => peer.openConnections === 0)
  })

  it('while it waits for a peer', async () => {
    const peer = await upstream({ answer: switchProtocols() })
    const { port, finished, over } = await serve(
      { upstream: [{ url: peer.url, maxConns: 1 }] },
      { whenNoneLive: 'wait' },
    )
    const first = rawClient(port)
    first.socket.write(asking('foo'))
    await first.head()
    const second = rawClient(port)
    second.socket.write(asking('foo'))
    await turns(20)
    second.socket.end()
    await over(1)
    expect(finished[0]).toMatchObject({ status: 499, attempts: [] })
    const third = rawClient(port)
    third.socket.write(asking('foo'))
    await turns(20)
    first.socket.end()
    expect(await third.head()).toMatch(/^HTTP\/1\.1 101 /)
  })
})
