/**
 * Trap 8: http-proxy-3 is silent about a request with `Expect`, trailers are dropped though announced, and interim
 * responses must not be taken for the answer.
 */
import { respond } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { ask, rawAsk } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'

watchProcess()

describe('trap 8: Expect', () => {
  it.each(['continue', 'final', 'ignore'] as const)(
    'is answered here and not sent on (upstream: %s)',
    async (expectContinue) => {
      const mock = await upstream({ expectContinue, answer: respond({ body: 'got it' }) })
      const { port } = await serve([mock])
      const { bytes } = await rawAsk(
        port,
        'PUT /x HTTP/1.1\r\nHost: site\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello',
      )
      expect(bytes).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
      expect(bytes).toMatch(/\r\n\r\ngot it$/)
      expect(mock.requests[0]!.headers).not.toHaveProperty('expect')
      expect(mock.requests[0]!.body.toString()).toBe('hello')
    },
  )

  it('survives a next upstream', async () => {
    const first = await upstream({ answer: respond({ status: 503 }) })
    const second = await upstream()
    const { port } = await serve([first, second])
    const { bytes } = await rawAsk(
      port,
      'PUT /x HTTP/1.1\r\nHost: site\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello',
    )
    expect(bytes).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
    expect(second.requests[0]!.body.toString()).toBe('hello')
  })
})

describe('trap 8: interim responses', () => {
  it.each([100, 102, 103, 199])('%d before the answer is not the answer', async (status) => {
    const answer = respond({
      informational: [{ status, headers: { Link: '</a.css>' } }, { status }],
      headers: { 'X-A': 'b' },
      body: 'final',
    })
    const mock = await upstream({ answer })
    const { port } = await serve([mock])
    expect(await ask(port)).toMatchObject({ whole: true, status: 200, body: 'final' })
    // The connection is none the worse for it.
    expect(await ask(port)).toMatchObject({ whole: true, status: 200, body: 'final' })
    expect(mock.connections).toBe(1)
  })
})

describe('trap 8: trailers', () => {
  it('what is not passed on is not announced', async () => {
    const mock = await upstream({
      answer: respond({ headers: { Trailer: 'X-Sum' }, trailers: { 'X-Sum': '1' }, body: 'hi' }),
    })
    const { port } = await serve([mock])
    const { bytes } = await rawAsk(
      port,
      'GET / HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n',
    )
    const announced = /^trailer: /im.test(bytes)
    const sent = /\r\n0\r\n(x-sum: 1\r\n)\r\n$/i.test(bytes)
    expect(announced).toBe(sent)
    expect(bytes).toMatch(/hi\r\n0\r\n/)
  })

  it('of a request neither', async () => {
    const mock = await upstream()
    const { port } = await serve([mock])
    await rawAsk(
      port,
      'POST / HTTP/1.1\r\nHost: site\r\nConnection: close\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n' +
        '2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n',
    )
    const request = mock.requests[0]!
    expect(request.body.toString()).toBe('hi')
    expect('trailer' in request.headers).toBe(request.rawTrailers.length > 0)
  })
})
