/** Rules of the form `{ from, to }`: those of `rewrite`, `redirect`, `cookieDomain` and `cookiePath`. */
import { types } from 'node:util'
import { isFieldValue } from '../message/field-rules.js'
import { missingReference } from '../message/pattern.js'
import type { Rule } from '../message/pattern.js'
import type { BalancerOptions } from '../options.js'
import { isOptions, namesOf, Section, toList } from './section.js'
import type { TextRule } from './section.js'

/** What the texts of a rule must be. */
export interface RuleKind {
  readonly from: TextRule
  /** Where `from` is a text. */
  readonly to: TextRule
  /** Where `from` is a RegExp: then `to` may begin with a reference. */
  readonly toOfPattern: TextRule
}

const RULE = namesOf<Rule>({ from: true, to: true })

/** In bytes that Node sends as they are. */
const PATH: TextRule = {
  rule: 'must begin with / and have no ?, #, space or control character',
  holds: (value) => /^\/[\x21-\x7e\x80-\xff]*$/.test(value) && !/[?#]/.test(value),
}
export const REWRITE: RuleKind = {
  from: PATH,
  to: PATH,
  toOfPattern: {
    rule: 'must begin with / or $ and have no #, space or control character',
    holds: (value) => /^[/$][\x21-\x7e\x80-\xff]*$/.test(value) && !value.includes('#'),
  },
}

const URL_TEXT: TextRule = {
  rule: 'must be a text without control characters, in latin1',
  holds: isFieldValue,
}
export const REDIRECT: RuleKind = {
  from: {
    rule: 'must be the beginning of a URL',
    holds: (value) => value !== '' && isFieldValue(value),
  },
  to: URL_TEXT,
  toOfPattern: URL_TEXT,
}

const ATTRIBUTE: TextRule = {
  rule: 'must be a text without ; and control characters, in latin1',
  holds: (value) => isFieldValue(value) && !value.includes(';'),
}
export const COOKIE_DOMAIN: RuleKind = {
  from: {
    rule: 'must be a domain',
    holds: (value) => /^\.?[^.;\s\p{Cc}][^;\s\p{Cc}]*$/u.test(value),
  },
  to: ATTRIBUTE,
  toOfPattern: ATTRIBUTE,
}
export const COOKIE_PATH: RuleKind = {
  from: {
    rule: 'must begin with / and have no ; or control character',
    holds: (value) => value.startsWith('/') && ATTRIBUTE.holds(value),
  },
  to: ATTRIBUTE,
  toOfPattern: ATTRIBUTE,
}

/** The rules of an option, always as a list. `other` is what the option may be besides, for the message. */
export function readRules(
  options: Section<BalancerOptions>,
  name: 'rewrite' | 'redirect' | 'cookieDomain' | 'cookiePath',
  kind: RuleKind,
  other = '',
): readonly Rule[] {
  const value = options.value(name)
  const path = options.path(name)
  if (value === undefined) return NO_RULES
  if (isOptions(value)) return Object.freeze(readRule(options, path, value, kind))
  const list = toList(value)
  if (list === undefined) {
    options.reject(name, `must be a rule { from, to } or a list of rules${other}`)
    return NO_RULES
  }
  const rules = list.flatMap((each, index) => {
    if (isOptions(each)) return readRule(options, `${path}[${index}]`, each, kind)
    options.problems.add(`${path}[${index}]`, 'must be a rule { from, to }', each)
    return []
  })
  return Object.freeze(rules)
}

const NO_RULES: readonly Rule[] = Object.freeze([])

/** One rule, or none with a problem noted. */
function readRule(
  { problems }: Section<BalancerOptions>,
  path: string,
  value: object,
  kind: RuleKind,
): Rule[] {
  const before = problems.count
  const rule = new Section<Rule>(problems, path, value, RULE)
  const from = readFrom(rule, kind.from)
  const to = rule.value('to')
  const toRule = typeof from === 'object' ? kind.toOfPattern : kind.to
  if (typeof to !== 'string' || !toRule.holds(to)) {
    rule.reject('to', toRule.rule)
  } else if (typeof from === 'object') {
    const missing = missingReference(from, to)
    if (missing !== undefined)
      rule.reject('to', `must not refer to ${missing}, for from has no such group`)
  }
  if (problems.count > before || from === undefined || typeof to !== 'string') return []
  return [Object.freeze({ from, to })]
}

function readFrom(rule: Section<Rule>, text: TextRule): string | RegExp | undefined {
  const value = rule.value('from')
  if (typeof value === 'string' && text.holds(value)) return value
  const pattern = copyOf(value)
  if (pattern === undefined) {
    rule.reject('from', typeof value === 'string' ? text.rule : 'must be a text or a RegExp')
  }
  return pattern
}

/** A copy of our own: `lastIndex` of the user's is anybody's, and with the flag `g` it is where a match begins. */
export function copyOf(value: unknown): RegExp | undefined {
  if (!types.isRegExp(value)) return undefined
  try {
    const { source, flags } = new RegExp(value)
    return new RegExp(source, flags.replace('g', ''))
  } catch {
    return undefined
  }
}
