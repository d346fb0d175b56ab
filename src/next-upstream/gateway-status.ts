/** Which status and code a request ends with when no upstream answered it. */
import type { ErrorCode } from '../errors.js'
import type { UpstreamFailure } from './attempt-result.js'

export interface GatewayOutcome {
  readonly code: ErrorCode
  readonly status: number
}

/** RFC 9110: 504 for a peer that took too long, 502 for one that gave nothing usable. */
export function gatewayOutcome(failure: UpstreamFailure): GatewayOutcome {
  switch (failure.condition) {
    case 'timeout':
      return { code: 'ERR_UPSTREAM_TIMEOUT', status: 504 }
    case 'invalid_header':
      return { code: 'ERR_UPSTREAM_INVALID_HEADER', status: 502 }
    case 'error':
      return { code: 'ERR_UPSTREAM_CONNECTION', status: 502 }
  }
}
