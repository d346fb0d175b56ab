/** Our own answer when no upstream gave one: plain text, and `Proxy-Status` (RFC 9209). */
import { STATUS_CODES } from 'node:http'
import type { BalancerError } from '../errors.js'
import type { FailureType } from '../next-upstream/attempt-result.js'
import { tlsAlertOf } from '../tls-error.js'
import { attemptsDetail, proxyErrorOf, proxyStatus } from './proxy-status.js'
import { breakOff } from './relay.js'
import type { ClientResponse } from './relay.js'

export interface ErrorPageSettings {
  /** Name in `Proxy-Status`; undefined for no such field. */
  readonly proxyStatus: string | undefined
}

/** Seconds that a client is asked to wait after a 503, where nothing better is known. */
const RETRY_AFTER = 1

/** Answers with the error's status. A response that has begun is broken off instead: it must not look whole. */
export function writeErrorPage(
  res: ClientResponse,
  error: BalancerError,
  lastFailure: FailureType | undefined,
  settings: ErrorPageSettings,
): void {
  if (res.headersSent) {
    breakOff(res)
    return
  }
  const { status } = error
  const body = `${String(status)} ${STATUS_CODES[status] ?? 'Error'}\n`
  res.statusCode = status
  // A refused head may have left its own.
  if (res.stream === undefined) res.statusMessage = STATUS_CODES[status] ?? 'Error'
  res.setHeader('Content-Type', 'text/plain; charset=utf-8')
  res.setHeader('Content-Length', Buffer.byteLength(body))
  res.setHeader('Cache-Control', 'no-store')
  if (status === 503) res.setHeader('Retry-After', String(error.retryAfter ?? RETRY_AFTER))
  if (settings.proxyStatus !== undefined) {
    const details = attemptsDetail(error.attempts)
    const cause = proxyErrorOf(error.code, lastFailure)
    const alert =
      cause === 'tls_alert_received' ? tlsAlertOf(error.attempts.at(-1)?.cause) : undefined
    const parameters = { error: cause, alert, details }
    res.setHeader('Proxy-Status', proxyStatus(settings.proxyStatus, parameters))
  }
  res.end(body)
}
