/** nginx's time syntax (`ngx_parse_time`), in milliseconds. */

/** The longest delay that Node's timers take: 24.8 days. Beyond it they fire at once. */
export const LONGEST_DURATION = 2 ** 31 - 1

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Longest first: parts of a time come in this order, each at most once. */
const UNITS: ReadonlyMap<string, number> = new Map([
  ['y', 365 * DAY],
  ['M', 30 * DAY],
  ['w', 7 * DAY],
  ['d', DAY],
  ['h', HOUR],
  ['m', MINUTE],
  ['s', SECOND],
  ['ms', 1],
])
const ORDER = [...UNITS.keys()]

/**
 * Milliseconds of `'1h 30m'`, `'500ms'` or `'10'` (seconds); undefined when it is no time of nginx's.
 * Case counts: `m` is a minute, `M` a month. A number without a unit is seconds and comes last.
 */
export function parseDuration(text: string): number | undefined {
  const part = /(\d+)(ms|[yMwdhms]?) */y
  let total = 0
  let nextUnit = 0
  while (part.lastIndex < text.length) {
    const match = part.exec(text)
    if (match === null) return undefined
    const [, digits = '', unit = ''] = match
    const position = ORDER.indexOf(unit === '' ? 's' : unit)
    if (position < nextUnit) return undefined
    nextUnit = unit === '' ? ORDER.length : position + 1
    total += Number(digits) * (UNITS.get(unit === '' ? 's' : unit) ?? NaN)
  }
  return nextUnit === 0 ? undefined : total
}
