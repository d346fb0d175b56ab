import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, expect, it, test } from 'vitest'
import { parsePeerAddress } from '../../../src/config/peer-address.js'
import { changedRefresh, compileRedirect } from '../../../src/message/redirect.js'
import type { RedirectSource } from '../../../src/message/redirect.js'
import type { PeerAddress } from '../../../src/upstream/peer.js'

type Config = Parameters<typeof compileRedirect>[0]

interface Setting {
  peers?: string[]
  /** Which of them answered. */
  peer?: number
  config?: Partial<Config>
  /** Fields of the client's request, by Node's names. */
  request?: object
  /** Fields that the peer saw. */
  sent?: string[]
}

const PEERS = ['http://10.0.0.1:8080', 'http://app', 'https://Secure.Example', 'http://[::1]:81']

function addressOf(text: string): PeerAddress {
  const address = parsePeerAddress(text)
  if (typeof address === 'string') throw new Error(address)
  return address
}

function redirect(url: string, setting: Setting = {}): string {
  const peers = (setting.peers ?? PEERS).map(addressOf)
  const config = { redirect: 'default', rewrite: undefined, mountPath: 'strip', ...setting.config }
  const change = compileRedirect(config as Config, { peers })
  if (change === undefined) return 'nothing to call'
  return change(url, {
    request: {
      url: '/',
      headers: { host: 'site' },
      ...setting.request,
    } as unknown as IncomingMessage,
    response: {} as unknown as ServerResponse,
    sent: {
      method: 'GET',
      target: '/',
      headers: setting.sent ?? ['Host', 'site'],
      upgrade: undefined,
    },
    peer: peers[setting.peer ?? 0] as RedirectSource['peer'],
    status: 302,
  })
}

describe('peers that come and go', () => {
  const source = (peer: PeerAddress): RedirectSource => ({
    request: { url: '/', headers: { host: 'site' } } as unknown as IncomingMessage,
    response: {} as unknown as ServerResponse,
    sent: { method: 'GET', target: '/', headers: ['Host', 'site'], upgrade: undefined },
    peer: peer as RedirectSource['peer'],
    status: 302,
  })

  it('are known as they are now; one that has left speaks for itself', () => {
    const [a, b] = ['http://10.0.0.1:81', 'http://10.0.0.2:82'].map(addressOf)
    const group = { peers: [a!] }
    const change = compileRedirect(
      { redirect: 'default', rewrite: undefined, mountPath: 'strip' },
      group,
    )
    expect(change?.('http://10.0.0.2:82/x', source(a!))).toBe('http://10.0.0.2:82/x')
    group.peers = [b!]
    expect(change?.('http://10.0.0.2:82/x', source(b!))).toBe('/x')
    expect(change?.('http://10.0.0.1:81/x', source(b!))).toBe('http://10.0.0.1:81/x')
    expect(change?.('http://10.0.0.1:81/x', source(a!))).toBe('/x')
  })
})

describe('by default', () => {
  test.each([
    ['http://10.0.0.1:8080/login?x=1#y', '/login?x=1#y'],
    ['http://10.0.0.1:8080/', '/'],
    ['http://10.0.0.1:8080', '/'],
    ['http://10.0.0.1:8080?a=b', '/?a=b'],
    ['http://10.0.0.1:8080#a', '/#a'],
    ['HTTP://10.0.0.1:8080/A', '/A'],
    ['//10.0.0.1:8080/a', '/a'],
    ['http://10.0.0.1:08080/a', '/a'],
    // Another peer, and the default port in both ways of writing it.
    ['http://app/a', '/a'],
    ['http://APP:80/a', '/a'],
    ['http://app:/a', '/a'],
    ['https://secure.example/a', '/a'],
    ['https://secure.example:443/a', '/a'],
    ['http://[::1]:81/a', '/a'],
    ['http://[0:0:0:0:0:0:0:1]:81/a', '/a'],
    ['http://app/a b', '/a b'],
    ['http://app/é', '/é'],
  ])("%s is a peer's own and becomes %s", (url, expected) => {
    expect(redirect(url)).toBe(expected)
  })

  test.each([
    '',
    '/',
    '/login',
    'login',
    '?a',
    '#a',
    '../x',
    'http:/app/a',
    'http:app/a',
    'http:\\\\app/a',
    'http://',
    'http:///a',
    'http://:80/a',
    'http://app:99999/a',
    'http://app:x/a',
    'http://[::1/a',
    'http://app%zz/a',
    'https://10.0.0.1:8080/a',
    'https://app/a',
    'http://app:443/a',
    'http://secure.example/a',
    'http://10.0.0.1/a',
    'http://10.0.0.10:8080/a',
    'http://10.0.0.1:80801/a',
    'http://sub.app/a',
    'http://app.example/a',
    'http://user@app/a',
    'http://app@evil.example/a',
    'http://app\\@evil.example/a',
    'http://app\\a',
    'http://app\t/a',
    'http://app/\t/evil.example/a',
    'http://app/\n',
    '//evil.example/a',
    'ftp://app/a',
    'javascript:alert(1)',
    'mailto:a@app',
    'http://site/a',
    '\0',
    'http://app/a\x7f',
    `http://${'a'.repeat(10_000)}/`,
  ])('%j is left alone', (url) => {
    expect(redirect(url)).toBe(url)
  })

  // A reference that begins with two slashes, or what browsers take for them, would lead to another host.
  test.each([
    ['http://app//evil.example/x', '/.//evil.example/x'],
    ['http://app/\\evil.example/x', '/./\\evil.example/x'],
    ['http://app///evil.example', '/.///evil.example'],
  ])('%s does not lead away: %s', (url, expected) => {
    const changed = redirect(url)
    expect(changed).toBe(expected)
    expect(new URL(changed, 'http://site/api/').host).toBe('site')
  })

  it('knows a scheme that is left out by the peer', () => {
    expect(redirect('//secure.example/a', { peer: 2 })).toBe('/a')
    expect(redirect('//secure.example/a', { peer: 0 })).toBe('//secure.example/a')
  })

  describe('the Host that the peer saw', () => {
    test.each<[string, string, string]>([
      ['inner.example', 'http://inner.example/a', '/a'],
      ['Inner.Example', 'http://inner.example:80/a', '/a'],
      ['inner.example:8080', 'http://inner.example:8080/a', '/a'],
      ['inner.example', 'http://inner.example:8080/a', 'http://inner.example:8080/a'],
      // From HTTP to HTTPS the peer means it.
      ['inner.example', 'https://inner.example/a', 'https://inner.example/a'],
      // What the client asked for leads to us, or wherever the peer wants.
      ['site', 'http://site/a', 'http://site/a'],
      ['SITE', 'http://site/a', 'http://site/a'],
    ])('%s: %s becomes %s', (host, url, expected) => {
      expect(redirect(url, { sent: ['X', 'y', 'host', host] })).toBe(expected)
    })

    it("is the client's in HTTP/2 and in absolute form, too", () => {
      const sent = ['Host', 'h2.example']
      const url = 'http://h2.example/a'
      expect(redirect(url, { sent, request: { headers: { ':authority': 'h2.example' } } })).toBe(
        url,
      )
      expect(redirect(url, { sent, request: { headers: {}, url: 'http://H2.example/x' } })).toBe(
        url,
      )
      expect(redirect(url, { sent, request: { headers: {} } })).toBe('/a')
    })

    it('is localhost at a unix socket that got none', () => {
      const peers = ['unix:/run/app.sock', 'http://app']
      expect(redirect('http://localhost/a', { peers, sent: [] })).toBe('/a')
      expect(redirect('http://localhost/a', { peers })).toBe('http://localhost/a')
      expect(redirect('http://localhost/a', { peers, peer: 1, sent: [] })).toBe(
        'http://localhost/a',
      )
      expect(redirect('http://app/a', { peers, sent: [] })).toBe('/a')
    })

    it('may be junk', () => {
      expect(redirect('http://x/a', { sent: ['Host', '['] })).toBe('http://x/a')
      expect(redirect('http://x/a', { sent: ['Host', ''] })).toBe('http://x/a')
    })
  })

  describe('under a mount path', () => {
    const request = { url: '/x', baseUrl: '/api' }

    it('is put before the path', () => {
      expect(redirect('http://app/login', { request })).toBe('/api/login')
      expect(redirect('http://app', { request })).toBe('/api/')
      expect(redirect('http://app//evil', { request })).toBe('/api//evil')
    })

    it('is not, where peers see it', () => {
      expect(redirect('http://app/api/login', { request, config: { mountPath: 'keep' } })).toBe(
        '/api/login',
      )
    })

    it('leads nowhere else, whatever the client has made of it', () => {
      const evil = { url: '/x', baseUrl: '//evil.example' }
      expect(redirect('http://app/login', { request: evil })).toBe('/.//evil.example/login')
    })
  })

  describe('with rewrite rules', () => {
    const rewrite = [
      { from: '/api/', to: '/v2/' },
      { from: '/app/', to: '/v3/' },
      { from: /^\/old\/(.*)$/, to: '/v4/$1' },
      { from: '/again/', to: '/v3/' },
    ]

    test.each([
      // Back through the rule that the request went through.
      ['/api/x', 'http://app/v2/login?a', '/api/login?a'],
      ['/again/x', 'http://app/v3/login', '/again/login'],
      ['/app/x', 'http://app/v3/login', '/app/login'],
      // Through another one.
      ['/api/x', 'http://app/v3/login', '/app/login'],
      ['/old/x', 'http://app/v2/login', '/api/login'],
      // Nothing leads there, and a RegExp cannot be turned around.
      ['/api/x', 'http://app/else', '/else'],
      ['/old/x', 'http://app/v4/login', '/v4/login'],
      // What went through no rule comes back through none.
      ['/else', 'http://app/v2/login', '/v2/login'],
      ['http://site/api/x', 'http://app/v2/login', '/api/login'],
      // Of others the rules know nothing.
      ['/api/x', 'http://site/v2/login', 'http://site/v2/login'],
      ['/api/x', '/v2/login', '/v2/login'],
    ])('a request for %s, sent to %s, goes to %s', (url, location, expected) => {
      expect(redirect(location, { request: { url }, config: { rewrite } })).toBe(expected)
    })

    it('and a mount path', () => {
      const request = { url: '/api/x', baseUrl: '/mount', originalUrl: '/mount/api/x' }
      expect(redirect('http://app/v2/a', { request, config: { rewrite } })).toBe('/mount/api/a')
      const keep = [{ from: '/mount/api/', to: '/' }]
      expect(
        redirect('http://app/a', { request, config: { rewrite: keep, mountPath: 'keep' } }),
      ).toBe('/mount/api/a')
    })

    it('a function cannot be turned around', () => {
      const config = { rewrite: () => '/v2/x' }
      expect(redirect('http://app/v2/x', { config })).toBe('/v2/x')
    })
  })
})

test('turned off, there is nothing to call', () => {
  expect(redirect('http://app/', { config: { redirect: 'off' } })).toBe('nothing to call')
  expect(redirect('http://app/', { config: { redirect: [] } })).toBe('nothing to call')
})

describe('rules', () => {
  const rules = [
    { from: 'http://inner.example:8080/', to: 'https://outer.example/' },
    { from: /^http:\/\/([^:/]+):\d+(\/.+)$/i, to: 'https://$1.outer.example$2' },
    { from: '/', to: '/api/' },
  ]

  test.each([
    ['http://inner.example:8080/a', 'https://outer.example/a'],
    ['HTTP://shop:81/a?b', 'https://shop.outer.example/a?b'],
    ['/login', '/api/login'],
    // Rules stand in the place of the default.
    ['http://app/a', 'http://app/a'],
    ['login', 'login'],
    ['HTTP://inner.example:8080', 'HTTP://inner.example:8080'],
  ])('%s becomes %s', (url, expected) => {
    expect(redirect(url, { config: { redirect: rules } })).toBe(expected)
  })

  it('replace all of the URL, as in nginx', () => {
    const rule = [{ from: /\/user\/([^/]+)\/(.+)$/, to: 'http://$1.example/$2' }]
    expect(redirect('http://app:8000/user/ann/x/y', { config: { redirect: rule } })).toBe(
      'http://ann.example/x/y',
    )
  })

  it('make no way out of a path', () => {
    const rule = [{ from: 'http://app', to: '' }]
    expect(redirect('http://app//evil.example/', { config: { redirect: rule } })).toBe(
      '/.//evil.example/',
    )
    const meant = [{ from: 'http://app/', to: '//cdn.example/' }]
    expect(redirect('http://app/x', { config: { redirect: meant } })).toBe('//cdn.example/x')
  })
})

describe('a function', () => {
  const by = (made: unknown): Setting => ({ config: { redirect: (() => made) as never } })

  it('gets the URL and the context', () => {
    const seen: unknown[] = []
    const config: Partial<Config> = {
      redirect: (url, context) => {
        seen.push(url, context.status, context.peer.hostname, context.request.url)
        expect(Object.keys(context)).toEqual(['request', 'response', 'peer', 'status'])
        return '/there'
      },
    }
    expect(redirect('whatever', { config, peer: 1 })).toBe('/there')
    expect(seen).toEqual(['whatever', 302, 'app', '/'])
  })

  test.each([undefined, null, 5, 'a\r\nSet-Cookie: x', 'a\0', '\u{1f600}', Promise.resolve('/')])(
    'must return a text that can be sent: %j',
    (made) => {
      expect(() => redirect('/a', by(made))).toThrow(/^redirect: must return a text without/)
    },
  )

  it('may return what it was given, whatever that is', () => {
    const config: Partial<Config> = { redirect: (url) => url }
    expect(redirect('a\0', { config })).toBe('a\0')
  })
})

describe('Refresh', () => {
  test.each([
    ['5; url=http://app/a', '5; url=</a>'],
    ['5;URL=http://app/a', '5;URL=</a>'],
    ['0, url = "http://app/a" x', '0, url = "</a>" x'],
    ["0; url='http://app/it\"s'", "0; url='</it\"s>'"],
    ['0; url="http://app/open', '0; url="</open>'],
    ["0; url=http://app/it's", "0; url=</it's>"],
    ['1.5 ; http://app/a', '1.5 ; </a>'],
    ['http://app/a', '</a>'],
    ['5; url=/relative', '5; url=</relative>'],
  ])('%s', (value, expected) => {
    expect(changedRefresh(value, (url) => `<${url.replace('http://app', '')}>`)).toBe(expected)
  })

  test.each(['', '5', '5;', '5; url=', '5; url=""', "0; url='"])('%j has no URL', (value) => {
    expect(changedRefresh(value, () => 'never')).toBe(value)
  })
})
