/** A clock whose short pauses are over in a turn of the event loop: a rate limit without the waiting. */
import { systemClock } from '../../../src/clock.js'
import type { Clock, Timer } from '../../../src/clock.js'

/** Milliseconds: more than 64 kB take at 20 kB a second, less than the shortest timeout. */
const SHORT = 4500

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
