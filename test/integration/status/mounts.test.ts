/** The live page over real sockets: wherever it is mounted, whoever asks, and however. */
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createBalancer } from 'evenkeel'
import type { Balancer, BalancerOptions, StatusSnapshot } from 'evenkeel'
import { respond } from 'evenkeel/testing'
import compression from 'compression'
import express from 'express'
import { fastify } from 'fastify'
import helmet from 'helmet'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ask, http2Session, ask2 } from '../../helpers/clients.js'
import type { Ask, Reply } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'

async function made(options: Partial<BalancerOptions> = {}): Promise<Balancer> {
  const mock = await upstream({ answer: respond({ body: 'of the peer' }) })
  const balancer = createBalancer({ upstream: [mock.url], ...options })
  onTestFinished(() => balancer.close({ timeout: 0 }))
  return balancer
}

async function listen(listener: RequestListener | Server): Promise<number> {
  const server = typeof listener === 'function' ? createServer(listener) : listener
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

type Mount = (balancer: Balancer) => Promise<number>

const MOUNTS: Readonly<Record<string, Mount>> = {
  'plain Node': (balancer) =>
    listen((req, res) => {
      if (req.url?.startsWith('/status') === true) balancer.statusPage(req, res)
      else balancer(req, res)
    }),
  Express: (balancer) => {
    const app = express()
    app.use(helmet(), compression())
    app.use('/status', balancer.statusPage)
    app.use(balancer)
    return listen(createServer(app))
  },
  'an Express route': (balancer) => {
    const app = express()
    app.all(['/status', '/status/*rest'], balancer.statusPage)
    app.use(balancer)
    return listen(createServer(app))
  },
  Fastify: async (balancer) => {
    const app = fastify()
    app.all('/status', balancer.statusPage.fastify)
    app.all('/status/*', balancer.statusPage.fastify)
    app.all('/*', balancer.fastify)
    onTestFinished(() => app.close())
    await app.listen({ port: 0, host: '127.0.0.1' })
    return (app.server.address() as AddressInfo).port
  },
}

/** The first bytes of a stream of events. */
function firstEvent(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      let text = ''
      expect(response.headers['content-type']).toBe('text/event-stream; charset=utf-8')
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
        if (!text.includes('\n\nevent: snapshot')) return
        if (!/data: .*\n\n/.test(text)) return
        outgoing.destroy()
        resolve(text)
      })
    })
    outgoing.on('error', reject).end()
  })
}

describe.each(Object.entries(MOUNTS))('%s', (_name, mount) => {
  it('has the page with and without a slash, its JSON and its events', async () => {
    const balancer = await made()
    const port = await mount(balancer)
    for (const [path, link] of [
      ['/status', './status/json'],
      ['/status/', './json'],
    ] as const) {
      const page = await ask(port, { path })
      expect(page.status).toBe(200)
      expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
      expect(page.headers['content-security-policy']).toContain(
        "default-src 'none'; script-src 'sha256-",
      )
      expect(page.body).toContain(`href="${link}"`)
      const json = new URL(link, `http://x${path}`).pathname
      expect(json).toBe('/status/json')
    }
    expect((await ask(port, { path: '/hello' })).body).toBe('of the peer')
    const json = await ask(port, { path: '/status/json' })
    expect((JSON.parse(json.body) as StatusSnapshot).totals.requests).toBe(1)
    expect(await firstEvent(port, '/status/events')).toMatch(
      /^retry: 1000\n\nevent: snapshot\ndata: \{/,
    )
  })

  it('has heads that are strict, and knows its methods', async () => {
    const port = await mount(await made())
    for (const path of ['/status', '/status/json', '/status/events']) {
      const head = await ask(port, { path, method: 'HEAD' })
      expect(head).toMatchObject({ status: 200, body: '' })
      expect(head.headers).toMatchObject({
        'cache-control': 'no-store, no-transform',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'x-frame-options': 'DENY',
      })
      expect(head.headers['content-security-policy']).toContain("frame-ancestors 'none'")
      const put = await ask(port, { path, method: 'PUT' })
      expect(put).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
    }
    const get = await ask(port, { path: '/status/peers/a/down' })
    expect(get).toMatchObject({ status: 405, headers: { allow: 'POST' } })
  })

  it('changes peers when it may, for its own page only', async () => {
    const balancer = await made({ statusPage: { controls: true } })
    const port = await mount(balancer)
    const [peer] = balancer.upstream.peers
    const post = (action: string, question: Ask = {}): Promise<Reply> =>
      ask(port, {
        method: 'POST',
        path: `/status/peers/${encodeURIComponent(peer!.name)}/${action}`,
        headers: { 'X-Evenkeel': '1' },
        ...question,
      })
    for (const [action, state] of [
      ['drain', 'draining'],
      ['down', 'down'],
      ['up', 'up'],
    ] as const) {
      expect(JSON.parse((await post(action)).body)).toEqual({ peer: peer!.name, state })
      expect(balancer.upstream.status(peer!)).toBe(state)
    }
    const json = { 'Content-Type': 'application/json' }
    expect((await post('down', { headers: json, body: '{}' })).status).toBe(200)
    expect(
      (await post('up', { headers: { 'X-Evenkeel': '1', 'Sec-Fetch-Site': 'cross-site' } })).status,
    ).toBe(403)
    expect(
      (await post('up', { headers: { 'X-Evenkeel': '1', Origin: 'http://evil.example' } })).status,
    ).toBe(403)
    expect((await post('up', { headers: {} })).status).toBe(403)
    expect(balancer.upstream.status(peer!)).toBe('down')
    const other = await post('up', { path: '/status/peers/nobody/up' })
    expect(other).toMatchObject({ status: 404, body: 'There is no such peer.\n' })
  })

  it('changes nothing by default', async () => {
    const balancer = await made()
    const port = await mount(balancer)
    const [peer] = balancer.upstream.peers
    const path = `/status/peers/${peer!.name}/down`
    const reply = await ask(port, { method: 'POST', path, headers: { 'X-Evenkeel': '1' } })
    expect(reply.status).toBe(403)
    expect(reply.body).toContain('The controls are off')
    expect(balancer.upstream.status(peer!)).toBe('up')
    expect((await ask(port, { path: '/status' })).body).not.toContain('<button')
  })
})

describe('the page', () => {
  it('is there over HTTP/2', async () => {
    const mock = await upstream({ answer: respond({ body: 'x' }) })
    const server = await serve([mock], {}, { kind: 'http2' })
    expect(server.balancer.statusPage).toBe(server.balancer.statusPage)
    const { createSecureServer } = await import('node:http2')
    const { forLocalhost } = await import('../../fixtures/test-only-certificates.js')
    const http2 = createSecureServer({ ...forLocalhost }, (req, res) => {
      server.balancer.statusPage(req as never, res as never)
    })
    http2.listen(0, '127.0.0.1')
    await once(http2, 'listening')
    onTestFinished(() => void http2.close())
    const session = http2Session((http2.address() as AddressInfo).port)
    const reply = await ask2(session, { ':path': '/json' })
    expect(reply).toMatchObject({ status: 200, whole: true })
    expect((JSON.parse(reply.body) as StatusSnapshot).peers).toHaveLength(1)
  })

  it('below an Express mount other paths are not found', async () => {
    const port = await MOUNTS['Express']!(await made())
    expect(await ask(port, { path: '/status/other' })).toMatchObject({ status: 404 })
  })

  it('a link to the JSON leads nowhere else, whatever the client asks for', async () => {
    const balancer = await made()
    const port = await listen((req, res) => {
      balancer.statusPage(req, res)
    })
    const { body } = await ask(port, { path: '/javascript:alert(1)//x"onclick="y' })
    expect(/<a href="([^"]*)">/.exec(body)?.[1]).toBe('./x&quot;onclick=&quot;y/json')
    const scheme = await ask(port, { path: '/javascript:alert(1)' })
    expect(/<a href="([^"]*)">/.exec(scheme.body)?.[1]).toBe('./javascript:alert(1)/json')
  })
})
