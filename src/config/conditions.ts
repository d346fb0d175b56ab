/** Lists of `proxy_next_upstream` conditions. */
import { CONDITIONS } from '../next-upstream/condition.js'
import type { Condition } from '../next-upstream/condition.js'
import { toList } from './section.js'
import type { Section } from './section.js'
import { suggest } from './suggest.js'

const EVENTS = CONDITIONS.filter((word) => word !== 'non_idempotent')

export interface ConditionList {
  /** Without `off` and `non_idempotent`. */
  readonly conditions: ReadonlySet<Condition>
  readonly nonIdempotent: boolean
}

/** `nextUpstream.on`: `off` stands alone, `non_idempotent` never does. */
export function readNextConditions<T extends object>(
  options: Section<T>,
  name: keyof T & string,
  fallback: readonly Condition[],
): ConditionList {
  const words = readWords(options, name, CONDITIONS) ?? new Set(fallback)
  const given = toList(options.value(name))
  if (given?.length === 0) {
    options.reject(name, "must have at least one condition; ['off'] is none")
  }
  const nonIdempotent = words.delete('non_idempotent')
  if (nonIdempotent && given?.every((word) => word === 'non_idempotent')) {
    options.reject(name, 'must have a condition beside non_idempotent')
  }
  words.delete('off')
  return Object.freeze({ conditions: words, nonIdempotent })
}

/** `failOn`: only what can be the matter with an attempt. */
export function readFailConditions<T extends object>(
  options: Section<T>,
  name: keyof T & string,
  fallback: readonly Condition[],
): ReadonlySet<Condition> {
  const words = readWords(options, name, EVENTS) ?? new Set(fallback)
  words.delete('off')
  return words
}

/** The words that are known, or undefined when the option is not given or no list. */
function readWords<T extends object>(
  options: Section<T>,
  name: keyof T & string,
  known: readonly Condition[],
): Set<Condition> | undefined {
  if (!options.given(name)) return undefined
  const items = toList(options.value(name))
  if (items === undefined) {
    options.reject(name, "must be a list of conditions, such as ['error', 'timeout']")
    return undefined
  }
  const words = new Set<Condition>()
  for (const [index, item] of items.entries()) {
    const word = known.find((candidate) => candidate === item)
    if (word !== undefined) words.add(word)
    else options.problems.add(`${options.path(name)}[${index}]`, ruleFor(item, known), item)
  }
  if (words.has('off') && words.size > 1) {
    options.reject(name, "must not have other conditions beside 'off'")
  }
  return words
}

function ruleFor(item: unknown, known: readonly Condition[]): string {
  const hint = typeof item === 'string' ? suggest(item, known) : ''
  return hint === '' ? `must be one of ${known.join(', ')}` : `is not a condition${hint}`
}
