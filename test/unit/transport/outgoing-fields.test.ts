import { describe, expect, it } from 'vitest'
import { outgoingFields } from '../../../src/transport/outgoing-fields.js'
import type { Attempt } from '../../../src/transport/transport.js'

interface Case {
  method?: string
  headers?: string[]
  framing?: 'none' | 'known' | 'chunked'
  upgrade?: string
  expectContinue?: boolean
  peer?: object
}

function fieldsOf({ method = 'GET', headers = ['Host', 'h'], framing = 'none', ...rest }: Case) {
  const peer = { protocol: 'http:', hostname: 'p', port: 80, name: 'p:80', ...rest.peer }
  return outgoingFields({
    peer,
    head: { method, target: '/', headers, upgrade: rest.upgrade },
    body: { framing, length: 7 },
    expectContinue: rest.expectContinue ?? false,
  } as unknown as Attempt)
}

describe('the fields of an attempt', () => {
  it('are those of the head, which stays as it is', () => {
    const headers = ['A', '1', 'hOsT', 'h', 'a', '2']
    expect(fieldsOf({ headers })).toEqual(headers)
    expect(fieldsOf({ headers, framing: 'known' })).not.toBe(headers)
    expect(headers).toHaveLength(6)
  })

  it.each([
    ['known', ['Content-Length', '7']],
    ['chunked', ['Transfer-Encoding', 'chunked']],
    ['none', []],
  ] as const)('frame a body: %s', (framing, added) => {
    expect(fieldsOf({ framing })).toEqual(['Host', 'h', ...added])
  })

  it.each([
    ['POST', ['Content-Length', '0']],
    ['PUT', ['Content-Length', '0']],
    ['PATCH', ['Content-Length', '0']],
    ['DELETE', []],
    ['OPTIONS', []],
    ['TRACE', []],
    ['PROPFIND', ['Content-Length', '0']],
    ['BREW', ['Content-Length', '0']],
  ])('of a %s without a body', (method, added) => {
    expect(fieldsOf({ method })).toEqual(['Host', 'h', ...added])
  })

  it.each([
    [{}, 'p'],
    [{ port: 8080, name: 'p:8080' }, 'p:8080'],
    [{ protocol: 'https:', port: 443, name: 'p:443' }, 'p'],
    [{ protocol: 'https:', port: 80, name: 'p:80' }, 'p:80'],
    [{ hostname: '::1', name: '[::1]:80' }, '[::1]'],
    [{ hostname: '::1', port: 81, name: '[::1]:81' }, '[::1]:81'],
    [{ hostname: '', port: 0, socketPath: '/s', name: 'unix:/s' }, 'localhost'],
  ])("begin with the peer's own name where there is no Host: %j", (peer, host) => {
    expect(fieldsOf({ peer, headers: ['A', '1'] })).toEqual(['Host', host, 'A', '1'])
  })

  it('name what is for this connection alone', () => {
    const te = ['Host', 'h', 'TE', 'trailers']
    expect(fieldsOf({ headers: te }).slice(4)).toEqual(['Connection', 'TE, keep-alive'])
    expect(fieldsOf({ upgrade: 'websocket' }).slice(2)).toEqual([
      'Connection',
      'Upgrade',
      'Upgrade',
      'websocket',
    ])
    expect(fieldsOf({ headers: te, upgrade: 'x' }).slice(4)).toEqual([
      'Connection',
      'Upgrade, TE',
      'Upgrade',
      'x',
    ])
  })

  it('ask for 100 (Continue)', () => {
    const fields = fieldsOf({ method: 'PUT', framing: 'chunked', expectContinue: true })
    expect(fields.slice(-2)).toEqual(['Expect', '100-continue'])
  })
})
