/** Whose fault it was: a request that fails in the same way at two peers which serve others is itself at fault. */

/** What one attempt came to, as far as blame goes. */
export interface Failing {
  readonly peer: object
  /** Condition and type in one: two failures with the same manner are alike. */
  readonly manner: string
  /** A request that never reached a peer cannot have caused anything there. */
  readonly requestSent: boolean
  /** Failures of this peer, one after another and from whatever request, since it last answered anybody. */
  readonly failuresSinceAnswer: number
}

/**
 * Is the request at fault for `latest`, seen with the attempts before it? A peer that fails others too, with no answer
 * in between, is out of order by itself, and says nothing against the request.
 */
export function requestAtFault(earlier: readonly Failing[], latest: Failing): boolean {
  if (!speaksAgainstRequest(latest)) return false
  return earlier.some((one) => one.peer !== latest.peer && isAlike(one, latest))
}

/** Would be taken back together with `latest`, if that is the request's fault. */
export function isAlike(failing: Failing, latest: Failing): boolean {
  return failing.manner === latest.manner && speaksAgainstRequest(failing)
}

function speaksAgainstRequest(failing: Failing): boolean {
  return failing.requestSent && failing.failuresSinceAnswer <= 1
}
