/** What those parts of the library may see of a balancer that are added to it from outside. */
import type { Draining } from '../draining.js'
import type { RetryBudget } from '../next-upstream/budget.js'
import type { Reporter } from '../reporter.js'
import type { UpstreamConnections } from '../transport/connections.js'
import type { Transport } from '../transport/transport.js'
import type { PeerRegistry } from '../upstream/registry.js'
import type { ObservedBalancer } from './observed-balancer.js'

export interface BalancerInternals {
  readonly registry: PeerRegistry
  readonly reporter: Reporter
  readonly draining: Draining
  readonly budget: RetryBudget | undefined
  readonly connections: UpstreamConnections
  readonly incidents: { readonly ongoing: boolean }
  /** The handler's parts: another transport may be put in place of this one. */
  readonly carrier: { transport: Transport }
}

export const kInternals = Symbol('evenkeel.internals')

/** @throws {TypeError} for what `createBalancer` of this copy of the library has not made. */
export function internalsOf(balancer: ObservedBalancer): BalancerInternals {
  const internals = (balancer as { [kInternals]?: BalancerInternals })[kInternals]
  if (internals === undefined)
    throw new TypeError('not a balancer made by createBalancer of this copy of evenkeel')
  return internals
}
