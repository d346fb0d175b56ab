/** The options for when more comes than can be served. */
import type { BalancerOptions, HedgeOptions } from '../options.js'
import { COUNT, namesOf, POSITIVE_INTEGER } from './section.js'
import type { Section } from './section.js'

const HEDGE = namesOf<HedgeOptions>({ after: true, attempts: true })

/** Resolved; milliseconds. */
export interface OverloadConfig {
  /** 0: no limit. */
  readonly maxInFlight: number
  /** Undefined: none. */
  readonly hedge: { readonly after: number; readonly attempts: number } | undefined
}

export function readOverload(options: Section<BalancerOptions>): OverloadConfig {
  return { maxInFlight: options.number('maxInFlight', COUNT, 0), hedge: readHedge(options) }
}

function readHedge(options: Section<BalancerOptions>): OverloadConfig['hedge'] {
  if (!options.given('hedge') || options.value('hedge') === false) return undefined
  const hedge = options.section<HedgeOptions>('hedge', HEDGE, 'must be an object, or false')
  if (!hedge.given('after')) hedge.problems.say(hedge.path('after'), 'is required')
  return Object.freeze({
    after: hedge.duration('after', 0, 'more than zero'),
    attempts: hedge.number('attempts', POSITIVE_INTEGER, 1),
  })
}
