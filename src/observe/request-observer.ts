/** What parts of the library that follow every request are told: what is known anyway, and no payload made for it. */
import type { AttemptRecord } from '../attempt-record.js'
import type { BalancerError } from '../errors.js'
import type { QueueEvent, UpgradeEvent } from '../events.js'
import type { Exchange } from '../exchange.js'
import type { PreparedAttempt } from '../prepared-attempt.js'

/** Told before the events are. What it throws is thrown into the request's way: it must not. */
export interface RequestObserver {
  started?(x: Exchange): void
  /** It may still change what the attempt sends. */
  attemptStarted?(x: Exchange, attempt: PreparedAttempt, again: boolean): void
  /** Something was the matter with it: `condition`, `decision` and `why` say what. */
  judged?(x: Exchange, record: AttemptRecord): void
  /** Once for each attempt, and for the entry that no peer could be chosen. */
  attemptEnded?(x: Exchange, record: AttemptRecord): void
  queued?(x: Exchange, outcome: QueueEvent['outcome'], waited: number): void
  upgraded?(x: Exchange, state: UpgradeEvent['state']): void
  /** It ends with an answer of our own, or is broken off: before anything of that is written. */
  failed?(x: Exchange, error: BalancerError): void
  /** `status`: what the client was given, 499 when it had left. `duration`: milliseconds. */
  finished?(x: Exchange, status: number, duration: number): void
}
