/** One peer, as the live page tells of it. */
import type { PoolStatus } from '../../transport/connections.js'
import type { PeerState, PeerStatus } from '../../upstream/peer.js'
import type { PeerReport } from './report.js'
import { clip } from '../shown-text.js'
import type { Moment, Traffic } from './windows.js'

export interface PeerCircumstances {
  readonly state: PeerStatus
  /** Milliseconds of the upstream's clock. */
  readonly now: number
  readonly moment: Moment
  readonly traffic: Traffic
  /** Of the last mark, or of the last failed check. */
  readonly reason: string | undefined
  readonly pool: PoolStatus
}

export function reportPeer(peer: PeerState, about: PeerCircumstances): PeerReport {
  const { state, moment, traffic, pool } = about
  const requests = traffic.requests.total(moment.slot)
  const until = Math.max(peer.ejectedUntil, peer.restsUntil)
  return {
    name: clip(peer.name, 300),
    state,
    reason: reasonOf(peer, about),
    returnsIn: state === 'ejected' ? Math.max(0, Math.round(until - about.now)) : null,
    weight: peer.weight,
    easedWeight: Number(peer.easedWeight.toPrecision(3)),
    backup: peer.backup,
    tier: peer.tier,
    locality: peer.locality === undefined ? null : clip(peer.locality, 200),
    inFlight: peer.connections,
    maxConns: peer.limit,
    requestsPerSecond: traffic.requests.perSecond(moment),
    failuresPerSecond: traffic.failures.perSecond(moment),
    latency: traffic.times.percentiles(moment.slot),
    ledgers: { ...peer.ledgers },
    pool: { active: pool.active, idle: pool.idle },
    reusedShare:
      requests === 0 ? null : Number((traffic.others.total(moment.slot) / requests).toPrecision(2)),
    history: traffic.history.report(moment.span),
  }
}

function reasonOf(peer: PeerState, { state, reason }: PeerCircumstances): string | null {
  switch (state) {
    case 'up':
      return null
    case 'full':
      return 'max_conns'
    case 'down':
      return 'administrator'
    case 'draining':
      return peer.toldToDrain ? 'administrator' : 'feedback'
    case 'unhealthy':
    case 'ejected':
      return reason ?? null
  }
}
