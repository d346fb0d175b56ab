/** `$upstream_*` and `$proxy_*`: one entry an attempt, joined by `, `. */
import type { AttemptRecord } from '../../attempt-record.js'
import { seconds } from '../log-times.js'
import type { ResponseLog } from '../response-log.js'
import { fieldOf, setCookieOf } from './field-values.js'
import { bytes, plain, unicode } from './variable.js'
import type { LogVariable, VariableFamily, VariableTable } from './variable.js'

const none = plain(() => undefined)

export const UPSTREAM_VARIABLES: VariableTable = {
  upstream_addr: unicode(listOf((attempt) => attempt.name)),
  upstream_status: plain(listOf(({ status }) => (status === 0 ? '-' : String(status)))),
  upstream_response_time: plain(listOf((attempt) => time(attempt.responseTime))),
  upstream_connect_time: plain(listOf((attempt) => time(attempt.connectTime))),
  upstream_header_time: plain(listOf((attempt) => time(attempt.headerTime))),
  upstream_response_length: plain(listOf((attempt) => String(attempt.responseLength))),
  upstream_bytes_sent: plain(listOf((attempt) => String(attempt.bytesSent))),
  upstream_bytes_received: plain(listOf((attempt) => String(attempt.bytesReceived))),
  upstream_queue_time: plain(({ exchange }) => {
    const waited = exchange?.waited ?? 0
    return waited > 0 ? seconds(waited) : undefined
  }),
  // There is no cache, and nginx without one shows the same.
  upstream_cache_status: none,
  upstream_cache_last_modified: none,
  upstream_cache_etag: none,
  proxy_host: unicode(({ exchange }) => exchange?.upstreamName),
  proxy_port: plain(({ exchange }) => {
    if (exchange === undefined) return undefined
    return exchange.firstAttempt?.peer?.protocol === 'https:' ? '443' : '80'
  }),
}

/** `$upstream_http_NAME`: of the last attempt, where it has brought a head. */
export const upstreamField: VariableFamily = (name): LogVariable =>
  bytes((log) => {
    const fields = lastOf(log)?.rawHeaders
    return fields && fieldOf(fields, name)
  })

/** `$upstream_cookie_NAME`: what the peer's `Set-Cookie` says. */
export const upstreamCookie: VariableFamily = (name): LogVariable =>
  bytes((log) => {
    const fields = lastOf(log)?.rawHeaders
    return fields && setCookieOf(fields, name)
  })

/** `$upstream_trailer_NAME`. */
export const upstreamTrailer: VariableFamily = (name): LogVariable =>
  bytes(({ exchange }) => exchange?.trailers && fieldOf(exchange.trailers, name))

function listOf(value: (attempt: AttemptRecord) => string): LogVariable['read'] {
  return ({ exchange }) => {
    const first = exchange?.firstAttempt
    if (exchange === undefined || first === undefined) return undefined
    let list = value(first)
    for (const attempt of exchange.laterAttempts) list += `, ${value(attempt)}`
    return list
  }
}

function lastOf({ exchange }: ResponseLog): AttemptRecord | undefined {
  return exchange?.laterAttempts.at(-1) ?? exchange?.firstAttempt
}

function time(ms: number): string {
  return ms < 0 ? '-' : seconds(ms)
}
