/** Whom metrics and traces are of. */
import type { BalancerEventName, Listener } from '../events.js'
import type { Upstream } from '../upstream/upstream.js'

/** A `Balancer`, as far as it is used here. */
export interface ObservedBalancer {
  readonly upstream: Upstream
  on<E extends BalancerEventName>(event: E, listener: Listener<E>): unknown
  off<E extends BalancerEventName>(event: E, listener: Listener<E>): unknown
}
