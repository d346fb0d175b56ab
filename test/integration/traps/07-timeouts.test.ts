/** Trap 7: `proxyTimeout` surfaces as ECONNRESET, and 1.x has no connect timeout: a timeout is 504, a reset is 502. */
import { closeConnection, dieInBody, hang, raw, reset, respond } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { forLocalhost } from '../../fixtures/test-only-certificates.js'
import { ask } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'

watchProcess()

describe('trap 7: a timeout is told from a reset', () => {
  it.each([
    ['silence', hang(), 504, 'timeout', 'ERR_UPSTREAM_TIMEOUT'],
    ['a reset', reset(), 502, 'error', 'ERR_UPSTREAM_CONNECTION'],
    ['an end', closeConnection(), 502, 'error', 'ERR_UPSTREAM_CONNECTION'],
  ])('%s', async (_name, answer, status, condition, code) => {
    const mock = await upstream({ answer })
    const { port, next, errors } = await serve([mock], { readTimeout: 200 })
    expect(await ask(port)).toMatchObject({ whole: true, status })
    expect(next.map((event) => event.condition)).toEqual([condition])
    expect(errors.map((error) => error.code)).toEqual([code])
  })

  it.each([
    ['silence', hang(), 'timeout'],
    ['a reset', reset(), 'error'],
  ] as const)(
    '%s alone goes to the next upstream when only that is listed',
    async (_n, answer, on) => {
      const bad = await upstream({ answer })
      const good = await upstream({ answer: respond({ body: 'good' }) })
      const other = on === 'error' ? 'timeout' : 'error'
      const yes = await serve([bad, good], { readTimeout: 200, nextUpstream: { on: [on] } })
      expect(await ask(yes.port)).toMatchObject({ status: 200, body: 'good' })
      const no = await serve([bad, good], { readTimeout: 200, nextUpstream: { on: [other] } })
      expect((await ask(no.port)).status).toBe(on === 'error' ? 502 : 504)
    },
  )

  it('a TLS handshake that hangs runs into connectTimeout', async () => {
    const mock = await upstream({ tls: forLocalhost, acceptAndHang: true })
    const { port, next, errors } = await serve([mock], {
      connectTimeout: 150,
      readTimeout: '20s',
      tls: { ca: forLocalhost.cert, name: 'localhost' },
    })
    expect(await ask(port)).toMatchObject({ whole: true, status: 504 })
    expect(next.map((event) => event.condition)).toEqual(['timeout'])
    expect(errors[0]!.attempts.map(({ phase }) => phase)).toEqual(['tls'])
  })

  it('an upstream that takes no more of the body runs into sendTimeout', async () => {
    const mock = await upstream({ answer: hang({ after: 'head' }) })
    const { port, errors } = await serve([mock], { sendTimeout: 200, readTimeout: '20s' })
    const body = Buffer.alloc(30_000_000)
    const reply = await ask(port, { method: 'PUT', body })
    expect(reply.status === 504 || !reply.whole).toBe(true)
    expect(errors.map(({ code }) => code)).toEqual(['ERR_UPSTREAM_TIMEOUT'])
    expect(errors[0]!.attempts.map(({ phase }) => phase)).toEqual(['send'])
  })

  it('silence in mid-body breaks the response', async () => {
    const mock = await upstream({ answer: dieInBody({ announce: 1000, send: 10, delay: 20_000 }) })
    const { port, errors, over } = await serve([mock], { readTimeout: 200, wholeResponse: 0 })
    expect(await ask(port)).toMatchObject({ whole: false })
    await over(1)
    expect(errors.map(({ code }) => code)).toEqual(['ERR_UPSTREAM_TRUNCATED'])
  })

  it.each(['chunked', 'EOF'])('and so it does in a body framed by %s', async (framing) => {
    const fields = framing === 'EOF' ? '' : 'Transfer-Encoding: chunked\r\n'
    const part = framing === 'EOF' ? 'part' : '4\r\npart\r\n'
    const mock = await upstream({ answer: raw(`HTTP/1.1 200 OK\r\n${fields}\r\n${part}`) })
    const { port, errors, over } = await serve([mock], { readTimeout: 200 })
    expect(await ask(port)).toMatchObject({ whole: false })
    await over(1)
    expect(errors.map(({ code }) => code)).toEqual(['ERR_UPSTREAM_TRUNCATED'])
  })
})
