import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { closeConnection, createMockUpstream, hang, respond } from 'evenkeel/testing'
import type { MockUpstream } from 'evenkeel/testing'
import { codeOf, dial, http } from './raw-client.js'

let mock: MockUpstream
beforeEach(async () => {
  mock = await createMockUpstream()
})
afterEach(() => mock.close())

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

describe('what is recorded of a request', () => {
  it('has its head byte for byte', async () => {
    const client = await dial(mock)
    client.send('GET /a?b=%20{} HTTP/1.1\r\nHost: h\r\nX-A:  1 \r\nx-a:2\r\nB:\r\n\r\n')
    await client.until('200 OK')
    const [request] = mock.requests
    expect(request).toMatchObject({ method: 'GET', target: '/a?b=%20{}', httpVersion: '1.1' })
    expect(request!.rawHeaders).toEqual(['Host', 'h', 'X-A', '1', 'x-a', '2', 'B', ''])
    expect(request!.headers).toEqual({ host: 'h', 'x-a': '1, 2', b: '' })
    expect([request!.complete, request!.body.length, request!.state]).toEqual([true, 0, 'answered'])
  })

  it('has a body of known length', async () => {
    await http(mock, { method: 'POST', body: 'abc', headers: { 'content-length': 3 } })
    const [request] = mock.requests
    expect(request!.body.toString()).toBe('abc')
    expect([request!.bodyLength, request!.sha256]).toEqual([3, sha256('abc')])
  })

  it('has a chunked body and its trailers, whatever the packets', async () => {
    const client = await dial(mock)
    const bytes =
      'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n' +
      '3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: v\r\nU: w\r\n\r\n'
    for (const byte of bytes) {
      client.send(byte)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await client.until('200 OK')
    const [request] = mock.requests
    expect(request!.body.toString()).toBe('abc0123456789')
    expect(request!.rawTrailers).toEqual(['T', 'v', 'U', 'w'])
    expect(request!.trailers).toEqual({ t: 'v', u: 'w' })
    expect(request!.sha256).toBe(sha256('abc0123456789'))
  })

  it('grows as the body comes, and says when the client broke it off', async () => {
    const client = await dial(mock)
    client.send('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc')
    await mock.waitFor(() => mock.requests.length === 1)
    const [request] = mock.requests
    expect([request!.complete, request!.state, request!.body.toString()]).toEqual([
      false,
      'receiving',
      'abc',
    ])
    expect(request!.sha256).toBe(sha256('abc'))
    client.send('de')
    client.socket.end()
    await mock.waitFor(() => mock.openConnections === 0)
    expect([request!.complete, request!.bodyLength]).toEqual([false, 5])
    expect(request!.sha256).toBe(sha256('abcde'))
    expect(request!.state).toBe('abandoned')
  })

  it('keeps lengths and hashes only, without keepBodies', async () => {
    mock.behave({ keepBodies: false })
    await http(mock, { method: 'POST', body: 'abc' })
    const [request] = mock.requests
    expect([request!.body.length, request!.bodyLength, request!.sha256]).toEqual([
      0,
      3,
      sha256('abc'),
    ])
  })

  it('numbers connections and the requests on each', async () => {
    const [a, b] = [await dial(mock), await dial(mock)]
    const get = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n'
    await a.send(get).until('200 OK')
    await b.send(get).until('200 OK')
    await a.send(get).until(/200 OK[^]*200 OK/)
    const numbers = mock.requests.map(({ connectionId, index }) => [connectionId, index])
    expect(numbers).toEqual([
      [1, 0],
      [2, 0],
      [1, 1],
    ])
    expect([mock.connections, mock.openConnections]).toEqual([2, 2])
    mock.forget()
    expect([mock.requests.length, mock.connections]).toEqual([0, 2])
  })

  it('does not fall for a header named __proto__', async () => {
    const client = await dial(mock)
    await client.send('GET / HTTP/1.1\r\nHost: h\r\n__proto__: x\r\n\r\n').until('200 OK')
    expect(Object.keys(mock.requests[0]!.headers)).toEqual(['host', '__proto__'])
  })
})

describe('connections', () => {
  it('are kept alive in HTTP/1.1, and closed on Connection: close', async () => {
    const client = await dial(mock)
    await client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n').until('200 OK')
    client.send('GET / HTTP/1.1\r\nHost: h\r\nConnection: foo, Close\r\n\r\n')
    expect(await client.end()).toBe('fin')
    expect(client.received.match(/Connection: close/g)).toHaveLength(1)
    expect(mock.requests.length).toBe(2)
  })

  it('are closed after HTTP/1.0, unless it asks otherwise', async () => {
    const closing = await dial(mock)
    closing.send('GET / HTTP/1.0\r\n\r\n')
    expect(await closing.end()).toBe('fin')
    const keeping = await dial(mock)
    const get = 'GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n'
    await keeping.send(get).until('Connection: keep-alive')
    await keeping.send(get).until(/200 OK[^]*200 OK/)
  })

  it('answer pipelined requests in order, and record them as they come', async () => {
    mock.route('/slow', respond({ body: 'slow', delay: 30 }))
    mock.route('/fast', respond({ body: 'fast' }))
    const client = await dial(mock)
    client.send('GET /slow HTTP/1.1\r\nHost: h\r\n\r\nGET /fast HTTP/1.1\r\nHost: h\r\n\r\n')
    await mock.waitFor(() => mock.requests.length === 2)
    expect(client.received).toBe('')
    await client.until('fast')
    expect(client.received.indexOf('slow')).toBeLessThan(client.received.indexOf('fast'))
  })

  it('ignore one empty line before a request', async () => {
    const client = await dial(mock)
    await client.send('\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n').until('200 OK')
  })

  it('abandon the answer when the client ends its side, unless allowHalfOpen', async () => {
    mock.reply(respond({ delay: 40, body: 'late' }))
    const get = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n'
    const left = await dial(mock)
    left.send(get).socket.end()
    expect(await left.end()).toBe('fin')
    expect(left.received).toBe('')
    await mock.waitFor(() => mock.requests[0]?.state === 'abandoned')
    mock.behave({ allowHalfOpen: true })
    const waiting = await dial(mock)
    waiting.send(get).socket.end()
    await waiting.end()
    expect(waiting.received).toContain('late')
  })
})

describe('Expect: 100-continue', () => {
  const head = 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n'

  it('is answered 100, and the body awaited', async () => {
    const client = await dial(mock)
    await client.send(head).until('HTTP/1.1 100 Continue\r\n\r\n')
    expect(client.received).not.toContain('200')
    await client.send('abc').until('200 OK')
    expect(mock.requests[0]!.body.toString()).toBe('abc')
  })

  it('is answered with the final response, without a 100 and without the body', async () => {
    mock.behave({ expectContinue: 'final' })
    mock.reply(() => respond({ status: 417 }))
    const client = await dial(mock)
    client.send(head)
    expect(await client.end()).toBe('fin')
    expect(client.received).toMatch(/^HTTP\/1.1 417 [^]*Connection: close/)
    client.socket.end()
    await mock.waitFor(() => mock.openConnections === 0)
  })

  it('is ignored when told so', async () => {
    mock.behave({ expectContinue: 'ignore' })
    const client = await dial(mock)
    client.send(head)
    await mock.waitFor(() => mock.requests.length === 1)
    await client.send('abc').until('200 OK')
    expect(client.received).not.toContain('100')
  })
})

describe('hostile input is closed with a 400', () => {
  const post = 'POST / HTTP/1.1\r\nHost: h\r\n'
  it.each([
    ['no request line', 'hello\r\n\r\n'],
    ['two empty lines', '\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['two spaces', 'GET  / HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['a control character in the target', 'GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['HTTP/2', 'GET / HTTP/2.0\r\nHost: h\r\n\r\n'],
    ['a bare LF', 'GET / HTTP/1.1\nHost: h\r\n\r\n'],
    ['a bare LF after a field', 'GET / HTTP/1.1\r\nHost: hh\nX: y\r\n\r\n'],
    ['a bare CR', 'GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n'],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n'],
    ['a folded field', 'GET / HTTP/1.1\r\nHost: h\r\n folded: 1\r\n\r\n'],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost : h\r\n\r\n'],
    ['a field without a colon', 'GET / HTTP/1.1\r\nHost: h\r\nfoo\r\n\r\n'],
    ['NUL in a value', 'GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n'],
    ['length and coding', `${post}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`],
    ['two lengths', `${post}Content-Length: 1\r\nContent-Length: 1\r\n\r\n`],
    ['a signed length', `${post}Content-Length: +1\r\n\r\n`],
    ['a list of lengths', `${post}Content-Length: 1, 1\r\n\r\n`],
    ['an empty length', `${post}Content-Length:\r\n\r\n`],
    ['an unknown coding', `${post}Transfer-Encoding: gzip, chunked\r\n\r\n`],
    ['two codings', `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`],
    ['a coding in HTTP/1.0', 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['a bad chunk size', `${post}Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n`],
    ['a negative chunk size', `${post}Transfer-Encoding: chunked\r\n\r\n-3\r\n`],
    ['a chunk longer than its size', `${post}Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n`],
    ['a bare LF after a chunk size', `${post}Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n`],
    ['a bad trailer', `${post}Transfer-Encoding: chunked\r\n\r\n0\r\nb ad: 1\r\n\r\n`],
    ['a huge head', `GET / HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(70_000)}`],
    ['an endless line', 'x'.repeat(70_000)],
  ])('%s', async (_name, bytes) => {
    const client = await dial(mock)
    client.send(bytes)
    expect(await client.end()).toBe('fin')
    expect(client.received).toMatch(/^HTTP\/1.1 400 /)
    expect(mock.malformed).toHaveLength(1)
    expect(mock.malformed[0]!.connectionId).toBe(1)
    expect(mock.requests.every((request) => request.state === 'malformed')).toBe(true)
  })

  it('after the answers to the good requests before it', async () => {
    const client = await dial(mock)
    client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\nG@RBAGE\r\n\r\n')
    expect(await client.end()).toBe('fin')
    expect(client.received).toMatch(/^HTTP\/1.1 200 OK[^]*HTTP\/1.1 400 /)
  })

  it('and the limit of a head is an option', async () => {
    mock.behave({ maxHeaderSize: 100 })
    const fits = await dial(mock)
    await fits.send(`GET / HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(50)}\r\n\r\n`).until('200 OK')
    const over = await dial(mock)
    await over.send(`GET / HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(80)}\r\n\r\n`).until(' 400 ')
  })
})

describe('which answer a request gets', () => {
  const bodies = async (...paths: string[]): Promise<string[]> => {
    const seen = []
    for (const path of paths) seen.push((await http(mock, { path })).body)
    return seen
  }

  it('the default, until reply says otherwise', async () => {
    const reply = await http(mock)
    expect([reply.status, reply.body, reply.headers['content-length']]).toEqual([200, '', '0'])
    mock.reply(respond({ body: 'r' }))
    expect(await bodies('/')).toEqual(['r'])
  })

  it('the script, one for each request, and then the default', async () => {
    mock.reply(respond({ body: 'd' }))
    mock.script([respond({ body: '1' }), (request) => respond({ body: request.target })])
    expect(await bodies('/a', '/b', '/c')).toEqual(['1', '/b', 'd'])
    mock.script([respond({ body: 'old' })])
    mock.script([respond({ body: 'new' })])
    expect(mock.scriptLeft).toBe(1)
    expect(await bodies('/', '/')).toEqual(['new', 'd'])
    expect(mock.scriptLeft).toBe(0)
  })

  it('a route first, the latest that fits, without using up the script', async () => {
    mock.script([respond({ body: 's' })])
    mock.route('/health', respond({ body: 'old' }))
    mock.route('/health', respond({ body: 'h' }))
    mock.route(({ headers }) => headers['x-me'] === '1', respond({ body: 'me' }))
    expect(await bodies('/health?x=1', '/healthy', '/health')).toEqual(['h', 's', 'h'])
    expect((await http(mock, { headers: { 'x-me': '1' } })).body).toBe('me')
  })

  it('a function gets the whole request, and may take its time', async () => {
    mock.reply(async (request) => {
      await new Promise((resolve) => setImmediate(resolve))
      return respond({ body: request.body.toString().toUpperCase() })
    })
    expect((await http(mock, { method: 'PUT', body: 'abc' })).body).toBe('ABC')
  })

  it('a function that throws is a 500, and is noted', async () => {
    const error = new Error('oops')
    mock.reply(() => {
      throw error
    })
    expect((await http(mock)).status).toBe(500)
    expect(mock.errors).toEqual([error])
    mock.route(() => {
      throw error
    }, respond())
    expect((await http(mock)).status).toBe(500)
    expect((mock.errors[1] as Error).cause).toBe(error)
  })

  it('an answer of the test’s own, which may leave its promises alone', async () => {
    mock.reply({
      startsAt: 'request',
      async play(exchange) {
        void exchange.wait(60_000)
        void exchange.gone()
        await exchange.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nme')
        exchange.closeAfter()
      },
    })
    expect((await http(mock)).body).toBe('me')
    await mock.waitFor(() => mock.openConnections === 0)
  })
})

describe('waitFor', () => {
  it('rejects when nothing comes, and with what the condition throws', async () => {
    await expect(mock.waitFor(() => mock.connections > 0, 10)).rejects.toThrow('not within 10 ms')
    const thrower = (): boolean => {
      throw new Error('bad condition')
    }
    await expect(mock.waitFor(thrower)).rejects.toThrow('bad condition')
  })

  it('sees a client that gives up', async () => {
    mock.reply(hang())
    const client = await dial(mock)
    client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
    await mock.waitFor(() => mock.requests.length === 1)
    expect(mock.requests[0]!.state).toBe('answering')
    client.socket.destroy()
    await mock.waitFor(() => mock.requests[0]!.state === 'abandoned')
  })

  it('sees a pipelined request that nobody waits for any more', async () => {
    mock.reply(hang())
    const client = await dial(mock)
    client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(2))
    await mock.waitFor(() => mock.requests.length === 2)
    client.socket.destroy()
    await mock.waitFor(() => mock.requests.every(({ state }) => state === 'abandoned'))
  })

  it('sees that an answer is through', async () => {
    mock.reply(closeConnection())
    expect(await codeOf(http(mock))).toBe('ECONNRESET')
    await mock.waitFor(() => mock.requests[0]!.state === 'answered')
  })
})
