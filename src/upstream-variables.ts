/** nginx's `$upstream_*` variables of a response, in nginx's format. */
import type { ServerResponse } from 'node:http'
import type { AttemptRecord } from './attempt-record.js'
import { exchangeOf } from './exchange.js'

/** Values as `access_log` would show them: one entry an attempt, joined by `, `; `-` for what is not (yet) known. */
export interface UpstreamVariables {
  /** Peers in the order they were tried; the upstream's name where none could be chosen. */
  readonly upstream_addr: string
  readonly upstream_status: string
  /** Seconds with milliseconds, as the three below. */
  readonly upstream_response_time: string
  readonly upstream_connect_time: string
  readonly upstream_header_time: string
  readonly upstream_response_length: string
  readonly upstream_bytes_sent: string
  readonly upstream_bytes_received: string
}

const seconds = (ms: number): string => (ms < 0 ? '-' : (ms / 1000).toFixed(3))
const number = (value: number): string => String(value)

/**
 * The variables of a response that went through a balancer: live while the request runs, final when the response is
 * over. `undefined` for any other response.
 * @see https://nginx.org/en/docs/http/ngx_http_upstream_module.html#variables
 */
export function upstreamVariables(res: ServerResponse): UpstreamVariables | undefined {
  const attempts = exchangeOf(res)?.attempts
  if (attempts === undefined) return undefined
  const list = (value: (attempt: AttemptRecord) => string): string =>
    attempts.length === 0 ? '-' : attempts.map(value).join(', ')
  return {
    upstream_addr: list((attempt) => attempt.name),
    upstream_status: list((attempt) => (attempt.status === 0 ? '-' : number(attempt.status))),
    upstream_response_time: list((attempt) => seconds(attempt.responseTime)),
    upstream_connect_time: list((attempt) => seconds(attempt.connectTime)),
    upstream_header_time: list((attempt) => seconds(attempt.headerTime)),
    upstream_response_length: list((attempt) => number(attempt.responseLength)),
    upstream_bytes_sent: list((attempt) => number(attempt.bytesSent)),
    upstream_bytes_received: list((attempt) => number(attempt.bytesReceived)),
  }
}
