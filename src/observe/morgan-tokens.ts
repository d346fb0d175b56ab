/** nginx's `$upstream_*` for those who write their log with morgan. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { upstreamVariables } from '../upstream-variables.js'
import type { UpstreamVariables } from '../upstream-variables.js'

/** The part of morgan that is used; morgan itself is not needed. */
export interface MorganLike {
  token(
    name: string,
    value: (req: IncomingMessage, res: ServerResponse) => string | undefined,
  ): unknown
}

const TOKENS = {
  upstream_addr: true,
  upstream_status: true,
  upstream_response_time: true,
  upstream_connect_time: true,
  upstream_header_time: true,
  upstream_response_length: true,
  upstream_bytes_sent: true,
  upstream_bytes_received: true,
} satisfies Record<keyof UpstreamVariables, true>

/**
 * Adds `:upstream-addr`, `:upstream-status`, `:upstream-response-time` and so on: nginx's variables with `-` for `_`. A
 * response that went through no balancer shows `-`.
 */
export function morganTokens(morgan: MorganLike): void {
  for (const name of Object.keys(TOKENS) as (keyof UpstreamVariables)[])
    morgan.token(name.replaceAll('_', '-'), (_, res) => upstreamVariables(res)?.[name])
}
