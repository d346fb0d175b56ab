/** From a peer as it is here, and as it is known to the zone: what the zone has to be told. */
import type { PeerState } from '../upstream/peer.js'
import type { SharedStanding } from '../upstream/sharing.js'
import { NO_CHANGE } from './standing.js'
import type { Mark, Standing, StandingChange } from './standing.js'

export interface Observed {
  readonly peer: Pick<PeerState, 'failTimeout' | 'healthy'>
  readonly now: SharedStanding
  /** Failures are counted by all together. */
  readonly countsFails: boolean
  /** Why it is marked, if it was marked here. */
  readonly reason: string
  /** Until when it was marked when that was last told or learnt. */
  readonly knownUntil: number | undefined
}

/** Undefined: nothing. */
export function changeOf(observed: Observed, known: Standing): StandingChange | undefined {
  const { peer, now, countsFails } = observed
  const healthy = peer.healthy === (known.healthy ?? true) ? undefined : peer.healthy
  const mark = markOf(observed, known)
  const isClean = now.mark === undefined && now.fails === 0 && now.statusFails === 0
  const wasClean = known.mark === undefined && known.fails === 0 && known.statusFails === 0
  if (isClean && !wasClean) return { ...NO_CHANGE, cleared: true, healthy }
  const failures = countsFails ? failuresOf(observed, known) : undefined
  if (failures === undefined && mark === undefined && healthy === undefined) return undefined
  return { ...NO_CHANGE, ...failures, mark, healthy }
}

function markOf(
  { now: { mark }, reason, knownUntil }: Observed,
  known: Standing,
): Mark | 'none' | undefined {
  if (mark === undefined) return known.mark === undefined ? undefined : 'none'
  if (known.mark === undefined) return { ...mark, reason }
  // The time has moved on: it failed again, or one request tries it.
  return mark.until === knownUntil ? undefined : { ...mark, reason: known.mark.reason }
}

function failuresOf(
  { peer, now }: Observed,
  known: Standing,
): Pick<StandingChange, 'fails' | 'statusFails' | 'since' | 'failedAt' | 'window'> | undefined {
  const stale = now.failedAt - known.failedAt > peer.failTimeout
  const fails = now.fails - (stale ? 0 : known.fails)
  const statusFails = now.statusFails - (stale ? 0 : known.statusFails)
  if (fails === 0 && statusFails === 0) return undefined
  const { failedAt } = now
  return { fails, statusFails, since: failedAt, failedAt, window: peer.failTimeout }
}
