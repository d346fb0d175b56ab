/** A secret in any option, in a request or in an error is never on the live page, nor in its JSON or its events. */
import type { BalancerOptions } from 'evenkeel'
import { fails, ok } from 'evenkeel/testing'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { client1 } from '../fixtures/test-only-authority.js'
import { Client } from '../unit/balancer/client.js'
import { rig, settle } from '../unit/balancer/rig.js'
import type { Rig } from '../unit/balancer/rig.js'

type Plant = (secret: string) => Partial<BalancerOptions>

/** Where a secret may be. */
const PLANTS: Readonly<Record<string, Plant>> = {
  'sticky.secret': (secret) => ({
    sticky: { cookie: { name: 'id', secret: secret.repeat(3) } },
  }),
  'tls.key': () => ({ tls: { key: client1.key, cert: client1.cert } }),
  'requestHeaders.set': (secret) => ({ requestHeaders: { set: { Authorization: secret } } }),
  'requestHeaders.append': (secret) => ({ requestHeaders: { append: { 'X-Key': [secret] } } }),
  'responseHeaders.set': (secret) => ({ responseHeaders: { set: { 'X-Key': secret } } }),
  'healthCheck.headers': (secret) => ({ healthCheck: { headers: { Authorization: secret } } }),
  'healthCheck.path': (secret) => ({ healthCheck: { path: `/health?key=${secret}` } }),
  'healthCheck.host': (secret) => ({ healthCheck: { host: secret } }),
  'healthCheck.body': (secret) => ({ healthCheck: { body: secret } }),
  'rewrite.to': (secret) => ({ rewrite: { from: /^\/a/, to: `/b?key=${secret}` } }),
  'redirect.to': (secret) => ({ redirect: { from: 'http://a', to: `http://u:${secret}@b` } }),
  'cookieDomain.to': (secret) => ({ cookieDomain: { from: 'a', to: secret } }),
  'cookiePath.to': (secret) => ({ cookiePath: { from: '/a', to: `/${secret}` } }),
  host: (secret) => ({ host: secret }),
  via: (secret) => ({ via: secret }),
  proxyStatus: (secret) => ({ proxyStatus: secret }),
  tempPath: (secret) => ({ tempPath: `/tmp/${secret}` }),
  trustProxy: () => ({ trustProxy: '10.9.8.7' }),
  exempt: (secret) => ({ exempt: `/${secret}` }),
  'subset.fallback': (secret) => ({ subset: () => undefined, subsetFallback: { key: secret } }),
  'upstream.labels': (secret) => ({
    upstream: [{ url: 'http://a:80', labels: { key: secret } }, 'http://b:80'],
  }),
  selector: (secret) => ({ selector: { name: 'hash', key: () => secret } }),
  onError: (secret) => ({ onError: (_error, _request, response) => response.end(secret) }),
}

async function shown({ balancer, clock }: Rig, url: string): Promise<string> {
  const client = new Client({ url })
  balancer.statusPage(client.req, client.res)
  await settle(clock)
  return Buffer.concat(client.socket.chunks).toString()
}

async function everythingOf(r: Rig): Promise<string> {
  const texts = await Promise.all(['/', '/json', '/events'].map((url) => shown(r, url)))
  for (const text of texts) expect(text).toContain('200 OK')
  return texts.join('\n')
}

const word = fc.stringMatching(/^[a-z]{6}[0-9]{10}$/)

it.each(Object.keys(PLANTS))('a secret in %s is not shown', async (name) => {
  await fc.assert(
    fc.asyncProperty(word, async (secret) => {
      const r = rig(
        { 'a:80': fails({ cause: new Error(secret) }), 'b:80': ok() },
        PLANTS[name]?.(secret),
      )
      expect(r.balancer.statusPage).toBeTypeOf('function')
      const headers = { authorization: `Bearer ${secret}`, cookie: `id=${secret}` }
      await r.start({ url: `/x?key=${secret}`, headers })
      r.upstream.update(r.upstream.peers[1]!, { down: true })
      for (let i = 0; i < 4; i++) await r.start({ url: `/y?key=${secret}`, headers })
      const text = await everythingOf(r)
      expect(text).toContain('"failures":[{"id":')
      expect(text).not.toContain(secret)
      expect(text).not.toContain(client1.key.slice(100, 130))
      expect(text).not.toContain('10.9.8.7')
      await r.balancer.close({ timeout: 0 })
    }),
    { numRuns: 3 },
  )
})
