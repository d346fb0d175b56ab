/** What the workers of a zone know together of one peer: failures, mark, health. Pure values; times are of whoever holds them. */
import type { FailedStep } from '../upstream/peer.js'

export interface Mark {
  /** Why, in the words of the worker that marked it. */
  readonly reason: string
  /** What has to be seen to work again. */
  readonly step: FailedStep
  /** From then on one request may try the peer. */
  readonly until: number
}

export interface Standing {
  readonly fails: number
  readonly statusFails: number
  /** When the last failure was counted; -Infinity before the first. */
  readonly failedAt: number
  readonly mark: Mark | undefined
  /** Undefined: nobody checks. */
  readonly healthy: boolean | undefined
}

export const SPOTLESS: Standing = Object.freeze({
  fails: 0,
  statusFails: 0,
  failedAt: Number.NEGATIVE_INFINITY,
  mark: undefined,
  healthy: undefined,
})

/** What one worker has to add. Several become one by {@link merge}, so that what waits to be sent cannot grow. */
export interface StandingChange {
  /** First all is forgiven. */
  readonly cleared: boolean
  /** Then so many failures are added, or taken back. */
  readonly fails: number
  readonly statusFails: number
  /** The first of them. */
  readonly since: number
  /** The latest of them. */
  readonly failedAt: number
  /** Milliseconds: what is older by more than that does not count together with it. */
  readonly window: number
  /** Then it is marked, or not any more; undefined leaves that as it is. */
  readonly mark: Mark | 'none' | undefined
  readonly healthy: boolean | undefined
}

export const NO_CHANGE: StandingChange = Object.freeze({
  cleared: false,
  fails: 0,
  statusFails: 0,
  since: Number.POSITIVE_INFINITY,
  failedAt: Number.NEGATIVE_INFINITY,
  window: 0,
  mark: undefined,
  healthy: undefined,
})

export function apply(standing: Standing, change: StandingChange): Standing {
  const base = change.cleared ? { ...SPOTLESS, failedAt: standing.failedAt } : standing
  const counts = change.fails !== 0 || change.statusFails !== 0
  const stale = counts && change.since - base.failedAt > change.window
  return {
    fails: Math.max(0, (stale ? 0 : base.fails) + change.fails),
    statusFails: Math.max(0, (stale ? 0 : base.statusFails) + change.statusFails),
    failedAt: Math.max(base.failedAt, change.failedAt),
    mark: change.mark === undefined ? base.mark : change.mark === 'none' ? undefined : change.mark,
    healthy: change.healthy ?? standing.healthy,
  }
}

/** One change that does what `first` and then `second` do. */
export function merge(first: StandingChange, second: StandingChange): StandingChange {
  const healthy = second.healthy ?? first.healthy
  const failedAt = Math.max(first.failedAt, second.failedAt)
  if (second.cleared) return { ...second, failedAt, healthy }
  return {
    cleared: first.cleared,
    fails: first.fails + second.fails,
    statusFails: first.statusFails + second.statusFails,
    since: Math.min(first.since, second.since),
    failedAt,
    window: Math.max(first.window, second.window),
    mark: second.mark ?? first.mark,
    healthy,
  }
}

export function isSpotless({ fails, statusFails, mark, healthy }: Standing): boolean {
  return fails === 0 && statusFails === 0 && mark === undefined && healthy === undefined
}
