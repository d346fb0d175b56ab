/** Trap 3: a response head that Node will not write throws out of an event handler and ends the process. */
import { hugeHeader, ok, raw, respond, scriptedTransport } from 'evenkeel/testing'
import type { AnswerSource } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { ask, ask2, http2Session, rawAsk } from '../../helpers/clients.js'
import type { Reply } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'

watchProcess()

const end = 'Content-Length: 2\r\n\r\nhi'
const head = (bytes: string): AnswerSource => raw(bytes)

const BAD: readonly (readonly [string, AnswerSource])[] = [
  ['a control character in the status line', head(`HTTP/1.1 200 O\x01K\r\n${end}`)],
  ['NUL in the status line', head(`HTTP/1.1 200 O\x00K\r\n${end}`)],
  ['DEL in the status line', head(`HTTP/1.1 200 O\x7fK\r\n${end}`)],
  ['status 099', head(`HTTP/1.1 099 Low\r\n${end}`)],
  ['status 000', head(`HTTP/1.1 000 None\r\n${end}`)],
  ['status 1000', head(`HTTP/1.1 1000 High\r\n${end}`)],
  ['a status that is no number', head(`HTTP/1.1 abc OK\r\n${end}`)],
  ['a bare CR in the status line', head(`HTTP/1.1 200 O\rK\r\n${end}`)],
  ['a 64 kB response header', hugeHeader(65_536)],
  ['64 kB of small headers', respond({ headers: many(4096) })],
  ['a header line without a colon', head(`HTTP/1.1 200 OK\r\nno colon here\r\n${end}`)],
  ['a header line that begins with a colon', head(`HTTP/1.1 200 OK\r\n: empty\r\n${end}`)],
  ['a space before the colon', head(`HTTP/1.1 200 OK\r\nX-A : b\r\n${end}`)],
  ['DEL in a header value', head(`HTTP/1.1 200 Fine\r\nX-A: a\x7fb\r\n${end}`)],
  ['NUL in a header value', head(`HTTP/1.1 200 OK\r\nX-A: a\x00b\r\n${end}`)],
  ['\\x01 in a header value', head(`HTTP/1.1 200 OK\r\nX-A: a\x01b\r\n${end}`)],
  ['\\x1b in a header value', head(`HTTP/1.1 200 OK\r\nX-A: a\x1bb\r\n${end}`)],
  ['a bare CR in a header value', head(`HTTP/1.1 200 OK\r\nX-A: a\rX-B: b\r\n${end}`)],
  ['a control character in a header name', head(`HTTP/1.1 200 OK\r\nX\x01A: b\r\n${end}`)],
  ['a header name that is not ASCII', head(`HTTP/1.1 200 OK\r\nX\xe9A: b\r\n${end}`)],
  ['two content-lengths', head(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n${end}`)],
  [
    'a content-length with transfer-encoding',
    head(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${end}`),
  ],
  ['a content-length that is no number', head('HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nhi')],
  ['something that is not HTTP', head('220 mail.example ESMTP\r\n')],
  [
    'HTTP/2 on a port of HTTP/1',
    head('\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64'),
  ],
  [
    'a switch of protocols that nobody asked for',
    head('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'),
  ],
]

function many(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`X-${i}`, 'abcdefgh']))
}

describe.each(BAD)('trap 3: %s', (_name, answer) => {
  it('is a 502', async () => {
    const mock = await upstream({ answer })
    const { port, errors, over } = await serve([mock])
    const reply = await ask(port)
    expect(reply).toMatchObject({ whole: true, status: 502, reason: 'Bad Gateway' })
    expect(reply.headers['content-type']).toMatch(/^text\/plain/)
    expect(reply.headers['proxy-status']).toMatch(/error=http_/)
    expect(reply.headers).not.toHaveProperty('x-a')
    await over(1)
    expect(errors.map(({ code }) => code)).toEqual(['ERR_UPSTREAM_INVALID_HEADER'])
  })

  it('is the next upstream’s answer', async () => {
    const bad = await upstream({ answer })
    const good = await upstream({ answer: respond({ body: 'good' }) })
    const { port, next } = await serve([bad, good])
    const reply = await ask(port)
    expect(reply).toMatchObject({ whole: true, status: 200, reason: 'OK', body: 'good' })
    expect(next.map(({ condition, decision }) => [condition, decision])).toEqual([
      ['invalid_header', 'next'],
    ])
  })
})

describe.each(BAD)('trap 3: towards HTTP/2: %s', (_name, answer) => {
  it('is a 502', async () => {
    const mock = await upstream({ answer })
    const { port } = await serve([mock], {}, { kind: 'http2' })
    const session = http2Session(port)
    expect(await ask2(session)).toMatchObject({ whole: true, status: 502 })
    mock.reply(respond({ body: 'lives' }))
    expect(await ask2(session)).toMatchObject({ whole: true, body: 'lives' })
  })

  it('is the next upstream’s answer', async () => {
    const bad = await upstream({ answer })
    const good = await upstream({ answer: respond({ body: 'good' }) })
    const { port } = await serve([bad, good], {}, { kind: 'http2' })
    expect(await ask2(http2Session(port))).toMatchObject({ whole: true, status: 200, body: 'good' })
  })
})

describe('trap 3: heads that HTTP/2 alone refuses', () => {
  it.each([
    ['Proxy-Connection', { 'Proxy-Connection': 'keep-alive' }],
    ['Keep-Alive and Upgrade', { 'Keep-Alive': 'timeout=5', Upgrade: 'h2c' }],
    ['HTTP2-Settings and TE', { 'HTTP2-Settings': 'AAMAAABk', TE: 'gzip' }],
    ['pseudo fields', { 'X-A': 'b' }],
  ])('%s of an upstream are kept back', async (_name, headers) => {
    const mock = await upstream({ answer: respond({ headers, body: 'fine' }) })
    const { port } = await serve([mock], {}, { kind: 'http2' })
    expect(await ask2(http2Session(port))).toMatchObject({ whole: true, status: 200, body: 'fine' })
  })

  it.each([600, 999])('status %d is a 502: HTTP/2 in Node has none above 599', async (status) => {
    const mock = await upstream({ answer: respond({ status, body: 'odd' }) })
    const { port } = await serve([mock], {}, { kind: 'http2' })
    expect(await ask2(http2Session(port))).toMatchObject({ whole: true, status: 502 })
    expect(await ask(await http1PortOf(mock.url))).toMatchObject({ whole: true, status })
  })

  async function http1PortOf(url: string): Promise<number> {
    return (await serve({ upstream: [url] })).port
  }

  // An application and the web server before it both set them: common, harmless, and fine for HTTP/1.
  it.each([
    ['X-Content-Type-Options', 'nosniff', 'nosniff'],
    ['Date', 'Thu, 01 Jan 1970 00:00:00 GMT', 'Thu, 01 Jan 1970 00:00:00 GMT'],
    ['ETag', '"a"', '"b"'],
  ])('%s, of which HTTP/2 in Node wants only one, sent twice', async (name, one, two) => {
    const answer = respond({
      headers: [
        [name, one],
        [name, two],
      ],
      body: 'fine',
    })
    const mock = await upstream({ answer })
    const { port, balancer } = await serve([mock], {}, { kind: 'http2' })
    const reply = await ask2(http2Session(port))
    expect(reply).toMatchObject({ whole: true, status: 200, body: 'fine' })
    expect(balancer.upstream.peers[0]!.ledgers.transport).toBe(0)
  })

  it('Set-Cookie twice stays two', async () => {
    const headers: [string, string][] = [
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
    ]
    const mock = await upstream({ answer: respond({ headers }) })
    const { port } = await serve([mock], {}, { kind: 'http2' })
    expect((await ask2(http2Session(port))).headers['set-cookie']).toEqual(['a=1', 'b=2'])
  })
})

describe('trap 3: heads that are unusual and right', () => {
  const asBytes = (reply: Reply): string => Buffer.from(reply.reason, 'latin1').toString('hex')

  it('a reason phrase with obs-text and an unusual one go through', async () => {
    const mock = await upstream({ answer: raw(`HTTP/1.1 299 caf\xe9\r\n${end}`) })
    const { port } = await serve([mock])
    const reply = await ask(port)
    expect(reply).toMatchObject({ whole: true, status: 299 })
    expect(asBytes(reply)).toBe('636166e9')
  })

  it('header values keep their bytes, both ways', async () => {
    const mock = await upstream({ answer: raw(`HTTP/1.1 200 OK\r\nX-A: caf\xe9\t\xff\r\n${end}`) })
    const { port } = await serve([mock])
    const { bytes } = await rawAsk(
      port,
      'GET / HTTP/1.1\r\nHost: site\r\nConnection: close\r\nX-B: caf\xe9\t\xff\r\n\r\n',
    )
    expect(bytes).toContain('\r\nX-A: caf\xe9\t\xff\r\n')
    expect(mock.requests[0]!.headers['x-b']).toBe('caf\xe9\t\xff')
  })

  it('a head under bufferSize goes through', async () => {
    const mock = await upstream({ answer: hugeHeader(15_000) })
    const { port } = await serve([mock])
    expect(await ask(port)).toMatchObject({ whole: true, status: 200 })
    mock.reply(hugeHeader(100_000))
    const { port: wide } = await serve([mock], { bufferSize: '128k' })
    const { bytes } = await rawAsk(
      wide,
      'GET / HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n',
    )
    expect(bytes).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(bytes.length).toBeGreaterThan(100_000)
  })

  it('a body longer than its content-length is cut there, and the rest is nobody’s answer', async () => {
    const mock = await upstream()
    mock.script([
      raw(
        'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
      ),
      respond({ body: 'mine' }),
    ])
    const { port } = await serve([mock])
    expect(await ask(port)).toMatchObject({ whole: true, body: 'hello' })
    expect(await ask(port)).toMatchObject({ whole: true, body: 'mine' })
    expect(mock.connections).toBe(2)
  })

  it('an answer that nobody asked for, on an idle connection, is not the next client’s', async () => {
    const mock = await upstream()
    let said = (): void => undefined
    const hasSaid = new Promise<void>((resolve) => (said = resolve))
    mock.script([
      {
        startsAt: 'request',
        async play(exchange) {
          await exchange.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello')
          await exchange.beRead()
          await exchange.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')
          // Newer versions of Node close such a connection by themselves.
          await exchange.beRead().catch(() => undefined)
          said()
        },
      },
      respond({ body: 'mine' }),
    ])
    const { port } = await serve([mock])
    expect(await ask(port)).toMatchObject({ whole: true, body: 'hello' })
    await hasSaid
    expect(await ask(port)).toMatchObject({ whole: true, body: 'mine' })
    // RFC 9112 section 9.5: a connection that speaks unasked is closed.
    expect(mock.requests.map(({ connectionId }) => connectionId)).toEqual([1, 2])
  })

  it('chunks that are none break the body', async () => {
    const mock = await upstream({
      answer: raw(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nnonsense\r\n',
      ),
    })
    const { port } = await serve([mock])
    expect(await ask(port)).toMatchObject({ whole: false })
    const { port: port2 } = await serve([mock], {}, { kind: 'http2' })
    expect(await ask2(http2Session(port2))).toMatchObject({ whole: false })
  })
})

it('trap 3: a head that a transport of one’s own lets through is a 502 with nothing of it left', async () => {
  const transport = scriptedTransport(
    ok({ statusMessage: 'Fine', headers: { 'X-B': 'b', 'X-A': 'a\nb' }, body: 'x' }),
  )
  const { port } = await serve({ upstream: ['http://127.0.0.1:1'] }, { transport })
  const reply = await ask(port)
  expect(reply).toMatchObject({ whole: true, status: 502, reason: 'Bad Gateway' })
  expect(reply.headers).not.toHaveProperty('x-b')
})
