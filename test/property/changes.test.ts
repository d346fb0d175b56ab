/** What the options change in messages: nothing that they make is invalid, and nothing else is touched. */
import fc from 'fast-check'
import { validateHeaderName, validateHeaderValue } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { resolveBalancer } from '../../src/config.js'
import { parsePeerAddress } from '../../src/config/peer-address.js'
import { ConfigurationError } from '../../src/errors.js'
import { compileCookieRules } from '../../src/message/cookie-attributes.js'
import { isConnectionField, isFieldValue } from '../../src/message/field-rules.js'
import { HeaderList } from '../../src/message/header-list.js'
import { changedRefresh, compileRedirect } from '../../src/message/redirect.js'
import { compileRequestChanges } from '../../src/message/request-changes.js'
import { compileResponseChanges } from '../../src/message/response-changes.js'
import { compileRewrite } from '../../src/message/rewrite.js'
import type { UpstreamRequestHead, UpstreamResponseHead } from '../../src/message-options.js'
import type { BalancerOptions } from '../../src/options.js'
import type { Peer, PeerAddress } from '../../src/upstream/peer.js'

const RUNS = { numRuns: 500 }

// ---- HeaderList against a list of pairs

type Pair = [name: string, value: string]

const fieldName = fc.constantFrom('A', 'a', 'B', 'b', 'Aa', 'X-Y', 'x-y', '')
const lines = fc.oneof(
  fc.string({ maxLength: 3 }),
  fc.array(fc.string({ maxLength: 3 }), { maxLength: 3 }),
)
const step = fc.record({
  how: fc.constantFrom('set', 'append', 'delete'),
  name: fieldName,
  value: lines,
})

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

function naive(
  pairs: Pair[],
  { how, name, value }: typeof step extends fc.Arbitrary<infer T> ? T : never,
): Pair[] {
  const added = [value].flat().map((line): Pair => [name, line])
  if (how === 'append') return [...pairs, ...added]
  const first = pairs.findIndex(([each]) => same(each, name))
  const others = (list: Pair[]): Pair[] => list.filter(([each]) => !same(each, name))
  if (how === 'delete') return others(pairs)
  if (first === -1) return [...pairs, ...added]
  return [...pairs.slice(0, first), ...added, ...others(pairs.slice(first))]
}

test('a HeaderList does what a list of pairs would', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fieldName, fc.string())), fc.array(step), (start, steps) => {
      let pairs: Pair[] = start
      const headers = new HeaderList(start.flat())
      for (const each of steps) {
        if (each.how === 'delete') headers.delete(each.name)
        else if (each.how === 'set') headers.set(each.name, each.value)
        else headers.append(each.name, each.value)
        pairs = naive(pairs, each)
        expect(headers.raw).toEqual(pairs.flat())
        expect([...headers]).toEqual(pairs)
        const all = pairs.filter(([name]) => same(name, each.name)).map(([, value]) => value)
        expect(headers.getAll(each.name)).toEqual(all)
        expect(headers.get(each.name)).toBe(all[0])
        expect(headers.has(each.name)).toBe(all.length > 0)
      }
    }),
    RUNS,
  )
})

// ---- cookies

const cookiePart = fc.oneof(
  fc.constantFrom(
    'Domain=a.example',
    'domain = .a.example ',
    ' Path=/app/x',
    'Path',
    'path="/app"',
  ),
  fc.constantFrom(' Secure', ' Domain=', ' HttpOnly', '', ' ', '\tDomain\t=\ta.example', 'x=y=z'),
  fc.string({ unit: 'binary', maxLength: 10 }),
)
const cookie = fc.array(cookiePart, { maxLength: 6 }).map((parts) => parts.join(';'))
const cookieRules = {
  domain: [{ from: 'a.example', to: 'b.example' }],
  path: [{ from: '/app/', to: '/' }],
}

test('only the values of Domain and Path are touched', () => {
  const change = compileCookieRules(cookieRules)
  fc.assert(
    fc.property(cookie, (line) => {
      const before = line.split(';')
      const after = change?.(line).split(';') ?? []
      expect(after).toHaveLength(before.length)
      expect(after[0]).toBe(before[0])
      for (const [i, part] of before.entries()) {
        if (part === after[i]) continue
        const [, head = '', value = '', tail] =
          /^([ \t]*(?:domain|path)[ \t]*=[ \t]*)(.*?)([ \t]*)$/is.exec(part) ?? []
        expect(head).not.toBe('')
        const changed = value.startsWith('/') ? value.replace('/app/', '/') : 'b.example'
        expect(after[i]).toBe(head + (value.startsWith('.') ? '.' : '') + changed + (tail ?? ''))
      }
    }),
    RUNS,
  )
})

test('rules that fit nothing leave every line as it is', () => {
  const change = compileCookieRules({
    domain: [
      { from: 'never.example', to: 'x' },
      { from: /^never$/, to: '' },
    ],
    path: [{ from: '/never', to: 'x' }],
  })
  fc.assert(
    fc.property(cookie, (line) => {
      expect(change?.(line)).toBe(line)
    }),
    RUNS,
  )
})

// ---- redirects

const PEER = parsePeerAddress('http://app:8080') as PeerAddress as Peer
const path = fc
  .array(
    fc.constantFrom(
      '/',
      '\\',
      '//',
      'evil.example',
      'a',
      '.',
      '..',
      '?',
      '#',
      '%2f',
      ':',
      '@',
      ' ',
      '\t',
      'é',
    ),
  )
  .map((parts) => parts.join(''))
const location = fc.oneof(
  path.map((rest) => `http://app:8080${rest}`),
  path.map((rest) => `//app:8080${rest}`),
  fc.webUrl(),
  fc.string({ unit: 'binary' }),
)
/** A part of a request target, in which Node's parsers let no white space through; URL() would leave tabs out. */
const mount = fc.oneof(
  path.map((text) => text.replaceAll(/[ \t]/g, '')),
  fc.constantFrom('/api', ''),
)

function source(baseUrl: string) {
  return {
    request: { url: '/', baseUrl, headers: { host: 'site' } } as unknown as IncomingMessage,
    response: {} as unknown as ServerResponse,
    sent: { method: 'GET', target: '/', headers: ['Host', 'site'], upgrade: undefined },
    peer: PEER,
    status: 302,
  }
}

test('whatever a peer sends, the default leads to the balancer or changes nothing', () => {
  const redirect = compileRedirect(
    { redirect: 'default', rewrite: undefined, mountPath: 'strip' },
    { peers: [PEER] },
  )
  fc.assert(
    fc.property(location, mount, (url, base) => {
      const changed = redirect?.(url, source(base)) ?? ''
      if (changed === url) return
      expect(changed.startsWith('/')).toBe(true)
      expect(new URL(changed, 'https://site:444/x/y').origin).toBe('https://site:444')
      if (isFieldValue(url)) validateHeaderValue('Location', changed)
    }),
    { numRuns: 2000 },
  )
})

test('a Refresh keeps all but its URL', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.nat({ max: 9 }),
      location,
      (text, seconds, url) => {
        expect(changedRefresh(text, (same) => same)).toBe(text)
        const value = `${seconds}; url=${url}`
        expect(changedRefresh(value, (same) => same)).toBe(value)
      },
    ),
    RUNS,
  )
})

// ---- rewriting

test('no rule makes an invalid target of a valid one', () => {
  const target = fc
    .array(fc.constantFrom('/', 'a', 'api', '?', '%', '$1', '$&', '.', 'é', '#'), { maxLength: 8 })
    .map((parts) => `/${parts.join('')}`)
  const rules = [
    { from: '/api/', to: '/v2/' },
    { from: /^\/a(.*)$/, to: '/b$1?x=$1' },
    { from: /\?/, to: '/never' },
    { from: /\.(.+)/, to: '/$1' },
  ]
  const rewrite = compileRewrite(rules)
  fc.assert(
    fc.property(target, (given) => {
      const made = rewrite?.(given, undefined as never) ?? ''
      expect(made).toMatch(/^\/[\x21-\xff]*$/)
      const query = given.indexOf('?')
      if (query !== -1) expect(made.endsWith(given.slice(query + 1))).toBe(true)
    }),
    RUNS,
  )
})

// ---- hooks that do what they want

const wildName = fc.oneof(
  fc.constantFrom(
    'Connection',
    'content-length',
    'TE',
    'Upgrade',
    'Host',
    'X-A',
    'x y',
    '',
    ':path',
  ),
  fc.string({ unit: 'binary', maxLength: 6 }),
)
const wildText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('5', 'a\r\nb', '', 'chunked'),
)
const wildFields = fc.array(
  fc.tuple(fc.constantFrom('set' as const, 'append' as const), wildName, wildText),
  { maxLength: 3 },
)
const wildBody = fc.oneof(
  fc.constantFrom(undefined, undefined, null, 'text', new Uint8Array(3), 5, {}, [], true),
  fc.string(),
)

function applied(run: () => unknown): boolean {
  try {
    run()
    return true
  } catch (error) {
    expect((error as Error).message).toMatch(/^onUpstream(Request|Response): /)
    expect((error as Error).message).toMatch(/^\P{Cc}*$/u)
    return false
  }
}

function expectValid(headers: HeaderList): void {
  for (const [name, value] of headers) {
    validateHeaderName(name)
    validateHeaderValue(name, value)
  }
}

test('no hook makes an invalid request head', () => {
  const method = fc.oneof(fc.constantFrom('GET', 'POST', 'CONNECT', 'Head', 'A B', ''), wildText)
  const target = fc.oneof(fc.constantFrom('/', '*', '/x?y', 'http://a/', '/a b'), wildText)
  const wild = fc.record({ method, target, body: wildBody, fields: wildFields })
  const context = { request: {}, response: {} } as never
  let valid = 0
  fc.assert(
    fc.property(wild, ({ fields, ...change }) => {
      const head: UpstreamRequestHead = {
        method: 'GET',
        target: '/',
        headers: new HeaderList(['Host', 'site']),
        body: undefined,
      }
      const changes = compileRequestChanges({
        rewrite: undefined,
        requestHeaders: undefined,
        onUpstreamRequest: (given) => {
          Object.assign(given, change)
          for (const [how, name, value] of fields) given.headers[how](name, value)
        },
      })
      if (!applied(() => changes?.apply(head, context))) return
      valid++
      expectValid(head.headers)
      expect(head.method).toMatch(/^(?!connect$|head$)[!#$%&'*+.^_`|~\w-]+$/i)
      expect(head.target).toMatch(/^(\*|\/[\x21-\x7e\x80-\xff]*)$/)
      expect(head.headers.getAll('host').length).toBeLessThan(2)
      for (const [name] of head.headers) expect(isConnectionField(name)).toBe(false)
    }),
    { numRuns: 2000 },
  )
  expect(valid).toBeGreaterThan(10)
})

test('no hook makes an invalid response head, nor one with a wrong length', () => {
  const status = fc.oneof(
    fc.constantFrom(200, 204, 304, 404, 599),
    fc.constantFrom(101, 600, 200.5, '200', NaN),
  )
  const wild = fc.record({ status, statusMessage: wildText, body: wildBody }, { requiredKeys: [] })
  const before = fc.constantFrom(200, 204, 304, 500)
  const method = fc.constantFrom('GET', 'HEAD')
  let valid = 0
  fc.assert(
    fc.property(wild, wildFields, before, method, (change, fields, had, asked) => {
      const head: UpstreamResponseHead = {
        status: had,
        statusMessage: 'OK',
        headers: new HeaderList(had === 204 ? [] : ['Content-Length', '7']),
        body: undefined,
      }
      const changes = compileResponseChanges(
        {
          via: undefined,
          responseHeaders: undefined,
          rewrite: undefined,
          mountPath: 'strip',
          redirect: 'off',
          cookieDomain: [],
          cookiePath: [],
          onUpstreamResponse: (given) => {
            Object.assign(given, change)
            for (const [how, name, value] of fields) given.headers[how](name, value)
          },
        },
        { peers: [] },
      )
      const context = { request: { method: asked } } as never
      if (!applied(() => changes?.head?.(head, context))) return
      valid++
      expectValid(head.headers)
      expect(head.status).toBeGreaterThanOrEqual(200)
      validateHeaderValue('X-Reason', head.statusMessage)
      const lengths = head.headers.getAll('content-length')
      expect(lengths.length).toBeLessThan(2)
      for (const [name] of head.headers) {
        expect(isConnectionField(name) && name.toLowerCase() !== 'content-length').toBe(false)
      }
      const none = asked === 'HEAD' || [204, 304].includes(head.status)
      if (head.status === 204) expect(lengths).toEqual([])
      if (none) {
        expect(head.body ?? null).toBeNull()
        return
      }
      // What is announced is what comes: the peer's own seven bytes, or the length of what replaces them.
      const { body } = head
      const bytes = body === undefined ? 7 : Buffer.byteLength((body as string | null) ?? '')
      if (lengths.length > 0) expect(lengths).toEqual([String(bytes)])
      if (body === undefined) expect([204, 304]).not.toContain(had)
    }),
    { numRuns: 2000 },
  )
  expect(valid).toBeGreaterThan(10)
})

// ---- options

const garbage = fc.oneof(
  fc.anything({
    withNullPrototype: true,
    withSparseArray: true,
    withMap: true,
    withObjectString: true,
  }),
  fc.string({ unit: 'binary' }),
  fc.func(fc.anything()),
  fc.constantFrom(/a/g, /(b)/y, null, true, '/', '/a', '$1', 'evenkeel'),
)
const garbageRule = fc.record({ from: garbage, to: garbage }, { requiredKeys: [] })
const garbageFields = fc.oneof(
  garbage,
  fc.dictionary(wildName, fc.oneof(garbage, fc.array(garbage))),
)
const messageOptions = fc.record(
  {
    via: garbage,
    forwarded: garbage,
    mountPath: garbage,
    requestHeaders: fc.oneof(
      garbage,
      fc.record({ set: garbageFields, append: garbageFields, remove: fc.array(garbage) }),
    ),
    responseHeaders: fc.oneof(garbage, fc.record({ set: garbageFields })),
    rewrite: fc.oneof(garbage, garbageRule, fc.array(garbageRule)),
    redirect: fc.oneof(garbage, garbageRule, fc.array(garbageRule)),
    cookieDomain: fc.oneof(garbage, garbageRule, fc.array(garbageRule)),
    cookiePath: fc.oneof(garbage, garbageRule, fc.array(garbageRule)),
    onUpstreamRequest: garbage,
    onUpstreamResponse: garbage,
    interceptErrors: garbage,
    ignoreClientAbort: garbage,
  },
  { requiredKeys: [] },
)

test('whatever is given, nothing but a ConfigurationError is thrown, and each problem is its own', () => {
  fc.assert(
    fc.property(messageOptions, (options) => {
      try {
        const config = resolveBalancer({ upstream: ['http://a'], ...options } as BalancerOptions)
        compileRequestChanges(config)
        compileResponseChanges(config, { peers: [] })
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error
        for (const line of error.message.split('\n')) expect(line).toMatch(/^\P{Cc}{5,400}$/u)
        for (const { path: where } of error.problems) {
          expect(Object.keys(options).some((name) => where.startsWith(name))).toBe(true)
        }
      }
    }),
    { numRuns: 300 },
  )
})
