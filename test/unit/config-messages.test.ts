import { describe, expect, it, test } from 'vitest'
import { resolveBalancer } from '../../src/config.js'
import type { BalancerConfig } from '../../src/config.js'
import { ConfigurationError } from '../../src/errors.js'

function resolve(options: object): BalancerConfig {
  return resolveBalancer({ upstream: ['http://a'], ...options })
}

/** The problems' lines. */
function problems(options: object): string[] {
  try {
    resolve(options)
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message.split('\n')
    throw error
  }
  return []
}

const run = (): undefined => undefined

describe('defaults', () => {
  it('change nothing but redirects', () => {
    expect(resolve({})).toMatchObject({
      forwarded: 'x-forwarded',
      via: undefined,
      requestHeaders: undefined,
      responseHeaders: undefined,
      rewrite: undefined,
      mountPath: 'strip',
      redirect: 'default',
      cookieDomain: [],
      cookiePath: [],
      onUpstreamRequest: undefined,
      onUpstreamResponse: undefined,
      interceptErrors: undefined,
      ignoreClientAbort: false,
    })
  })
})

describe('as given', () => {
  const rule = { from: '/a/', to: '/b/' }
  const url = { from: 'http://a/', to: '/' }

  test.each<[object, object]>([
    [{ via: true }, { via: 'evenkeel' }],
    [{ via: false }, { via: undefined }],
    [{ via: 'edge-1.example' }, { via: 'edge-1.example' }],
    [{ forwarded: 'both' }, { forwarded: 'both' }],
    [{ mountPath: 'keep' }, { mountPath: 'keep' }],
    [{ ignoreClientAbort: true }, { ignoreClientAbort: true }],
    [{ onUpstreamRequest: run }, { onUpstreamRequest: run }],
    [{ onUpstreamResponse: run }, { onUpstreamResponse: run }],
    [{ interceptErrors: run }, { interceptErrors: run }],
    [{ rewrite: rule }, { rewrite: [rule] }],
    [{ rewrite: [rule, url].slice(0, 1) }, { rewrite: [rule] }],
    [{ rewrite: [] }, { rewrite: [] }],
    [{ rewrite: run }, { rewrite: run }],
    [{ redirect: true }, { redirect: 'default' }],
    [{ redirect: false }, { redirect: 'off' }],
    [{ redirect: url }, { redirect: [url] }],
    [{ redirect: [url, { from: '/', to: '' }] }, { redirect: [url, { from: '/', to: '' }] }],
    [{ redirect: [] }, { redirect: [] }],
    [{ redirect: run }, { redirect: run }],
    [{ cookieDomain: { from: '.a', to: '' } }, { cookieDomain: [{ from: '.a', to: '' }] }],
    [{ cookiePath: [rule] }, { cookiePath: [rule] }],
    [
      { requestHeaders: { set: { 'X-A': 'a\tb é' }, append: { b: ['1', '2'] }, remove: ['C'] } },
      { requestHeaders: { set: { 'X-A': 'a\tb é' }, append: { b: ['1', '2'] }, remove: ['C'] } },
    ],
    [
      { responseHeaders: { set: { Host: run, A: undefined, B: '', C: [] } } },
      { responseHeaders: { set: { Host: run, B: '', C: [] }, append: {}, remove: [] } },
    ],
    [{ requestHeaders: {} }, { requestHeaders: { set: {}, append: {}, remove: [] } }],
    [{ requestHeaders: { remove: ['Content-Length', 'Host'] } }, {}],
  ])('%j', (options, config) => {
    expect(resolve(options)).toMatchObject(config)
  })

  it('a RegExp is copied: without g, and with a lastIndex of its own', () => {
    const from = /^\/(A)/giu
    from.lastIndex = 2
    const { rewrite } = resolve({ rewrite: { from, to: '/$1' } })
    const [rule] = rewrite as { from: RegExp; to: string }[]
    expect(rule).toEqual({ from: /^\/(A)/iu, to: '/$1' })
    expect(rule?.from).not.toBe(from)
    expect(rule?.from.lastIndex).toBe(0)
    expect(from.lastIndex).toBe(2)
    const sticky = resolve({ redirect: { from: /a/gy, to: '' } }).redirect
    expect(sticky).toEqual([{ from: /a/y, to: '' }])
  })

  it('a field may be called __proto__', () => {
    const set = JSON.parse('{"__proto__": "x", "constructor": "y"}') as object
    const config = resolve({ requestHeaders: { set } })
    expect(Object.entries(config.requestHeaders?.set ?? {})).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ])
  })

  it('everything is frozen and copied', () => {
    const lines = ['1']
    const set = { A: lines }
    const rules = [{ from: '/a', to: '/b' }]
    const config = resolve({
      requestHeaders: { set, append: { B: ['2'] }, remove: ['C'] },
      rewrite: rules,
      redirect: rules,
      cookieDomain: rules[0],
      cookiePath: rules,
    })
    lines.push('3')
    set.A = []
    rules[0]!.to = '/c'
    rules.length = 0
    const { requestHeaders, rewrite, redirect, cookieDomain, cookiePath } = config
    const lists = [rewrite, redirect, cookieDomain, cookiePath] as unknown as { to: string }[][]
    for (const list of lists) {
      expect(list.map(({ to }) => to)).toEqual(['/b'])
      expect([list, list[0]].every(Object.isFrozen)).toBe(true)
    }
    const { set: fields, append, remove } = requestHeaders!
    expect(fields?.['A']).toEqual(['1'])
    const parts = [requestHeaders, fields, fields?.['A'], append, append?.['B'], remove]
    expect(parts.every(Object.isFrozen)).toBe(true)
  })

  it('each is read once', () => {
    let reads = 0
    const once = (value: unknown) => ({
      enumerable: true,
      get: () => (reads++ === 0 ? value : 'a\n'),
    })
    resolve({ requestHeaders: { set: Object.defineProperty({}, 'A', once('x')) } })
    reads = 0
    resolve({ rewrite: Object.defineProperty({ to: '/b' }, 'from', once('/a')) })
    reads = 0
    resolve({ rewrite: [Object.defineProperty({ from: '/b' }, 'to', once('/a'))] })
  })
})

describe('what is wrong is told with option, rule and value', () => {
  const NAME = 'must be the name of a field (a token of RFC 9110)'
  const VALUE = 'must be a text without control characters, in latin1'
  const NOT_SET = 'must not be set: framing and connections are not for options to say'
  const PATH = 'must begin with / and have no ?, #, space or control character'

  test.each<[object, string[]]>([
    [{ via: 5 }, ['via must be true, false or a name (a token of RFC 9110), got 5']],
    [{ via: 'a b' }, ['via must be true, false or a name (a token of RFC 9110), got "a b"']],
    [{ via: '' }, ['via must be true, false or a name (a token of RFC 9110), got ""']],
    [
      { forwarded: 'x_forwarded' },
      [
        "forwarded must be 'x-forwarded' or 'forwarded' or 'both' or 'none' (did you mean x-forwarded?), got \"x_forwarded\"",
      ],
    ],
    [{ mountPath: true }, ["mountPath must be 'strip' or 'keep', got true"]],
    [{ ignoreClientAbort: 1 }, ['ignoreClientAbort must be true or false, got 1']],
    [{ onUpstreamRequest: {} }, ['onUpstreamRequest must be a function, got {}']],
    [{ onUpstreamResponse: 1 }, ['onUpstreamResponse must be a function, got 1']],
    [{ interceptErrors: true }, ['interceptErrors must be a function, got true']],
    // ---- header fields
    [{ requestHeaders: 5 }, ['requestHeaders must be an object, got 5']],
    [{ requestHeaders: run }, ['requestHeaders must be an object, got a function']],
    [
      { requestHeaders: { sett: {} } },
      ['requestHeaders.sett is not an option (did you mean set?)'],
    ],
    [{ requestHeaders: { set: [] } }, ['requestHeaders.set must be an object of fields, got []']],
    [
      { responseHeaders: { append: new Map() } },
      ['responseHeaders.append must be an object of fields, got an object'],
    ],
    [{ requestHeaders: { set: { 'X Y': 'z' } } }, [`requestHeaders.set["X Y"] ${NAME}`]],
    [{ requestHeaders: { set: { '': 'z' } } }, [`requestHeaders.set[""] ${NAME}`]],
    [{ requestHeaders: { set: { ':path': '/' } } }, [`requestHeaders.set[":path"] ${NAME}`]],
    [{ requestHeaders: { set: { ä: '/' } } }, [`requestHeaders.set["ä"] ${NAME}`]],
    [
      { requestHeaders: { set: { A: 'a\r\nB: c' } } },
      [`requestHeaders.set.A ${VALUE}, got "a\\r\\nB: c"`],
    ],
    [{ requestHeaders: { set: { A: '\0' } } }, [`requestHeaders.set.A ${VALUE}, got "\\u0000"`]],
    [
      { requestHeaders: { append: { A: ['a', '\x7f', 5, '\u{1f600}'] } } },
      [
        `requestHeaders.append.A[1] ${VALUE}, got "\\u{7f}"`,
        `requestHeaders.append.A[2] ${VALUE}, got 5`,
        `requestHeaders.append.A[3] ${VALUE}, got "\u{1f600}"`,
      ],
    ],
    [
      { responseHeaders: { set: { A: 5, B: null, C: {} } } },
      [
        'responseHeaders.set.A must be a text, a list of texts or a function, got 5',
        'responseHeaders.set.B must be a text, a list of texts or a function, got null',
        'responseHeaders.set.C must be a text, a list of texts or a function, got {}',
      ],
    ],
    [{ requestHeaders: { set: { A: '1', a: '2' } } }, ['requestHeaders.set.a must be there once']],
    [
      { requestHeaders: { set: { host: 'x' }, append: { Host: run } } },
      [
        'requestHeaders.set.host must not be set here: the option host says it',
        'requestHeaders.append.Host must not be set here: the option host says it',
      ],
    ],
    ...[
      'Connection',
      'transfer-encoding',
      'Content-Length',
      'Keep-Alive',
      'UPGRADE',
      'TE',
      'Trailer',
      'Proxy-Connection',
      'Expect',
      'HTTP2-Settings',
    ].flatMap((name): [object, string[]][] => {
      const path = name.includes('-') ? `["${name}"]` : `.${name}`
      return [
        [{ requestHeaders: { set: { [name]: 'x' } } }, [`requestHeaders.set${path} ${NOT_SET}`]],
        [
          { responseHeaders: { append: { [name]: run } } },
          [`responseHeaders.append${path} ${NOT_SET}`],
        ],
      ]
    }),
    [
      { requestHeaders: { set: { Authorization: 'secret\n' }, append: { 'X-Api-Key': [5] } } },
      [
        `requestHeaders.set.Authorization ${VALUE}, got a string`,
        `requestHeaders.append["X-Api-Key"][0] ${VALUE}, got a number`,
      ],
    ],
    [
      { requestHeaders: { remove: 'A' } },
      ['requestHeaders.remove must be a list of names, got "A"'],
    ],
    [
      { requestHeaders: { remove: ['A', 'B C', 5] } },
      [`requestHeaders.remove[1] ${NAME}, got "B C"`, `requestHeaders.remove[2] ${NAME}, got 5`],
    ],
    // ---- rules
    [
      { rewrite: 5 },
      ['rewrite must be a rule { from, to } or a list of rules, or a function, got 5'],
    ],
    [
      { redirect: '/' },
      [
        'redirect must be a rule { from, to } or a list of rules, true, false or a function, got "/"',
      ],
    ],
    [
      { cookieDomain: run },
      ['cookieDomain must be a rule { from, to } or a list of rules, got a function'],
    ],
    [
      { rewrite: ['/a', []] },
      [
        'rewrite[0] must be a rule { from, to }, got "/a"',
        'rewrite[1] must be a rule { from, to }, got []',
      ],
    ],
    [
      { rewrite: { form: '/a', to: '/b' } },
      [
        'rewrite.form is not an option (did you mean from?)',
        'rewrite.from must be a text or a RegExp, got undefined',
      ],
    ],
    [{ rewrite: { from: '/a' } }, [`rewrite.to ${PATH}, got undefined`]],
    [
      {
        rewrite: [
          { from: '/a', to: '/b' },
          { from: '', to: '/b' },
        ],
      },
      [`rewrite[1].from ${PATH}, got ""`],
    ],
    [
      { rewrite: { from: 'a', to: 'b' } },
      [`rewrite.from ${PATH}, got "a"`, `rewrite.to ${PATH}, got "b"`],
    ],
    [
      { rewrite: { from: '/a?b', to: '/b#c' } },
      [`rewrite.from ${PATH}, got "/a?b"`, `rewrite.to ${PATH}, got "/b#c"`],
    ],
    [{ rewrite: { from: '/a', to: '/b c' } }, [`rewrite.to ${PATH}, got "/b c"`]],
    [{ rewrite: { from: '/a', to: '/b\r\n' } }, [`rewrite.to ${PATH}, got "/b\\r\\n"`]],
    [{ rewrite: { from: '/a', to: '/\u{1f600}' } }, [`rewrite.to ${PATH}, got "/\u{1f600}"`]],
    [
      { rewrite: { from: /a/, to: 'b' } },
      ['rewrite.to must begin with / or $ and have no #, space or control character, got "b"'],
    ],
    [
      { rewrite: { from: /(a)/, to: '/$1$2' } },
      ['rewrite.to must not refer to $2, for from has no such group, got "/$1$2"'],
    ],
    [
      { redirect: { from: /(?<a>a)/, to: '$<b>' } },
      ['redirect.to must not refer to $<b>, for from has no such group, got "$<b>"'],
    ],
    [{ redirect: { from: '', to: '/' } }, ['redirect.from must be the beginning of a URL, got ""']],
    [{ redirect: { from: '/', to: 'a\n' } }, [`redirect.to ${VALUE}, got "a\\n"`]],
    [
      { redirect: { from: { source: 'a' }, to: '' } },
      ['redirect.from must be a text or a RegExp, got {"source":"a"}'],
    ],
    [
      {
        cookieDomain: [
          { from: '.', to: '' },
          { from: 'a;b', to: 'c;d' },
        ],
      },
      [
        'cookieDomain[0].from must be a domain, got "."',
        'cookieDomain[1].from must be a domain, got "a;b"',
        'cookieDomain[1].to must be a text without ; and control characters, in latin1, got "c;d"',
      ],
    ],
    [
      { cookiePath: { from: 'a', to: '/\0' } },
      [
        'cookiePath.from must begin with / and have no ; or control character, got "a"',
        'cookiePath.to must be a text without ; and control characters, in latin1, got "/\\u0000"',
      ],
    ],
  ])('%j', (options, lines) => {
    expect(problems(options)).toEqual(lines)
  })

  it('all of them at once', () => {
    expect(problems({ via: 5, rewrite: 5, requestHeaders: { set: { TE: '' } } })).toHaveLength(3)
  })
})

describe('hostile options', () => {
  const thrower = {
    get(): never {
      throw new Error('no')
    },
  }
  const bad = (name: string): object =>
    Object.defineProperty({}, name, { enumerable: true, ...thrower })
  const revoked = (): object => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  }
  const revokedList = (): object => {
    const { proxy, revoke } = Proxy.revocable([], {})
    revoke()
    return proxy
  }

  test.each<[string, object, string]>([
    [
      'a getter of a field',
      { requestHeaders: { set: bad('A') } },
      'requestHeaders.set.A cannot be read',
    ],
    ['a getter of set', { requestHeaders: bad('set') }, 'requestHeaders.set cannot be read'],
    ['a getter of from', { rewrite: [bad('from')] }, 'rewrite[0].from cannot be read'],
    [
      'keys that cannot be had',
      { requestHeaders: { set: new Proxy({}, { ownKeys: thrower.get }) } },
      'requestHeaders.set cannot be read',
    ],
  ])('%s', (_what, options, line) => {
    expect(problems(options)).toContain(line)
  })

  test.each<[string, object]>([
    ['a revoked object for a rule', { rewrite: revoked() }],
    ['a revoked object in a list', { rewrite: [revoked()] }],
    ['a revoked list of rules', { redirect: revokedList() }],
    ['a revoked list of lines', { requestHeaders: { set: { A: revokedList() } } }],
    ['a revoked object of fields', { requestHeaders: { set: revoked() } }],
    ['a revoked list of names', { requestHeaders: { remove: revokedList() } }],
    ['a proxy of a RegExp', { rewrite: { from: new Proxy(/a/, {}), to: '/' } }],
    [
      'an object that says it is a RegExp',
      { rewrite: { from: { [Symbol.toStringTag]: 'RegExp' }, to: '/' } },
    ],
  ])('%s', (_what, options) => {
    expect(problems(options)).not.toEqual([])
  })

  it('a RegExp with properties of its own is read for what it is', () => {
    const from = Object.defineProperties(/^\/a/, {
      source: thrower,
      flags: thrower,
      exec: thrower,
      [Symbol.match]: thrower,
    })
    expect(problems({ rewrite: { from, to: '/b' } })).toEqual([
      'rewrite.from must be a text or a RegExp, got an object',
    ])
    const lying = Object.defineProperty(/^\/a/, 'flags', { value: 'x' })
    const { rewrite } = resolve({ rewrite: { from: lying, to: '/b' } })
    expect(rewrite).toEqual([{ from: /^\/a/, to: '/b' }])
  })
})
