/** `locality` and `subset`: which of the peers come into question. */
import type { LocalityOptions } from '../options.js'
import type { LocalitySettings } from '../upstream/locality.js'
import type { SubsetSettings } from '../upstream/subsets.js'
import { isOptions, namesOf, POSITIVE_INTEGER } from './section.js'
import type { NumberRule, Section, TextRule } from './section.js'
import type { GroupOptions } from './upstream-options.js'

const LOCALITY = namesOf<LocalityOptions>({ own: true, overprovisioning: true, minimum: true })

const FACTOR: NumberRule = {
  rule: 'must be a number of at least 1',
  holds: (value) => Number.isFinite(value) && value >= 1,
}
const WORD: TextRule = {
  rule: 'must be a text without control characters',
  holds: (value) => /^\P{Cc}+$/u.test(value),
}

/** Envoy `overprovisioning_factor`. */
const OVERPROVISIONING = 1.4

export function readLocality(options: Section<GroupOptions>): LocalitySettings | undefined {
  if (!options.given('locality')) return undefined
  if (typeof options.value('locality') === 'string') {
    const own = options.text('locality', WORD, '')
    return Object.freeze({ own, overprovisioning: OVERPROVISIONING, minimum: 1 })
  }
  const rule = 'must be the name of a locality, or an object'
  const locality = options.section<LocalityOptions>('locality', LOCALITY, rule)
  if (isOptions(options.value('locality')) && !locality.given('own'))
    locality.problems.say(locality.path('own'), 'is required')
  return Object.freeze({
    own: locality.text('own', WORD, ''),
    overprovisioning: locality.number('overprovisioning', FACTOR, OVERPROVISIONING),
    minimum: locality.number('minimum', POSITIVE_INTEGER, 1),
  })
}

export function readSubset(options: Section<GroupOptions>): SubsetSettings | undefined {
  const of = options.callback('subset')
  const fallback = readFallback(options)
  if (of === undefined) {
    if (options.given('subsetFallback') && !options.given('subset'))
      options.problems.say(options.path('subsetFallback'), 'needs subset')
    return undefined
  }
  return Object.freeze({ of, fallback })
}

function readFallback(options: Section<GroupOptions>): SubsetSettings['fallback'] {
  const value = options.value('subsetFallback')
  if (value === undefined || value === 'none') return 'none'
  if (value === 'any') return 'any'
  const labels = isOptions(value) ? labelsOf(value) : undefined
  if (labels !== undefined) return labels
  options.reject('subsetFallback', "must be 'none', 'any' or an object of labels")
  return 'none'
}

function labelsOf(value: object): Readonly<Record<string, string>> | undefined {
  try {
    const labels = Object.entries(value)
    if (labels.length === 0 || !labels.every(([, text]) => typeof text === 'string'))
      return undefined
    return Object.freeze(Object.fromEntries(labels) as Record<string, string>)
  } catch {
    return undefined
  }
}
