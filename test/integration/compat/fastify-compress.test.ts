/**
 * `@fastify/compress` beside the balancer, in one Fastify app. A response that the balancer sends is hijacked: Fastify's
 * `onSend` hooks, and with them compression, are for the app's own routes, and what the peers say goes on as it is.
 */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import fastifyCompress from '@fastify/compress'
import type { FastifyCompressOptions } from '@fastify/compress'
import compression from 'compression'
import { createBalancer } from 'evenkeel'
import type { BalancerError } from 'evenkeel'
import { dieInBody, respond } from 'evenkeel/testing'
import type { MockUpstream } from 'evenkeel/testing'
import type { Request, RequestHandler, Response } from 'express'
import { fastify } from 'fastify'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ask } from '../../helpers/clients.js'
import { upstream } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { gunzipped, head, parts, prose } from './bodies.js'

watchProcess()

const LONG = prose(300_000)
const TEXT = { 'Content-Type': 'text/plain; charset=utf-8' }
const gzip = { 'accept-encoding': 'gzip' }

interface Setting extends FastifyCompressOptions {
  /** Default: bodies stream through, as the README has it. */
  parsers?: 'pass-through' | 'own'
  /** Middleware that sees Node's own request and response. */
  hook?: RequestHandler
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

async function fastifyApp(
  peer: MockUpstream,
  { parsers = 'pass-through', hook, ...options }: Setting = {},
) {
  const balancer = createBalancer({ upstream: [peer.url] })
  const errors: BalancerError[] = []
  balancer.on('error', (error) => void errors.push(error))
  const app = fastify({ forceCloseConnections: true })
  await app.register(fastifyCompress, options)
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('X-Frame-Options', 'DENY')
    reply.header('Set-Cookie', ['of=hook', 'another=one'])
    reply.header('Vary', 'Origin')
  })
  app.get('/own', async (_request, reply) => reply.type('text/plain').send(LONG))
  await app.register(async (scope) => {
    if (parsers === 'pass-through') {
      scope.removeAllContentTypeParsers()
      scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
    }
    if (hook !== undefined) {
      scope.addHook('onRequest', (request, reply, done) => {
        void hook(request.raw as Request, reply.raw as Response, done)
      })
    }
    scope.all('/api/*', balancer.fastify)
  })
  app.addHook('onClose', () => balancer.close({ timeout: 2000 }))
  await app.listen({ port: 0, host: '127.0.0.1' })
  onTestFinished(() => app.close())
  return { port: (app.server.address() as AddressInfo).port, errors }
}

describe('@fastify/compress', () => {
  it("compresses the app's own routes, and leaves what peers answer as it is", async () => {
    const headers = { ...TEXT, 'Set-Cookie': ['a=1', 'b=2'] }
    const mock = await upstream({ answer: respond({ headers, body: LONG }) })
    const { port } = await fastifyApp(mock)
    const own = await ask(port, { path: '/own', headers: gzip })
    expect(own.headers['content-encoding']).toBe('gzip')
    expect(gunzipped(own)).toBe(LONG)

    const reply = await ask(port, { path: '/api/story', headers: gzip })
    expect(reply).toMatchObject({ status: 200, whole: true, body: LONG })
    expect(reply.headers['content-encoding']).toBeUndefined()
    expect(reply.headers['content-length']).toBe(String(LONG.length))
    expect(mock.requests[0]?.headers['accept-encoding']).toBe('gzip')
  })

  it('keeps what hooks have set beside what the peer says', async () => {
    const headers = { ...TEXT, 'Set-Cookie': ['a=1', 'b=2'], Vary: 'Accept-Language' }
    const mock = await upstream({ answer: respond({ headers, body: 'short' }) })
    const { port } = await fastifyApp(mock)
    const reply = await ask(port, { path: '/api/fields' })
    expect(reply.headers['x-frame-options']).toBe('DENY')
    expect([...(reply.headers['set-cookie'] ?? [])].sort()).toEqual([
      'a=1',
      'another=one',
      'b=2',
      'of=hook',
    ])
    expect(reply.headers.vary?.split(/, */).sort()).toEqual(['Accept-Language', 'Origin'])
  })

  it('what the peer has compressed arrives as it was sent', async () => {
    const body = gzipSync(LONG)
    const headers = { ...TEXT, 'Content-Encoding': 'gzip' }
    const mock = await upstream({ answer: respond({ headers, body }) })
    const { port } = await fastifyApp(mock)
    const reply = await ask(port, { path: '/api/story', headers: gzip })
    expect(reply).toMatchObject({ whole: true, body: body.toString('latin1') })
    expect(reply.headers['content-encoding']).toBe('gzip')
    expect(gunzipped(reply)).toBe(LONG)
  })

  it('who wants it nonetheless puts `compression` into a hook', async () => {
    const mock = await upstream({ answer: respond({ headers: TEXT, body: LONG }) })
    const { port } = await fastifyApp(mock, { hook: compression() })
    const reply = await ask(port, { path: '/api/story', headers: gzip })
    expect(reply.headers['content-encoding']).toBe('gzip')
    expect(reply.headers['content-length']).toBeUndefined()
    expect(gunzipped(reply)).toBe(LONG)
  })

  it.each([
    ['HEAD', 'HEAD', respond({ headers: TEXT, body: LONG }), 200],
    ['204', 'GET', respond({ status: 204 }), 204],
    ['304', 'GET', respond({ status: 304, headers: { ETag: '"1"' } }), 304],
  ])('%s has no body', async (_what, method, answer, status) => {
    const mock = await upstream({ answer })
    const { port } = await fastifyApp(mock)
    const reply = await ask(port, { path: '/api/none', method, headers: gzip })
    expect(reply).toMatchObject({ status, whole: true, body: '' })
  })

  it('server-sent events come one by one', async () => {
    const events = parts()
    const mock = await upstream({
      answer: respond({ headers: { 'Content-Type': 'text/event-stream' }, body: events.body }),
    })
    const { port } = await fastifyApp(mock)
    const response = await head({ port, path: '/api/events', headers: gzip })
    response.setEncoding('utf8')
    for (let i = 0; i < 5; i++) {
      events.send(`data: ${String(i)}\n\n`)
      expect(await once(response, 'data')).toEqual([`data: ${String(i)}\n\n`])
    }
    events.end()
    await once(response, 'end')
  })

  it('a peer that dies in the middle breaks the response', async () => {
    const mock = await upstream({ answer: dieInBody({ announce: 'chunked', headers: TEXT }) })
    const { port, errors } = await fastifyApp(mock)
    expect((await ask(port, { path: '/api/half', headers: gzip })).whole).toBe(false)
    expect(errors.map(({ code }) => code)).toEqual(['ERR_UPSTREAM_TRUNCATED'])
  })

  it('an error page of ours has what the hooks have set', async () => {
    const mock = await upstream()
    await mock.crash()
    const { port } = await fastifyApp(mock)
    const reply = await ask(port, { path: '/api/gone', headers: gzip })
    expect(reply).toMatchObject({ status: 502, body: '502 Bad Gateway\n', whole: true })
    expect(reply.headers['x-frame-options']).toBe('DENY')
  })
})

describe('@fastify/compress and request bodies in gzip', () => {
  const bodies = [
    ['short', Buffer.from(prose(500))],
    ['long', randomBytes(300_000)],
  ] as const
  const asking = (body: Buffer, type = 'application/octet-stream') => ({
    path: '/api/upload',
    method: 'POST',
    body,
    headers: { 'content-encoding': 'gzip', 'content-type': type },
  })

  // By default the plugin has every request body decompressed before a parser gets it.
  it.each(bodies)('%s: what was decompressed is what the peer gets', async (_what, body) => {
    const mock = await upstream()
    const { port } = await fastifyApp(mock)
    expect(await ask(port, asking(gzipSync(body)))).toMatchObject({ status: 200, whole: true })
    expect(mock.requests[0]?.sha256).toBe(sha256(body))
    expect(mock.requests[0]?.headers['content-encoding']).toBeUndefined()
  })

  it("the same with Fastify's own parser", async () => {
    const mock = await upstream()
    const { port } = await fastifyApp(mock, { parsers: 'own' })
    const reply = await ask(port, asking(gzipSync('grüße'), 'text/plain'))
    expect(reply).toMatchObject({ status: 200, whole: true })
    expect(mock.requests[0]?.body.toString()).toBe('grüße')
    expect(mock.requests[0]?.headers).toMatchObject({ 'content-length': '7' })
    expect(mock.requests[0]?.headers['content-encoding']).toBeUndefined()
  })

  it('what is not gzip is refused', async () => {
    const mock = await upstream()
    const { port } = await fastifyApp(mock)
    const reply = await ask(port, asking(Buffer.from('no gzip at all')))
    expect(reply).toMatchObject({ status: 400, whole: true })
    expect(mock.requests.filter(({ complete }) => complete)).toEqual([])
  })

  it.each(bodies)('%s: without it the bytes go on untouched', async (_what, body) => {
    const mock = await upstream()
    const { port } = await fastifyApp(mock, { globalDecompression: false })
    const sent = gzipSync(body)
    expect(await ask(port, asking(sent))).toMatchObject({ status: 200, whole: true })
    expect(mock.requests[0]?.sha256).toBe(sha256(sent))
    expect(mock.requests[0]?.headers['content-encoding']).toBe('gzip')
  })
})
