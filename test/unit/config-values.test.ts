import { describe, expect, test } from 'vitest'
import { parseDuration } from '../../src/config/duration.js'
import { joinPath, kindOf, safeValue, show } from '../../src/config/show.js'
import { parseSize } from '../../src/config/size.js'
import { editDistance, suggest } from '../../src/config/suggest.js'

describe('a time', () => {
  test.each([
    ['500ms', 500],
    ['10s', 10_000],
    ['10', 10_000],
    ['0', 0],
    ['1m', 60_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['1w', 604_800_000],
    ['1M', 30 * 86_400_000],
    ['1y', 365 * 86_400_000],
    ['1h 30m', 5_400_000],
    ['1h30m', 5_400_000],
    ['1h  30m ', 5_400_000],
    ['1m 30', 90_000],
    ['1m30', 90_000],
    ['1s500ms', 1500],
    ['1y1M1w1d1h1m1s1ms', (365 + 30 + 7 + 1) * 86_400_000 + 3_600_000 + 60_000 + 1001],
  ])('%j is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  test.each([
    '',
    ' ',
    ' 10s',
    's',
    '10 s',
    '10x',
    '10S',
    '10H',
    '-1s',
    '+1s',
    '1.5s',
    '1e3',
    '0x10',
    '30m 1h',
    '1h 1h',
    '1ms 1s',
    '30 1m',
    '10 5',
    '10 500ms',
    '10s 5',
    '1s 1ms 1',
    '10s\n',
    '١s',
    'Infinity',
    'NaN',
  ])('%j is none', (text) => {
    expect(parseDuration(text)).toBeUndefined()
  })
})

describe('a size', () => {
  test.each([
    ['0', 0],
    ['4096', 4096],
    ['16k', 16_384],
    ['16K', 16_384],
    ['1m', 1_048_576],
    ['1M', 1_048_576],
    ['2g', 2_147_483_648],
    ['2G', 2_147_483_648],
  ])('%j is %i bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes)
  })

  test.each(['', 'k', '-1', '1.5k', '1 k', '1kb', '1t', ' 1', '1k\n', '1e3'])(
    '%j is none',
    (text) => {
      expect(parseSize(text)).toBeUndefined()
    },
  )
})

describe('a suggestion', () => {
  const options = [
    'failTimeout',
    'maxFails',
    'maxConns',
    'connectTimeout',
    'on',
    'url',
    'host',
    'proxyStatus',
  ]

  test.each([
    ['failTimout', 'failTimeout'],
    ['failtimeout', 'failTimeout'],
    ['fail_timeout', 'failTimeout'],
    ['proxy_connect_timeout', 'connectTimeout'],
    ['max_fails', 'maxFails'],
    ['maxCons', 'maxConns'],
    ['ulr', 'url'],
    ['proxystatus', 'proxyStatus'],
    ['no', 'on'],
    ['proxy_host', 'host'],
  ])('%s: %s', (given, word) => {
    expect(suggest(given, options)).toBe(` (did you mean ${word}?)`)
  })

  test.each(['', 'x', 'colour', '__proto__', 'x'.repeat(10_000)])('none, case %#', (given) => {
    expect(suggest(given, options)).toBe('')
  })

  test('a status that is no condition is no slip for another', () => {
    const words = ['http_500', 'http_502', 'http_503']
    expect(suggest('http_501', words)).toBe('')
    expect(suggest('http502', words)).toBe(' (did you mean http_502?)')
    expect(suggest('htpp_503', words)).toBe(' (did you mean http_503?)')
  })

  test.each([
    ['', '', 0],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['abc', 'abc', 0],
    ['abc', 'acb', 1],
    ['ab', 'ba', 1],
    ['kitten', 'sitting', 3],
    ['ca', 'abc', 3],
  ])('the distance of %j and %j is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance)
    expect(editDistance(b, a)).toBe(distance)
  })
})

describe('a value in a message', () => {
  class Agent {
    readonly key = 'secret'
  }
  test.each<[string, unknown, string]>([
    ['text', 'a"b', '"a\\"b"'],
    ['control characters', 'a\n\u0000\u2028\u202e\u007f', '"a\\n\\u0000\\u{2028}\\u{202e}\\u{7f}"'],
    ['a number', NaN, 'NaN'],
    ['minus zero', -0, '-0'],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a bigint', 5n, '5n'],
    ['a symbol', Symbol('s\n'), 'Symbol(s\\u{a})'],
    ['a function', () => 'secret', 'a function'],
    ['an array', [1, 'a', [1], { a: 1 }], '[1,"a",[…],{…}]'],
    ['a hole', [, 1], '[undefined,1]'], // eslint-disable-line no-sparse-arrays
    ['an object', { a: 1, b: { c: 2 } }, '{"a":1,"b":{…}}'],
    ['no prototype', Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    ['a buffer', Buffer.from('secret'), 'an object'],
    ['an instance', new Agent(), 'an object'],
    [
      'secret options',
      { key: 'secret', passphrase: 'secret' },
      '{"key":(hidden),"passphrase":(hidden)}',
    ],
    ['a URL with credentials', 'http://user:secret@host', '"http://(hidden)@host"'],
    ['a URL with an odd password', 'HTTPS://u:se/c?r#et@b@host', '"HTTPS://(hidden)@host"'],
    ['credentials without a scheme', 'user:secret@host', '"(hidden)@host"'],
    ['credentials in a list', ['http://user:secret@host'], '["http://(hidden)@host"]'],
  ])('%s', (_, value, text) => {
    expect(show(value)).toBe(text)
  })

  test('is cut at 60 characters, between characters', () => {
    expect(show('x'.repeat(1e6))).toBe(`"${'x'.repeat(58)}…`)
    expect(show('x'.repeat(58))).toHaveLength(60)
    expect(show('😀'.repeat(100))).toBe(`"${'😀'.repeat(58)}…`)
    expect(show(Array.from({ length: 1000 }, () => 1)).length).toBe(60)
  })

  test('no getter runs, and nothing throws', () => {
    const hostile = {
      get a(): never {
        throw new Error('getter')
      },
      toString: undefined,
      toJSON() {
        throw new Error('toJSON')
      },
    }
    expect(show(hostile)).toBe('{"a":…,"toString":undefined,"toJSON":a function}')
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    expect(show(proxy)).toBe('an object')
    expect(show([proxy])).toBe('[an object]')
  })

  test('its kind alone', () => {
    expect(['x', 1, null, undefined, {}, []].map(kindOf)).toEqual([
      'a string',
      'a number',
      'null',
      'undefined',
      'an object',
      'an object',
    ])
  })

  test('for programs: simple values as given, without credentials, objects as text', () => {
    const run = () => undefined
    expect([5, run, 'http://a:b@c', { key: 'secret' }].map(safeValue)).toEqual([
      5,
      run,
      'http://(hidden)@c',
      '{"key":(hidden)}',
    ])
  })

  test('a path quotes what is no identifier', () => {
    expect(joinPath('', 'a')).toBe('a')
    expect(joinPath('upstream[1]', 'weight')).toBe('upstream[1].weight')
    expect(joinPath('tls', 'a\nb')).toBe('tls["a\\nb"]')
    expect(joinPath('', '')).toBe('[""]')
    expect(joinPath('', 'x'.repeat(100))).toHaveLength(62)
  })
})
