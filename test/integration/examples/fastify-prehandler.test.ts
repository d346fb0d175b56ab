/** The Fastify example, and Fastify's own parsers before the balancer. */
import { createBalancer } from 'evenkeel'
import { reset } from 'evenkeel/testing'
import { fastify } from 'fastify'
import { describe, expect, it } from 'vitest'
import { start } from '../../../examples/fastify-prehandler.js'
import type { ExampleOptions, RunningExample } from '../../../examples/support/run-alone.js'
import { ask, noise, onStage, sha256 } from './harness.js'

const authorization = 'Bearer open-sesame'

describe('fastify-prehandler', () => {
  it('refuses strangers, and no peer hears of it', async () => {
    await onStage(start, async ({ url, requests }) => {
      const reply = await ask(`${url}/orders`)
      expect(reply.status).toBe(401)
      expect(JSON.parse(reply.body.toString())).toEqual({ error: 'who are you?' })
      expect((await ask(`${url}/orders`, { body: noise(200_000) })).status).toBe(401)
      expect(requests()).toEqual([])
    })
  })

  it('sends on who asked, and keeps what hooks have set on the reply', async () => {
    await onStage(start, async ({ url, requests }) => {
      const headers = { authorization, 'X-User': 'root', Connection: 'close, X-User' }
      const reply = await ask(`${url}/orders?page=2`, { headers })
      expect(reply.status).toBe(200)
      expect(reply.headers['x-served-for']).toBe('ali')
      expect(requests()[0]?.target).toBe('/orders?page=2')
      expect(requests()[0]?.headers['x-user']).toBe('ali')
    })
  })

  it.each([
    ['JSON', 'application/json', Buffer.from('{ "a" :  1.0 }'), false],
    ['broken JSON', 'application/json', Buffer.from('{ "a" :  '), false],
    ['a form', 'application/x-www-form-urlencoded', Buffer.from('b=2&a=1+1'), false],
    ['3 MB of noise', 'application/octet-stream', noise(3_000_000), false],
    ['3 MB of noise, chunked', 'application/octet-stream', noise(3_000_000), true],
  ])('carries %s unchanged, byte for byte', async (_what, type, body, chunked) => {
    await onStage(start, async ({ url, requests }) => {
      const headers = { authorization, 'Content-Type': type }
      expect((await ask(url, { headers, body, chunked })).status).toBe(200)
      expect(requests().map((request) => request.sha256)).toEqual([sha256(body)])
    })
  })

  it('fails over, and sends the body again from its first byte', async () => {
    await onStage(start, async ({ url, one, two }) => {
      one.reply(reset())
      const body = noise(20_000)
      const headers = { authorization, 'Content-Type': 'application/octet-stream' }
      for (let i = 0; i < 3; i++) {
        expect((await ask(url, { method: 'PUT', headers, body })).body.toString()).toBe('two')
      }
      expect(one.requests.length).toBeGreaterThan(0)
      expect(two.requests.map((request) => request.sha256)).toEqual(Array(3).fill(sha256(body)))
    })
  })

  it('leaves other routes to Fastify', async () => {
    await onStage(start, async ({ url }) => {
      const headers = { 'Content-Type': 'application/json' }
      const reply = await ask(`${url}/login`, { headers, body: '{"name":"ali"}' })
      expect(JSON.parse(reply.body.toString())).toEqual({ welcome: 'ali' })
    })
  })
})

async function withDefaultParsers({ upstream, port }: ExampleOptions): Promise<RunningExample> {
  const balancer = createBalancer({ upstream })
  const app = fastify()
  app.all('/*', balancer.fastify)
  app.addHook('onClose', () => balancer.close())
  return { url: await app.listen({ port, host: '127.0.0.1' }), close: () => app.close() }
}

describe("Fastify's own parsers before the balancer", () => {
  it('JSON: the peer gets the same value, whole, on each try', async () => {
    await onStage(withDefaultParsers, async ({ url, one, two }) => {
      one.reply(reset())
      const value = { text: 'äöü €', list: [1, 2, { deep: null }] }
      for (const chunked of [false, true]) {
        const reply = await ask(url, {
          method: 'PUT',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify(value, undefined, 4),
          chunked,
        })
        expect(reply.body.toString()).toBe('two')
      }
      for (const { body, headers } of two.requests) {
        expect(JSON.parse(body.toString())).toEqual(value)
        expect(headers['content-length']).toBe(String(body.length))
      }
    })
  })

  it('text: the peer gets the same bytes', async () => {
    await onStage(withDefaultParsers, async ({ url, requests }) => {
      const headers = { 'Content-Type': 'text/plain' }
      expect((await ask(url, { headers, body: 'grüße' })).status).toBe(200)
      expect(requests()[0]?.body.toString()).toBe('grüße')
    })
  })

  it('a content type without a parser is answered 415 by Fastify, and does not hang', async () => {
    await onStage(withDefaultParsers, async ({ url, requests }) => {
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
      expect((await ask(url, { headers, body: 'a=1' })).status).toBe(415)
      expect(requests()).toEqual([])
    })
  })
})
