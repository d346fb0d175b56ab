/** A clock whose short pauses are over in a turn of the event loop: a rate limit without the waiting. */
import { systemClock } from '../../../src/clock.js'
import type { Clock, Timer } from '../../../src/clock.js'

/** Milliseconds; the pauses of a rate limit are no longer, and timeouts are. */
const SHORT = 1000

export function hastyClock(): Clock {
  let skipped = 0
  return {
    now: () => systemClock.now() + skipped,
    after(ms, run): Timer {
      if (ms > SHORT) return systemClock.after(ms, run)
      const timer = setImmediate(() => {
        skipped += ms
        run()
      })
      return {
        refresh: () => undefined,
        cancel: () => clearImmediate(timer),
      }
    },
  }
}
