/** A warning of the process that something is the matter with a log. */
import type { Clock } from '../clock.js'

/** Milliseconds: whatever is broken is so at each line. nginx, too, says it once a minute (`ngx_http_log_write`). */
const PAUSE = 60_000

export class LogWarning {
  readonly #clock: Pick<Clock, 'now'>
  #saidAt = Number.NEGATIVE_INFINITY

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** @returns false: it was too soon. */
  say(text: string): boolean {
    const now = this.#clock.now()
    if (now - this.#saidAt < PAUSE) return false
    this.sayNow(text)
    this.#saidAt = now
    return true
  }

  sayNow(text: string): void {
    process.emitWarning(text, 'EvenkeelLogWarning')
  }
}
