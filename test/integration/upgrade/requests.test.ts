/** Requests with `Upgrade` as they may legally come, and those that are no upgrade after all. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createBalancer } from 'evenkeel'
import { fakeClock, hang, raw, respond, switchProtocols } from 'evenkeel/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { rawAsk } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import type { MockUpstream } from 'evenkeel/testing'
import { turns, watchProcess } from '../../helpers/watch-process.js'
import { asking, rawClient } from './rig.js'

watchProcess()

const CRLF = '\r\n'
const NO_UPGRADE = ['upgrade', 'connection', 'http2-settings'] as const

const nodeReadsBodies = parseInt(process.versions.node, 10) >= 26

/** What a peer is asked is no request to upgrade. */
function expectOrdinary(peer: MockUpstream): void {
  const { headers } = peer.requests[0]!
  expect(headers).not.toHaveProperty('upgrade')
  expect(headers).not.toHaveProperty('http2-settings')
  expect(headers['connection'] ?? '').not.toMatch(/upgrade/i)
}

describe('h2c is never passed on: the request is served as it is', () => {
  const h2c = {
    connection: 'Upgrade, HTTP2-Settings',
    fields: `HTTP2-Settings: AAMAAABkAAQ${CRLF}`,
  }

  it('by HTTP/1.1, and the connection is closed', async () => {
    const peer = await upstream({ answer: respond({ body: 'hello' }) })
    const { port, finished } = await serve([peer])
    const { bytes, ended } = await rawAsk(port, asking('h2c', h2c))
    expect(bytes).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(bytes).toMatch(/\r\nConnection: close\r\n/)
    expect(bytes).toMatch(/hello$/)
    expect(ended).toBe('fin')
    expectOrdinary(peer)
    expect(finished).toMatchObject([{ status: 200, error: undefined }])
  })

  it.each(['H2C', 'h2c, websocket', 'websocket,h2c'])('%s', async (protocol) => {
    const peer = await upstream()
    const { port } = await serve([peer])
    expect((await rawAsk(port, asking(protocol, h2c))).bytes).toMatch(/^HTTP\/1\.1 200 /)
    expectOrdinary(peer)
  })

  it('not even if a peer would', async () => {
    const peer = await upstream({ answer: switchProtocols({ protocol: 'h2c' }) })
    const { port } = await serve([peer])
    const { bytes } = await rawAsk(port, asking('h2c', h2c))
    expect(bytes).toMatch(/^HTTP\/1\.1 502 /)
  })

  it.each(['TLS/1.2, HTTP/1.1', 'HTTP/2.0', 'h2'])('nor is a tunnel for %s', async (protocol) => {
    const peer = await upstream({ answer: switchProtocols({ protocol }) })
    const { port } = await serve([peer])
    expect((await rawAsk(port, asking(protocol))).bytes).toMatch(/^HTTP\/1\.1 502 /)
  })

  it('with a body, and bytes behind it that are not looked at', async () => {
    const peer = await upstream({ answer: respond({ body: 'got it' }) })
    const { port } = await serve([peer])
    const fields = `${h2c.fields}Content-Length: 11${CRLF}`
    const request = asking('h2c', { ...h2c, method: 'POST', fields })
    const { bytes, ended } = await rawAsk(
      port,
      `${request}hello worldGET /smuggled HTTP/1.1${CRLF}`,
    )
    expect(bytes).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\ngot it$/s)
    expect(ended).toBe('fin')
    expect(peer.requests.length).toBe(1)
    expect(peer.requests[0]!.body.toString()).toBe('hello world')
  })

  it('with a body that comes bit by bit, and a second peer that gets it from its beginning', async () => {
    const first = await upstream({ answer: respond({ status: 503 }) })
    const second = await upstream({ answer: respond({ body: 'got it' }) })
    const { port } = await serve([first, second])
    const { socket, got, head, rest } = rawClient(port)
    const fields = `${h2c.fields}Content-Length: 10${CRLF}`
    socket.write(asking('h2c', { ...h2c, method: 'PUT', fields }))
    for (const part of ['01', '23', '45', '67', '89 and more']) {
      await turns(10)
      socket.write(part)
    }
    expect(await head()).toMatch(/^HTTP\/1\.1 200 /)
    await got.end()
    expect(rest()).toBe('got it')
    expect(first.requests[0]!.body.toString()).toBe('0123456789')
    expect(second.requests[0]!.body.toString()).toBe('0123456789')
  })

  it('with a large body: back-pressure reaches the client', async () => {
    const peer = await upstream({ answer: hang({ after: 'head' }) })
    const { port } = await serve([peer])
    const { socket } = rawClient(port)
    const size = 64 * 1024 * 1024
    const fields = `${h2c.fields}Content-Length: ${size}${CRLF}`
    socket.write(asking('h2c', { ...h2c, method: 'PUT', fields }))
    for (let i = 0; i < 64; i++) socket.write(Buffer.alloc(1024 * 1024))
    await peer.waitFor(() => peer.requests.length === 1)
    const written = (): number => socket.bytesWritten - socket.writableLength
    for (let before = -1; before !== written();) {
      before = written()
      await turns(100)
    }
    expect(written()).toBeLessThan(size / 2)
  })
})

describe('a body', () => {
  const withBody = { method: 'POST', fields: `Content-Length: 5${CRLF}` }

  it('goes to the peer, and the new protocol begins behind it', async () => {
    const peer = await upstream({ answer: switchProtocols() })
    const { port } = await serve([peer])
    const { socket, got, head, rest } = rawClient(port)
    socket.write(`${asking('foo', withBody)}hellofirst `)
    expect(await head()).toMatch(/^HTTP\/1\.1 101 /)
    expect(peer.requests[0]!.method).toBe('POST')
    expect(peer.requests[0]!.body.toString()).toBe('hello')
    socket.write('second')
    await got.until(() => rest() === 'first second')
    socket.end()
    await got.end()
  })

  it.each([1, 3, 1000])('chunked, in pieces of %d bytes', async (size) => {
    const peer = await upstream({ answer: switchProtocols() })
    const { port } = await serve([peer])
    const { socket, got, head, rest } = rawClient(port)
    const request = asking('foo', { method: 'POST', fields: `Transfer-Encoding: chunked${CRLF}` })
    const all = `${request}3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n0\r\nnew`
    for (let i = 0; i < all.length; i += size) {
      socket.write(all.slice(i, i + size))
      await turns(1)
    }
    expect(await head()).toMatch(/^HTTP\/1\.1 101 /)
    expect(peer.requests[0]!.body.toString()).toBe('abcdefg')
    await got.until(() => rest() === '0\r\nnew')
  })

  it('chunked in a request that is no upgrade after all', async () => {
    const peer = await upstream({ answer: respond({ body: 'thanks' }) })
    const { port } = await serve([peer])
    const fields = `Transfer-Encoding: chunked${CRLF}`
    const request = asking('h2c', { method: 'POST', fields })
    const { bytes, ended } = await rawAsk(port, `${request}3\r\nabc\r\n0\r\n\r\n`)
    expect(bytes).toMatch(/^HTTP\/1\.1 200 .*thanks/s)
    expect(ended).toBe('fin')
    expect(peer.requests[0]!.body.toString()).toBe('abc')
  })

  it('that is no chunked body is refused, and the attempt given up', async () => {
    // Node 26 reads it by itself, and does not notice until its requestTimeout.
    if (nodeReadsBodies) return
    const peer = await upstream()
    const { port, over, finished } = await serve([peer])
    const { socket, got } = rawClient(port)
    const fields = `Transfer-Encoding: chunked${CRLF}`
    socket.write(`${asking('h2c', { method: 'POST', fields })}3\r\nabc`)
    await peer.waitFor(() => peer.requests.length === 1)
    socket.write('def\r\n')
    await got.end()
    expect(got.text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    await over(1)
    expect(finished[0]!.status).toBe(499)
  })

  it('that does not come is not waited for longer than a minute', async () => {
    // Node 26 has its own clock for it, requestTimeout.
    if (nodeReadsBodies) return
    const clock = fakeClock()
    const peer = await upstream()
    const { port, over, finished } = await serve([peer], {
      clock,
      readTimeout: '10m',
      sendTimeout: '10m',
    })
    const { socket, got } = rawClient(port)
    socket.write(`${asking('foo', withBody)}he`)
    await peer.waitFor(() => peer.requests.length === 1)
    await turns()
    clock.advance(59_999)
    socket.write('l')
    while (peer.requests[0]!.body.length < 3) await turns()
    clock.advance(59_999)
    await turns()
    expect(got.length).toBe(0)
    clock.advance(1)
    await got.end()
    expect(got.text).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/)
    await over(1)
    expect(finished[0]!.status).toBe(499)
  })

  it('is ended by a client that leaves', async () => {
    const peer = await upstream()
    const { port, over, finished } = await serve([peer])
    const { socket } = rawClient(port)
    socket.write(`${asking('foo', withBody)}he`)
    await peer.waitFor(() => peer.requests.length === 1)
    socket.end()
    await over(1)
    expect(finished[0]!.status).toBe(499)
    await peer.waitFor(() => peer.openConnections === 0)
  })

  it('that a peer does not wait for: RFC 9110 section 7.8 wants the request to be complete', async () => {
    const head = `HTTP/1.1 101 Switching Protocols${CRLF}Connection: Upgrade${CRLF}Upgrade: foo${CRLF}${CRLF}`
    const peer = await upstream({ answer: raw(head, { after: 'head' }) })
    const { port } = await serve([peer])
    const { socket, head: answer } = rawClient(port)
    socket.write(`${asking('foo', withBody)}he`)
    expect(await answer()).toMatch(/^HTTP\/1\.1 502 /)
  })

  it('over maxBody is 413', async () => {
    const peer = await upstream()
    const { port } = await serve([peer], { maxBody: 4 })
    const { bytes } = await rawAsk(port, `${asking('foo', withBody)}hello`)
    expect(bytes).toMatch(/^HTTP\/1\.1 413 /)
    expect(peer.requests.length).toBe(0)
  })

  it('that the peer does not want is not asked for', async () => {
    const peer = await upstream({
      ...{ expectContinue: 'final', answer: respond({ status: 403, body: 'no' }) },
    })
    const { port } = await serve([peer])
    const { socket, got } = rawClient(port)
    const fields = `${withBody.fields}Expect: 100-continue${CRLF}`
    socket.write(asking('h2c', { method: 'POST', fields }))
    await got.end()
    expect(got.text).toMatch(/^HTTP\/1\.1 403 .*\r\n\r\nno$/s)
  })

  it.each(['h2c', 'foo'])('that waits for 100 (Continue) gets it: %s', async (protocol) => {
    const answer = protocol === 'foo' ? switchProtocols() : respond({ body: 'thanks' })
    const peer = await upstream({ answer })
    const { port } = await serve([peer])
    const { socket, got } = rawClient(port)
    const fields = `${withBody.fields}Expect: 100-continue${CRLF}`
    socket.write(asking(protocol, { method: 'POST', fields }))
    const goOn = 'HTTP/1.1 100 Continue\r\n\r\n'
    await got.until(() => got.text === goOn)
    socket.write('hello')
    await got.until(() => got.text.includes('\r\n\r\n', goOn.length))
    expect(got.text.slice(goOn.length)).toMatch(/^HTTP\/1\.1 (101|200) /)
    expect(peer.requests[0]!.body.toString()).toBe('hello')
  })
})

describe('what asks for no upgrade', () => {
  it('HTTP/1.0', async () => {
    const peer = await upstream({ answer: respond({ body: 'plain' }) })
    const { port } = await serve([peer])
    const { bytes, ended } = await rawAsk(port, asking('websocket', { version: '1.0' }))
    expect(bytes).toMatch(/^HTTP\/1\.1 200 .*plain$/s)
    expect(ended).toBe('fin')
    expectOrdinary(peer)
  })

  it.each([
    ['Upgrade that Connection does not name', `Upgrade: websocket${CRLF}`],
    ['Connection that names a missing Upgrade', `Connection: Upgrade${CRLF}`],
    ['an empty Upgrade', `Connection: Upgrade${CRLF}Upgrade: ${CRLF}`],
  ])('%s', async (_, fields) => {
    const peer = await upstream({ answer: respond({ body: 'plain' }) })
    const { port } = await serve([peer])
    const request = `GET / HTTP/1.1${CRLF}Host: site${CRLF}${fields}${CRLF}`
    const { socket, head } = rawClient(port)
    socket.write(request)
    expect(await head()).toMatch(/^HTTP\/1\.1 200 /)
    for (const name of NO_UPGRADE.slice(0, 1))
      expect(peer.requests[0]!.headers).not.toHaveProperty(name)
  })

  it('anything, at a server that has no listener for `upgrade`', async () => {
    const peer = await upstream({ answer: respond({ body: 'plain' }) })
    const balancer = createBalancer({ upstream: [peer.url] })
    const server = createServer(balancer).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(async () => {
      server.close()
      await balancer.close()
    })
    const { port } = server.address() as AddressInfo
    const { bytes } = await rawAsk(port, asking('foo', { connection: 'close, Upgrade' }))
    expect(bytes).toMatch(/^HTTP\/1\.1 200 .*plain$/s)
    expectOrdinary(peer)
  })

  it.each([
    [400, `GET / HTTP/1.1${CRLF}Connection: Upgrade${CRLF}Upgrade: foo${CRLF}${CRLF}`],
    [417, asking('foo', { fields: `Expect: the-unexpected${CRLF}` })],
  ])('%d, as Node says it to other requests', async (status, request) => {
    const peer = await upstream()
    const { port, finished } = await serve([peer])
    const { bytes, ended } = await rawAsk(port, request)
    expect(bytes.startsWith(`HTTP/1.1 ${status} `)).toBe(true)
    expect(bytes).toMatch(/\r\nConnection: close\r\n/)
    expect(ended).toBe('fin')
    expect(peer.requests).toEqual([])
    expect(finished).toEqual([])
  })
})

describe('what does', () => {
  it.each(['Upgrade', 'keep-alive, Upgrade', 'upgrade, X-Private', 'UPGRADE'])(
    'Connection: %s',
    async (connection) => {
      const peer = await upstream({ answer: switchProtocols() })
      const { port } = await serve([peer])
      const { socket, got, head, rest } = rawClient(port)
      socket.write(asking('foo', { connection, fields: `X-Private: 1${CRLF}X-Public: 2${CRLF}` }))
      const text = await head()
      expect(text).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/)
      expect(text).toMatch(/\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n$/)
      const { headers } = peer.requests[0]!
      expect(headers).toMatchObject({ connection: 'Upgrade', upgrade: 'foo', 'x-public': '2' })
      expect('x-private' in headers).toBe(!connection.includes('X-Private'))
      socket.write('hello')
      await got.until(() => rest() === 'hello')
    },
  )

  it('a choice of protocols, of which the peer takes one', async () => {
    const peer = await upstream({ answer: switchProtocols({ protocol: 'BAR/2' }) })
    const { port } = await serve([peer])
    const { socket, head } = rawClient(port)
    socket.write(asking('foo, bar/2'))
    expect(await head()).toMatch(/\r\nUpgrade: BAR\/2\r\n/)
    expect(peer.requests[0]!.headers['upgrade']).toBe('foo, bar/2')
  })

  it('the fields of a 101 are passed on, those of the connection and of a body are not', async () => {
    const headers: [string, string][] = [
      ...([
        ['x-LOWER', 'a'],
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
      ] as [string, string][]),
      ...([
        ['Keep-Alive', 'timeout=5'],
        ['Content-Length', '7'],
      ] as [string, string][]),
      ...([
        ['Proxy-Connection', 'x'],
        ['Sec-WebSocket-Accept', 'abc'],
      ] as [string, string][]),
    ]
    const peer = await upstream({ answer: switchProtocols({ headers }) })
    const { port } = await serve([peer])
    const { socket, head } = rawClient(port)
    socket.write(asking('foo'))
    expect(await head()).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nx-LOWER: a\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n' +
        'Sec-WebSocket-Accept: abc\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n',
    )
  })

  it('bytes right behind the request reach the peer, and the peer`s right behind its head the client', async () => {
    const peer = await upstream({
      answer: switchProtocols({
        talk(socket) {
          socket.write('welcome ')
          socket.pipe(socket)
        },
      }),
    })
    const { port } = await serve([peer])
    const { socket, got, head, rest } = rawClient(port)
    socket.write(`${asking('foo')}eager`)
    expect(await head()).toMatch(/^HTTP\/1\.1 101 /)
    await got.until(() => rest() === 'welcome eager')
  })

  it('behind another request whose answer takes its time: in turn', async () => {
    const peer = await upstream()
    let answer: () => void = () => undefined
    const wanted = new Promise<void>((resolve) => (answer = resolve))
    peer.route('/slow', async () => {
      await wanted
      return respond({ body: 'slow' })
    })
    peer.route('/socket', switchProtocols())
    const { port } = await serve([peer])
    const { socket, got } = rawClient(port)
    socket.write(`GET /slow HTTP/1.1${CRLF}Host: site${CRLF}${CRLF}${asking('foo')}early`)
    await peer.waitFor(() => peer.requests.length === 1)
    await turns(20)
    expect(got.length).toBe(0)
    answer()
    await got.until(() => got.text.endsWith('early'))
    expect(got.text).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nslowHTTP\/1\.1 101 .*\r\n\r\nearly$/s)
  })

  it('behind one whose answer closes the connection: it is not served', async () => {
    const peer = await upstream({ answer: respond({ body: 'last' }) })
    const before = (req: IncomingMessage, res: ServerResponse): void => {
      if (req.url === '/last') res.shouldKeepAlive = false
    }
    const { port, finished } = await serve([peer], {}, { before })
    const first = `GET /last HTTP/1.1${CRLF}Host: site${CRLF}${CRLF}`
    const { bytes, ended } = await rawAsk(port, first + asking('foo'))
    expect(bytes).toMatch(/^HTTP\/1\.1 200 .*last$/s)
    expect(ended).toBe('fin')
    expect(finished.length).toBe(1)
  })
})
