/** The `selector` option, and what a selector does not get on with. */
import { ConfigurationError, createUpstream } from 'evenkeel'
import type { PeerOptions, UpstreamOptions } from 'evenkeel'
import { describe, expect, it } from 'vitest'
import { resolveUpstream } from '../../src/config.js'

const TWO = ['http://a', 'http://b'] as const

function problemsOf(options: object): readonly string[] {
  try {
    resolveUpstream({ peers: TWO, ...options })
    return []
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    return error.problems.map(({ path, rule }) => `${path} ${rule}`)
  }
}

const resolved = (selector: unknown): unknown =>
  resolveUpstream({ peers: TWO, selector } as UpstreamOptions).selector

describe('what is resolved', () => {
  it.each([
    [undefined, { name: 'round_robin' }],
    ['first', { name: 'first' }],
    [{ name: 'ip_hash' }, { name: 'ip_hash' }],
    ['random', { name: 'random', two: false, time: 'header' }],
    [
      { name: 'random', two: true },
      { name: 'random', two: true, time: 'header' },
    ],
    [
      { name: 'random', two: 'least_time', time: 'last_byte' },
      { name: 'random', two: 'least_time', time: 'last_byte' },
    ],
    ['least_time', { name: 'least_time', time: 'header', inflight: false }],
    [
      { name: 'least_time', time: 'last_byte', inflight: true },
      { name: 'least_time', time: 'last_byte', inflight: true },
    ],
    ['peak_ewma', { name: 'peak_ewma', time: 'header', decay: 10_000 }],
    [
      { name: 'peak_ewma', decay: '5s' },
      { name: 'peak_ewma', time: 'header', decay: 5000 },
    ],
    [
      { name: 'hash', key: 'uri' },
      { name: 'hash', key: 'uri', consistent: false },
    ],
    [
      { name: 'hash', key: { cookie: 'sid' }, consistent: true, boundedLoad: 1.25 },
      { name: 'hash', key: { cookie: 'sid' }, consistent: true, boundedLoad: 1.25 },
    ],
    [
      { name: 'hash', key: '$remote_addr$http_x_user' },
      { name: 'hash', key: '$remote_addr$http_x_user', consistent: false },
    ],
  ])('%j', (selector, settings) => {
    expect(resolved(selector)).toEqual(settings)
  })
})

describe('each wrong option is named', () => {
  it.each<[unknown, string]>([
    [5, 'selector must be a name, an object with one, a function or a selector with begin()'],
    [{}, 'selector must be a name, an object with one, a function or a selector with begin()'],
    [{ name: 'rendom' }, 'selector.name must be one of round_robin, least_conn'],
    [{ name: 'rendom' }, '(did you mean random?)'],
    ['iphash', '(did you mean ip_hash?)'],
    ['hash', "selector needs a key: { name: 'hash', key: … }"],
    [{ name: 'hash' }, 'selector.key is required'],
    [{ name: 'hash', key: 5 }, "selector.key must be 'uri', 'path', 'address'"],
    [{ name: 'hash', key: 'adress' }, '(did you mean address?)'],
    [{ name: 'hash', key: {} }, "selector.key must be 'uri', 'path', 'address'"],
    [{ name: 'hash', key: { header: 'a', cookie: 'b' } }, "selector.key must be 'uri', 'path'"],
    [
      { name: 'hash', key: { heder: 'a' } },
      'selector.key.heder is not an option (did you mean header?)',
    ],
    [
      { name: 'hash', key: { header: 'a b' } },
      'selector.key.header must be the name of a header field',
    ],
    [{ name: 'hash', key: { cookie: '' } }, 'selector.key.cookie must be the name of a cookie'],
    [{ name: 'hash', key: { query: 'a&b' } }, 'selector.key.query must be the name of an argument'],
    [{ name: 'hash', key: '$request_url' }, '$request_url'],
    [{ name: 'hash', key: '$request_url' }, '(did you mean request_uri?)'],
    [
      { name: 'hash', key: 'uri', consistant: true },
      'selector.consistant is not an option (did you mean consistent?)',
    ],
    [{ name: 'hash', key: 'uri', consistent: 1 }, 'selector.consistent must be true or false'],
    [
      { name: 'hash', key: 'uri', boundedLoad: 1.25 },
      'selector.boundedLoad needs consistent: true',
    ],
    [
      { name: 'hash', key: 'uri', consistent: true, boundedLoad: 1 },
      'selector.boundedLoad must be a number of more than 1',
    ],
    [{ name: 'round_robin', two: true }, 'selector.two is not an option'],
    [{ name: 'random', two: 'least' }, "selector.two must be 'least_conn' or 'least_time'"],
    [{ name: 'random', time: 'header' }, "selector.time needs two: 'least_time'"],
    [{ name: 'random', two: true, inflight: true }, 'selector.inflight is not an option'],
    [
      { name: 'least_time', time: 'headers' },
      "selector.time must be 'header' or 'last_byte' (did you mean header?)",
    ],
    [{ name: 'least_time', inflight: 'yes' }, 'selector.inflight must be true or false'],
    [{ name: 'peak_ewma', decay: 0 }, 'selector.decay must be more than 0'],
  ])('%j: %s', (selector, problem) => {
    expect(problemsOf({ selector }).join('\n')).toContain(problem)
  })
})

const BY_PLACE = [
  { name: 'hash', key: 'uri' },
  { name: 'hash', key: 'uri', consistent: true },
  'ip_hash',
  'random',
  { name: 'random', two: true },
] as const
const OTHERS = ['round_robin', 'least_conn', 'least_time', 'peak_ewma', 'first'] as const
const nameOf = (selector: (typeof BY_PLACE)[number]): string =>
  typeof selector === 'string' ? selector : selector.name

describe('combinations that cannot be', () => {
  it.each(BY_PLACE)('%j with a backup, a tier or slowStart', (selector) => {
    const name = nameOf(selector)
    const withPeer = (peer: object): readonly string[] =>
      problemsOf({ selector, peers: ['http://a', { url: 'http://b', ...peer }] })
    const backup = `peers[1] must not be a backup, or of a tier above 0, with the selector ${name}`
    expect(withPeer({ backup: true })).toEqual([backup])
    expect(withPeer({ tier: 2 })).toEqual([backup])
    expect(withPeer({ slowStart: '10s' })).toEqual([
      `peers[1] must not have slowStart with the selector ${name}`,
    ])
    expect(problemsOf({ selector, slowStart: '10s' })).toEqual([
      `slowStart must not be given with the selector ${name}`,
    ])
    expect(withPeer({ down: true, weight: 5 })).toEqual([])
  })

  it.each(BY_PLACE)('%j: nor at run time', (selector) => {
    const upstream = createUpstream({ peers: [...TWO], selector })
    const [peer] = upstream.peers
    const refused = (change: PeerOptions): void => {
      expect(() => upstream.add(change)).toThrow(ConfigurationError)
      expect(() => upstream.replace(['http://a', change])).toThrow(/with the selector/)
    }
    refused({ url: 'http://c', backup: true })
    refused({ url: 'http://c', slowStart: 1000 })
    expect(() => upstream.update(peer!, { tier: 1 })).toThrow(/must not be a backup/)
    expect(() => upstream.update(peer!, { slowStart: 5 })).toThrow(/must not have slowStart/)
    expect(upstream.peers).toHaveLength(2)
  })

  it.each(OTHERS)('%s goes with all of it', (selector) => {
    const peers = ['http://a', { url: 'http://b', backup: true, slowStart: 1000 }]
    expect(problemsOf({ selector, peers, slowStart: 100 })).toEqual([])
  })

  it('a ring that would not fit into memory', () => {
    const selector = { name: 'hash', key: 'uri', consistent: true }
    const peers = ['http://a', { url: 'http://b', weight: 1_000_000 }]
    expect(problemsOf({ selector, peers }).join()).toContain('weight of more than 100000')
    expect(problemsOf({ selector: { ...selector, consistent: false }, peers })).toEqual([])
  })
})
