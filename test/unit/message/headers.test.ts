import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createSetAside, outboundHeaders } from '../../../src/message/request-headers.js'
import { keepAliveHint, responseHeaders } from '../../../src/message/response-headers.js'

/** As an ordinary list of entries: order and case can be compared, and no prototype is in the way. */
function outbound(rawHeaders: string[], live?: Record<string, string | string[] | undefined>) {
  return Object.entries(outboundHeaders(rawHeaders, undefined, live))
}

/** The request as Node itself parses these lines. */
async function parsed(lines: string[]): Promise<IncomingMessage> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  try {
    return await new Promise((resolve, reject) => {
      server.on('request', resolve)
      server.on('clientError', reject)
      socket.on('error', reject)
      socket.write(`GET / HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    })
  } finally {
    socket.destroy()
    server.close()
  }
}

describe('outboundHeaders', () => {
  it('keeps case, order and values', () => {
    expect(outbound(['Accept', '*/*', 'x-b', ' padded', 'X-A', '', 'user_id', '7'])).toEqual([
      ['Accept', '*/*'],
      ['x-b', ' padded'],
      ['X-A', ''],
      ['user_id', '7'],
    ])
  })

  it.each([
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'Proxy-Authorization',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'HTTP2-Settings',
    'Expect',
    'Content-Length',
    'Host',
    'X-Forwarded-For',
    'X-Forwarded-Proto',
    'X-Forwarded-Host',
    'X-Forwarded-Port',
    'X-Real-IP',
    'Forwarded',
    ':path',
    ':authority',
    ':method',
    'X_Forwarded_For',
    'x-forwarded_proto',
    'X_Real_IP',
  ])('removes %s in any case', (name) => {
    for (const written of [name, name.toLowerCase(), name.toUpperCase()]) {
      expect(outbound(['A', '1', written, 'x', 'B', '2'])).toEqual([
        ['A', '1'],
        ['B', '2'],
      ])
    }
  })

  it.each(['Proxy-Authenticate', 'Via', 'X-Forwarded-Prefix', 'x_user', 'Authorization', 'Date'])(
    'keeps %s',
    (name) => {
      expect(outbound([name, 'x'])).toEqual([[name, 'x']])
    },
  )

  it('keeps the lines of a repeated field apart, under the first name', () => {
    expect(outbound(['X-A', '1', 'b', '2', 'x-a', '3', 'X-A', '4'])).toEqual([
      ['X-A', ['1', '3', '4']],
      ['b', '2'],
    ])
  })

  it('joins the Cookie lines that HTTP/2 splits', () => {
    expect(outbound(['cookie', 'a=1', 'x', 'y', 'Cookie', 'b=2', 'cookie', 'c=3'])).toEqual([
      ['cookie', 'a=1; b=2; c=3'],
      ['x', 'y'],
    ])
  })

  it.each([
    ['X-Drop', [['X-Keep', '2']]],
    ['close, x-drop ,,\tX-KEEP', []],
    ['', ['all']],
    [',', ['all']],
    ['close', ['all']],
    ['Keep-Alive', ['all']],
    ['X-Dro', ['all']],
  ])('removes what Connection names: %j', (connection, left) => {
    const all = [
      ['X-Drop', ['1', '3']],
      ['X-Keep', '2'],
    ]
    const expected = left[0] === 'all' ? all : left
    const fields = ['X-Drop', '1', 'X-Keep', '2', 'x-drop', '3']
    expect(outbound(['Connection', connection, ...fields])).toEqual(expected)
    expect(outbound([...fields, 'connection', connection])).toEqual(expected)
    expect(outbound(['Connection', 'close', ...fields, 'CONNECTION', connection])).toEqual(expected)
    // Go CVE-2021-33197: an empty first line must not hide the second
    expect(outbound(['Connection', '', 'Connection', connection, ...fields])).toEqual(expected)
  })

  it('does not let Connection name Host and the forwarded fields away (Apache CVE-2022-31813)', () => {
    const aside = createSetAside()
    outboundHeaders(
      [
        ...['Connection', 'host, x-forwarded-for, x-forwarded-host, forwarded', 'Host', 'h'],
        ...['X-Forwarded-For', '1.1.1.1', 'X-Forwarded-Host', 'fh', 'Forwarded', 'for=1'],
        ...['X-Forwarded-Proto', 'https', 'X-Forwarded-Port', '443', 'x-forwarded-for', '2.2.2.2'],
      ],
      aside,
    )
    expect(aside).toEqual({
      host: 'h',
      hostRepeated: false,
      authority: undefined,
      forwarded: 'for=1',
      forwardedFor: '1.1.1.1, 2.2.2.2',
      forwardedProto: 'https',
      forwardedHost: 'fh',
      forwardedPort: '443',
    })
  })

  it('notices a second Host line', () => {
    const aside = createSetAside()
    outboundHeaders(['Host', 'a', ':authority', 'c', 'host', 'b'], aside)
    expect(aside).toMatchObject({ host: 'a', hostRepeated: true, authority: 'c' })
  })

  it('is not harmed by names of Object.prototype', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf']
    const fields = outboundHeaders(names.flatMap((name) => [name, `${name}!`, name, 'again']))
    expect(Object.getPrototypeOf(fields)).toBeNull()
    expect(Object.entries(fields)).toEqual(names.map((name) => [name, [`${name}!`, 'again']]))
    expect(({} as Record<string, unknown>)['again']).toBeUndefined()
    expect(outboundHeaders(['Connection', '__proto__, constructor', 'a', 'b'])).toMatchObject({
      a: 'b',
    })
  })

  it('does not change what it was given', () => {
    const raw = Object.freeze(['A', '1', 'a', '2', 'Connection', 'a', 'Cookie', 'x', 'cookie', 'y'])
    expect(outbound(raw as string[])).toEqual([['Cookie', 'x; y']])
  })
})

describe('outboundHeaders with request.headers', () => {
  const lines = [
    ...['Host: h', 'Content-Length: 0', 'X-User: spoofed', 'Accept: a', 'accept: b', 'Cookie: a=1'],
    ...['Cookie: b=2', 'Set-Cookie: c', 'Set-Cookie: d', '__proto__: p', 'constructor: c'],
  ]
  const asSent = [
    ['X-User', 'spoofed'],
    ['Accept', ['a', 'b']],
    ['Cookie', 'a=1; b=2'],
    ['Set-Cookie', ['c', 'd']],
    ['__proto__', 'p'],
    ['constructor', 'c'],
  ]

  it('passes on what nobody touched, as it was sent', async () => {
    const request = await parsed(lines)
    expect(outbound(request.rawHeaders, request.headers)).toEqual(asSent)
  })

  it('passes on what middleware changed, deleted and added', async () => {
    const request = await parsed([...lines, 'X-Gone: 1', 'Authorization: secret'])
    request.headers['x-user'] = 'alice'
    request.headers['x-added'] = ['1', '2']
    request.headers['x-count'] = 7 as unknown as string
    request.headers['X-Title'] = 'T'
    request.headers['set-cookie']?.push('e')
    delete request.headers['x-gone']
    delete request.headers.authorization
    delete (request.headers as Record<string, unknown>)['constructor']
    expect(outbound(request.rawHeaders, request.headers)).toEqual([
      ['X-User', 'alice'],
      ['Accept', ['a', 'b']],
      ['Cookie', 'a=1; b=2'],
      ['Set-Cookie', ['c', 'd', 'e']],
      ['__proto__', 'p'],
      ['x-added', ['1', '2']],
      ['x-count', '7'],
      ['X-Title', 'T'],
    ])
  })

  it('sends the peer the Authorization that middleware has seen, not another one', async () => {
    const request = await parsed(['Host: h', 'Authorization: good', 'authorization: evil'])
    expect(outbound(request.rawHeaders)).toEqual([['Authorization', ['good', 'evil']]])
    expect(outbound(request.rawHeaders, request.headers)).toEqual([['Authorization', 'good']])
  })

  it('does not let a client name away what middleware set', async () => {
    const request = await parsed([
      ...['Host: h', 'Connection: x-user, x-role, x-junk', 'X-User: mallory', 'X-Junk: 1'],
    ])
    request.headers['x-user'] = 'alice'
    request.headers['x-role'] = 'reader'
    expect(outbound(request.rawHeaders, request.headers)).toEqual([
      ['X-User', 'alice'],
      ['x-role', 'reader'],
    ])
  })

  it('overwrites a field however middleware spells its name', () => {
    expect(outbound(['x-user', 'mallory'], { 'x-user': 'mallory', 'X-User': 'alice' })).toEqual([
      ['x-user', 'alice'],
    ])
    expect(outbound([], { 'X-User': 'alice', 'x-user': 'bob' })).toEqual([['X-User', 'alice']])
    expect(outbound([], { 'Transfer-Encoding': 'chunked', 'content-length': '3' })).toEqual([])
    expect(outbound([], { ':path': '/', x_forwarded_for: '1' })).toEqual([])
  })

  it('takes a host that middleware put there', () => {
    const aside = createSetAside()
    outboundHeaders([':authority', 'a'], aside, { host: 'b' })
    expect(aside).toMatchObject({ host: 'b', authority: undefined })
    const same = createSetAside()
    outboundHeaders([':authority', 'a', 'host', 'b'], same, { host: 'b' })
    expect(same).toMatchObject({ host: 'b', authority: 'a' })
  })
})

describe('responseHeaders', () => {
  it('removes the hop-by-hop fields and what Connection names', () => {
    expect(
      responseHeaders([
        ...['Date', 'd', 'Connection', 'keep-alive, X-Hop', 'Keep-Alive', 'timeout=5'],
        ...['x-hop', '1', 'Proxy-Connection', 'close', 'Transfer-Encoding', 'chunked'],
        ...['Upgrade', 'h2c', 'Trailer', 'x', 'TE', 'x', 'HTTP2-Settings', 'x', ':status', '200'],
        ...['Set-Cookie', 'a', 'Set-Cookie', 'b', 'X-HOP', '2', 'connection', 'x-two', 'X-Two', ''],
      ]),
    ).toEqual(['Date', 'd', 'Set-Cookie', 'a', 'Set-Cookie', 'b'])
  })

  it('keeps Content-Length and Proxy-Authenticate, and lines apart', () => {
    const raw = ['Content-Length', '5', 'Proxy-Authenticate', 'Basic', 'X', '1', 'x', '2']
    expect(responseHeaders(raw)).toEqual(raw)
    expect(responseHeaders([...raw, 'Connection', 'content-length'])).toEqual(raw)
    expect(responseHeaders([...raw, 'Connection', 'close'])).toEqual(raw)
    expect(responseHeaders(raw)).not.toBe(raw)
  })
})

describe('keepAliveHint', () => {
  it.each([
    [[], undefined],
    [['Keep-Alive', 'timeout=5'], 5000],
    [['keep-alive', 'max=100, Timeout = 7'], 7000],
    [['Keep-Alive', 'timeout="5"; max=1'], 5000],
    [['Keep-Alive', 'timeout=5.9'], 5000],
    [['Keep-Alive', 'timeout=0'], 0],
    [['Keep-Alive', 'timeout=9', 'Keep-Alive', 'timeout=3'], 3000],
    [['Keep-Alive', 'timeout=3', 'Keep-Alive', 'timeout=9'], 3000],
    [['Keep-Alive', `timeout=${'9'.repeat(400)}`], 86_400_000],
    [['Keep-Alive', 'timeout=-5'], undefined],
    [['Keep-Alive', 'timeout=x'], undefined],
    [['Keep-Alive', 'timeout'], undefined],
    [['Keep-Alive', 'timeouts=5'], undefined],
    [['Keep-Alive', ''], undefined],
    [['Keep-Alive', '5'], undefined],
    [['X-Keep-Ali', 'timeout=5'], undefined],
    [['Connection', 'close', 'Keep-Alive', 'timeout=5'], 0],
    [['Keep-Alive', 'timeout=5', 'connection', 'foo, CLOSE'], 0],
    [['Connection', ' Close '], 0],
    [['Connection', 'Close'], 0],
    [['Connection', 'closed'], undefined],
    [['Connection', 'keep-alive'], undefined],
  ] as [string[], number | undefined][])('%j → %j', (raw, expected) => {
    expect(keepAliveHint(raw)).toBe(expected)
  })
})
