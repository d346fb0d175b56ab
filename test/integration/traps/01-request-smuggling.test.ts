/**
 * Trap 1: on DELETE and OPTIONS without a content-length, http-proxy-3 announces an empty body and still sends it:
 * what a client hides in the body becomes a request of its own on the shared connection (the class of CVE-2026-29057).
 */
import { createHash } from 'node:crypto'
import type { MockUpstream } from 'evenkeel/testing'
import { respond } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { ask, ask2, http2Session, rawAsk } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import type { BalancerSettings } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'

watchProcess()

const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: upstream\r\nX-Smuggled: yes\r\n\r\n'
/** Over the replay buffer of the streaming form. */
const LONG = HIDDEN + 'x'.repeat(200_000)

const forms: readonly { form: string; body: string; options: BalancerSettings }[] = [
  { form: 'a small body, kept for a replay', body: HIDDEN, options: {} },
  { form: 'a body over replayBuffer', body: LONG, options: { replayBuffer: '1k' } },
  { form: "requestBuffering: 'off'", body: HIDDEN, options: { requestBuffering: 'off' } },
  {
    form: "a long body, requestBuffering: 'off'",
    body: LONG,
    options: { requestBuffering: 'off' },
  },
]

function chunked(body: string): string {
  return `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
}

/** The hidden request must stay a body, also when the connection is used again afterwards. */
async function expectOneRequest(mock: MockUpstream, body: string, port: number): Promise<void> {
  const after = await ask(port, { path: '/after' })
  expect(after).toMatchObject({ whole: true, status: 200 })
  expect(mock.malformed).toEqual([])
  expect(mock.requests.map(({ target }) => target)).toEqual(['/carrier', '/after'])
  expect(mock.requests[0]).toMatchObject({
    complete: true,
    bodyLength: body.length,
    sha256: createHash('sha256').update(body, 'latin1').digest('hex'),
  })
}

describe.each(forms)('trap 1: nothing is smuggled in $form', ({ body, options }) => {
  it.each(['DELETE', 'OPTIONS', 'GET', 'HEAD', 'POST', 'PATCH'])('chunked %s', async (method) => {
    const mock = await upstream()
    const { port } = await serve([mock], options)
    const { bytes } = await rawAsk(
      port,
      `${method} /carrier HTTP/1.1\r\nHost: site\r\nConnection: close\r\n` +
        `Transfer-Encoding: chunked\r\n\r\n${chunked(body)}`,
    )
    expect(bytes).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(mock.requests[0]!.headers).toMatchObject({ 'transfer-encoding': 'chunked' })
    expect(mock.requests[0]!.headers).not.toHaveProperty('content-length')
    await expectOneRequest(mock, body, port)
  })

  it.each(['DELETE', 'OPTIONS', 'GET', 'POST'])('%s with content-length', async (method) => {
    const mock = await upstream()
    const { port } = await serve([mock], options)
    const reply = await ask(port, {
      method,
      path: '/carrier',
      headers: { 'Content-Length': body.length },
      body,
    })
    expect(reply).toMatchObject({ whole: true, status: 200 })
    expect(mock.requests[0]!.headers).toMatchObject({ 'content-length': String(body.length) })
    expect(mock.requests[0]!.headers).not.toHaveProperty('transfer-encoding')
    await expectOneRequest(mock, body, port)
  })

  it.each(['DELETE', 'OPTIONS', 'GET', 'POST'])('%s from an HTTP/2 client', async (method) => {
    const mock = await upstream()
    const { port } = await serve([mock], options, { kind: 'http2' })
    const session = http2Session(port)
    const reply = await ask2(session, { ':method': method, ':path': '/carrier' }, body)
    expect(reply).toMatchObject({ whole: true, status: 200 })
    const after = await ask2(session, { ':path': '/after' })
    expect(after).toMatchObject({ whole: true, status: 200 })
    expect(mock.malformed).toEqual([])
    expect(mock.requests.map(({ target }) => target)).toEqual(['/carrier', '/after'])
    expect(mock.requests[0]).toMatchObject({ complete: true, bodyLength: body.length })
  })
})

describe('trap 1: framing', () => {
  it('a chunked DELETE is replayed whole to the next upstream', async () => {
    const first = await upstream({ answer: respond({ status: 503 }) })
    const second = await upstream()
    const { port } = await serve([first, second])
    const { bytes } = await rawAsk(
      port,
      'DELETE /carrier HTTP/1.1\r\nHost: site\r\nConnection: close\r\n' +
        `Transfer-Encoding: chunked\r\n\r\n${chunked(HIDDEN)}`,
    )
    expect(bytes).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    for (const mock of [first, second]) {
      expect(mock.malformed).toEqual([])
      expect(mock.requests.map(({ target }) => target)).toEqual(['/carrier'])
      expect(mock.requests[0]!.body.toString('latin1')).toBe(HIDDEN)
    }
  })

  it('a request whose connection names its framing fields keeps them', async () => {
    const mock = await upstream()
    const { port } = await serve([mock])
    await rawAsk(
      port,
      'DELETE /carrier HTTP/1.1\r\nHost: site\r\nConnection: close, transfer-encoding, content-length\r\n' +
        `Transfer-Encoding: chunked\r\n\r\n${chunked(HIDDEN)}`,
    )
    await expectOneRequest(mock, HIDDEN, port)
  })

  it('content-length with transfer-encoding is never sent on as it came', async () => {
    const mock = await upstream()
    const { port } = await serve([mock])
    await rawAsk(
      port,
      `POST /carrier HTTP/1.1\r\nHost: site\r\nContent-Length: 4\r\n` +
        `Transfer-Encoding: chunked\r\n\r\n${chunked(HIDDEN)}`,
    )
    expect(mock.requests).toEqual([])
  })

  it('both framings, as a server with the lenient parser lets pass, are refused (RFC 9112 section 6.3)', async () => {
    const mock = await upstream()
    const { port } = await serve([mock], {}, { server: { insecureHTTPParser: true } })
    const { bytes } = await rawAsk(
      port,
      `DELETE /carrier HTTP/1.1\r\nHost: site\r\nConnection: close\r\nContent-Length: 4\r\n` +
        `Transfer-Encoding: chunked\r\n\r\n${chunked(HIDDEN)}`,
    )
    expect(bytes).toMatch(/^HTTP\/1\.1 400 /)
    await ask(port, { path: '/after' })
    expect(mock.requests.map(({ target }) => target)).toEqual(['/after'])
  })

  it('an HTTP/2 body longer than its content-length reaches no upstream as a second request', async () => {
    const mock = await upstream()
    const { port } = await serve([mock], {}, { kind: 'http2' })
    const reply = await ask2(
      http2Session(port),
      { ':method': 'POST', ':path': '/carrier', 'content-length': '4' },
      `four${HIDDEN}`,
    )
    expect(reply.whole).toBe(false)
    await ask(port, { path: '/after' })
    expect(mock.requests.map(({ target }) => target)).not.toContain('/hidden')
    expect(mock.malformed).toEqual([])
  })

  it('no body is no body: a bare DELETE has no framing fields', async () => {
    const mock = await upstream()
    const { port } = await serve([mock])
    await ask(port, { method: 'DELETE', path: '/carrier' })
    await expectOneRequest(mock, '', port)
    expect(mock.requests[0]!.headers).not.toHaveProperty('transfer-encoding')
  })
})
