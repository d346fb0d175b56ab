/** Active health checks: each peer is asked from time to time, and believed when it has said so often enough. */
import type { Clock, Timer } from '../clock.js'
import type { CheckSchedule } from '../config/types.js'
import { logPeer } from '../debug.js'
import type { FailedStep, Peer } from '../upstream/peer.js'
import type { HealthReason } from '../upstream/upstream.js'
import type { Check, CheckResult } from './check.js'
import { Tally } from './tally.js'

export interface CheckerParts {
  readonly check: Check
  /** It asks for an answer; else a connection is all that it proves. */
  readonly proves: 'answer' | 'connect'
  readonly schedule: CheckSchedule
  readonly clock: Clock
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly verdicts: Verdicts
}

/** Whom a checker tells. */
export interface Verdicts {
  /** It is believed from now on: so many checks in a row. Also before the first one, for `initialState: 'down'`. */
  health(peer: Peer, reason: HealthReason, checks: number): void
  /** Not checked yet, and not to be used until then. */
  unknown(peer: Peer): void
  /** What had failed works again. */
  proved(peer: Peer): void
  /** What it says of its load. */
  said(peer: Peer, text: string): void
}

/** After a mark: most failures are over in an instant. */
const FIRST_PAUSE_MS = 100
/** First checks do not come all at once: a hundred a second. */
const FIRST_CHECK_MS = 10

/** A failure that has marked the peer, and that a check can prove to be over. */
interface Mark {
  /** Until the next check: doubled by each that fails. */
  pause: number
}

interface Watch {
  readonly peer: Peer
  readonly tally: Tally
  timer: Timer | undefined
  /** When that timer fires. */
  dueAt: number
  cancel: (() => void) | undefined
  mark: Mark | undefined
  /** It has found its place in the interval. */
  isSpread: boolean
  /** It was `down`, and was not checked. */
  rests: boolean
}

export class HealthChecker {
  readonly #parts: CheckerParts
  readonly #watches = new Map<Peer, Watch>()
  #stopped = false

  constructor(parts: CheckerParts) {
    this.#parts = parts
  }

  /** It is one of the peers from now on. */
  watch(peer: Peer): void {
    if (this.#stopped || this.#watches.has(peer)) return
    const { schedule, verdicts } = this.#parts
    const watch: Watch = {
      peer,
      tally: new Tally(schedule),
      timer: undefined,
      dueAt: Infinity,
      cancel: undefined,
      mark: undefined,
      isSpread: false,
      rests: false,
    }
    this.#watches.set(peer, watch)
    this.#checkSoon(watch)
    if (!watch.tally.healthy) verdicts.unknown(peer)
  }

  /** It is none of them any more. */
  unwatch(peer: Peer): void {
    const watch = this.#watches.get(peer)
    if (watch === undefined) return
    this.#watches.delete(peer)
    watch.timer?.cancel()
    watch.cancel?.()
  }

  /** Failures have marked it: the next check comes soon, if it can prove that what failed works again. */
  marked(peer: Peer, step: FailedStep): void {
    const watch = this.#watches.get(peer)
    if (watch === undefined || (step === 'answer' && this.#parts.proves === 'connect')) return
    watch.mark = { pause: FIRST_PAUSE_MS }
    const now = this.#parts.clock.now()
    if (watch.cancel === undefined && watch.dueAt > now + FIRST_PAUSE_MS)
      this.#checkIn(watch, FIRST_PAUSE_MS)
  }

  /** It is not marked any more. */
  returned(peer: Peer): void {
    const watch = this.#watches.get(peer)
    if (watch !== undefined) watch.mark = undefined
  }

  /** It may have been taken out of service, or put back. */
  changed(peer: Peer): void {
    const watch = this.#watches.get(peer)
    if (watch === undefined) return
    if (peer.down) this.#rest(watch)
    else if (watch.rests) this.#checkSoon(watch)
  }

  /** For good. */
  stop(): void {
    this.#stopped = true
    for (const peer of [...this.#watches.keys()]) this.unwatch(peer)
  }

  #checkSoon(watch: Watch): void {
    const { schedule, random } = this.#parts
    const window = Math.max(FIRST_PAUSE_MS, this.#watches.size * FIRST_CHECK_MS)
    watch.rests = false
    this.#checkIn(watch, random() * Math.min(schedule.interval, window))
  }

  /** Nobody says when a peer is no longer down by a new list: it is looked at now and then. */
  #rest(watch: Watch): void {
    watch.rests = true
    watch.cancel?.()
    watch.cancel = undefined
    this.#checkIn(watch, this.#parts.schedule.interval)
  }

  #checkIn(watch: Watch, pause: number): void {
    const { clock } = this.#parts
    watch.timer?.cancel()
    watch.dueAt = clock.now() + pause
    watch.timer = clock.after(pause, () => {
      if (watch.peer.down) this.#rest(watch)
      else this.#check(watch)
    })
  }

  #check(watch: Watch): void {
    const { check, clock } = this.#parts
    const startedAt = clock.now()
    const { mark } = watch
    watch.rests = false
    // It may be over before it has returned.
    const running = { isOver: false }
    const cancel = check(watch.peer, (result) => {
      running.isOver = true
      watch.cancel = undefined
      if (this.#watches.get(watch.peer) === watch) this.#done(watch, result, mark, startedAt)
    })
    if (!running.isOver) watch.cancel = cancel
  }

  /** @param mark what it had been marked for when the check began: what came later it does not disprove. */
  #done(watch: Watch, result: CheckResult, mark: Mark | undefined, startedAt: number): void {
    const { peer, tally } = watch
    const { verdicts, clock } = this.#parts
    const passed = result.reason === 'passed'
    const changed = tally.count(passed ? 'passed' : 'failed')
    const isProof = passed && mark !== undefined && mark === watch.mark
    if (isProof) watch.mark = undefined
    this.#checkIn(watch, Math.max(0, startedAt + this.#nextPause(watch) - clock.now()))
    if (logPeer.enabled && (changed || !passed))
      logPeer('check of %s: %s (%d in a row)', peer.name, result.reason, tally.inRow)
    // Each of these may end in a user's hands, who may do anything, and take the peer out.
    if (result.said !== undefined) verdicts.said(peer, result.said)
    // Another worker may have said otherwise, and be gone.
    const isContradicted = tally.isSettled && peer.healthy !== tally.healthy
    if (changed || isContradicted) verdicts.health(peer, result.reason, tally.inRow)
    if (isProof) verdicts.proved(peer)
  }

  #nextPause(watch: Watch): number {
    const { schedule, random } = this.#parts
    const { mark } = watch
    let pause: number = schedule[watch.tally.pace]
    if (watch.tally.pace !== 'fastInterval' && !watch.isSpread) {
      watch.isSpread = true
      pause *= random()
    }
    if (schedule.jitter > 0) pause += random() * schedule.jitter
    if (mark === undefined || mark.pause >= pause) return pause
    const soon = mark.pause
    mark.pause *= 2
    return soon
  }
}
