/** `compression`, `helmet`, `morgan` and `express-session` before the balancer, in one Express app. */
import { once } from 'node:events'
import { Agent } from 'node:http'
import { brotliCompressSync, createGunzip } from 'node:zlib'
import { respond } from 'evenkeel/testing'
import express from 'express'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ask, rawAsk } from '../../helpers/clients.js'
import { upstream } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { gunzipped, head, parts, prose } from './bodies.js'
import { expressApp, ORDERS, TOKEN } from './express-stage.js'

watchProcess()

const TEXT = { 'Content-Type': 'text/plain; charset=utf-8' }
const PNG = { 'Content-Type': 'image/png' }
const SHORT = prose(20_000)
const LONG = prose(300_000)

describe.each(ORDERS)('helmet, morgan, compression and express-session, %s', (order) => {
  it.each([
    ['short', respond({ headers: TEXT, body: SHORT }), SHORT],
    ['long', respond({ headers: TEXT, body: LONG }), LONG],
    [
      'chunked',
      respond({ headers: TEXT, body: [LONG.slice(0, 99), LONG.slice(99)], chunked: true }),
      LONG,
    ],
  ])(
    'a compressible response, %s, is compressed and nothing of it lost',
    async (_what, answer, text) => {
      const mock = await upstream({ answer })
      const { get, over, log } = await expressApp([mock], { order })
      const reply = await get('/story')
      expect(reply).toMatchObject({ status: 200, whole: true })
      expect(reply.headers['content-encoding']).toBe('gzip')
      expect(reply.headers['content-length']).toBeUndefined()
      expect(reply.headers.vary).toBe('Accept-Encoding')
      expect(gunzipped(reply)).toBe(text)
      await over(1)
      expect(log).toEqual(['GET /api/story 200 -'])
    },
  )

  it('a client that accepts no coding gets the bytes with their length', async () => {
    const mock = await upstream({ answer: respond({ headers: TEXT, body: SHORT }) })
    const { get, over, log } = await expressApp([mock], { order })
    const reply = await get('/story', { headers: { 'accept-encoding': 'identity' } })
    expect(reply).toMatchObject({ status: 200, whole: true, body: SHORT })
    expect(reply.headers).toMatchObject({ 'content-length': '20000', vary: 'Accept-Encoding' })
    await over(1)
    expect(log).toEqual(['GET /api/story 200 20000'])
  })

  it.each([
    ['incompressible', { ...PNG }, SHORT],
    ['too short', { ...TEXT }, 'short'],
    ['not to be transformed', { ...TEXT, 'Cache-Control': 'no-transform' }, SHORT],
  ])('a response that is %s stays as it is', async (_what, headers, body) => {
    const mock = await upstream({ answer: respond({ headers, body }) })
    const { get, over, log } = await expressApp([mock], { order })
    const reply = await get('/as-it-is')
    expect(reply).toMatchObject({ status: 200, whole: true, body })
    expect(reply.headers['content-encoding']).toBeUndefined()
    expect(reply.headers['content-length']).toBe(String(body.length))
    await over(1)
    expect(log).toEqual([`GET /api/as-it-is 200 ${String(body.length)}`])
  })

  it('a response that the peer has encoded stays as it is', async () => {
    const body = brotliCompressSync(SHORT)
    const mock = await upstream({
      answer: respond({
        headers: { ...TEXT, 'Content-Encoding': 'br', Vary: 'Accept-Encoding' },
        body,
      }),
    })
    const { get } = await expressApp([mock], { order })
    const reply = await get('/encoded')
    expect(reply).toMatchObject({ whole: true, body: body.toString('latin1') })
    expect(reply.headers).toMatchObject({
      'content-encoding': 'br',
      'content-length': String(body.length),
      vary: 'Accept-Encoding',
    })
  })

  it("keeps helmet's fields, the session's cookie and the peer's, and the peer's own Vary", async () => {
    const headers = {
      ...TEXT,
      Vary: 'Origin',
      'Set-Cookie': ['a=1; Path=/', 'b=2'],
      'X-Frame-Options': 'DENY',
    }
    const mock = await upstream({ answer: respond({ headers, body: SHORT }) })
    const { get } = await expressApp([mock], { order })
    const reply = await get('/fields')
    expect(gunzipped(reply)).toBe(SHORT)
    expect(reply.headers.vary).toBe('Origin, Accept-Encoding')
    expect(reply.headers['set-cookie']).toHaveLength(3)
    expect(reply.headers['set-cookie']).toEqual(
      expect.arrayContaining(['a=1; Path=/', 'b=2', expect.stringMatching(/^connect\.sid=/)]),
    )
    // Whom the peer contradicts, the peer wins over: it is the application.
    expect(reply.headers['x-frame-options']).toBe('DENY')
    expect(reply.headers['content-security-policy']).toContain("default-src 'self'")
    expect(reply.headers['strict-transport-security']).toContain('max-age=')
    expect(reply.headers['x-powered-by']).toBeUndefined()
    expect(reply.headers['x-visits']).toBe('1')
  })

  it('the session lives from request to request', async () => {
    const mock = await upstream()
    const { get } = await expressApp([mock], { order })
    const first = await get('/')
    const cookie = first.headers['set-cookie']?.[0]?.split(';')[0] ?? ''
    for (const visits of ['2', '3']) {
      const reply = await get('/', { headers: { cookie } })
      expect(reply.headers['x-visits']).toBe(visits)
      expect(reply.headers['set-cookie']).toBeUndefined()
    }
    expect(mock.requests.map(({ headers }) => headers['cookie'])).toEqual([
      undefined,
      cookie,
      cookie,
    ])
  })

  it('HEAD has the fields of the GET and no body', async () => {
    const mock = await upstream({
      answer: respond({ headers: { ...TEXT, ETag: '"1"' }, body: SHORT }),
    })
    const { get, over, log } = await expressApp([mock], { order })
    const reply = await get('/story', { method: 'HEAD' })
    expect(reply).toMatchObject({ status: 200, whole: true, body: '' })
    expect(reply.headers).toMatchObject({ etag: '"1"', vary: 'Accept-Encoding' })
    await over(1)
    expect(log[0]).toMatch(/^HEAD \/api\/story 200 /)
    expect(mock.requests[0]?.method).toBe('HEAD')
  })

  it.each([
    ['204', respond({ status: 204 }), 204],
    ['304', respond({ status: 304, headers: { ...TEXT, ETag: '"1"' } }), 304],
  ])('%s has no body, and the connection can be used again', async (_what, answer, status) => {
    const mock = await upstream()
    mock.route('/none', answer)
    const { get, over, log } = await expressApp([mock], { order })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onTestFinished(() => agent.destroy())
    const reply = await get('/none', { headers: { 'if-none-match': '"1"' }, agent })
    expect(reply).toMatchObject({ status, whole: true, body: '' })
    if (status === 304) expect(reply.headers.etag).toBe('"1"')
    expect(mock.requests[0]?.headers['if-none-match']).toBe('"1"')
    expect(await get('/next', { agent })).toMatchObject({ status: 200, whole: true })
    await over(2)
    expect(log[0]).toBe(`GET /api/none ${String(status)} -`)
  })

  it('a part of a representation comes as the part that was asked for', async () => {
    const headers = { ...PNG, 'Content-Range': 'bytes 100-199/300000', 'Accept-Ranges': 'bytes' }
    const body = LONG.slice(100, 200)
    const mock = await upstream({ answer: respond({ status: 206, headers, body }) })
    const { get } = await expressApp([mock], { order })
    const reply = await get('/part', { headers: { range: 'bytes=100-199' } })
    expect(reply).toMatchObject({ status: 206, whole: true, body })
    expect(reply.headers).toMatchObject({
      'content-range': 'bytes 100-199/300000',
      'content-length': '100',
    })
    expect(mock.requests[0]?.headers['range']).toBe('bytes=100-199')
  })

  it('trailers arrive behind a compressed body', async () => {
    const answer = respond({
      headers: { ...TEXT, Trailer: 'X-Digest' },
      body: LONG,
      chunked: true,
      trailers: { 'X-Digest': 'abc' },
    })
    const mock = await upstream({ answer })
    const { get, port } = await expressApp([mock], { order })
    expect(gunzipped(await get('/trailers'))).toBe(LONG)
    const { bytes } = await rawAsk(
      port,
      `GET /api/trailers HTTP/1.1\r\nHost: a\r\nAuthorization: ${TOKEN}\r\nAccept-Encoding: gzip\r\n` +
        'TE: trailers\r\nConnection: close\r\n\r\n',
    )
    expect(bytes).toContain('Content-Encoding: gzip')
    expect(bytes).toMatch(/\r\n0\r\nX-Digest: abc\r\n\r\n$/)
  })

  it('server-sent events come one by one, compressed or not', async () => {
    for (const encoding of ['gzip', 'identity']) {
      const events = parts()
      const mock = await upstream({
        answer: respond({ headers: { 'Content-Type': 'text/event-stream' }, body: events.body }),
      })
      const { port, over, finished } = await expressApp([mock], { order })
      const headers = { authorization: TOKEN, 'accept-encoding': encoding }
      // The head comes before the first event.
      const response = await head({ port, path: '/api/events', headers })
      expect(response.headers['content-encoding']).toBe(encoding === 'gzip' ? 'gzip' : undefined)
      const stream = encoding === 'gzip' ? response.pipe(createGunzip()) : response
      stream.setEncoding('utf8')
      for (let i = 0; i < 5; i++) {
        const event = `data: ${String(i)}\n\n`
        events.send(event)
        // Each is here before the next one is sent.
        expect(await once(stream, 'data')).toEqual([event])
      }
      events.end()
      await once(stream, 'end')
      await over(1)
      expect(finished[0]).toMatchObject({ status: 200, error: undefined })
    }
  })

  it('strangers never reach a peer', async () => {
    const mock = await upstream()
    const { port } = await expressApp([mock], { order })
    const reply = await ask(port, { path: '/api/secret' })
    expect(reply).toMatchObject({ status: 401, body: '{"error":"who are you?"}' })
    expect(mock.requests).toEqual([])
  })

  it('a body parser before the balancer, a body that streams, and what middleware knows', async () => {
    const mock = await upstream({ answer: respond({ headers: TEXT, body: SHORT }) })
    const { get } = await expressApp([mock], {
      order,
      before: [express.json()],
      balancer: {
        requestHeaders: {
          set: {
            'X-User': ({ response }) => (response as express.Response).locals['user'] as string,
          },
        },
      },
    })
    const json = JSON.stringify({ list: [1, 2], text: 'grüße' })
    const type = 'application/json'
    const parsed = await get('/orders?a=b%20c', {
      method: 'PUT',
      headers: { 'content-type': type },
      body: json,
    })
    expect(gunzipped(parsed)).toBe(SHORT)
    const streamed = await get('/orders/', {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: LONG,
    })
    expect(gunzipped(streamed)).toBe(SHORT)
    expect(
      mock.requests.map(({ method, target, body }) => [method, target, body.toString()]),
    ).toEqual([
      ['PUT', '/orders?a=b%20c', json],
      ['POST', '/orders/', LONG],
    ])
    for (const { headers } of mock.requests) {
      expect(headers['x-user']).toBe('ali')
      expect(headers['authorization']).toBeUndefined()
    }
  })
})

describe('fields that middleware has set before the balancer', () => {
  it('cookies of middleware and of the peer are both kept, and so is what either varies by', async () => {
    const headers = { ...TEXT, 'Set-Cookie': ['a=1', 'b=2'], Vary: 'Accept-Language' }
    const mock = await upstream({ answer: respond({ headers, body: SHORT }) })
    const { get } = await expressApp([mock], {
      before: [
        (_request, response, next) => {
          response.cookie('csrf', 'token')
          response.vary('Origin')
          next()
        },
      ],
    })
    const reply = await get('/fields')
    expect(gunzipped(reply)).toBe(SHORT)
    expect(reply.headers['set-cookie']).toEqual(
      expect.arrayContaining(['csrf=token; Path=/', 'a=1', 'b=2']),
    )
    expect(reply.headers.vary?.split(/, */).sort()).toEqual([
      'Accept-Encoding',
      'Accept-Language',
      'Origin',
    ])
  })
})
