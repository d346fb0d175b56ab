/** Groups with outlier detection, every number told. */
import type { OutlierSettings } from '../../../src/upstream/outlier-availability.js'
import type { Lease } from '../../../src/upstream/peer-session.js'
import type { PeerParameters, PeerState } from '../../../src/upstream/peer.js'
import { PeerSession } from '../../../src/upstream/peer-session.js'
import type { PeerRegistry } from '../../../src/upstream/registry.js'
import { group, request } from './group.js'
import type { GroupOptions } from './group.js'

export const outlierSettings = (given: Partial<OutlierSettings> = {}): OutlierSettings => ({
  consecutiveFailures: 3,
  failureRate: 0.5,
  minimumRequests: 10,
  window: 10_000,
  statusWeights: new Map(),
  ejectionTime: 1000,
  maxEjectionTime: 5000,
  jitter: 0,
  maxEjectionPercent: 100,
  ...given,
})

/** One attempt at `peer` and nobody else. */
export function attempt(registry: PeerRegistry, peer: PeerState): Lease {
  const select = { name: 'this one', begin: () => ({ pick: () => peer }) }
  const known = registry.selector
  Object.assign(registry, { selector: select })
  const lease = new PeerSession(registry, request).next()
  Object.assign(registry, { selector: known })
  if (lease?.peer !== peer) throw new Error(`${peer.name} was not to be had`)
  return lease
}

export interface OutlierGroup extends ReturnType<typeof group> {
  /** An attempt at `name` with that status; those of `failOn` are 500 and more unless told. */
  status(name: string, status: number, counts?: 'counts' | 'does not'): Lease
  fail(name: string, step?: 'connect' | 'answer'): Lease
  /** Milliseconds until each peer's mark ends; 0: none. */
  marks(): number[]
}

export function outlierGroup(
  peers: Readonly<Record<string, Partial<PeerParameters>>>,
  settings: Partial<OutlierSettings> = {},
  options: GroupOptions = {},
): OutlierGroup {
  const all = group(peers, { outlierDetection: outlierSettings(settings), ...options })
  const { registry, clock, peer } = all
  return {
    ...all,
    status(name, status, counts = status >= 500 ? 'counts' : 'does not') {
      const lease = attempt(registry, peer(name))
      lease.answered(false, counts === 'does not', status)
      if (counts === 'counts') lease.fail('status', 'answer')
      lease.release(counts === 'counts' ? 'failed' : 'ok')
      return lease
    },
    fail(name, step = 'answer') {
      const lease = attempt(registry, peer(name))
      lease.fail('error', step)
      lease.release('failed')
      return lease
    },
    marks: () =>
      registry.peers.map((each) => (each.ejectedUntil === 0 ? 0 : each.ejectedUntil - clock.now())),
  }
}
