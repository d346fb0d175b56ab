/** nginx's error log lines for requests that end otherwise than by a peer's failure. */
import type { BalancerError } from '../errors.js'
import type { Exchange } from '../exchange.js'
import type { ErrorText } from './error-text.js'
import { errorTextOf, whileIn } from './error-text.js'

/** Undefined: it has been said already, attempt by attempt, or nginx says nothing. */
export function refusalTextOf(x: Exchange, error: BalancerError): ErrorText | undefined {
  switch (error.code) {
    case 'ERR_NO_LIVE_UPSTREAMS':
    case 'ERR_PEERS_BUSY':
      return fault(`no live upstreams${whileIn('connect')}`)
    case 'ERR_QUEUE_FULL':
      return fault(`upstream queue is full${whileIn('connect')}`)
    case 'ERR_QUEUE_TIMEOUT':
      return fault(`upstream queue timed out${whileIn('connect')}`)
    case 'ERR_OVERLOADED':
      // `ngx_http_limit_conn_handler`.
      return fault('limiting connections by zone "maxInFlight"')
    case 'ERR_UPSTREAM_TRUNCATED':
      if (x.broken === undefined)
        return fault(`upstream prematurely closed connection${whileIn('body')}`)
      return errorTextOf(x.broken, peerOf(x))
    case 'ERR_CLIENT_CLOSED':
      return { level: 'info', text: leftText(x) }
    case 'ERR_BODY_TOO_LARGE':
      return fault(tooLargeText(x))
    case 'ERR_BAD_REQUEST':
      return { level: 'info', text: `client sent invalid request: ${error.message}` }
    case 'ERR_BODY_CONSUMED':
    case 'ERR_INTERNAL':
      return { level: 'crit', text: `${error.message}${causeOf(error)}` }
    case 'ERR_CLOSING':
      return { level: 'info', text: error.message }
    case 'ERR_UPSTREAM_CONNECTION':
    case 'ERR_UPSTREAM_TIMEOUT':
    case 'ERR_UPSTREAM_INVALID_HEADER':
    case 'ERR_CONFIGURATION':
      return undefined
  }
}

function fault(text: string): ErrorText {
  return { level: 'error', text }
}

/** `ngx_http_upstream_check_broken_connection`. */
function leftText(x: Exchange): string {
  const attempt = x.laterAttempts.at(-1) ?? x.firstAttempt
  const left = 'client prematurely closed connection'
  if (attempt?.peer === undefined) return left
  const isAnswered = attempt.headerTime >= 0
  // nginx says so until a byte of the answer is there.
  const phase = isAnswered ? 'body' : attempt.connectTime < 0 ? 'connect' : 'send'
  return `${left}, so upstream connection is closed too${whileIn(phase)}`
}

/** `ngx_http_core_find_config_phase`, `ngx_http_request_body_chunked_filter`. */
function tooLargeText({ headers }: Exchange): string {
  const announced = headers['content-length']
  if (typeof announced === 'string' && /^\d+$/.test(announced))
    return `client intended to send too large body: ${announced} bytes`
  return 'client intended to send too large chunked body'
}

function peerOf(x: Exchange): string {
  return (x.laterAttempts.at(-1) ?? x.firstAttempt)?.name ?? ''
}

function causeOf({ cause }: BalancerError): string {
  return cause instanceof Error ? `: ${cause.message}` : ''
}
