import { describe, expect, test } from 'vitest'
import { resolveBalancer, resolveUpstream } from '../../src/config.js'
import { ConfigurationError } from '../../src/errors.js'
import type { BalancerOptions, UpstreamOptions } from '../../src/options.js'
import { forLocalhost, forOther } from '../fixtures/test-only-certificates.js'

function upstreamLines(options: unknown): string[] {
  try {
    resolveUpstream(options as UpstreamOptions)
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message.split('\n')
    throw error
  }
  return []
}

function addressOf(url: string) {
  return resolveUpstream({ peers: [url] }).peers[0]!.address
}

describe('the address of a peer', () => {
  test.each([
    ['http://10.0.0.1:8080', 'http:', '10.0.0.1', 8080, '10.0.0.1:8080'],
    ['http://10.0.0.1', 'http:', '10.0.0.1', 80, '10.0.0.1:80'],
    ['https://example.com', 'https:', 'example.com', 443, 'example.com:443'],
    ['https://example.com:80/', 'https:', 'example.com', 80, 'example.com:80'],
    ['http://example.com:443', 'http:', 'example.com', 443, 'example.com:443'],
    ['HTTP://EXAMPLE.com', 'http:', 'example.com', 80, 'example.com:80'],
    ['localhost', 'http:', 'localhost', 80, 'localhost:80'],
    ['localhost:3000', 'http:', 'localhost', 3000, 'localhost:3000'],
    ['app_1:3000', 'http:', 'app_1', 3000, 'app_1:3000'],
    ['10.0.0.1:65535', 'http:', '10.0.0.1', 65_535, '10.0.0.1:65535'],
    ['[::1]:3000', 'http:', '::1', 3000, '[::1]:3000'],
    ['https://[2001:DB8:0:0::1]', 'https:', '2001:db8::1', 443, '[2001:db8::1]:443'],
    ['http://bücher.example', 'http:', 'xn--bcher-kva.example', 80, 'xn--bcher-kva.example:80'],
    ['http://example.com.', 'http:', 'example.com.', 80, 'example.com.:80'],
    ['http:3000', 'http:', 'http', 3000, 'http:3000'],
  ])('%s', (url, protocol, hostname, port, name) => {
    expect(addressOf(url)).toEqual({ protocol, hostname, port, socketPath: undefined, name })
  })

  test.each(['unix:/run/app.sock', 'http://unix:/run/app.sock', 'UNIX:/run/app.sock'])(
    '%s',
    (url) => {
      expect(addressOf(url)).toEqual({
        protocol: 'http:',
        hostname: '',
        port: 0,
        socketPath: '/run/app.sock',
        name: 'unix:/run/app.sock',
      })
    },
  )

  test('a socket path may hold anything but control characters', () => {
    expect(addressOf('unix:/run/a b?c#d@e:f').socketPath).toBe('/run/a b?c#d@e:f')
  })

  const PORT = 'must have a port from 1 to 65535'
  const HOST = 'must have a valid host name or address'
  const SCHEME = 'must begin with http://, https:// or unix:'
  const CREDENTIALS = 'must have no credentials'
  const CONTROL = 'must not contain control characters'
  test.each([
    ['', HOST],
    ['http://', HOST],
    ['http:///', HOST],
    [':80', HOST],
    ['http://h:0', PORT],
    ['http://h:65536', PORT],
    ['http://h:', PORT],
    ['http://h:80a', PORT],
    ['http://h:+80', PORT],
    ['http://h:000080', PORT],
    ['h:80:80', PORT],
    ['http:/h', PORT, 'must have no path'],
    ['http://h/api', 'must have no path'],
    ['http://h//', 'must have no path'],
    ['http://h\\', 'must have no path'],
    ['http://h?', 'must have no query'],
    ['http://h/?a=b', 'must have no query'],
    ['http://h#', 'must have no fragment'],
    ['http://user@h', CREDENTIALS],
    ['http://user:secret@h', CREDENTIALS],
    ['user:secret@h:80', CREDENTIALS],
    ['http://user:sec/ret@h', CREDENTIALS],
    ['ftp://h', SCHEME],
    ['ws://h', SCHEME],
    ['javascript://h', SCHEME],
    ['http://::1', 'must have brackets around an IPv6 address'],
    ['http://[::1', HOST],
    ['http://[::g]', HOST],
    ['http://[fe80::1%eth0]:80', HOST],
    ['http://h%41', HOST],
    ['http://a b', HOST],
    [' h', HOST],
    ['http://*', HOST],
    ['http://a..b', HOST],
    ['http://.', HOST],
    ['http://-a', HOST],
    ['http://1.2.3.256', HOST],
    [`http://${'a'.repeat(64)}`, HOST],
    [`http://${'a.'.repeat(128)}`, HOST],
    ['10.0.0.1 weight=2', HOST],
    ['http://h\r\nx', CONTROL],
    ['http://h\t', CONTROL],
    ['unix:/a\u0000', CONTROL],
    ['http://h\u0085', CONTROL],
    ['unix:', 'must have an absolute path after unix:'],
    ['unix:/', 'must have an absolute path after unix:'],
    ['unix:run/app.sock', 'must have an absolute path after unix:'],
    ['http://unix:/run/app.sock:/api', 'must have no path after the socket'],
    ['https://unix:/run/app.sock', 'must not be https: on a unix socket'],
    [`unix:/${'a'.repeat(107)}`, 'must have a socket path of at most '],
  ])('%s is none', (url, ...rules) => {
    const lines = upstreamLines({ peers: [url] })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain(`peers[0] ${rules.at(-1) ?? ''}`)
    expect(lines[0]).not.toMatch(/sec/)
  })
})

describe('the parameters of a peer', () => {
  test('defaults', () => {
    expect(resolveUpstream({ peers: ['a'] }).peers[0]?.parameters).toMatchObject({
      weight: 1,
      maxConns: 0,
      maxFails: 1,
      failTimeout: 10_000,
      backup: false,
      down: false,
    })
  })

  test('as given, else the upstream’s', () => {
    const { peers } = resolveUpstream({
      maxFails: 3,
      failTimeout: '30s',
      peers: [
        { url: 'a', weight: 5, maxConns: 100, down: true },
        { url: 'b', maxFails: 0, failTimeout: 0, backup: true },
      ],
    })
    expect(peers.map((peer) => peer.parameters)).toMatchObject([
      { weight: 5, maxConns: 100, maxFails: 3, failTimeout: 30_000, backup: false, down: true },
      { weight: 1, maxConns: 0, maxFails: 0, failTimeout: 0, backup: true, down: false },
    ])
  })

  test.each<[string, unknown, string]>([
    ['weight', 0, 'must be a positive integer, got 0'],
    ['weight', -1, 'must be a positive integer, got -1'],
    ['weight', 1.5, 'must be a positive integer, got 1.5'],
    ['weight', NaN, 'must be a positive integer, got NaN'],
    ['weight', Infinity, 'must be a positive integer, got Infinity'],
    ['weight', '2', 'must be a positive integer, got "2"'],
    ['weight', null, 'must be a positive integer, got null'],
    ['weight', 2n, 'must be a positive integer, got 2n'],
    ['weight', 2 ** 31, 'must be at most 2147483647, got 2147483648'],
    ['maxConns', -1, 'must be a non-negative integer, got -1'],
    ['maxFails', 0.5, 'must be a non-negative integer, got 0.5'],
    ['failTimeout', -1, 'must be a time: '],
    ['backup', 1, 'must be true or false, got 1'],
    ['down', 'yes', 'must be true or false, got "yes"'],
    ['url', 5, 'must be a text, got 5'],
  ])('%s, case %#', (name, value, rule) => {
    const lines = upstreamLines({ peers: ['a', { url: 'b', [name]: value }] })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain(`peers[1].${name} ${rule}`)
  })

  test('unknown ones are told, with what they may have meant', () => {
    expect(
      upstreamLines({ peers: [{ url: 'a', weigth: 2, max_fails: 1, colour: 'red' }] }),
    ).toEqual([
      'peers[0].weigth is not an option (did you mean weight?)',
      'peers[0].max_fails is not an option (did you mean maxFails?)',
      'peers[0].colour is not an option',
    ])
  })
})

describe('the tls of a peer', () => {
  const { key, cert } = forLocalhost

  test('is what is given, and nothing else', () => {
    const { peers } = resolveUpstream({
      tls: { verify: false, name: 'a.example', ca: cert },
      peers: [
        'https://a',
        { url: 'https://b', tls: {} },
        { url: 'https://c', tls: { name: 'c.example', verify: true, key, cert } },
        { url: 'https://d', tls: { ca: undefined } },
      ],
    })
    expect(peers.map((peer) => peer.tls)).toEqual([
      undefined,
      {},
      { name: 'c.example', verify: true, key, cert },
      {},
    ])
    expect(peers.every((peer) => peer.tls === undefined || Object.isFrozen(peer.tls))).toBe(true)
  })

  test.each<[object, string]>([
    [{ url: 'http://b', tls: {} }, 'tls is of no use for a peer that is not https:'],
    [{ url: 'unix:/b', tls: { verify: true } }, 'tls is of no use for a peer that is not https:'],
    [{ url: 'b:443', tls: 5 }, 'tls is of no use for a peer that is not https:'],
    [{ url: 'https://b', tls: 'SECRET' }, 'tls must be an object, got a string'],
    [{ url: 'https://b', tls: null }, 'tls must be an object, got null'],
    [{ url: 'https://b', tls: { verify: 1 } }, 'tls.verify must be true or false, got 1'],
    [{ url: 'https://b', tls: { name: 'a b' } }, 'tls.name must be a host name, got "a b"'],
    [{ url: 'https://b', tls: { caa: 'x' } }, 'tls.caa is not an option (did you mean ca?)'],
    [{ url: 'https://b', tls: { ca: 'SECRET' } }, 'tls.ca must hold a certificate'],
    [{ url: 'https://b', tls: { key: 'SECRET' } }, 'tls cannot be used: '],
    [{ url: 'https://b', tls: { key: 5 } }, 'tls.key must be PEM text'],
  ])('case %#', (peer, line) => {
    const lines = upstreamLines({ peers: ['a', peer] })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain(`peers[1].${line}`)
    expect(lines[0]).not.toContain('SECRET')
  })

  test('is checked together with the upstream’s', () => {
    const list = (tls: object) => [{ url: 'https://b', tls }]
    expect(upstreamLines({ tls: { cert }, peers: list({ key }) })).toEqual([])
    expect(upstreamLines({ tls: { cert }, peers: list({ key: forOther.key }) })).toEqual([
      expect.stringMatching(/^peers\[0\]\.tls cannot be used: /),
    ])
    expect(
      upstreamLines({ tls: { minVersion: 'TLSv1.3' }, peers: list({ maxVersion: 'TLSv1.2' }) }),
    ).toEqual(['peers[0].tls.minVersion must not be above maxVersion'])
  })

  test('what is wrong with the upstream’s is said once', () => {
    const peers = ['a', 'b'].map((name) => ({ url: `https://${name}`, tls: { cert } }))
    expect(upstreamLines({ tls: { key: forOther.key, cert }, peers })).toHaveLength(1)
  })
})

describe('bind', () => {
  test.each(['127.0.0.2', '::1', '10.0.0.1', 'fe80::1%eth0'])('%s', (bind) => {
    expect(resolveUpstream({ peers: ['a'], bind }).bind).toBe(bind)
  })

  test('none is the system’s choice', () => {
    expect(resolveUpstream({ peers: ['a'] }).bind).toBeUndefined()
  })

  const RULE = 'bind must be an IP address of this machine, without brackets and port, got '
  test.each<[unknown, string]>([
    ['', `${RULE}""`],
    ['localhost', `${RULE}"localhost"`],
    ['127.0.0.1:80', `${RULE}"127.0.0.1:80"`],
    ['[::1]', `${RULE}"[::1]"`],
    ['127.1', `${RULE}"127.1"`],
    [5, `${RULE}5`],
    [null, `${RULE}null`],
    [['127.0.0.1'], `${RULE}["127.0.0.1"]`],
  ])('%j is none', (bind, line) => {
    expect(upstreamLines({ peers: ['a'], bind })).toEqual([line])
  })

  test('of another family than a peer’s address', () => {
    const peers = ['a', 'http://10.0.0.1', '[::1]:80', 'unix:/run/app.sock']
    expect(upstreamLines({ peers, bind: '10.0.0.9' })).toEqual([
      'bind must be an IPv6 address, as [::1]:80 is one, got "10.0.0.9"',
    ])
    expect(upstreamLines({ peers, bind: '::9' })).toEqual([
      'bind must be an IPv4 address, as 10.0.0.1:80 is one, got "::9"',
    ])
  })
})

describe('the list of peers', () => {
  test.each<[unknown, string]>([
    [undefined, 'peers is required: a list of peers'],
    [[], 'peers must have at least one peer, got []'],
    ['http://a', 'peers must be a list of peers, got "http://a"'],
    [{ 0: 'a', length: 1 }, 'peers must be a list of peers, got {"0":"a","length":1}'],
    [null, 'peers must be a list of peers, got null'],
    [[5], 'peers[0] must be a URL or an object with one, got 5'],
    [['a', null], 'peers[1] must be a URL or an object with one, got null'],
    [[['a']], 'peers[0] must be a URL or an object with one, got ["a"]'],
    [[new URL('http://a')], 'peers[0] must be a URL or an object with one, got an object'],
    [new Array(1), 'peers[0] must be a URL or an object with one, got undefined'],
    [[{}], 'peers[0].url is required'],
    [[{ url: 'a', backup: true }], 'peers must have a peer that is not a backup'],
  ])('case %#', (peers, line) => {
    expect(upstreamLines({ peers })).toEqual([line])
  })

  test('peers that are all down, and one that stands twice, are allowed', () => {
    expect(upstreamLines({ peers: [{ url: 'a', down: true }, 'b', 'b'] })).toEqual([])
    expect(upstreamLines({ peers: [{ url: 'a', down: true }] })).toEqual([])
  })

  test('a peer that is wrong does not make the others all backups', () => {
    expect(upstreamLines({ peers: [{ url: 'a', backup: true }, 'ftp://b'] })).toHaveLength(1)
  })

  test('in createBalancer it is called upstream', () => {
    expect(() => resolveBalancer({ upstream: ['a', 'b', { url: 'c', weight: 0 }] })).toThrow(
      /^upstream\[2\]\.weight must be a positive integer, got 0$/,
    )
    expect(() => resolveBalancer({} as BalancerOptions)).toThrow(/^upstream is required/)
  })
})
