/** Trailers, both ways. */
import { request } from 'node:http'
import type { OutgoingHttpHeaders } from 'node:http'
import { respond } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { ask, http2Session, rawAsk } from '../../helpers/clients.js'
import { serve, upstream, upstreams } from '../../helpers/serve.js'
import type { BalancerSettings } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'

watchProcess()

const SUM = { 'X-Checksum': 'abc', 'Server-Timing': 'db;dur=1' }
const ANSWER = respond({
  headers: { Trailer: 'X-Checksum, Server-Timing' },
  body: ['one', 'two'],
  trailers: SUM,
})

interface Trailed {
  announced: string | undefined
  body: string
  rawTrailers: readonly string[]
}

function askForTrailers(port: number, headers: OutgoingHttpHeaders = {}): Promise<Trailed> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, host: '127.0.0.1', agent: false, headers })
    outgoing.on('response', (response) => {
      let body = ''
      response.setEncoding('latin1').on('data', (chunk: string) => (body += chunk))
      response.on('end', () => {
        const { rawTrailers, headers } = response
        resolve({ announced: headers.trailer, body, rawTrailers })
      })
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

describe('trailers of a response', () => {
  it.each<BalancerSettings>([{}, { buffering: 'on' }, { limitRate: '1m' }])(
    'reach an HTTP/1.1 client with their announcement (%j)',
    async (options) => {
      const mock = await upstream()
      mock.reply(ANSWER)
      const { port } = await serve([mock], options)
      expect(await askForTrailers(port)).toEqual({
        announced: 'X-Checksum, Server-Timing',
        body: 'onetwo',
        rawTrailers: ['X-Checksum', 'abc', 'Server-Timing', 'db;dur=1'],
      })
    },
  )

  it('reach it unannounced, too', async () => {
    const mock = await upstream()
    mock.reply(respond({ body: ['x'], trailers: SUM }))
    const { port } = await serve([mock])
    const { announced, rawTrailers } = await askForTrailers(port)
    expect(announced).toBe(undefined)
    expect(rawTrailers).toEqual(['X-Checksum', 'abc', 'Server-Timing', 'db;dur=1'])
  })

  it('reach an HTTP/2 client', async () => {
    const mock = await upstream()
    mock.reply(ANSWER)
    const { port } = await serve([mock], {}, { kind: 'http2' })
    const stream = http2Session(port).request({ ':path': '/' })
    const trailers = new Promise((resolve) => stream.on('trailers', resolve))
    stream.resume()
    expect(await trailers).toMatchObject({ 'x-checksum': 'abc', 'server-timing': 'db;dur=1' })
  })

  it('are kept from HTTP/1.0, which has no place for them', async () => {
    const mock = await upstream()
    mock.reply(respond({ body: ['x'], trailers: SUM }))
    const { port } = await serve([mock])
    const reply = await rawAsk(port, 'GET / HTTP/1.0\r\n\r\n')
    expect(reply.bytes).toMatch(/\r\n\r\nx$/)
    expect(reply.bytes).not.toContain('Checksum')
  })

  it('cannot say what only a head may say', async () => {
    const mock = await upstream()
    const trailers = {
      Host: 'x',
      'Content-Type': 'a/b',
      'Set-Cookie': 'a=1',
      Authorization: 'x',
      Ok: '1',
    }
    mock.reply(respond({ body: ['x'], trailers }))
    const { port } = await serve([mock])
    expect((await askForTrailers(port)).rawTrailers).toEqual(['Ok', '1'])
  })

  it('announced for a response that can have none do no harm', async () => {
    const mock = await upstream()
    mock.reply(respond({ headers: { Trailer: 'X-Sum' }, body: 'x' }))
    const { port } = await serve([mock])
    expect(await ask(port, { method: 'HEAD' })).toMatchObject({ status: 200, whole: true })
    expect(await ask(port)).toMatchObject({ status: 200, body: 'x', whole: true })
  })
})

describe('trailers of a request', () => {
  const BODY =
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n' +
    '3\r\nabc\r\n0\r\nX-Sum: 7\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n'

  it.each<BalancerSettings>([{}, { requestBuffering: 'full' }, { requestBuffering: 'off' }])(
    'reach the peer with their announcement (%j)',
    async (options) => {
      const mock = await upstream()
      const { port } = await serve([mock], options)
      const reply = await rawAsk(port, BODY)
      expect(reply.bytes).toMatch(/^HTTP\/1\.1 200/)
      const [seen] = mock.requests
      expect(seen!.headers['trailer']).toBe('X-Sum')
      expect(seen!.body.toString()).toBe('abc')
      expect(seen!.rawTrailers).toEqual(['X-Sum', '7'])
    },
  )

  it('reach the next upstream when the first has failed', async () => {
    const [one, two] = await upstreams(2)
    one!.script([{ startsAt: 'request', play: async (exchange) => exchange.close('reset') }])
    const { port } = await serve([one!, two!])
    await rawAsk(port, BODY.replace('POST', 'PUT'))
    expect(two!.requests[0]!.rawTrailers).toEqual(['X-Sum', '7'])
  })

  it('of HTTP/2 reach the peer', async () => {
    const mock = await upstream()
    const { port } = await serve([mock], {}, { kind: 'http2' })
    const stream = http2Session(port).request(
      { ':method': 'PUT', ':path': '/', trailer: 'x-sum' },
      { waitForTrailers: true },
    )
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7' }))
    stream.end('abc')
    stream.resume()
    await new Promise((resolve) => stream.on('close', resolve))
    expect(mock.requests[0]!.rawTrailers).toEqual(['x-sum', '7'])
  })

  it('`TE: trailers` is asked of the peer, and nothing else of TE', async () => {
    const mock = await upstream()
    const { port } = await serve([mock])
    await ask(port, { headers: { TE: 'gzip, trailers', Connection: 'TE' } })
    expect(mock.requests[0]!.headers['te']).toBe('trailers')
  })
})
