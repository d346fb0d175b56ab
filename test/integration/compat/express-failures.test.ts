/** Long bodies, failures of peers, and clients that leave, with the middleware of `express-stage.ts` in between. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createGunzip } from 'node:zlib'
import { dieInBody, reset, respond } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { upstream } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { gunzipped, head, parts, prose } from './bodies.js'
import { expressApp, ORDERS, TOKEN } from './express-stage.js'

watchProcess()

const TEXT = { 'Content-Type': 'text/plain; charset=utf-8' }
const SHORT = prose(20_000)
const LONG = prose(300_000)
/** What is compressed is as long as it was. */
const NOISE = randomBytes(65_536)

describe.each(ORDERS)('helmet, morgan, compression and express-session, %s', (order) => {
  it('a long body through a full pipe leaves no listener behind', async () => {
    const body = (): Iterable<Buffer> => Array.from({ length: 100 }, () => NOISE)
    const mock = await upstream({ answer: respond({ headers: TEXT, body }) })
    const { port, over, finished } = await expressApp([mock], { order })
    const headers = { authorization: TOKEN, 'accept-encoding': 'gzip' }
    const response = await head({ port, path: '/api/long', headers })
    let received = 0
    for await (const piece of response.pipe(createGunzip())) received += (piece as Buffer).length
    expect(received).toBe(100 * NOISE.length)
    await over(1)
    expect(finished[0]).toMatchObject({ status: 200, error: undefined })
  })

  it('a client that does not read holds the peer up', async () => {
    let sent = 0
    const body = function* (): Iterable<Buffer> {
      for (; sent < 2000; sent++) yield NOISE
    }
    const mock = await upstream({ answer: respond({ headers: TEXT, body }) })
    mock.route('/short', respond({ body: 'short' }))
    const { port, get } = await expressApp([mock], { order })
    const headers = { authorization: TOKEN, 'accept-encoding': 'gzip' }
    const response = await head({ port, path: '/api/long', headers })
    // Time enough for 130 MB, if somebody took them; the kernel has room for a few.
    for (let i = 0; i < 100; i++) expect((await get('/short')).body).toBe('short')
    expect(sent).toBeLessThan(2000)
    response.destroy()
    await mock.waitFor(() => mock.requests[0]?.state !== 'answering')
  })

  it('asks the next peer, and tells it once', async () => {
    const one = await upstream()
    const two = await upstream()
    one.reply(reset())
    two.reply(respond({ headers: TEXT, body: SHORT }))
    const { get, over, log } = await expressApp([one, two], { order })
    for (let i = 0; i < 4; i++) expect(gunzipped(await get('/story'))).toBe(SHORT)
    await over(4)
    expect(log).toEqual(Array(4).fill('GET /api/story 200 -'))
    expect(one.requests.length).toBeGreaterThan(0)
  })

  it('an error page of ours passes through all of them', async () => {
    const mock = await upstream()
    await mock.crash()
    const { get, over, log } = await expressApp([mock], { order })
    const reply = await get('/gone')
    expect(reply).toMatchObject({ status: 502, whole: true, body: '502 Bad Gateway\n' })
    expect(reply.headers['proxy-status']).toContain('connection_refused')
    expect(reply.headers['content-security-policy']).toBeDefined()
    expect(reply.headers['set-cookie']).toHaveLength(1)
    await over(1)
    expect(log).toEqual(['GET /api/gone 502 16'])
  })

  it.each([
    ['of known length', 300_000, 'reset'],
    ['chunked', 'chunked', 'reset'],
    ['chunked, with a FIN', 'chunked', 'fin'],
  ] as const)(
    'a peer that dies in the middle of a body %s breaks the response',
    async (_what, announce, how) => {
      const mock = await upstream({
        answer: dieInBody({ announce, send: LONG.slice(0, 100_000), headers: TEXT, how }),
      })
      const { get, over, errors } = await expressApp([mock], { order })
      const reply = await get('/story')
      // Perhaps with no head at all: what `compression` has not given out yet is lost with it.
      expect(reply.whole).toBe(false)
      await over(1)
      expect(errors.map(({ code }) => code)).toEqual(['ERR_UPSTREAM_TRUNCATED'])
      expect(mock.requests).toHaveLength(1)
    },
  )

  it('a client that leaves ends the request at the peer', async () => {
    const events = parts()
    const mock = await upstream({ answer: respond({ headers: TEXT, body: events.body }) })
    const { port, over, finished, get } = await expressApp([mock], { order })
    events.send(LONG)
    const socket = connect(port, '127.0.0.1')
    socket.write(
      `GET /api/left HTTP/1.1\r\nHost: a\r\nAuthorization: ${TOKEN}\r\nAccept-Encoding: gzip\r\n\r\n`,
    )
    await once(socket, 'data')
    socket.destroy()
    await over(1)
    expect(finished[0]?.error?.code).toBe('ERR_CLIENT_CLOSED')
    await mock.waitFor(() => mock.openConnections === 0)
    mock.reply(respond({ headers: TEXT, body: SHORT }))
    expect(gunzipped(await get('/story'))).toBe(SHORT)
  })
})
