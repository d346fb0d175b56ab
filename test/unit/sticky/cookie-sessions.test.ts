import { describe, expect, it, test } from 'vitest'
import { pairOf, rig } from './rig.js'

const plain = { cookie: { name: 'sid', nocache: false } } as const
const cookie = (pair: string): { cookie: string } => ({ cookie: pair })

describe('the cookie', () => {
  it('names the peer, and nothing of its address', () => {
    const { answer } = rig(plain)
    const [, line] = answer('a')
    expect(line).toMatch(/^sid=[\w-]{22}; Path=\/; HttpOnly$/)
    expect(pairOf(answer('b'))).not.toBe(pairOf(answer('a')))
  })

  it('leads back to the peer, request after request', () => {
    const { answer, tried } = rig(plain)
    const sent = cookie(`other=1; ${pairOf(answer('c'))}; more=2`)
    for (let i = 0; i < 5; i++) expect(tried(sent)).toEqual(['c'])
  })

  it('is set for a new client and for one that has moved, and else not', () => {
    const { answer } = rig(plain)
    const toB = pairOf(answer('b'))
    const fields = ['X', '1']
    expect(answer('b', cookie(toB), fields)).toBe(fields)
    expect(pairOf(answer('a', cookie(toB)))).toBe(pairOf(answer('a')))
    expect(answer('b', cookie('sid=nonsense'))).toHaveLength(2)
  })

  it('is set with every response when it is rolling', () => {
    const { answer } = rig({ cookie: { name: 'sid', rolling: true } })
    const toB = pairOf(answer('b'))
    expect(pairOf(answer('b', cookie(toB)))).toBe(toB)
  })

  it.each([
    'sid=',
    'sid=a',
    'sid=a:80',
    'sid="',
    'sid=%00%ff',
    `sid=${'x'.repeat(22)}`,
    'sid=__proto__',
    `sid=\u0000\u00ff`,
  ])('is ignored when it is garbled: %j', (pair) => {
    const { tried } = rig(plain)
    expect([tried(cookie(pair)), tried(cookie(pair)), tried(cookie(pair))].flat()).toEqual([
      'a',
      'b',
      'c',
    ])
  })

  it('is the same in another process, and for another upstream it is not known by its secret', () => {
    const value = (secret?: string): string =>
      pairOf(rig({ cookie: { ...(secret === undefined ? {} : { secret }) } }).answer('a'))
    expect(value()).toBe(value())
    expect(value('one')).toBe(value('one'))
    expect(new Set([value(), value('one'), value('two')]).size).toBe(3)
  })
})

describe('secrets', () => {
  it('one made without the secret, or with another, is ignored', () => {
    const forged = [
      pairOf(rig({ cookie: {} }).answer('c')),
      pairOf(rig({ cookie: { secret: 'other' } }).answer('c')),
    ]
    for (const pair of forged) {
      const { tried } = rig({ cookie: { secret: 'right' } })
      expect(tried(cookie(pair))).toEqual(['a'])
    }
  })

  it('an older one still leads to the peer, and is made anew', () => {
    const before = pairOf(rig({ cookie: { secret: 'old' } }).answer('c'))
    const { tried, answer } = rig({ cookie: { secret: ['new', 'old'] } })
    expect(tried(cookie(before))).toEqual(['c'])
    const after = pairOf(answer('c', cookie(before)))
    expect(after).not.toBe(before)
    expect(after).toBe(pairOf(rig({ cookie: { secret: 'new' } }).answer('c')))
  })
})

describe('attributes, in the order of express-session', () => {
  test.each([
    [{}, 'Path=/; HttpOnly'],
    [{ httpOnly: false }, 'Path=/'],
    [{ path: '/app', domain: 'example.com' }, 'Domain=example.com; Path=/app; HttpOnly'],
    [{ maxAge: 1500 }, 'Max-Age=2; Path=/; HttpOnly'],
    [{ maxAge: '1h' }, 'Max-Age=3600; Path=/; HttpOnly'],
    [{ expires: new Date(0) }, 'Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly'],
    [{ secure: true }, 'Path=/; HttpOnly; Secure'],
    [{ secure: 'auto' as const }, 'Path=/; HttpOnly'],
    [{ sameSite: true }, 'Path=/; HttpOnly; SameSite=Strict'],
    [{ sameSite: false }, 'Path=/; HttpOnly'],
    [{ sameSite: 'lax' as const }, 'Path=/; HttpOnly; SameSite=Lax'],
    [
      {
        secure: true,
        partitioned: true,
        priority: 'high' as const,
        sameSite: 'none' as const,
        domain: 'a.b',
        maxAge: 1000,
      },
      'Max-Age=1; Domain=a.b; Path=/; HttpOnly; Secure; Partitioned; Priority=High; SameSite=None',
    ],
  ])('%j', (options, attributes) => {
    const { answer } = rig({ cookie: { ...options, nocache: false } })
    const [name, line = ''] = answer('a')
    expect(name).toBe('Set-Cookie')
    expect(line.replace(/^srv_id=[\w-]{22}; /, '')).toBe(attributes)
  })

  it("secure 'auto' goes with the client", () => {
    const { answer } = rig({ cookie: { secure: 'auto' } })
    expect(answer('a', {}, [], 'secure')[1]).toContain('; Secure')
    expect(answer('a', {}, [], 'plain')[1]).not.toContain('Secure')
  })
})

describe('caches', () => {
  test.each([
    [[], ['Cache-Control', 'private']],
    [
      ['cache-control', 'public, max-age=5'],
      ['Cache-Control', 'private'],
    ],
    [['Cache-Control', 'max-age=5,PRIVATE'], []],
    [['Cache-Control', 'no-store'], []],
    [['Cache-Control', 'max-age=5', 'CACHE-CONTROL', 'no-store'], []],
    [
      ['Cache-Control', 'x-private=1'],
      ['Cache-Control', 'private'],
    ],
  ])('%j', (sent, added) => {
    const { answer } = rig({ cookie: {} })
    const fields = answer('a', {}, sent)
    expect(fields.slice(0, sent.length)).toEqual(sent)
    expect(fields.slice(sent.length + 2)).toEqual(added)
  })

  it('nothing is said where no cookie is set', () => {
    const { answer } = rig({ cookie: {} })
    expect(answer('a', cookie(pairOf(answer('a'))))).toEqual([])
  })
})

describe('indirect', () => {
  it('takes out what a peer sets under the name', () => {
    const { answer } = rig({ cookie: { name: 'sid', indirect: true, nocache: false } })
    const sent = ['Set-Cookie', 'sid=theirs', 'Set-Cookie', 'other=1', 'X', 'sid=2']
    const own = pairOf(answer('a'))
    expect(answer('a', cookie(own), sent)).toEqual(['Set-Cookie', 'other=1', 'X', 'sid=2'])
  })

  it('leaves it alone otherwise', () => {
    const { answer, sticky } = rig(plain)
    const sent = ['Set-Cookie', 'sid=theirs']
    expect(answer('a', cookie(pairOf(answer('a'))), sent)).toBe(sent)
    expect(sticky.hiddenCookie).toBeUndefined()
  })
})

it('follows the membership', () => {
  const { answer, tried, registry, peer } = rig(plain)
  const toC = cookie(pairOf(answer('c')))
  const { protocol, hostname, port, socketPath, name } = peer('c')
  const entry = {
    address: { protocol, hostname, port, socketPath, name },
    parameters: { weight: 1, maxConns: 0, maxFails: 1, failTimeout: 1, backup: false, down: false },
  }
  expect(tried(toC)).toEqual(['c'])
  registry.remove(peer('c'))
  expect([tried(toC), tried(toC)].flat().sort()).toEqual(['a', 'b'])
  registry.add(entry)
  expect([tried(toC), tried(toC)].flat()).toEqual(['c', 'c'])
})
