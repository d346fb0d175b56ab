/** What to do after an attempt: a pure function of the facts. Its test is the truth table. */
import type { AttemptCondition } from './condition.js'

/** All that the decision may depend on. */
export interface AttemptFacts {
  /** A response is in hand, or the attempt brought none. */
  readonly kind: 'response' | 'failure'
  /** What was the matter; undefined for a response with nothing the matter. */
  readonly condition: AttemptCondition | undefined
  /** The condition is one of `nextUpstream.on`. */
  readonly listed: boolean
  /** A byte of the request may have reached the peer. */
  readonly requestSent: boolean
  /** The request may be repeated although it was sent. */
  readonly idempotent: boolean
  /** The body can still be sent again from its first byte. */
  readonly replayable: boolean
  /** The connection had served before and broke without a response byte, for the first time at this peer. */
  readonly stale: boolean
  /** `tries` allows one more attempt. */
  readonly triesLeft: boolean
  /** `timeout` has not passed. */
  readonly timeLeft: boolean
  /** The best peer that could be tried next: unmarked, marked (see `whenNoneLive`), or none. */
  readonly nextPeer: 'live' | 'marked' | 'none'
  /** `whenNoneLive: 'wait'` and there is room and time in the queue. */
  readonly mayWait: boolean
  /** The retry budget has room. */
  readonly budget: boolean
  /** Two peers that serve others failed this request in the same way. */
  readonly requestAtFault: boolean
  /** An earlier attempt's real response is held. */
  readonly held: boolean
}

/** Why no further attempt is made. */
export type WhyNoNext =
  | 'not_listed'
  | 'non_idempotent'
  | 'body_not_replayable'
  | 'tries_exhausted'
  | 'timeout_exhausted'
  | 'no_eligible_peer'
  | 'budget_exhausted'
  | 'request_at_fault'

export type Decision =
  /** Give the client the response in hand. */
  | { readonly do: 'deliver'; readonly why: WhyNoNext | 'good' }
  /** Give the client the real response that an earlier attempt brought. */
  | { readonly do: 'deliver_held'; readonly why: WhyNoNext }
  /** The same peer again on a fresh connection; nobody is charged. */
  | { readonly do: 'again' }
  /** Another peer. `charged`: it takes from the retry budget. */
  | { readonly do: 'next'; readonly charged: boolean }
  /** Wait until a peer comes back, then go on. */
  | { readonly do: 'wait' }
  /** Answer with a gateway status of our own. */
  | { readonly do: 'finish'; readonly why: WhyNoNext }

/** A next-upstream policy as an object. */
export interface NextUpstreamPolicy {
  /** Called after each attempt that has something the matter. A `next` that is not possible ends the request instead. */
  decide(facts: AttemptFacts): Decision
}

/** A next-upstream policy as a function; `standard` is what would be done without it. */
export type DecideNextUpstream = (facts: AttemptFacts, standard: Decision) => Decision

const GOOD: Decision = { do: 'deliver', why: 'good' }
const AGAIN: Decision = { do: 'again' }
const NEXT: Decision = { do: 'next', charged: true }
const NEXT_FREE: Decision = { do: 'next', charged: false }
const WAIT: Decision = { do: 'wait' }

/** The standard decision (nginx `ngx_http_upstream_next` and `_test_next`, and the promises of docs/architecture.md). */
export function decide(facts: AttemptFacts): Decision {
  if (facts.kind === 'response' && !facts.listed) return GOOD
  const why = whyNoNext(facts)
  if (why === 'again') return AGAIN
  if (why === 'wait') return WAIT
  // A request that was never sent costs the upstream nothing: only repeated work is charged.
  if (why === undefined) return facts.requestSent && !facts.stale ? NEXT : NEXT_FREE
  if (facts.held) return { do: 'deliver_held', why }
  return facts.kind === 'response' ? { do: 'deliver', why } : { do: 'finish', why }
}

function whyNoNext(facts: AttemptFacts): WhyNoNext | 'again' | 'wait' | undefined {
  if (facts.requestSent && !facts.idempotent) return 'non_idempotent'
  if (!facts.replayable) return 'body_not_replayable'
  if (!facts.timeLeft) return 'timeout_exhausted'
  // Before `listed` and `tries`: a stale connection is nobody's failure, whatever the policy says of failures.
  if (facts.stale) return 'again'
  if (!facts.listed) return 'not_listed'
  if (facts.requestAtFault) return 'request_at_fault'
  if (facts.kind === 'failure' && facts.nextPeer === 'none' && facts.mayWait) return 'wait'
  if (!facts.triesLeft) return 'tries_exhausted'
  // Never leave a real answer for a peer that is only hoped for.
  if (facts.nextPeer === 'none' || (facts.kind === 'response' && facts.nextPeer === 'marked'))
    return 'no_eligible_peer'
  if (facts.requestSent && !facts.budget) return 'budget_exhausted'
  return undefined
}
