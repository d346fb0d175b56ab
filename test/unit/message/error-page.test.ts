import { describe, expect, it } from 'vitest'
import { BalancerError } from '../../../src/errors.js'
import type { AttemptSummary, ErrorCode } from '../../../src/errors.js'
import { writeErrorPage } from '../../../src/message/error-page.js'
import type { FailureType } from '../../../src/next-upstream/attempt-result.js'
import { Client } from '../balancer/client.js'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const attempt: AttemptSummary = {
  peer: '10.9.8.7:80',
  status: 0,
  outcome: 'connection_refused in connect',
  startedAt: 0,
  duration: 1,
  connectTime: -1,
  headerTime: -1,
  bytesSent: 0,
  bytesReceived: 0,
  responseLength: 0,
  phase: 'connect',
  type: 'connection_refused',
  condition: 'error',
  requestSent: false,
  reusedConnection: false,
  stale: false,
  cancelled: false,
  charged: true,
  marked: false,
  decision: 'finish',
  why: 'tries_exhausted',
  cause: new Error('connect ECONNREFUSED 10.9.8.7:80'),
}

async function page(
  code: ErrorCode,
  status: number,
  failure?: FailureType,
  proxyStatus: string | undefined = 'evenkeel',
): Promise<Client> {
  const client = new Client()
  const error = new BalancerError(code, 'at 10.9.8.7:80', { status, attempts: [attempt] })
  writeErrorPage(client.res, error, failure, { proxyStatus })
  await turn()
  return client
}

describe('writeErrorPage', () => {
  it('is short plain text that nobody keeps', async () => {
    const { reply } = await page('ERR_UPSTREAM_CONNECTION', 502, 'connection_refused')
    expect(reply).toMatchObject({ status: 502, body: '502 Bad Gateway\n', whole: true })
    expect(reply.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
    })
    expect(reply.headers).not.toHaveProperty('retry-after')
  })

  it('explains itself in Proxy-Status, without inner addresses', async () => {
    const client = await page('ERR_UPSTREAM_CONNECTION', 502, 'connection_refused')
    expect(client.reply.headers['proxy-status']).toMatch(/^evenkeel;\s*error=connection_refused/)
    expect(client.bytes.toString()).not.toContain('10.9.8.7')
  })

  it.each([
    ['tls_alert_received', '; alert-message=unknown_ca; alert-id=48'],
    ['tls_protocol_error', ''],
  ] as const)(
    '%s: the alert of the last attempt is told with its error only',
    async (type, told) => {
      const client = new Client()
      const outcome = `${type} (unknown_ca) in tls`
      const cause = new Error(
        '1:error:0A000418:SSL routines:f:tlsv1 alert unknown ca:x.c:1:SSL alert number 48\n',
      )
      const attempts = [attempt, { ...attempt, outcome, cause }]
      const error = new BalancerError('ERR_UPSTREAM_CONNECTION', 'x', { status: 502, attempts })
      writeErrorPage(client.res, error, type, { proxyStatus: 'evenkeel' })
      await turn()
      expect(client.reply.headers['proxy-status']).toBe(
        `evenkeel; error=${type}${told}; details="2 attempts: connection_refused, ${type} (unknown_ca)"`,
      )
    },
  )

  it('has no Proxy-Status where none is wanted', async () => {
    const client = new Client()
    const error = new BalancerError('ERR_CLOSING', 'closing', { status: 503 })
    writeErrorPage(client.res, error, undefined, { proxyStatus: undefined })
    await turn()
    expect(client.reply.headers).not.toHaveProperty('proxy-status')
  })

  it('asks to come back after a 503', async () => {
    const { reply } = await page('ERR_PEERS_BUSY', 503)
    expect(reply.headers['retry-after']).toBe('1')
  })

  it('has a word for a status that Node does not know', async () => {
    expect((await page('ERR_CLIENT_CLOSED', 499)).reply.body).toBe('499 Error\n')
  })

  it('breaks off what has begun', async () => {
    const client = new Client()
    client.res.writeHead(200)
    client.res.write('half')
    await turn()
    writeErrorPage(client.res, new BalancerError('ERR_INTERNAL', 'x'), undefined, {
      proxyStatus: 'evenkeel',
    })
    await turn()
    expect(client.socket.destroyed).toBe(true)
    expect(client.reply).toMatchObject({ status: 200, whole: false })
  })
})
