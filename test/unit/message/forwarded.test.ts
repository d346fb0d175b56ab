import { describe, expect, it, vi } from 'vitest'
import { buildOutboundHeaders } from '../../../src/message/forwarded.js'
import type { RequestFacts } from '../../../src/message/forwarded.js'
import { compileTrust } from '../../../src/message/trust-proxy.js'
import type { TrustProxy } from '../../../src/options.js'

function build(given: Partial<RequestFacts>, trustProxy: TrustProxy = false, host = 'client') {
  const facts: RequestFacts = {
    rawHeaders: ['Host', 'example.com'],
    remoteAddress: '192.0.2.1',
    localPort: 8080,
    encrypted: false,
    ...given,
  }
  return buildOutboundHeaders(facts, host, compileTrust(trustProxy))
}

const incoming = [
  ...['Host', 'example.com', 'X-Forwarded-For', '1.1.1.1', 'x-forwarded-for', '2.2.2.2'],
  ...['X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'outer', 'X-Forwarded-Port', '444'],
  ...['X-Real-IP', '6.6.6.6', 'Forwarded', 'for=1.1.1.1', 'Accept', '*/*'],
]

describe('forwarded fields', () => {
  it('replaces those of a stranger', () => {
    const { headers, clientAddress } = build({ rawHeaders: incoming })
    expect(Object.entries(headers)).toEqual([
      ['host', 'example.com'],
      ['Accept', '*/*'],
      ['X-Forwarded-For', '192.0.2.1'],
      ['X-Real-IP', '192.0.2.1'],
      ['X-Forwarded-Proto', 'http'],
      ['X-Forwarded-Host', 'example.com'],
      ['X-Forwarded-Port', '8080'],
    ])
    expect(clientAddress).toBe('192.0.2.1')
  })

  it('extends those of a trusted peer', () => {
    const { headers, clientAddress } = build({ rawHeaders: incoming }, '192.0.2.0/24, 2.2.2.2')
    expect(Object.entries(headers)).toEqual([
      ['host', 'example.com'],
      ['Accept', '*/*'],
      ['X-Forwarded-For', '1.1.1.1, 2.2.2.2, 192.0.2.1'],
      ['X-Real-IP', '1.1.1.1'],
      ['X-Forwarded-Proto', 'https'],
      ['X-Forwarded-Host', 'outer'],
      ['X-Forwarded-Port', '444'],
      ['Forwarded', 'for=1.1.1.1'],
    ])
    expect(clientAddress).toBe('1.1.1.1')
  })

  it.each(['x-forwarded-for', 'x-real-ip, X-Forwarded-Proto, x-forwarded-host, host'])(
    'are out of the reach of Connection: %s',
    (named) => {
      for (const trust of [true, false]) {
        expect(build({ rawHeaders: [...incoming, 'Connection', named] }, trust).headers).toEqual(
          build({ rawHeaders: incoming }, trust).headers,
        )
      }
    },
  )

  it('are ours where a trusted peer sent none', () => {
    expect(build({ encrypted: true, localPort: 8443 }, true).headers).toEqual({
      host: 'example.com',
      'X-Forwarded-For': '192.0.2.1',
      'X-Real-IP': '192.0.2.1',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': 'example.com',
      'X-Forwarded-Port': '8443',
    })
    const rawHeaders = ['X-Forwarded-For', '']
    expect(build({ rawHeaders }, true).headers['X-Forwarded-For']).toBe('192.0.2.1')
  })

  it.each([
    ['https', '443'],
    ['http', '80'],
    ['https, http', '8080'],
  ])('a trusted peer that says %s and no port means %s', (proto, port) => {
    const rawHeaders = ['X-Forwarded-Proto', proto]
    expect(build({ rawHeaders }, true).headers['X-Forwarded-Port']).toBe(port)
  })

  it.each([
    [true, '443'],
    [false, '80'],
  ])('without a local port: the default of the scheme', (encrypted, port) => {
    expect(build({ localPort: undefined, encrypted }).headers['X-Forwarded-Port']).toBe(port)
  })

  it('writes a mapped IPv4 address as IPv4', () => {
    const { headers, clientAddress } = build({ remoteAddress: '::ffff:10.0.0.1' })
    expect(headers).toMatchObject({ 'X-Forwarded-For': '10.0.0.1', 'X-Real-IP': '10.0.0.1' })
    expect(clientAddress).toBe('10.0.0.1')
  })

  it('adds no address on a unix socket', () => {
    const stranger = build({ rawHeaders: incoming, remoteAddress: undefined })
    expect(stranger.clientAddress).toBeUndefined()
    expect(Object.keys(stranger.headers)).toEqual([
      ...['host', 'Accept', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'X-Forwarded-Port'],
    ])
    const trusted = build({ rawHeaders: incoming, remoteAddress: undefined }, 1)
    expect(trusted.headers).toMatchObject({
      'X-Forwarded-For': '1.1.1.1, 2.2.2.2',
      'X-Real-IP': '2.2.2.2',
    })
    const nothing = build({ remoteAddress: undefined }, true)
    expect(nothing.headers).not.toHaveProperty('X-Forwarded-For')
    expect(nothing.headers).not.toHaveProperty('X-Real-IP')
    const own = vi.fn(() => false)
    build({ remoteAddress: undefined }, own)
    expect(own.mock.calls).toEqual([['', 0]])
  })
})

describe('host', () => {
  it('comes first, wherever the client put it', () => {
    const { headers } = build({ rawHeaders: ['A', '1', 'HOST', 'example.com'] })
    expect(Object.keys(headers).slice(0, 2)).toEqual(['host', 'A'])
  })

  it('is the text of the option', () => {
    const { headers, clientHost } = build({}, false, 'inner.test')
    expect(headers).toMatchObject({ host: 'inner.test', 'X-Forwarded-Host': 'example.com' })
    expect(clientHost).toBe('example.com')
  })

  it('is left to the transport for the peer’s own name', () => {
    const { headers } = build({}, false, 'peer')
    expect(headers).not.toHaveProperty('host')
    expect(headers['X-Forwarded-Host']).toBe('example.com')
  })

  it.each([[[]], [['Host', '']]])('is left to the transport if the client gave none: %j', (raw) => {
    const { headers, clientHost, badHost } = build({ rawHeaders: raw })
    expect(Object.keys(headers)).not.toContain('host')
    expect(headers).not.toHaveProperty('X-Forwarded-Host')
    expect(clientHost).toBeUndefined()
    expect(badHost).toBe(false)
  })

  it('is :authority, then the target’s, then Host', () => {
    const rawHeaders = ['host', 'c', 'x', 'y']
    expect(
      build({ rawHeaders: [...rawHeaders, ':authority', 'a'], authority: 'b' }).clientHost,
    ).toBe('a')
    expect(build({ rawHeaders, authority: 'b' }).headers['host']).toBe('b')
    expect(build({ rawHeaders }).headers['host']).toBe('c')
  })

  it('is what middleware made it', () => {
    expect(build({ headers: { host: 'tenant.test', 'x-user': 'u' } }).headers).toMatchObject({
      host: 'tenant.test',
      'x-user': 'u',
    })
  })

  it.each([
    'a b',
    'a/b',
    'a\\b',
    'a@b',
    'a?b',
    'a#b',
    'a\tb',
    'a\x7f',
    'é',
    '<a>',
    '"a"',
    'a\r\nb',
    'a>',
  ])('is bad: %j', (host) => {
    expect(build({ rawHeaders: ['Host', host] }).badHost).toBe(true)
  })

  it.each(['a', 'a.b:80', '[::1]:80', '10.0.0.1', 'a_b', 'a-b.', '%61', "a!$&'()*+,;=~"])(
    'is good: %j',
    (host) => {
      expect(build({ rawHeaders: ['Host', host] }).badHost).toBe(false)
    },
  )

  it('is bad when it is there twice', () => {
    expect(build({ rawHeaders: ['Host', 'a', 'Host', 'a'] }).badHost).toBe(true)
    expect(build({ rawHeaders: ['Host', 'a', ':authority', 'a'] }).badHost).toBe(false)
  })
})
