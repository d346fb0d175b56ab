import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  closeConnection,
  createMockUpstream,
  dieInBody,
  drip,
  earlyResponse,
  fakeClock,
  hang,
  hugeHeader,
  raw,
  reset,
  respond,
  switchProtocols,
} from 'evenkeel/testing'
import type { Answer, MockUpstream } from 'evenkeel/testing'
import { codeOf, dial, http } from './raw-client.js'
import type { RawClient } from './raw-client.js'

let mock: MockUpstream
beforeEach(async () => {
  mock = await createMockUpstream()
})
afterEach(() => mock.close())

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n'
const POST_HEAD = 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n'

async function ask(answer: Answer, bytes = GET): Promise<RawClient> {
  mock.reply(answer)
  return (await dial(mock)).send(bytes)
}

describe('respond', () => {
  it('writes head and body as told, in order and case', async () => {
    const client = await ask(
      respond({
        status: 418,
        statusMessage: 'Short',
        headers: [
          ['SET-cookie', 'a=1'],
          ['x', 'é'],
          ['Set-Cookie', 'b=2'],
        ],
        body: 'héllo',
      }),
    )
    await client.until('llo')
    expect(client.received).toBe(
      'HTTP/1.1 418 Short\r\nSET-cookie: a=1\r\nx: é\r\nSet-Cookie: b=2\r\nContent-Length: 6\r\n\r\nhÃ©llo',
    )
  })

  it('sends chunked bodies with trailers', async () => {
    mock.reply(respond({ body: ['ab', '', Buffer.from('c')], trailers: { 'X-Sum': '1' } }))
    const reply = await http(mock)
    expect([reply.body, reply.trailers['x-sum']]).toEqual(['abc', '1'])
    const client = await ask(respond({ body: ['ab', 'c'], chunked: true }))
    await client.until('0\r\n\r\n')
    expect(client.received.split('\r\n\r\n').slice(1).join('\r\n\r\n')).toBe(
      '2\r\nab\r\n1\r\nc\r\n0\r\n\r\n',
    )
  })

  it('makes a body as it is wanted', async () => {
    mock.reply(
      respond({
        async *body() {
          yield 'a'
          await Promise.resolve()
          yield 'b'
        },
      }),
    )
    const reply = await http(mock)
    expect([reply.body, reply.headers['transfer-encoding']]).toEqual(['ab', 'chunked'])
    expect((await http(mock)).body).toBe('ab')
  })

  it('ends a body with the connection, for untilClose and for HTTP/1.0', async () => {
    const client = await ask(respond({ body: 'abc', untilClose: true }))
    expect(await client.end()).toBe('fin')
    expect(client.received).toMatch(/^HTTP\/1.1 200 OK\r\nConnection: close\r\n\r\nabc$/)
    const old = await ask(respond({ body: 'abc', chunked: true }), 'GET / HTTP/1.0\r\n\r\n')
    expect(await old.end()).toBe('fin')
    expect(old.received).toMatch(/\r\n\r\nabc$/)
  })

  it('sends no body for HEAD, 204 and 304', async () => {
    const head = await ask(respond({ body: 'abc' }), `HEAD / HTTP/1.1\r\nHost: h\r\n\r\n${GET}`)
    await head.until('abc')
    expect(head.received.match(/abc/g)).toHaveLength(1)
    expect(head.received.match(/Content-Length: 3/g)).toHaveLength(2)
    for (const status of [204, 304]) {
      const client = await ask(respond({ status, body: 'abc' }))
      await client.until('\r\n\r\n')
      await client.send(GET).until(/\r\n\r\n[^]*\r\n\r\n$/)
      expect(client.received).not.toMatch(/abc|Content-Length/)
    }
  })

  it('leaves framing that is given alone, even if it is wrong', async () => {
    const client = await ask(respond({ headers: { 'content-length': 99 }, body: 'abc' }))
    await client.until('abc')
    expect(client.received.match(/content-length/gi)).toHaveLength(1)
  })

  it('closes when its own headers say so', async () => {
    const client = await ask(respond({ headers: { connection: 'close' }, body: 'x' }))
    expect(await client.end()).toBe('fin')
    expect(client.received.match(/connection/gi)).toHaveLength(1)
  })

  it('sends interim responses first', async () => {
    const link = { link: '</a>' }
    const client = await ask(
      respond({ informational: [{ status: 103, headers: link }], body: 'x' }),
    )
    await client.until('\r\n\r\nx')
    expect(client.received).toMatch(
      /^HTTP\/1.1 103 Early Hints\r\nlink: <\/a>\r\n\r\nHTTP\/1.1 200 OK/,
    )
  })

  it('keeps to delay, bodyDelay and gap, on the given clock', async () => {
    const clock = fakeClock()
    await using slow = await createMockUpstream({ clock })
    slow.reply(respond({ delay: 100, bodyDelay: 50, gap: 20, body: ['a', 'b'] }))
    const client = await dial(slow)
    client.send(GET)
    const timer = (): Promise<void> => settled(() => clock.pending === 1)
    await timer()
    expect(client.received).toBe('')
    clock.advance(100)
    await client.until('\r\n\r\n')
    await timer()
    clock.advance(49)
    expect(client.received).toMatch(/\r\n\r\n$/)
    clock.advance(1)
    await client.until('\r\n\r\na')
    await timer()
    clock.advance(20)
    await client.until('\r\n\r\nab')
    expect(clock.now()).toBe(170)
  })

  it('stops with the client', async () => {
    const clock = fakeClock()
    await using slow = await createMockUpstream({ clock, answer: respond({ delay: 100 }) })
    const client = await dial(slow)
    client.send(GET)
    await settled(() => clock.pending === 1)
    client.socket.destroy()
    await slow.waitFor(() => slow.requests[0]!.state === 'abandoned')
    expect(clock.pending).toBe(0)
  })

  it('carries a large body to a slow reader whole', async () => {
    const body = Buffer.alloc(8_000_000, 'x')
    mock.reply(respond({ body }))
    const outgoing = httpRequest({ port: mock.port, host: '127.0.0.1', agent: false }).end()
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    expect(mock.requests[0]!.state).toBe('answering')
    let length = 0
    for await (const chunk of response) length += (chunk as Buffer).length
    expect(length).toBe(body.length)
  })
})

async function settled(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

describe('answers that are wrong', () => {
  it('raw: any bytes, and the connection stays', async () => {
    const client = await ask(raw('HTTP/1.1 099 X\r\n\xff\r\n\r\n'))
    expect(await client.until('\r\n\r\n')).toBe('HTTP/1.1 099 X\r\n\xff\r\n\r\n')
    await client.send(GET).until(/099[^]*099/)
    expect(await codeOf(http(mock))).toMatch(/^HPE_/)
  })

  it('raw: with an end', async () => {
    const fin = await ask(raw(Uint8Array.of(0, 255), { close: true }))
    expect(await fin.end()).toBe('fin')
    expect(fin.received).toBe('\x00\xff')
    const rst = await ask(raw('HTTP/1.1 200', { close: 'reset' }))
    expect(await rst.end()).toBe('ECONNRESET')
    expect(rst.received).toBe('HTTP/1.1 200')
  })

  it('reset and closeConnection: not a byte', async () => {
    const rst = await ask(reset())
    expect([await rst.end(), rst.received]).toEqual(['ECONNRESET', ''])
    const fin = await ask(closeConnection())
    expect([await fin.end(), fin.received]).toEqual(['fin', ''])
    expect(mock.requests.map((request) => request.complete)).toEqual([true, true])
  })

  it('reset after the head, or only after the whole request', async () => {
    const early = await ask(reset({ after: 'head' }), POST_HEAD)
    expect(await early.end()).toBe('ECONNRESET')
    expect(mock.requests[0]!.complete).toBe(false)
    const late = await ask(reset(), POST_HEAD)
    await mock.waitFor(() => mock.requests.length === 2)
    expect(late.ended).toBe(undefined)
    late.send('x'.repeat(1000))
    expect(await late.end()).toBe('ECONNRESET')
    expect(mock.requests[1]!.complete).toBe(true)
  })

  it('hang: reads everything and says nothing', async () => {
    const client = await ask(hang(), POST_HEAD + 'x'.repeat(1000))
    await mock.waitFor(() => mock.requests[0]?.complete === true)
    expect([client.received, client.ended]).toEqual(['', undefined])
    await mock.crash()
    expect(await client.end()).toBe('ECONNRESET')
  })

  it('hang after the head: the client’s writes get stuck', async () => {
    const length = 64_000_000
    const client = await ask(
      hang({ after: 'head' }),
      `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${length}\r\n\r\n`,
    )
    let flushed = false
    client.socket.write(Buffer.alloc(length), () => (flushed = true))
    await mock.waitFor(() => mock.requests.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(flushed).toBe(false)
    const { bodyLength } = mock.requests[0]!
    expect(bodyLength).toBeLessThan(length)
    mock.pause()
    mock.resume()
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(mock.requests[0]!.bodyLength).toBe(bodyLength)
  })

  it('dieInBody: less than was announced', async () => {
    const rst = await ask(dieInBody({ announce: 50, send: 'abc' }))
    expect(await rst.end()).toBe('ECONNRESET')
    expect(rst.received).toMatch(/^HTTP\/1.1 200 OK\r\nContent-Length: 50\r\n\r\nabc$/)
    const fin = await ask(dieInBody({ how: 'fin' }))
    expect(await fin.end()).toBe('fin')
    expect(fin.received).toMatch(/Content-Length: 1000\r\n\r\nd{10}$/)
    const chunked = await ask(
      dieInBody({ announce: 'chunked', send: 'abc', how: 'fin', status: 206 }),
    )
    expect(await chunked.end()).toBe('fin')
    expect(chunked.received).toMatch(/^HTTP\/1.1 206 [^]*\r\n\r\n3\r\nabc\r\n$/)
    expect(await codeOf(http(mock))).toBe('ECONNRESET')
  })

  it('hugeHeader: that many bytes in one field', async () => {
    mock.reply(hugeHeader(5000, { body: 'b' }))
    const reply = await http(mock)
    expect([reply.headers['x-huge']?.length, reply.body]).toEqual([5000, 'b'])
    mock.reply(hugeHeader(50_000))
    expect(await codeOf(http(mock))).toBe('HPE_HEADER_OVERFLOW')
  })

  it('drip: the head byte by byte', async () => {
    const client = await ask(drip({ body: 'ok' }))
    await client.until('\r\n\r\nok')
    const head = client.received.indexOf('ok')
    // Two may arrive in one read; far from all do.
    expect(client.chunks.length).toBeGreaterThan(head / 2)
    expect((await http(mock)).body).toBe('ok')
  })
})

describe('earlyResponse', () => {
  it('answers before the body, reads it, and keeps the connection', async () => {
    const client = await ask(earlyResponse(respond({ status: 413 })), POST_HEAD)
    await client.until(' 413 ')
    await new Promise((resolve) => setImmediate(resolve))
    expect(mock.requests[0]).toMatchObject({ complete: false, state: 'receiving' })
    await client.send('x'.repeat(1000) + GET).until(/413[^]*413/)
    expect(mock.requests[0]).toMatchObject({ complete: true, state: 'answered', bodyLength: 1000 })
  })

  it('takes a function, which sees the head', async () => {
    const answer = earlyResponse((request) => respond({ status: request.complete ? 500 : 413 }))
    await (await ask(answer, POST_HEAD)).until(' 413 ')
  })

  it('may read no more, and leave the connection', async () => {
    const client = await ask(earlyResponse(respond({ status: 413 }), { then: 'stall' }), POST_HEAD)
    await client.until(' 413 ')
    client.send('x'.repeat(1000))
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect([mock.requests[0]!.bodyLength, client.ended]).toEqual([0, undefined])
  })

  it('may close or reset after it', async () => {
    const fin = await ask(earlyResponse(respond({ status: 413 }), { then: 'close' }), POST_HEAD)
    expect([await fin.end(), fin.received.slice(0, 12)]).toEqual(['fin', 'HTTP/1.1 413'])
    const rst = await ask(earlyResponse(respond({ status: 413 }), { then: 'reset' }), POST_HEAD)
    expect([await rst.end(), rst.received.slice(0, 12)]).toEqual(['ECONNRESET', 'HTTP/1.1 413'])
  })

  it('closes without a RST that could overtake the answer, though the client still sends', async () => {
    const length = 5_000_000
    const head = `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${length}\r\n\r\n`
    const client = await ask(earlyResponse(respond({ status: 413 }), { then: 'close' }), head)
    client.send('x'.repeat(length))
    expect(await client.end()).toBe('fin')
    expect(client.received).toContain(' 413 ')
    await new Promise((resolve) => client.socket.write('', resolve))
    expect(client.error).toBe(undefined)
  })
})

describe('switchProtocols', () => {
  const upgrade = 'GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n'

  it('hands over the connection with what came after the request', async () => {
    const client = await ask(switchProtocols(), `${upgrade}not http\r\n\r\n`)
    await client.until('not http\r\n\r\n')
    expect(client.received).toMatch(/^HTTP\/1.1 101 [^]*Upgrade: chat\r\n\r\nnot http\r\n\r\n$/)
    await client.send('more').until('not http\r\n\r\nmore')
    expect([mock.requests.length, mock.malformed.length]).toEqual([1, 0])
    client.socket.end()
    expect(await client.end()).toBe('fin')
    await mock.waitFor(() => mock.openConnections === 0)
  })

  it('lets the test talk', async () => {
    const talk = (socket: NodeJS.WritableStream): void => void socket.end('bye')
    const client = await ask(switchProtocols({ protocol: 'p', headers: { A: 'b' }, talk }), upgrade)
    expect(await client.end()).toBe('fin')
    expect(client.received).toMatch(/Upgrade: p\r\nA: b\r\n\r\nbye$/)
  })

  it('leaves the connection to HTTP when the upgrade is declined', async () => {
    const client = await ask(respond({ status: 426 }), upgrade + GET)
    await client.until(/426[^]*426/)
    expect(mock.requests.length).toBe(2)
  })
})
