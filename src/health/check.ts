/** One check of one peer: it ends once, in time, and leaves nothing behind. */
import type { Clock } from '../clock.js'
import type { Peer } from '../upstream/peer.js'
import type { HealthReason } from '../upstream/upstream.js'

/** What a check has come to. */
export interface CheckResult {
  /** `passed`, or why it has not. */
  readonly reason: Exclude<HealthReason, 'feedback'>
  /** What the peer says of its load. */
  readonly said: string | undefined
}

/** Calls back once, unless the returned cancel is called before. */
export type Check = (peer: Peer, done: (result: CheckResult) => void) => () => void

/** Begins a check; what it returns ends it without a word. */
export type StartCheck = (peer: Peer, run: CheckRun) => () => void

export function resultOf(reason: CheckResult['reason'], said?: string): CheckResult {
  return { reason, said }
}

/** A check under way. */
export class CheckRun {
  /** What it has come to when time is up. */
  atTimeout = resultOf('timeout')
  readonly #done: (result: CheckResult) => void
  #over = false
  #stop: (() => void) | undefined

  constructor(done: (result: CheckResult) => void) {
    this.#done = done
  }

  get over(): boolean {
    return this.#over
  }

  /** What ends it. It may be over already: then at once. */
  set stop(stop: () => void) {
    if (this.#over) stop()
    else this.#stop = stop
  }

  /** The first result counts. */
  end(result: CheckResult): void {
    if (this.#over) return
    this.cancel()
    this.#done(result)
  }

  cancel(): void {
    this.#over = true
    this.#stop?.()
    this.#stop = undefined
  }
}

/** `timeout` is in milliseconds. What `start` throws is a failed check. */
export function boundedCheck(clock: Clock, timeout: number, start: StartCheck): Check {
  return (peer, done) => {
    const run = new CheckRun((result) => {
      timer.cancel()
      done(result)
    })
    const timer = clock.after(timeout, () => {
      run.end(run.atTimeout)
    })
    try {
      run.stop = start(peer, run)
    } catch {
      run.end(resultOf('error'))
    }
    return () => {
      timer.cancel()
      run.cancel()
    }
  }
}
