/** Milliseconds of the machine's monotonic clock: one and the same in all processes of the machine. */
export function now() {
  return Number(process.hrtime.bigint() / 1000n) / 1000
}

/** A timer this late means that the process stood still: stopped, blocked, or not given a processor. */
const STALL = 400
const TICK = 25

/**
 * Watches for moments at which this process stood still. The timer keeps no process alive.
 * @param {(from: number, to: number) => void} report
 * @returns {() => void} ends the watch
 */
export function watchStalls(report) {
  let last = now()
  const timer = setInterval(() => {
    const time = now()
    if (time - last > STALL) report(last, time)
    last = time
  }, TICK)
  timer.unref()
  return () => clearInterval(timer)
}
