/** The limits as they are configured: those that are off are not there. */
import type { Clock } from '../clock.js'
import { AdaptiveConcurrency } from './adaptive-concurrency.js'
import { Admission } from './admission.js'
import type { SharedLimit, WaitingLine } from './admission.js'
import type { GradientSettings } from './gradient.js'

/** Of a balancer; undefined: nothing is limited. */
export function admissionOf(
  maxInFlight: number,
  shared: SharedLimit | undefined,
  line: WaitingLine,
): Admission | undefined {
  if (maxInFlight === 0 && shared === undefined) return undefined
  return new Admission(maxInFlight, shared, line)
}

/** Of an upstream. */
export function concurrencyOf(
  settings: GradientSettings | undefined,
  line: { wakeAll(): void },
  clock: Clock,
): AdaptiveConcurrency | undefined {
  if (settings === undefined) return undefined
  return new AdaptiveConcurrency(settings, clock, () => {
    line.wakeAll()
  })
}
