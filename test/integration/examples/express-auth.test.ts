/** The Express example, and what becomes of bodies that a parser has read before the balancer. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createBalancer } from 'evenkeel'
import { reset, respond } from 'evenkeel/testing'
import express from 'express'
import type { RequestHandler } from 'express'
import { describe, expect, it } from 'vitest'
import { start } from '../../../examples/express-auth.js'
import type { ExampleOptions, RunningExample } from '../../../examples/support/run-alone.js'
import { ask, noise, onStage, sha256 } from './harness.js'

const authorization = 'Bearer open-sesame'

describe('express-auth', () => {
  it.each([
    ['no token', {}],
    ['a wrong token', { authorization: 'Bearer guess' }],
  ])('refuses %s, and no peer hears of it', async (_what, headers) => {
    await onStage(start, async ({ url, requests }) => {
      const get = await ask(`${url}/api/orders`, { headers })
      expect(get.status).toBe(401)
      expect(JSON.parse(get.body.toString())).toEqual({ error: 'who are you?' })
      expect((await ask(`${url}/api/orders`, { headers, body: noise(200_000) })).status).toBe(401)
      expect(requests()).toEqual([])
    })
  })

  it('sends on who asked, under the path without the mount', async () => {
    await onStage(start, async ({ url, requests }) => {
      const reply = await ask(`${url}/api/orders?page=2`, { headers: { authorization } })
      expect(reply.status).toBe(200)
      expect(reply.headers['x-served-for']).toBe('ali')
      const [request] = requests()
      expect(request?.target).toBe('/orders?page=2')
      expect(request?.headers['x-user']).toBe('ali')
      expect(request?.headers).not.toHaveProperty('authorization')
    })
  })

  it('lets no client set or remove what the middleware has set', async () => {
    await onStage(start, async ({ url, requests }) => {
      const headers = { authorization, 'X-User': 'root', Connection: 'close, X-User' }
      expect((await ask(`${url}/api/orders`, { headers })).status).toBe(200)
      expect(requests()[0]?.headers['x-user']).toBe('ali')
    })
  })

  it.each([
    ['JSON', 'application/json', Buffer.from('{ "a" :  1.0, "b": "\\u00e9" }')],
    ['a form', 'application/x-www-form-urlencoded', Buffer.from('b=2&a=1+1')],
    ['3 MB of noise', 'application/octet-stream', noise(3_000_000)],
  ])('carries %s unchanged, byte for byte', async (_what, type, body) => {
    await onStage(start, async ({ url, requests }) => {
      const headers = { authorization, 'Content-Type': type }
      expect((await ask(`${url}/api/orders`, { headers, body })).status).toBe(200)
      expect(requests().map((request) => request.sha256)).toEqual([sha256(body)])
    })
  })

  it('fails over, and sends the body again from its first byte', async () => {
    await onStage(start, async ({ url, one, two }) => {
      one.reply(reset())
      const body = noise(20_000)
      for (let i = 0; i < 3; i++) {
        const reply = await ask(`${url}/api/orders`, {
          method: 'PUT',
          headers: { authorization },
          body,
        })
        expect(reply.body.toString()).toBe('two')
      }
      expect(one.requests.length).toBeGreaterThan(0)
      expect(two.requests.map((request) => request.sha256)).toEqual(Array(3).fill(sha256(body)))
    })
  })

  it('leaves other routes to Express', async () => {
    await onStage(start, async ({ url, requests }) => {
      const reply = await ask(`${url}/login`, {
        headers: { 'Content-Type': 'application/json' },
        body: '{"name":"ali"}',
      })
      expect(JSON.parse(reply.body.toString())).toEqual({ welcome: 'ali' })
      expect(requests()).toEqual([])
    })
  })
})

/** An app with parsers before the balancer. */
function behind(...parsers: RequestHandler[]) {
  return async ({ upstream, port }: ExampleOptions): Promise<RunningExample> => {
    const balancer = createBalancer({ upstream })
    const server = express()
      .use(...parsers, balancer)
      .listen(port, '127.0.0.1')
    await once(server, 'listening')
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      async close() {
        server.close()
        await balancer.close()
        server.closeAllConnections()
      },
    }
  }
}

describe('a body parser before the balancer', () => {
  it('express.json(): the peer gets the same value, whole, on each try', async () => {
    await onStage(behind(express.json()), async ({ url, one, two }) => {
      one.reply(reset())
      const value = { text: 'äöü €', list: [1, 2, { deep: null }], none: [], yes: true }
      for (const chunked of [false, true]) {
        const reply = await ask(url, {
          method: 'PUT',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify(value, undefined, 4),
          chunked,
        })
        expect(reply.body.toString()).toBe('two')
      }
      expect(two.requests).toHaveLength(2)
      for (const { body, headers } of two.requests) {
        expect(JSON.parse(body.toString())).toEqual(value)
        expect(headers['content-length']).toBe(String(body.length))
        expect(headers['content-type']).toBe('application/json')
      }
    })
  })

  it('express.urlencoded(): the peer gets the same fields', async () => {
    await onStage(behind(express.urlencoded({ extended: true })), async ({ url, requests }) => {
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
      expect((await ask(url, { headers, body: 'a=1&b=x+y&c=1&c=2&d[e]=%C3%A9' })).status).toBe(200)
      const fields = new URLSearchParams(requests()[0]?.body.toString())
      expect([...fields]).toEqual([
        ['a', '1'],
        ['b', 'x y'],
        ['c', '1'],
        ['c', '2'],
        ['d[e]', 'é'],
      ])
    })
  })

  it('express.raw() and express.text(): the peer gets the same bytes', async () => {
    const parsers = [express.raw({ limit: '1mb' }), express.text()]
    await onStage(behind(...parsers), async ({ url, requests }) => {
      const bytes = noise(300_000)
      const octets = { 'Content-Type': 'application/octet-stream' }
      const text = { 'Content-Type': 'text/plain; charset=utf-8' }
      expect((await ask(url, { headers: octets, body: bytes })).status).toBe(200)
      expect((await ask(url, { headers: text, body: 'grüße' })).status).toBe(200)
      const digests = requests().map((request) => request.sha256)
      expect(digests.sort()).toEqual([sha256(bytes), sha256('grüße')].sort())
    })
  })

  it('what the parser passes over streams on untouched', async () => {
    await onStage(behind(express.json(), express.urlencoded()), async ({ url, requests }) => {
      const body = noise(1_000_000)
      const headers = { 'Content-Type': 'multipart/form-data; boundary=x' }
      expect((await ask(url, { headers, body })).status).toBe(200)
      expect(requests().map((request) => request.sha256)).toEqual([sha256(body)])
    })
  })

  it('a body that was read and not kept is refused clearly, at once, and reaches no peer', async () => {
    const swallow: RequestHandler = (request, _response, next) => {
      request.resume().on('end', () => {
        next()
      })
    }
    await onStage(behind(swallow), async ({ url, requests }) => {
      const reply = await ask(url, { headers: { 'Content-Type': 'image/png' }, body: noise(5_000) })
      expect(reply.status).toBe(500)
      expect(reply.headers['proxy-status']).toContain('error=http_request_error')
      expect(requests()).toEqual([])
    })
  })

  it('the peer’s answer keeps its own headers', async () => {
    await onStage(behind(express.json()), async ({ url, one, two }) => {
      for (const peer of [one, two])
        peer.reply(respond({ status: 201, headers: { 'X-Powered-By': 'peer', ETag: '"1"' } }))
      const reply = await ask(url)
      expect(reply.status).toBe(201)
      expect(reply.headers).toMatchObject({ 'x-powered-by': 'peer', etag: '"1"' })
    })
  })
})
