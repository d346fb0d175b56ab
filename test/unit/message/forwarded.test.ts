import { describe, expect, it, vi } from 'vitest'
import { chainOf } from '../../../src/message/forwarded-field.js'
import { buildOutboundHeaders } from '../../../src/message/forwarded.js'
import type { HeadSettings, RequestFacts } from '../../../src/message/forwarded.js'
import { compileTrust } from '../../../src/message/trust-proxy.js'
import type { TrustProxy } from '../../../src/options.js'

function build(
  given: Partial<RequestFacts>,
  trustProxy: TrustProxy = false,
  settings: Partial<HeadSettings> = {},
) {
  const facts: RequestFacts = {
    rawHeaders: ['Host', 'example.com'],
    remoteAddress: '192.0.2.1',
    localPort: 8080,
    encrypted: false,
    httpVersion: '1.1',
    ...given,
  }
  const all: HeadSettings = {
    host: 'client',
    forwarded: 'x-forwarded',
    via: undefined,
    maxHeaders: 1000,
    ...settings,
  }
  return buildOutboundHeaders(facts, all, compileTrust(trustProxy))
}

/** By name; every name here comes once. */
function fields(...given: Parameters<typeof build>): Record<string, string> {
  const { headers } = build(...given)
  const byName: Record<string, string> = {}
  for (let i = 0; i < headers.length; i += 2) {
    expect(byName).not.toHaveProperty(headers[i] ?? '')
    byName[headers[i] ?? ''] = headers[i + 1] ?? ''
  }
  return byName
}

const incoming = [
  ...['Host', 'example.com', 'X-Forwarded-For', '1.1.1.1', 'x-forwarded-for', '2.2.2.2'],
  ...['X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'outer', 'X-Forwarded-Port', '444'],
  ...['X-Real-IP', '6.6.6.6', 'Forwarded', 'for=1.1.1.1', 'Accept', '*/*'],
]

describe('forwarded fields', () => {
  it('come last, after what the client sent', () => {
    const { headers, clientAddress } = build({ rawHeaders: ['A', '1', 'Host', 'h', 'B', '2'] })
    expect(headers).toEqual([
      ...['A', '1', 'Host', 'h', 'B', '2', 'X-Forwarded-For', '192.0.2.1'],
      ...['X-Real-IP', '192.0.2.1', 'X-Forwarded-Proto', 'http', 'X-Forwarded-Host', 'h'],
      ...['X-Forwarded-Port', '8080'],
    ])
    expect(clientAddress).toBe('192.0.2.1')
  })

  it('replace those of a stranger where they stood', () => {
    const { headers, clientAddress } = build({ rawHeaders: incoming })
    expect(headers).toEqual([
      ...['Host', 'example.com', 'X-Forwarded-For', '192.0.2.1', 'X-Forwarded-Proto', 'http'],
      ...['X-Forwarded-Host', 'example.com', 'X-Forwarded-Port', '8080'],
      ...['X-Real-IP', '192.0.2.1', 'Accept', '*/*'],
    ])
    expect(clientAddress).toBe('192.0.2.1')
  })

  it('extend those of a trusted peer', () => {
    const { headers, clientAddress } = build({ rawHeaders: incoming }, '192.0.2.0/24, 2.2.2.2')
    expect(headers).toEqual([
      ...['Host', 'example.com', 'X-Forwarded-For', '1.1.1.1, 2.2.2.2, 192.0.2.1'],
      ...['X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'outer', 'X-Forwarded-Port', '444'],
      ...['X-Real-IP', '1.1.1.1', 'Forwarded', 'for=1.1.1.1', 'Accept', '*/*'],
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
    expect(fields({ encrypted: true, localPort: 8443 }, true)).toEqual({
      Host: 'example.com',
      'X-Forwarded-For': '192.0.2.1',
      'X-Real-IP': '192.0.2.1',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': 'example.com',
      'X-Forwarded-Port': '8443',
    })
    const rawHeaders = ['X-Forwarded-For', '']
    expect(fields({ rawHeaders }, true)['X-Forwarded-For']).toBe('192.0.2.1')
  })

  it.each([
    ['https', '443'],
    ['http', '80'],
    ['https, http', '8080'],
  ])('a trusted peer that says %s and no port means %s', (proto, port) => {
    const rawHeaders = ['X-Forwarded-Proto', proto]
    expect(fields({ rawHeaders }, true)['X-Forwarded-Port']).toBe(port)
  })

  it.each([
    [true, '443'],
    [false, '80'],
  ])('without a local port: the default of the scheme', (encrypted, port) => {
    expect(fields({ localPort: undefined, encrypted })['X-Forwarded-Port']).toBe(port)
  })

  it('write a mapped IPv4 address as IPv4', () => {
    const facts = { remoteAddress: '::ffff:10.0.0.1' }
    expect(fields(facts)).toMatchObject({ 'X-Forwarded-For': '10.0.0.1', 'X-Real-IP': '10.0.0.1' })
    expect(build(facts).clientAddress).toBe('10.0.0.1')
  })

  it('add no address on a unix socket', () => {
    const facts = { rawHeaders: incoming, remoteAddress: undefined }
    expect(build(facts).clientAddress).toBeUndefined()
    expect(Object.keys(fields(facts))).toEqual([
      ...['Host', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'X-Forwarded-Port', 'Accept'],
    ])
    expect(fields(facts, 1)).toMatchObject({
      'X-Forwarded-For': '1.1.1.1, 2.2.2.2',
      'X-Real-IP': '2.2.2.2',
    })
    const nothing = fields({ remoteAddress: undefined }, true)
    expect(nothing).not.toHaveProperty('X-Forwarded-For')
    expect(nothing).not.toHaveProperty('X-Real-IP')
    const own = vi.fn(() => false)
    build(facts, own)
    expect(own.mock.calls).toEqual([['', 0]])
  })
})

describe('forwarded: none', () => {
  it('adds nothing, drops a stranger’s, and leaves a trusted peer’s as they are', () => {
    const settings = { forwarded: 'none' } as const
    expect(build({ rawHeaders: incoming }, false, settings)).toMatchObject({
      headers: ['Host', 'example.com', 'Accept', '*/*'],
      clientAddress: '192.0.2.1',
    })
    expect(build({}, true, settings).headers).toEqual(['Host', 'example.com'])
    expect(build({ rawHeaders: incoming }, true, settings)).toMatchObject({
      headers: [
        ...['Host', 'example.com', 'X-Forwarded-For', '1.1.1.1, 2.2.2.2'],
        ...['X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'outer', 'X-Forwarded-Port', '444'],
        ...['X-Real-IP', '6.6.6.6', 'Forwarded', 'for=1.1.1.1', 'Accept', '*/*'],
      ],
      clientAddress: '1.1.1.1',
    })
  })
})

describe('Forwarded', () => {
  const settings = { forwarded: 'forwarded' } as const
  const forwarded = (given: Partial<RequestFacts>, trust?: TrustProxy) =>
    fields(given, trust, settings)['Forwarded']

  it.each([
    ['192.0.2.1', 'a', 'for=192.0.2.1;proto=http;host=a'],
    ['::ffff:192.0.2.1', 'a:8443', 'for=192.0.2.1;proto=http;host="a:8443"'],
    ['2001:db8::1', '[::1]:80', 'for="[2001:db8::1]";proto=http;host="[::1]:80"'],
    ['fe80::1%eth0', 'a.b', 'for="[fe80::1]";proto=http;host=a.b'],
    [undefined, 'a(b)', 'for=unknown;proto=http;host="a(b)"'],
  ])('of %s and %s is %s', (remoteAddress, host, expected) => {
    expect(forwarded({ remoteAddress, rawHeaders: ['Host', host] })).toBe(expected)
  })

  it('has no host where there is none', () => {
    expect(forwarded({ rawHeaders: [], encrypted: true })).toBe('for=192.0.2.1;proto=https')
  })

  it('replaces a stranger’s where it stood, and nothing else of theirs stays', () => {
    expect(build({ rawHeaders: incoming }, false, settings).headers).toEqual([
      ...['Host', 'example.com', 'Forwarded', 'for=192.0.2.1;proto=http;host=example.com'],
      ...['Accept', '*/*'],
    ])
  })

  it('is appended to a trusted peer’s, whose other fields stay as they are', () => {
    const rawHeaders = [...incoming, 'forwarded', 'for=2.2.2.2']
    const own = 'for=192.0.2.1;proto=http;host=example.com'
    expect(build({ rawHeaders }, true, settings).headers).toEqual([
      ...['Host', 'example.com', 'X-Forwarded-For', '1.1.1.1, 2.2.2.2'],
      ...['X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'outer', 'X-Forwarded-Port', '444'],
      ...['X-Real-IP', '6.6.6.6', 'Forwarded', `for=1.1.1.1, for=2.2.2.2, ${own}`],
      ...['Accept', '*/*'],
    ])
    expect(forwarded({ rawHeaders: ['Forwarded', ''] }, true)).toBe('for=192.0.2.1;proto=http')
  })

  it('begins with what a trusted peer says in X-Forwarded-* alone', () => {
    const own = 'for=192.0.2.1;proto=http'
    const from = (...rawHeaders: string[]) => forwarded({ rawHeaders }, true)
    expect(from('X-Forwarded-For', '1.1.1.1 ,, ::2,x"', 'X-Forwarded-Proto', 'https')).toBe(
      `for=1.1.1.1;proto=https, for="[::2]", for=unknown, ${own}`,
    )
    expect(from('X-Forwarded-For', '1.1.1.1', 'X-Forwarded-Host', 'a:1')).toBe(
      `for=1.1.1.1;host="a:1", ${own}`,
    )
    const odd = ['X-Forwarded-Host', 'a"', 'X-Forwarded-Proto', 'https, http']
    expect(from('X-Forwarded-For', '1.1.1.1', ...odd)).toBe(`for=1.1.1.1, ${own}`)
    expect(from(...odd)).toBe(own)
  })

  it('comes after the others with both', () => {
    expect(Object.keys(fields({}, false, { forwarded: 'both' }))).toEqual([
      ...['Host', 'X-Forwarded-For', 'X-Real-IP', 'X-Forwarded-Proto', 'X-Forwarded-Host'],
      ...['X-Forwarded-Port', 'Forwarded'],
    ])
  })

  it('of a trusted peer counts where there is no X-Forwarded-For', () => {
    const rawHeaders = ['Forwarded', 'for=1.1.1.1, for="[2001:db8::2]:80";proto=https']
    const trusting = '192.0.2.1, 2001:db8::/32'
    expect(build({ rawHeaders }, trusting).clientAddress).toBe('1.1.1.1')
    expect(build({ rawHeaders }, '192.0.2.1').clientAddress).toBe('2001:db8::2')
    expect(build({ rawHeaders }).clientAddress).toBe('192.0.2.1')
    expect(fields({ rawHeaders }, trusting)).toMatchObject({
      'X-Forwarded-For': '1.1.1.1, 2001:db8::2, 192.0.2.1',
      'X-Real-IP': '1.1.1.1',
      Forwarded: rawHeaders[1],
    })
    const both = [...rawHeaders, 'X-Forwarded-For', '3.3.3.3']
    expect(build({ rawHeaders: both }, trusting).clientAddress).toBe('3.3.3.3')
  })
})

describe('chainOf', () => {
  it.each([
    ['for=1.1.1.1', '1.1.1.1'],
    ['FOR="1.1.1.1:80"', '1.1.1.1'],
    ['For="[::1]:_x.1"', '::1'],
    ['for="1.1.1.1"', '1.1.1.1'],
    ['proto=https;for=1.1.1.1;by=_x;ext="a, b;\\"c"', '1.1.1.1'],
    [',for=1.1.1.1 ,, for=2.2.2.2,', '1.1.1.1, 2.2.2.2'],
    ['for=_hidden, for=2.2.2.2', '2.2.2.2'],
    ['for=1.1.1.1, for=unknown, for=2.2.2.2', '2.2.2.2'],
    ['for=1.1.1.1, proto=https, for=2.2.2.2', '2.2.2.2'],
    ['for=1.1.1.1, for="2.2.2.2, for=3.3.3.3', '3.3.3.3'],
    ['for=1.1.1.1, "\\", for=3.3.3.3', '3.3.3.3'],
    ['for="1.1.1.1\\", for=3.3.3.3', '3.3.3.3'],
    ['for="x, for=9.9.9.9;host="a", for=3.3.3.3', '9.9.9.9, 3.3.3.3'],
    ['for=1.1.1.1;x="\\\\", for=3.3.3.3', '1.1.1.1, 3.3.3.3'],
    ['for=1.1.1.1;x="\\"", for=3.3.3.3', '1.1.1.1, 3.3.3.3'],
    ['host="a, for=9.9.9.9, b";for=3.3.3.3', '3.3.3.3'],
    ['', undefined],
    ['for', undefined],
    ['for=', undefined],
    ['=1.1.1.1', undefined],
    ['for=1.1.1.1;', undefined],
    ['for=1.1.1.1;for=2.2.2.2', undefined],
    ['for =1.1.1.1', undefined],
    ['for= 1.1.1.1', undefined],
    ['for=1.1.1.1 ;proto=http', undefined],
    ['for=1.1.1.1:80', undefined],
    ['for="1.1.1.1:"', undefined],
    ['for="1.1.1.1:123456"', undefined],
    ['for="1.1.1.1:8x"', undefined],
    ['for="1.1.1.1:_ "', undefined],
    ['for=[::1]', undefined],
    ['for="::1"', undefined],
    ['for="[1.1.1.1]"', undefined],
    ['for="[::1"', undefined],
    ['for="[::1]x"', undefined],
    ['for="[::1]x:80"', undefined],
    ['for="1.1.1.1" x', undefined],
    ['for=1.1.1.1 x=y', undefined],
    ['for="1.1.1.1', undefined],
    ['for=""', undefined],
    ['for="\\', undefined],
  ])('%j → %j', (field, expected) => {
    expect(chainOf(field)).toBe(expected)
  })
})

describe('host', () => {
  it('stays where and as the client put it', () => {
    const { headers } = build({ rawHeaders: ['A', '1', 'HOST', 'example.com', 'B', '2'] })
    expect(headers.slice(0, 6)).toEqual(['A', '1', 'HOST', 'example.com', 'B', '2'])
  })

  it('is the text of the option', () => {
    const settings = { host: 'inner.test' }
    const { headers, clientHost } = build({ rawHeaders: ['A', '1', 'hOst', 'a'] }, false, settings)
    expect(headers.slice(0, 4)).toEqual(['A', '1', 'hOst', 'inner.test'])
    expect(headers).toEqual(expect.arrayContaining(['X-Forwarded-Host', 'a']))
    expect(clientHost).toBe('a')
    expect(build({ rawHeaders: ['A', '1'] }, false, settings).headers.slice(0, 4)).toEqual([
      ...['Host', 'inner.test', 'A', '1'],
    ])
  })

  it('is left to the transport for the peer’s own name', () => {
    const { headers } = build({ rawHeaders: ['A', '1', 'Host', 'h'] }, false, { host: 'peer' })
    expect(headers.slice(0, 3)).toEqual(['A', '1', 'X-Forwarded-For'])
    expect(headers).toEqual(expect.arrayContaining(['X-Forwarded-Host', 'h']))
  })

  it.each([[[]], [['Host', '']]])('is left to the transport if the client gave none: %j', (raw) => {
    const { headers, clientHost, refusal } = build({ rawHeaders: raw, httpVersion: '1.0' })
    expect(headers[0]).toBe('X-Forwarded-For')
    expect(headers).not.toContain('X-Forwarded-Host')
    expect(clientHost).toBeUndefined()
    expect(refusal).toBeUndefined()
  })

  it('is :authority, then the target’s, then Host', () => {
    const rawHeaders = ['host', 'c', 'x', 'y']
    const h2 = [':authority', 'a', ':path', '/', ...rawHeaders]
    const settings = { forwarded: 'none' } as const
    const headers = (given: Partial<RequestFacts>) => build(given, false, settings).headers
    expect(headers({ rawHeaders: h2, authority: 'b' })).toEqual(['Host', 'a', 'x', 'y'])
    expect(headers({ rawHeaders, authority: 'b' })).toEqual(['host', 'b', 'x', 'y'])
    expect(headers({ rawHeaders })).toEqual(rawHeaders)
    expect(headers({ rawHeaders: ['x', 'y'], authority: 'b' })).toEqual(['Host', 'b', 'x', 'y'])
  })

  it('is what middleware made it', () => {
    expect(fields({ headers: { host: 'tenant.test', 'x-user': 'u' } })).toMatchObject({
      Host: 'tenant.test',
      'x-user': 'u',
      'X-Forwarded-Host': 'tenant.test',
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
    ':80',
  ])('is bad: %j', (host) => {
    expect(build({ rawHeaders: ['Host', host] }).refusal).toBe('bad_host')
  })

  it.each(['a', 'a.b:80', '[::1]:80', '10.0.0.1', 'a_b', 'a-b.', '%61', "a!$&'()*+,;=~"])(
    'is good: %j',
    (host) => {
      expect(build({ rawHeaders: ['Host', host] }).refusal).toBeUndefined()
    },
  )

  it('is bad when it is there twice', () => {
    expect(build({ rawHeaders: ['Host', 'a', 'Host', 'a'] }).refusal).toBe('bad_host')
    expect(build({ rawHeaders: [':authority', 'a', 'Host', 'b'] }).refusal).toBeUndefined()
  })

  it('is bad, too, where it does not count', () => {
    expect(build({ rawHeaders: ['Host', 'a b'], authority: 'c' }).refusal).toBe('bad_host')
    expect(build({ rawHeaders: ['Host', 'a'], authority: 'c d' }).refusal).toBe('bad_host')
    expect(build({ rawHeaders: ['Host', ''], authority: 'c' }).refusal).toBeUndefined()
  })
})

describe('framing', () => {
  it.each([
    [['Content-Length', '5', 'Transfer-Encoding', 'chunked'], 'framing'],
    [['Transfer-Encoding', 'gzip'], 'transfer_coding'],
    [['Transfer-Encoding', 'chunked'], undefined],
    [['Content-Length', '5', 'content-length', '5'], 'framing'],
    [['Host', 'a b', 'Transfer-Encoding', 'gzip'], 'bad_host'],
  ])('%j → %s', (rawHeaders, refusal) => {
    expect(build({ rawHeaders }).refusal).toBe(refusal)
  })

  it('is told apart for HTTP/1.0', () => {
    const rawHeaders = ['Transfer-Encoding', 'chunked']
    expect(build({ rawHeaders, httpVersion: '1.0' }).refusal).toBe('framing')
  })
})

describe('Via', () => {
  it('is added behind what the client sent in it', () => {
    const settings = { forwarded: 'none', via: 'lb' } as const
    const via = (httpVersion: string, ...rawHeaders: string[]) =>
      build({ rawHeaders, httpVersion }, false, settings).headers
    expect(via('1.1', 'A', '1')).toEqual(['A', '1', 'Via', '1.1 lb'])
    expect(via('2.0', 'via', '1.0 x', 'A', '1')).toEqual(['via', '1.0 x, 2 lb', 'A', '1'])
  })
})
