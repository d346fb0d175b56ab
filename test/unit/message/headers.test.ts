import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { buildOutboundHeaders } from '../../../src/message/forwarded.js'
import type { RequestFacts } from '../../../src/message/forwarded.js'
import { readRequestHeaders } from '../../../src/message/request-headers.js'
import { keepAliveHint, lineOf, responseHeaders } from '../../../src/message/response-headers.js'

/** The whole head, without any field of our own. */
function build(given: Partial<RequestFacts>, maxHeaders = 1000) {
  const facts = { rawHeaders: [], remoteAddress: '192.0.2.1', localPort: 80, encrypted: false }
  return buildOutboundHeaders(
    { ...facts, httpVersion: '1.1', ...given },
    { host: 'peer', forwarded: 'none', via: undefined, maxHeaders },
    () => false,
  )
}

/** Line by line. */
function outbound(rawHeaders: string[], live?: RequestFacts['headers'], liveLimit?: number) {
  const { headers } = build({ rawHeaders, headers: live, ...(liveLimit && { liveLimit }) })
  return pairs(headers)
}

function pairs(list: readonly string[]): string[][] {
  const lines: string[][] = []
  for (let i = 0; i < list.length; i += 2) lines.push(list.slice(i, i + 2))
  return lines
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

describe('outbound fields', () => {
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

  it('keeps the lines of a repeated field where and as they stood', () => {
    expect(outbound(['X-A', '1', 'b', '2', 'x-a', '3', 'X-A', '4'])).toEqual([
      ['X-A', '1'],
      ['b', '2'],
      ['x-a', '3'],
      ['X-A', '4'],
    ])
  })

  it('joins the Cookie lines that HTTP/2 splits, at the place of the first', () => {
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
      ['X-Drop', '1'],
      ['X-Keep', '2'],
      ['x-drop', '3'],
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
    const head = readRequestHeaders([
      ...['Connection', 'host, x-forwarded-for, x-forwarded-host, forwarded', 'Host', 'h'],
      ...['X-Forwarded-For', '1.1.1.1', 'X-Forwarded-Host', 'fh', 'Forwarded', 'for=1'],
      ...['X-Forwarded-Proto', 'https', 'X-Forwarded-Port', '443', 'x-forwarded-for', '2.2.2.2'],
      ...['x-real-ip', '3'],
    ])
    expect(head.host).toBe('h')
    expect(head.forwarded).toEqual({
      forwardedFor: { value: '1.1.1.1, 2.2.2.2', at: 3 },
      forwardedHost: { value: 'fh', at: 5 },
      forwarded: { value: 'for=1', at: 7 },
      forwardedProto: { value: 'https', at: 9 },
      forwardedPort: { value: '443', at: 11 },
      realIp: { value: '3', at: 13 },
    })
  })

  it('notices a second Host line', () => {
    const head = readRequestHeaders(['Host', 'a', ':authority', 'c', 'host', 'b'])
    expect(head).toMatchObject({ host: 'a', hostRepeated: true, authority: 'c', hostAt: 1 })
    expect(readRequestHeaders(['Host', 'a', ':authority', 'a']).hostRepeated).toBe(false)
  })

  it('is not harmed by names of Object.prototype', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf']
    const raw = names.flatMap((name) => [name, `${name}!`, name, 'again'])
    expect(outbound(raw)).toEqual(pairs(raw))
    expect(outbound(['Connection', '__proto__, constructor', 'a', 'b'])).toEqual([['a', 'b']])
    expect(outbound(['Connection', '__proto__', '__proto__', 'b'])).toEqual([])
  })

  it('does not change what it was given', () => {
    const raw = Object.freeze(['A', '1', 'a', '2', 'Connection', 'a', 'Cookie', 'x', 'cookie', 'y'])
    expect(outbound(raw as string[])).toEqual([['Cookie', 'x; y']])
  })
})

describe('outbound fields with request.headers', () => {
  const lines = [
    ...['Host: h', 'Content-Length: 0', 'X-User: spoofed', 'Accept: a', 'accept: b', 'Cookie: a=1'],
    ...['Cookie: b=2', 'Set-Cookie: c', 'Set-Cookie: d', '__proto__: p', 'constructor: c'],
  ]
  const asSent = [
    ['X-User', 'spoofed'],
    ['Accept', 'a'],
    ['accept', 'b'],
    ['Cookie', 'a=1; b=2'],
    ['Set-Cookie', 'c'],
    ['Set-Cookie', 'd'],
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
      ['Accept', 'a'],
      ['accept', 'b'],
      ['Cookie', 'a=1; b=2'],
      ['Set-Cookie', 'c'],
      ['Set-Cookie', 'd'],
      ['Set-Cookie', 'e'],
      ['__proto__', 'p'],
      ['x-added', '1'],
      ['x-added', '2'],
      ['x-count', '7'],
      ['X-Title', 'T'],
    ])
  })

  it('sends the peer the Authorization that middleware has seen, not another one', async () => {
    const request = await parsed(['Host: h', 'Authorization: good', 'authorization: evil'])
    expect(outbound(request.rawHeaders)).toHaveLength(2)
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
    expect(outbound([], { cookie: 'a=1' })).toEqual([['cookie', 'a=1']])
    expect(outbound([], { 'Transfer-Encoding': 'chunked', 'content-length': '3' })).toEqual([])
    expect(outbound([], { ':path': '/', x_forwarded_for: '1' })).toEqual([])
  })

  it('puts a repeated field that middleware changed where its first line stood', () => {
    const raw = ['X-A', '1', 'b', '2', 'x-a', '3']
    expect(outbound(raw, { 'x-a': ['4', '5', '6'], b: '2' })).toEqual([
      ['X-A', '4'],
      ['X-A', '5'],
      ['X-A', '6'],
      ['b', '2'],
    ])
    expect(outbound(raw, { 'x-a': '3', b: '2' })).toEqual([
      ['X-A', '3'],
      ['b', '2'],
    ])
    expect(outbound(raw, { b: [] })).toEqual([])
  })

  it('takes a host that middleware put there, and no other', () => {
    const host = (rawHeaders: string[], live: object, authority?: string) =>
      build({ rawHeaders, headers: live as RequestFacts['headers'], authority }).clientHost
    expect(host([':authority', 'a'], { host: 'b' })).toBe('b')
    expect(host([':authority', 'a', 'host', 'b'], { host: 'b' })).toBe('a')
    expect(host(['Host', 'a'], { host: 'b' }, 'c')).toBe('b')
    expect(host(['Host', 'a'], { host: 'a' }, 'c')).toBe('c')
    expect(host(['Host', 'a'], {})).toBe('a')
    expect(host(['Host', 'a'], { host: ['b'] })).toBe('a')
  })

  it('knows that Node shows middleware the first 1000 lines only', async () => {
    const lines = Array.from({ length: 1020 }, (_, i) => `a${i}: ${i}`)
    const request = await parsed(['Host: h', ...lines, 'a1: again']).catch(() => undefined)
    // Newer Nodes refuse what they would have to cut.
    if (request === undefined) return
    expect(Object.keys(request.headers)).toHaveLength(1000)
    const all = [...lines.map((line) => line.split(': ')), ['a1', 'again']]
    const many = { rawHeaders: request.rawHeaders, headers: request.headers }
    expect(pairs(build(many, 2000).headers)).toEqual(all)
    delete request.headers['a5']
    request.headers['a1010'] = 'set'
    const changed = all.map(([name, value]) => [name, name === 'a1010' ? 'set' : value])
    expect(pairs(build(many, 2000).headers)).toEqual(changed.filter(([name]) => name !== 'a5'))
  })

  it('lets nothing that middleware cannot see stand beside what it has seen', () => {
    const raw = ['Authorization', 'good', 'X-A', '1', 'authorization', 'evil', 'x-a', '2']
    const live = { authorization: 'good', 'x-a': '1' }
    expect(outbound(raw, live, 2)).toEqual([
      ['Authorization', 'good'],
      ['X-A', '1'],
      ['x-a', '2'],
    ])
    expect(outbound(raw, { ...live, 'x-a': '3' }, 2)).toEqual([
      ['Authorization', 'good'],
      ['X-A', '3'],
    ])
    expect(outbound(raw, live, Infinity)).toEqual([
      ['Authorization', 'good'],
      ['X-A', '1'],
    ])
  })

  it('joins Cookie lines that middleware cannot see to those that it has seen, unless it changed them', () => {
    const raw = ['Cookie', 'a=1', 'cookie', 'b=2', 'cookie', 'c=3', 'cookie', 'd=4']
    expect(outbound(raw, { cookie: 'a=1; b=2' }, 2)).toEqual([['Cookie', 'a=1; b=2; c=3; d=4']])
    expect(outbound(raw, { cookie: 'a=1' }, 2)).toEqual([['Cookie', 'a=1']])
    expect(outbound(raw, {}, 2)).toEqual([])
    expect(outbound(['A', '1', ...raw], { a: '1' }, 1).slice(1)).toEqual([
      ['Cookie', 'a=1; b=2; c=3; d=4'],
    ])
  })

  it('does not let Connection name away a field that middleware set and the client sent unseen', () => {
    const raw = ['A', '1', 'X-User', 'mallory', 'Connection', 'x-user']
    expect(outbound(raw, { a: '1', 'x-user': 'alice' }, 1)).toEqual([
      ['A', '1'],
      ['X-User', 'alice'],
    ])
    expect(outbound(raw, { a: '1' }, 1)).toEqual([['A', '1']])
    expect(outbound(raw, { a: '1', 'x-user': 'mallory' }, 1)).toHaveLength(2)
    const twice = ['A', '1', 'X-User', 'alice', 'X-User', 'mallory']
    expect(outbound(twice, { a: '1', 'x-user': 'alice' }, 1)).toEqual([
      ['A', '1'],
      ['X-User', 'alice'],
    ])
  })
})

describe('TE', () => {
  it.each([
    ['trailers', 'trailers'],
    ['gzip, Trailers;q=0', undefined],
    ['gzip;q=0.5 , TRAILERS', 'trailers'],
    ['trailers2', undefined],
    ['', undefined],
  ])('%j goes on as %j', (te, expected) => {
    const out = expected === undefined ? [] : [['te', expected]]
    expect(outbound(['A', '1', 'te', te, 'Connection', 'TE'])).toEqual([['A', '1'], ...out])
  })

  it('goes on once', () => {
    expect(outbound(['TE', 'gzip', 'te', 'trailers', 'A', '1', 'TE', 'trailers'])).toEqual([
      ['te', 'trailers'],
      ['A', '1'],
    ])
  })
})

describe('Trailer and Upgrade', () => {
  it('are told apart from the fields', () => {
    const rawHeaders = [
      'Trailer',
      'A, B',
      'trailer',
      'C',
      'Connection',
      'upgrade',
      'Upgrade',
      'p/1',
    ]
    expect(build({ rawHeaders })).toMatchObject({
      headers: [],
      trailer: 'A, B, C',
      upgrade: 'p/1',
    })
    expect(build({})).toMatchObject({ trailer: undefined, upgrade: undefined })
  })

  it.each([
    ['1.1', 'Upgrade', 'websocket', 'websocket'],
    ['1.1', 'keep-alive, UPGRADE', 'WebSocket', 'WebSocket'],
    ['1.1', 'keep-alive, upgrade ', 'IRC/6.9, RTA/x11', 'IRC/6.9, RTA/x11'],
    ['1.1', 'keep-alive', 'websocket', undefined],
    ['1.1', 'upgrades', 'websocket', undefined],
    ['1.1', undefined, 'websocket', undefined],
    ['1.1', 'upgrade', '', undefined],
    ['1.1', 'upgrade', 'h2c', undefined],
    ['1.1', 'upgrade, http2-settings', 'websocket, H2C', undefined],
    ['1.0', 'upgrade', 'websocket', undefined],
    ['2.0', 'upgrade', 'websocket', undefined],
  ])('HTTP/%s Connection: %s, Upgrade: %s → %s', (httpVersion, connection, wish, expected) => {
    const rawHeaders = ['Upgrade', wish]
    if (connection !== undefined) rawHeaders.push('Connection', connection)
    expect(build({ rawHeaders, httpVersion }).upgrade).toBe(expected)
  })
})

describe('too many fields', () => {
  it('are refused', () => {
    const rawHeaders = ['A', '1', 'B', '2', 'C', '3']
    expect(build({ rawHeaders }, 3).refusal).toBeUndefined()
    expect(build({ rawHeaders }, 2)).toMatchObject({ refusal: 'too_many_fields', headers: [] })
  })

  it('are not HTTP/2’s pseudo fields', () => {
    const rawHeaders = [':method', 'GET', ':path', '/', ':authority', 'a', 'b', '1']
    expect(build({ rawHeaders }, 1).refusal).toBeUndefined()
    expect(build({ rawHeaders: [...rawHeaders, 'c', '2'] }, 1).refusal).toBe('too_many_fields')
  })
})

describe('responseHeaders', () => {
  it('removes the hop-by-hop fields and what Connection names', () => {
    expect(
      responseHeaders(
        [
          ...['Date', 'd', 'Connection', 'keep-alive, X-Hop', 'Keep-Alive', 'timeout=5'],
          ...['x-hop', '1', 'Proxy-Connection', 'close', 'Transfer-Encoding', 'chunked'],
          ...['Upgrade', 'h2c', 'Trailer', 'x', 'TE', 'x', 'HTTP2-Settings', 'x', ':status', '200'],
          ...[
            'Set-Cookie',
            'a',
            'Set-Cookie',
            'b',
            'X-HOP',
            '2',
            'connection',
            'x-two',
            'X-Two',
            '',
          ],
        ],
        'drop',
      ),
    ).toEqual(['Date', 'd', 'Set-Cookie', 'a', 'Set-Cookie', 'b'])
  })

  it('keeps Content-Length and Proxy-Authenticate, and lines apart', () => {
    const raw = ['Content-Length', '5', 'Proxy-Authenticate', 'Basic', 'X', '1', 'x', '2']
    expect(responseHeaders(raw, 'drop')).toEqual(raw)
    expect(responseHeaders([...raw, 'Connection', 'content-length'], 'drop')).toEqual(raw)
    expect(responseHeaders([...raw, 'Connection', 'close'], 'drop')).toEqual(raw)
    expect(responseHeaders(raw, 'drop')).not.toBe(raw)
  })

  it('keeps Trailer where trailers can follow', () => {
    const raw = ['TRAILER', 'X', 'trailer', 'Y', 'Date', 'd']
    expect(responseHeaders([...raw, 'TE', 'x', 'Upgrade', 'x'], 'keep')).toEqual(raw)
    expect(responseHeaders(raw, 'drop')).toEqual(['Date', 'd'])
  })
})

describe('lineOf', () => {
  it('is the first line of a field, in any case', () => {
    expect(lineOf(['A-B', '0', 'X-A', '1', 'x-a', '2'], 'x-a')).toBe('1')
    expect(lineOf(['X-A', '1', 'x'], 'x')).toBeUndefined()
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
