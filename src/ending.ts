/** What a request ends with when it ends without a response of a peer's. */
import type { Exchange } from './exchange.js'
import type { HandlerParts } from './handler-parts.js'
import { gatewayOutcome } from './next-upstream/gateway-status.js'
import { BODY_TOO_LARGE, CLIENT_LEFT, CLOSING, internalRefusal } from './refusal.js'
import type { Refusal } from './refusal.js'
import type { PeerSession } from './upstream/peer-session.js'
import { noPeerRefusal } from './waiting.js'

/** Of all attempts together; where none could be made, the log gets nginx's entry for that. */
export function upstreamRefusal(
  { registry, clock }: HandlerParts,
  x: Exchange,
  session: PeerSession,
): Refusal {
  const failure = x.lastFailure
  if (failure === undefined) {
    const refusal = noPeerRefusal(registry, x, session)
    x.recordNoPeer(registry.name, clock.now()).status = refusal.status
    return refusal
  }
  const { code, status } = gatewayOutcome(failure)
  const where = `${failure.type} in phase ${failure.phase}`
  return { code, status, message: `upstream "${registry.name}": ${where}`, cause: failure.cause }
}

/** Nobody is there any more who could be answered in full. */
export function stopRefusal({ stopReason, bodyError }: Exchange): Refusal {
  switch (stopReason) {
    case 'closing':
      return CLOSING
    case 'body_too_large':
      return BODY_TOO_LARGE
    case 'body_failed':
      return internalRefusal(bodyError)
    case 'client_left':
    case 'deadline':
    case undefined:
      return CLIENT_LEFT
  }
}

/** The client has a part of the response. */
export function truncatedRefusal({ broken, res }: Exchange, cause: Error | undefined): Refusal {
  const end = broken?.type === 'connection_read_timeout' ? 'fell silent' : 'ended'
  const message = `the upstream ${end} in the middle of the response body`
  return { code: 'ERR_UPSTREAM_TRUNCATED', message, status: res.statusCode, cause }
}

/** `nextUpstream.timeout`: all attempts together. */
export function startDeadline({ policy, clock, registry }: HandlerParts, x: Exchange): void {
  if (policy.nextTimeout === 0) return
  x.deadlineAt = clock.now() + policy.nextTimeout
  // nginx begins no try after it, and lets the running one take its time.
  if (registry.nginx) return
  x.deadline = clock.after(policy.nextTimeout, () => {
    x.stop('deadline')
  })
}
