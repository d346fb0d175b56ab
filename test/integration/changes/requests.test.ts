/** What options change in requests, as the peers see it. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, RequestListener } from 'node:http'
import { Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { createGzip, gunzipSync, gzipSync } from 'node:zlib'
import { createBalancer } from 'evenkeel'
import type { BalancerOptions, OnUpstreamRequest } from 'evenkeel'
import { earlyResponse, respond } from 'evenkeel/testing'
import type { MockRequest } from 'evenkeel/testing'
import express from 'express'
import { describe, expect, it, onTestFinished, test } from 'vitest'
import { ask, ask2, http2Session, keepAliveAgent, rawAsk } from '../../helpers/clients.js'
import type { Ask } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import type { BalancerSettings } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'

watchProcess()

/** What a peer saw of one request. */
async function seen(options: BalancerSettings, request: Ask = {}): Promise<MockRequest> {
  const mock = await upstream()
  const { port } = await serve([mock], options)
  expect(await ask(port, request)).toMatchObject({ whole: true, status: 200 })
  expect(mock.requests).toHaveLength(1)
  return mock.requests[0]!
}

function linesOf({ rawHeaders }: MockRequest, ...names: string[]): string[] {
  const lines: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (names.includes(rawHeaders[i]!.toLowerCase()))
      lines.push(`${rawHeaders[i]!}: ${rawHeaders[i + 1]!}`)
  }
  return lines
}

describe('requestHeaders', () => {
  it('are removed, set and appended, after the fields of our own', async () => {
    const request = await seen(
      {
        requestHeaders: {
          remove: ['x-forwarded-port', 'Cookie'],
          set: {
            'X-Forwarded-Proto': 'https',
            'X-Real-Path': ({ request: { url } }) => url,
            'x-one': ['1', '2'],
          },
          append: { 'X-Two': 'c' },
        },
      },
      { path: '/p?q', headers: { Cookie: 'a=b', 'X-One': 'x', 'X-Two': ['a', 'b'] } },
    )
    expect(
      linesOf(
        request,
        'x-one',
        'x-two',
        'x-forwarded-proto',
        'x-forwarded-port',
        'cookie',
        'x-real-path',
      ),
    ).toEqual([
      'x-one: 1',
      'x-one: 2',
      'X-Two: a',
      'X-Two: b',
      'X-Forwarded-Proto: https',
      'X-Real-Path: /p?q',
      'X-Two: c',
    ])
  })

  it('may come from what middleware has found out', async () => {
    const mock = await upstream()
    const { port } = await serve(
      [mock],
      {
        requestHeaders: {
          set: {
            'X-User': ({ response }) => (response as { locals?: { user: string } }).locals?.user,
          },
        },
      },
      { before: (_req, res) => void Object.assign(res, { locals: { user: 'ann' } }) },
    )
    await ask(port, { headers: { 'X-User': 'forged' } })
    expect(mock.requests[0]!.headers['x-user']).toBe('ann')
  })

  it('a function that fails is a 500, and no peer is asked', async () => {
    const mock = await upstream()
    const { port, errors } = await serve([mock], {
      requestHeaders: { set: { 'X-A': () => 'a\r\nb' } },
    })
    expect(await ask(port)).toMatchObject({ whole: true, status: 500 })
    expect(errors[0]).toMatchObject({ code: 'ERR_INTERNAL' })
    expect(errors[0]!.cause).toMatchObject({
      name: 'ChangeError',
      option: 'requestHeaders.set["X-A"]',
    })
    expect(mock.requests).toEqual([])
  })

  it('over HTTP/2, too', async () => {
    const mock = await upstream()
    const { port } = await serve(
      [mock],
      { requestHeaders: { set: { 'X-A': 'b' }, remove: ['user-agent'] } },
      { kind: 'http2' },
    )
    await ask2(http2Session(port), { 'user-agent': 'x', 'x-a': 'a' })
    expect(linesOf(mock.requests[0]!, 'x-a', 'user-agent')).toEqual(['X-A: b'])
  })
})

describe('rewrite', () => {
  const rewrite = [
    { from: '/api/', to: '/v2/' },
    { from: /^\/users\/(\d+)$/g, to: '/show?id=$1' },
  ]

  test.each([
    ['/api/a%2Fb?x=/api/', '/v2/a%2Fb?x=/api/'],
    ['/users/7?x', '/show?id=7&x'],
    ['/users/7', '/show?id=7'],
    ['/else', '/else'],
    ['http://site/api/x', '/v2/x'],
  ])('%s goes out as %s', async (path, target) => {
    const mock = await upstream()
    const { port } = await serve([mock], { rewrite })
    await rawAsk(port, `GET ${path} HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n`)
    expect(mock.requests.map((request) => request.target)).toEqual([target])
  })

  it('a function that makes no target is a 500', async () => {
    const mock = await upstream()
    const { port, errors } = await serve([mock], { rewrite: (target) => `${target} x` })
    expect(await ask(port)).toMatchObject({ status: 500 })
    expect((errors[0]!.cause as Error).message).toContain('rewrite: the target must begin with /')
    expect(mock.requests).toEqual([])
  })
})

describe('a mount path', () => {
  async function mounted(
    how: 'express' | 'connect' | 'nested',
    options: Partial<BalancerOptions>,
    path: string,
  ): Promise<{ target: string; location: string | undefined }> {
    const mock = await upstream()
    mock.reply(respond({ status: 302, headers: { Location: `${mock.url}/login` } }))
    const balancer = createBalancer({ ...options, upstream: [mock.url] })
    const app = express()
    if (how === 'nested') app.use('/outer', express.Router().use('/api', balancer))
    else app.use('/api', balancer)
    // Connect says nothing of where it has mounted something.
    const connect: RequestListener = (req, res) => {
      const url = req.url!.slice('/api'.length)
      Object.assign(req, { originalUrl: req.url, url: url.startsWith('/') ? url : `/${url}` })
      balancer(req, res)
    }
    const server = createServer(how === 'connect' ? connect : app).listen(0, '127.0.0.1')
    onTestFinished(async () => {
      server.closeAllConnections()
      server.close()
      await balancer.close()
    })
    await once(server, 'listening')
    const reply = await ask((server.address() as AddressInfo).port, { path })
    return { target: mock.requests[0]!.target, location: reply.headers.location }
  }

  test.each([
    ['express', '/api/a?b', '/a?b', '/api/login'],
    ['express', '/API/a', '/a', '/API/login'],
    ['express', '/api', '/', '/api/login'],
    ['nested', '/outer/api/a', '/a', '/outer/api/login'],
    ['connect', '/api/a?b', '/a?b', '/api/login'],
    ['connect', '/api?b', '/?b', '/api/login'],
  ] as const)(
    '%s: %s is stripped, and comes back with redirects',
    async (how, path, target, location) => {
      expect(await mounted(how, {}, path)).toEqual({ target, location })
    },
  )

  test.each(['express', 'connect'] as const)('%s: it is kept', async (how) => {
    expect(await mounted(how, { mountPath: 'keep' }, '/api/a?b')).toEqual({
      target: '/api/a?b',
      location: '/login',
    })
  })

  it('with rewrite rules, both ways', async () => {
    const rewrite = { from: '/v1/', to: '/' }
    expect(await mounted('express', { rewrite }, '/api/v1/a')).toEqual({
      target: '/a',
      location: '/api/v1/login',
    })
    const whole = { rewrite: { from: '/api/v1/', to: '/' }, mountPath: 'keep' as const }
    expect(await mounted('express', whole, '/api/v1/a')).toEqual({
      target: '/a',
      location: '/api/v1/login',
    })
  })
})

describe('onUpstreamRequest', () => {
  it('changes method, target and fields', async () => {
    const request = await seen(
      {
        onUpstreamRequest: (head, { request: { url } }) => {
          head.method = 'PURGE'
          head.target = `/purge${url!}`
          head.headers.set('Host', 'inner.example')
          head.headers.delete('User-Agent')
          head.headers.append('X-A', ['1', '2'])
        },
      },
      { path: '/x?y', headers: { 'User-Agent': 'u', 'X-A': '0' } },
    )
    expect(request).toMatchObject({ method: 'PURGE', target: '/purge/x?y' })
    expect(linesOf(request, 'host', 'user-agent')).toEqual(['Host: inner.example'])
    expect(linesOf(request, 'x-a')).toEqual(['X-A: 0', 'X-A: 1', 'X-A: 2'])
  })

  it('is called once a request, however many attempts', async () => {
    const [a, b] = [await upstream({ answer: respond({ status: 503 }) }), await upstream()]
    let calls = 0
    const { port } = await serve([a, b], {
      onUpstreamRequest: async (head) => {
        await Promise.resolve()
        head.headers.set('X-Call', String(++calls))
      },
    })
    expect(await ask(port)).toMatchObject({ status: 200 })
    expect([a, b].map((mock) => mock.requests[0]!.headers['x-call'])).toEqual(['1', '1'])
  })

  it('nothing that it sets can change where the request ends', async () => {
    const request = await seen(
      {
        onUpstreamRequest: ({ headers }) => {
          headers.set('Transfer-Encoding', 'chunked')
          headers.set('Content-Length', '0')
          headers.set('Connection', ['close', 'x-a'])
          headers.set('Upgrade', 'h2c')
          headers.set('Expect', '100-continue')
          headers.set('TE', 'trailers')
        },
      },
      { method: 'POST', body: 'hello', headers: { 'X-A': 'b' } },
    )
    expect(request.body.toString()).toBe('hello')
    const lines = linesOf(request, 'content-length', 'transfer-encoding', 'upgrade', 'expect')
    expect(lines.map((line) => line.toLowerCase())).toEqual(['content-length: 5'])
    expect(request.headers['connection'] ?? 'keep-alive').toBe('keep-alive')
  })

  test.each<[string, OnUpstreamRequest]>([
    [
      'throws',
      () => {
        throw new Error('mine')
      },
    ],
    ['rejects', () => Promise.reject(new Error('mine'))],
  ])('that %s is a 500 with its error as the cause, and no peer is asked', async (_what, hook) => {
    const mock = await upstream()
    const { port, errors, balancer } = await serve([mock], { onUpstreamRequest: hook })
    const agent = keepAliveAgent()
    for (let i = 0; i < 2; i++) {
      const reply = await ask(port, { agent, method: 'POST', body: 'x'.repeat(100_000) })
      expect(reply).toMatchObject({ whole: true, status: 500 })
      expect(reply.body).not.toContain('mine')
    }
    expect(errors.map(({ code, cause }) => [code, (cause as Error).message])).toEqual([
      ['ERR_INTERNAL', 'mine'],
      ['ERR_INTERNAL', 'mine'],
    ])
    expect(mock.requests).toEqual([])
    expect(balancer.upstream.peers[0]).toMatchObject({ connections: 0, fails: 0 })
  })

  it('what it may not leave is a 500, too', async () => {
    const mock = await upstream()
    const { port, errors } = await serve([mock], {
      onUpstreamRequest: (head) => {
        head.method = 'GET / HTTP/1.1\r\nX: y'
      },
    })
    expect(await ask(port)).toMatchObject({ status: 500 })
    expect((errors[0]!.cause as Error).message).toMatch(/^onUpstreamRequest: head.method must be/)
    expect(mock.requests).toEqual([])
  })

  it('a client that leaves while it is thinking reaches no peer', async () => {
    const mock = await upstream()
    const client = new Socket()
    const { port, over, errors } = await serve([mock], {
      onUpstreamRequest: async (_head, { response }) => {
        client.destroy()
        await once(response, 'close')
      },
    })
    client.connect(port, '127.0.0.1')
    client.write('GET / HTTP/1.1\r\nHost: site\r\n\r\n')
    await over(1)
    expect(errors.map(({ code }) => code)).toEqual(['ERR_CLIENT_CLOSED'])
    expect(mock.requests).toEqual([])
  })

  it('a method that may not be repeated is not, whatever the client asked', async () => {
    const [a, b] = [await upstream({ answer: respond({ status: 503 }) }), await upstream()]
    const { port } = await serve([a, b], {
      onUpstreamRequest: (head) => {
        head.method = 'POST'
      },
    })
    expect(await ask(port)).toMatchObject({ status: 503 })
    expect(b.requests).toEqual([])
  })
})

describe('a body in place of the client’s', () => {
  const replaced = (make: (request: IncomingMessage) => string | Uint8Array | Readable | null) => ({
    onUpstreamRequest: (
      head: { body: unknown },
      { request }: { request: IncomingMessage },
    ): void => {
      head.body = make(request)
    },
  })

  test.each<[string, string | Uint8Array | null, string, string | undefined]>([
    ['text', 'äö', 'äö', '4'],
    ['bytes', new Uint8Array([104, 105]), 'hi', '2'],
    ['an empty text', '', '', '0'],
  ])('%s has its length', async (_what, body, text, length) => {
    const request = await seen(
      replaced(() => body),
      { method: 'PUT', body: 'the client’s' },
    )
    expect(request.body.toString()).toBe(text)
    expect(request.headers['content-length']).toBe(length)
    expect(request.headers).not.toHaveProperty('transfer-encoding')
  })

  it('null is none', async () => {
    const request = await seen(
      replaced(() => null),
      { method: 'DELETE', body: 'theirs', headers: { 'Content-Length': 6 } },
    )
    expect(request.bodyLength).toBe(0)
    expect(linesOf(request, 'content-length', 'transfer-encoding')).toEqual([])
  })

  it('a GET may get one', async () => {
    const request = await seen(replaced(() => 'query'))
    expect([request.method, request.body.toString()]).toEqual(['GET', 'query'])
  })

  it('with a coding of its own', async () => {
    const request = await seen(
      {
        onUpstreamRequest: (head) => {
          head.headers.set('Content-Encoding', 'gzip')
          head.body = gzipSync('hello')
        },
      },
      { method: 'POST', body: 'x' },
    )
    expect(request.headers['content-encoding']).toBe('gzip')
    expect(gunzipSync(request.body).toString()).toBe('hello')
  })

  test.each<[string, () => Readable]>([
    ['a stream', () => Readable.from([Buffer.from('one '), Buffer.from('two')])],
    ['a stream of texts', () => Readable.from(['one ', 'two'])],
  ])('%s goes out in chunks', async (_what, make) => {
    const request = await seen(replaced(make), { method: 'POST', body: 'the client’s' })
    expect(request.body.toString()).toBe('one two')
    expect(linesOf(request, 'content-length', 'transfer-encoding')).toEqual([
      'Transfer-Encoding: chunked',
    ])
  })

  it("the client's own, changed on its way", async () => {
    const body = 'hello '.repeat(50_000)
    const request = await seen(
      replaced((client) => client.pipe(createGzip())),
      { method: 'POST', body },
    )
    expect(gunzipSync(request.body).toString()).toBe(body)
  })

  it("the client's own, read by a generator", async () => {
    const request = await seen(
      replaced((client) =>
        Readable.from(
          (async function* () {
            for await (const chunk of client) yield String(chunk).toUpperCase()
          })(),
        ),
      ),
      { method: 'POST', body: 'hello' },
    )
    expect(request.body.toString()).toBe('HELLO')
  })

  it("the client's own, read whole by the hook", async () => {
    const request = await seen(
      {
        onUpstreamRequest: async (head, { request: client }) => {
          const chunks: Buffer[] = []
          for await (const chunk of client) chunks.push(chunk as Buffer)
          head.body = Buffer.concat(chunks).toString().toUpperCase()
        },
      },
      { method: 'POST', body: 'hello' },
    )
    expect(request.body.toString()).toBe('HELLO')
  })

  test.each([
    ['text', () => 'x'],
    ['null', () => null],
    ['a stream', () => Readable.from(['x'])],
  ])("with %s, the client's connection goes on", async (_what, make) => {
    const mock = await upstream()
    const { port, errors } = await serve([mock], replaced(make))
    const agent = keepAliveAgent()
    let connections = 0
    for (let i = 0; i < 3; i++) {
      const reply = await ask(port, { agent, method: 'PUT', body: 'x'.repeat(200_000) })
      expect(reply).toMatchObject({ whole: true, status: 200 })
      connections = Object.values(agent.freeSockets).flat().length
    }
    expect(connections).toBe(1)
    expect(mock.requests).toHaveLength(3)
    expect(errors).toEqual([])
  })

  it('a stream that was kept goes to the next upstream, too', async () => {
    const [a, b] = [await upstream({ answer: respond({ status: 503 }) }), await upstream()]
    const { port } = await serve(
      [a, b],
      replaced(() => Readable.from(['one ', 'two'])),
    )
    expect(await ask(port, { method: 'PUT', body: 'x' })).toMatchObject({ status: 200 })
    expect([a, b].map((mock) => mock.requests[0]!.body.toString())).toEqual(['one two', 'one two'])
  })

  it('one that breaks is a 500 with its error as the cause, and never a whole body', async () => {
    const mock = await upstream()
    const { port, errors, over, balancer } = await serve([mock], {
      onUpstreamRequest: (head) => {
        head.body = Readable.from(
          (async function* () {
            yield 'half'
            await mock.waitFor(() => mock.requests.length === 1)
            throw new Error('mine')
          })(),
        )
      },
    })
    expect(await ask(port, { method: 'PUT', body: 'x' })).toMatchObject({
      whole: true,
      status: 500,
    })
    await over(1)
    expect(errors.map(({ code, cause }) => [code, (cause as Error).message])).toEqual([
      ['ERR_INTERNAL', 'mine'],
    ])
    await mock.waitFor(() => mock.openConnections === 0)
    expect(mock.requests[0]).toMatchObject({ complete: false })
    // It was not the peer's fault.
    expect(balancer.upstream.peers[0]).toMatchObject({ connections: 0, fails: 0 })
  })

  it('one that is broken from the beginning is a 500, too', async () => {
    const mock = await upstream()
    const { port, errors } = await serve([mock], {
      onUpstreamRequest: (head) => {
        const stream = new PassThrough()
        stream.destroy(new Error('early'))
        head.body = stream
      },
    })
    expect(await ask(port, { method: 'PUT', body: 'x' })).toMatchObject({ status: 500 })
    expect(errors.map(({ cause }) => (cause as Error).message)).toEqual(['early'])
  })

  it('one that the peer does not want is destroyed after the answer', async () => {
    const mock = await upstream({
      answer: earlyResponse(respond({ status: 401, body: 'no' }), { then: 'close' }),
    })
    const stream = new PassThrough()
    stream.write('a')
    const { port } = await serve(
      [mock],
      replaced(() => stream),
    )
    expect(await ask(port, { method: 'PUT', body: 'x' })).toMatchObject({
      whole: true,
      status: 401,
      body: 'no',
    })
    if (!stream.closed) await once(stream, 'close')
    expect(stream.destroyed).toBe(true)
  })

  it('a reader of the client’s body does not cost the client its answer', async () => {
    const mock = await upstream({
      answer: earlyResponse(respond({ status: 401, body: 'no' }), { then: 'close' }),
    })
    const { port } = await serve(
      [mock],
      replaced((client) =>
        Readable.from(
          (async function* () {
            for await (const chunk of client) yield chunk as Buffer
          })(),
        ),
      ),
    )
    const { bytes } = await rawAsk(
      port,
      'POST / HTTP/1.1\r\nHost: site\r\nContent-Length: 1000000\r\nConnection: close\r\n\r\nbeginning',
    )
    expect(bytes).toMatch(/^HTTP\/1\.1 401 [^]*\r\n\r\nno$/)
  })
})
