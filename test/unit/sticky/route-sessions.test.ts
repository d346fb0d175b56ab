import { describe, expect, it, test } from 'vitest'
import { rig } from './rig.js'

const peers = { a: { labels: { route: 'r1' } }, b: { labels: { route: 'r2' } }, c: {} }

test.each([
  [{ cookie: 'JSESSIONID' }, { cookie: 'JSESSIONID=abc.r2' }, '/'],
  [{ cookie: 'JSESSIONID' }, { cookie: 'JSESSIONID=r2; JSESSIONID=r1' }, '/'],
  [{ cookie: 'JSESSIONID' }, { cookie: 'JSESSIONID="a.b.r2"' }, '/'],
  [{ query: 'route' }, {}, '/path?x=1&route=r2&route=r1'],
  [{ query: 'r o' }, {}, '/path?r%20o=r%32'],
  [{ header: 'X-Route' }, { 'x-route': 'r2' }, '/'],
  [{ header: 'X-Route' }, { 'x-route': ['r2', 'r1'] }, '/'],
  [({ url }: { url: string }) => url.slice(1), {}, '/r2'],
])('%j in %j %j', (source, headers, url) => {
  expect(rig({ route: [source] }, peers).tried(headers, url)).toEqual(['b'])
})

test.each([
  ['', '/'],
  ['r3', '/'],
  ['r2x', '/'],
  ['xr2', '/'],
  ['r2.', '/'],
  ['r2.abc', '/'],
  ['__proto__', '/'],
])('%j names nobody', (value, url) => {
  const made = rig({ route: [{ header: 'x-route' }, { query: 'q' }] }, peers)
  expect(made.tried({ 'x-route': value }, url)).toEqual(['a'])
  expect(made.tried({ 'x-route': value }, '/?%&=&q=%E0%A4%A')).toEqual(['b'])
})

it('the first source that names a peer counts', () => {
  const sources = [() => undefined, () => 7 as never, { header: 'x' }, { query: 'q' }]
  const made = rig({ route: sources }, peers)
  expect(made.tried({ x: 'nobody' }, '/?q=r2')).toEqual(['b'])
  expect(made.tried({ x: 'r1' }, '/?q=r2')).toEqual(['a'])
})

describe('several peers of one route', () => {
  it('the next stands in for the first', () => {
    const made = rig({ route: [{ header: 'x' }] }, { ...peers, c: { labels: { route: 'r2' } } })
    expect(made.tried({ x: 'r2' }, '/', 2)).toEqual(['b', 'c'])
  })
})

it('adds nothing to responses, and follows a change of labels', () => {
  const made = rig({ route: [{ header: 'x' }] }, peers)
  const fields = ['X', '1']
  expect(made.answer('a', {}, fields)).toBe(fields)
  const { weight, maxConns, maxFails, failTimeout } = made.peer('c')
  const same = { weight, maxConns, maxFails, failTimeout, backup: false, down: false }
  expect(made.tried({ x: 'r3' })).toEqual(['a'])
  made.registry.update(made.peer('c'), { ...same, labels: { route: 'r3' } })
  expect([made.tried({ x: 'r3' }), made.tried({ x: 'r3' })]).toEqual([['c'], ['c']])
})
