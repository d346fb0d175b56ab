import { describe, expect, it, test } from 'vitest'
import { compileCookieRules } from '../../../src/message/cookie-attributes.js'
import type { CookieRules } from '../../../src/message/cookie-attributes.js'

function change(line: string, rules: Partial<CookieRules>): string {
  return compileCookieRules({ domain: [], path: [], ...rules })?.(line) ?? 'no rules'
}

test('without rules there is nothing to call', () => {
  expect(compileCookieRules({ domain: [], path: [] })).toBeUndefined()
})

describe('Domain', () => {
  const domain = [
    { from: 'inner.example', to: 'outer.example' },
    { from: '.Dotted.example', to: '.other.example' },
    { from: 'gone.example', to: '' },
  ]

  test.each([
    ['a=b; Domain=inner.example', 'a=b; Domain=outer.example'],
    ['a=b; domain=INNER.Example; Secure', 'a=b; domain=outer.example; Secure'],
    ['a=b; DOMAIN=.inner.example', 'a=b; DOMAIN=.outer.example'],
    ['a=b;Domain=inner.example;Path=/', 'a=b;Domain=outer.example;Path=/'],
    ['a=b; Domain = \tinner.example \t; x', 'a=b; Domain = \touter.example \t; x'],
    ['a=b; Domain=dotted.example', 'a=b; Domain=.other.example'],
    ['a=b; Domain=.dotted.example', 'a=b; Domain=.other.example'],
    // The last is the one that counts to browsers: none is left as it was.
    [
      'a=b; Domain=inner.example; Domain=inner.example',
      'a=b; Domain=outer.example; Domain=outer.example',
    ],
    ['a=b; Domain=gone.example; Path=/', 'a=b; Path=/'],
    ['a=b; Path=/; Domain=.GONE.example', 'a=b; Path=/'],
    ['a=b; Domain=gone.example', 'a=b'],
  ])('%s', (line, expected) => {
    expect(change(line, { domain })).toBe(expected)
  })

  test.each([
    'a=b',
    '',
    ';',
    '; ;; ',
    'Domain=inner.example',
    'xDomain=inner.example',
    'Domain=inner.example; Secure',
    'a=b; Domain="inner.example"',
    'a=b; Domain=sub.inner.example',
    'a=b; Domain=inner.example.org',
    'a=b; Domain=..inner.example',
    'a=b; Domain=',
    'a=b; Domain',
    'a=b; xDomain=inner.example',
    'a=b; x=Domain=inner.example',
    'a=b; Path=inner.example',
    'a=b; Domain=\xa0inner.example',
    'a="x; Secure',
  ])('is left alone: %j', (line) => {
    expect(change(line, { domain })).toBe(line)
  })

  it('a RegExp gets all of the value, dot included, and replaces all of it', () => {
    const rules = [{ from: /^(\.?)(\w+)\.internal/i, to: '$1$2.example' }]
    expect(change('a=b; Domain=.api.INTERNAL.lan; Secure', { domain: rules })).toBe(
      'a=b; Domain=.api.example; Secure',
    )
    expect(change('a=b; Domain=x', { domain: [{ from: /x/, to: '' }] })).toBe('a=b')
  })

  it('the first rule that fits is used', () => {
    const rules = [
      { from: 'a.example', to: 'first' },
      { from: /a/, to: 'second' },
    ]
    expect(change('x; Domain=a.example', { domain: rules })).toBe('x; Domain=first')
    expect(change('x; Domain=ab', { domain: rules })).toBe('x; Domain=second')
  })
})

describe('Path', () => {
  const path = [
    { from: '/app/', to: '/' },
    { from: '/v1', to: '/api/v1' },
    { from: /^\/u\/([^/]+)/, to: '/user-$1' },
  ]

  test.each([
    ['a=b; Path=/app/', 'a=b; Path=/'],
    ['a=b; path=/app/x/y; HttpOnly', 'a=b; path=/x/y; HttpOnly'],
    ['a=b; Path=/v1', 'a=b; Path=/api/v1'],
    ['a=b; Path=/v12', 'a=b; Path=/api/v12'],
    ['a=b;PATH= /u/ann/more ;x', 'a=b;PATH= /user-ann ;x'],
    ['a=b; Path=/v1; Path=/app/', 'a=b; Path=/api/v1; Path=/'],
  ])('%s', (line, expected) => {
    expect(change(line, { path })).toBe(expected)
  })

  test.each([
    'a=b; Path=/APP/',
    'a=b; Path="/app/"',
    'a=b; Path=/app',
    'a=b; Path',
    'a=b; Path=',
    'Path=/app/',
    'a=b; Domain=/app/',
  ])('is left alone: %j', (line) => {
    expect(change(line, { path })).toBe(line)
  })

  it('an empty one stays: it means the path of the request', () => {
    expect(change('a=b; Path=/x', { path: [{ from: '/x', to: '' }] })).toBe('a=b; Path=')
  })
})

it('changes both in one line', () => {
  const rules = { domain: [{ from: 'd', to: 'D' }], path: [{ from: '/p', to: '/P' }] }
  expect(change('a=b; Path=/p/x; Domain=d; Secure', rules)).toBe('a=b; Path=/P/x; Domain=D; Secure')
})
