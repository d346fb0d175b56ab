/** The options for when more comes than can be served. */
import type { BalancerOptions } from '../options.js'
import { COUNT } from './section.js'
import type { Section } from './section.js'

/** Resolved; milliseconds. */
export interface OverloadConfig {
  /** 0: no limit. */
  readonly maxInFlight: number
}

export function readOverload(options: Section<BalancerOptions>): OverloadConfig {
  return { maxInFlight: options.number('maxInFlight', COUNT, 0) }
}
