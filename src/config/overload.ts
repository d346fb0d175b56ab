/** The options for when more comes than can be served. */
import type { GradientSettings } from '../overload/gradient.js'
import type {
  AdaptiveConcurrencyOptions,
  BalancerOptions,
  HedgeOptions,
  UpstreamOptions,
} from '../options.js'
import { COUNT, isOptions, namesOf, POSITIVE_INTEGER } from './section.js'
import type { NumberRule, Section } from './section.js'

const ADAPTIVE = namesOf<AdaptiveConcurrencyOptions>({
  min: true,
  max: true,
  initial: true,
  tolerance: true,
  window: true,
})
const TOLERANCE: NumberRule = {
  rule: 'must be a number from 1 to 10',
  holds: (value) => value >= 1 && value <= 10,
}
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
  if (!hedge.given('after') && isOptions(options.value('hedge')))
    hedge.problems.say(hedge.path('after'), 'is required')
  return Object.freeze({
    after: hedge.duration('after', 0, 'more than zero'),
    attempts: hedge.number('attempts', POSITIVE_INTEGER, 1),
  })
}

export function readAdaptiveConcurrency(
  options: Section<Pick<UpstreamOptions, 'adaptiveConcurrency'>>,
): GradientSettings | undefined {
  const value = options.value('adaptiveConcurrency')
  if (value === undefined || value === false) return undefined
  const rule = 'must be an object, or false'
  const given = options.section<AdaptiveConcurrencyOptions>('adaptiveConcurrency', ADAPTIVE, rule)
  const min = given.number('min', POSITIVE_INTEGER, 4)
  const max = given.number('max', POSITIVE_INTEGER, Math.max(min, 1000))
  const initial = given.number('initial', POSITIVE_INTEGER, Math.min(max, Math.max(min, 20)))
  if (max < min) given.reject('max', 'must not be less than min')
  else if (initial < min || initial > max) given.reject('initial', 'must be from min to max')
  return Object.freeze({
    min,
    max,
    initial,
    tolerance: given.number('tolerance', TOLERANCE, 1.5),
    window: given.duration('window', 1000, 'more than zero'),
  })
}
