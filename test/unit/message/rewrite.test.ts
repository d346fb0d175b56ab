import { describe, expect, it, test } from 'vitest'
import type { RequestContext } from '../../../src/message-options.js'
import { missingReference, replacedByPattern } from '../../../src/message/pattern.js'
import { compileRewrite, ruleFor } from '../../../src/message/rewrite.js'
import type { RewriteOfConfig } from '../../../src/message/rewrite.js'

const CONTEXT = { request: { url: '/x' } } as unknown as RequestContext

function rewrite(target: string, option: RewriteOfConfig): string {
  return compileRewrite(option)?.(target, CONTEXT) ?? 'no rules'
}

test('without rules there is nothing to call', () => {
  expect(compileRewrite(undefined)).toBeUndefined()
  expect(compileRewrite([])).toBeUndefined()
})

describe('a prefix', () => {
  const rules = [{ from: '/api/', to: '/v2/' }]

  test.each([
    ['/api/', '/v2/'],
    ['/api/users', '/v2/users'],
    ['/api/a/../b?x=/api/&y#z', '/v2/a/../b?x=/api/&y#z'],
    ['/api/?', '/v2/?'],
    ['/api/%2fapi/', '/v2/%2fapi/'],
    ['/api//x', '/v2//x'],
  ])('%s becomes %s', (target, expected) => {
    expect(rewrite(target, rules)).toBe(expected)
  })

  test.each(['/api', '/API/x', '/x/api/y', '/', '*', '/?/api/x', '/%61pi/x'])(
    '%s is left alone',
    (target) => {
      expect(rewrite(target, rules)).toBe(target)
    },
  )

  it('has nothing in it that is special', () => {
    expect(rewrite('/a.b/x', [{ from: '/a.b/', to: '/$1/$&/' }])).toBe('/$1/$&/x')
    expect(rewrite('/aXb/x', [{ from: '/a.b/', to: '/y/' }])).toBe('/aXb/x')
  })
})

describe('a RegExp', () => {
  test.each<[string, RegExp, string, string]>([
    ['/users/7', /^\/users\/(\d+)$/, '/show/$1', '/show/7'],
    // As in nginx all of the path is replaced, not the part that matched.
    ['/x/old/y', /\/old/, '/new', '/new'],
    ['/users/7?a=b', /^\/users\/(.*)$/, '/show?id=$1', '/show?id=7&a=b'],
    ['/users/7', /^\/users\/(.*)$/, '/show?id=$1', '/show?id=7'],
    ['/users/7?', /^\/users\/(.*)$/, '/show?id=$1', '/show?id=7'],
    ['/a?b=c', /^\/a$/, '/x', '/x?b=c'],
    ['/a?', /^\/a$/, '/x', '/x?'],
    ['/a?b=c', /^\/a$/, '/x?', '/x'],
    ['/a', /^\/a$/, '/x?', '/x'],
    ['/a/b', /^\/(?<first>\w)\/(?<second>\w)$/, '/$<second>/$<first>', '/b/a'],
    ['/a', /^\/(a)(b)?$/, '/$1$2', '/a'],
    ['/a', /^\/(a)$/, '/$1$1/$12/$&/$$', '/aa/a2//a/$'],
    ['/a', /^\/(a)$/, '/$01', '/a'],
    ['/a/b', /\/b/, '/x$&', '/x/b'],
    ['*', /^/, '/x', '*'],
    ['/abcdefghijk', /^\/(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)$/, '/$11$10', '/kj'],
  ])('%s, %s to %s: %s', (target, from, to, expected) => {
    expect(rewrite(target, [{ from, to }])).toBe(expected)
  })

  it('is matched against the path without its query', () => {
    expect(rewrite('/a?x=secret', [{ from: /secret/, to: '/b' }])).toBe('/a?x=secret')
    expect(rewrite('/a?x', [{ from: /a$/, to: '/b' }])).toBe('/b?x')
  })

  it('matches the same each time, whatever its flags', () => {
    for (const flags of ['', 'g', 'y', 'gy']) {
      const rules = [{ from: new RegExp('/a', flags), to: '/b' }]
      for (let i = 0; i < 3; i++) expect(rewrite('/a', rules)).toBe('/b')
    }
  })
})

it('the first rule that fits is used, and only that one', () => {
  const rules = [
    { from: '/a/', to: '/b/' },
    { from: /^\/b\//, to: '/c/' },
    { from: '/b/', to: '/d/' },
  ]
  expect(rewrite('/a/x', rules)).toBe('/b/x')
  expect(rewrite('/b/x', rules)).toBe('/c/')
  expect(ruleFor(rules, '/a/x?/b/')).toBe(rules[0])
  expect(ruleFor(rules, '/b/')).toBe(rules[1])
  expect(ruleFor(rules, '/c?/a/')).toBeUndefined()
})

describe('a function', () => {
  it('gets target and context, and what it returns is used', () => {
    const seen: unknown[] = []
    const option = (target: string, context: RequestContext): string => {
      seen.push(target, context)
      return `${target}&more`
    }
    expect(rewrite('/a?b', option)).toBe('/a?b&more')
    expect(seen).toEqual(['/a?b', CONTEXT])
  })

  test.each([undefined, null, 5, {}, Promise.resolve('/x')])('must return a text: %s', (made) => {
    expect(() => rewrite('/a', (() => made) as never)).toThrow('rewrite: must return a text, got')
  })

  it('throws what it throws', () => {
    const error = new Error('mine')
    const option = (): string => {
      throw error
    }
    expect(() => rewrite('/a', option)).toThrow(error)
  })
})

describe('references', () => {
  test.each<[RegExp, string, string | undefined]>([
    [/a/, '/x', undefined],
    [/a/, '/$$1', undefined],
    [/a/, '/$&', undefined],
    [/a/, '/$1', '$1'],
    [/(a)/, '/$1$2', '$2'],
    [/(a)/, '/$12', undefined],
    [/(a)/, '/$0', '$0'],
    [/(?<n>a)/, '/$<n>', undefined],
    [/(?<n>a)/, '/$<m>', '$<m>'],
    [/(a)/, '/$<m>', '$<m>'],
    [/(?:a)(?=b)/y, '/$1', '$1'],
    [/a|(b)/, '/$1', undefined],
    [/(a)/, '/$', undefined],
    [/(a)/, '/$x', undefined],
  ])('%s, %s: what is missing is %s', (from, to, missing) => {
    expect(missingReference(from, to)).toBe(missing)
  })

  it('what refers to nothing stays as it is written', () => {
    expect(replacedByPattern(/a/, '$1-$<x>-$', 'a')).toBe('$1--$')
    expect(replacedByPattern(/a/, '$1', 'b')).toBeUndefined()
  })
})
