/** The options `requestHeaders` and `responseHeaders`. */
import type { HeaderChanges, HeaderValue } from '../message-options.js'
import { isConnectionField, isFieldValue, isSecretField, isToken } from '../message/field-rules.js'
import type { BalancerOptions } from '../options.js'
import type { Problems } from './problems.js'
import { isOptions, namesOf, toList } from './section.js'
import type { Section } from './section.js'
import { joinPath } from './show.js'

const CHANGES = namesOf<HeaderChanges<never>>({ set: true, append: true, remove: true })

const FIELD_NAME = 'must be the name of a field (a token of RFC 9110)'
const FIELD_VALUE = 'must be a text without control characters, in latin1'
const VALUE_KINDS = 'must be a text, a list of texts or a function'
const NOT_TO_BE_SET = 'must not be set: framing and connections are not for options to say'
const HOST = 'must not be set here: the option host says it'

type Values<Context> = Record<string, HeaderValue<Context>>

/** Undefined when nothing is given. */
export function readHeaderChanges<Context>(
  options: Section<BalancerOptions>,
  name: 'requestHeaders' | 'responseHeaders',
): HeaderChanges<Context> | undefined {
  if (!options.given(name)) return undefined
  const changes = options.section<HeaderChanges<Context>>(name, CHANGES)
  const hostRule = name === 'requestHeaders' ? HOST : undefined
  return Object.freeze({
    remove: readNames(changes),
    set: readFields<Context>(changes, 'set', hostRule),
    append: readFields<Context>(changes, 'append', hostRule),
  })
}

function readNames<Context>(changes: Section<HeaderChanges<Context>>): readonly string[] {
  const value = changes.value('remove')
  if (value === undefined) return []
  const list = toList(value)
  if (list === undefined) {
    changes.reject('remove', 'must be a list of names')
    return []
  }
  const names: string[] = []
  for (const [index, each] of list.entries()) {
    if (typeof each === 'string' && isToken(each)) names.push(each)
    else changes.problems.add(`${changes.path('remove')}[${index}]`, FIELD_NAME, each)
  }
  return Object.freeze(names)
}

function readFields<Context>(
  changes: Section<HeaderChanges<Context>>,
  kind: 'set' | 'append',
  hostRule: string | undefined,
): Readonly<Values<Context>> {
  // `__proto__` is a field name like any other.
  const fields = Object.create(null) as Values<Context>
  const given = changes.value(kind)
  if (given === undefined) return fields
  if (!isOptions(given)) {
    changes.reject(kind, 'must be an object of fields')
    return fields
  }
  const { problems } = changes
  const path = changes.path(kind)
  const seen = new Set<string>()
  for (const name of keysOf(given, problems, path)) {
    const at = joinPath(path, name)
    const rule = nameRule(name, seen, hostRule)
    if (rule !== undefined) {
      problems.say(at, rule)
      continue
    }
    const value = readValue(given, name, problems, at)
    if (value !== undefined) fields[name] = value as HeaderValue<Context>
  }
  return Object.freeze(fields)
}

function keysOf(fields: object, problems: Problems, path: string): string[] {
  try {
    return Object.keys(fields)
  } catch {
    problems.say(path, 'cannot be read')
    return []
  }
}

/** The rule that a name breaks. */
function nameRule(
  name: string,
  seen: Set<string>,
  hostRule: string | undefined,
): string | undefined {
  if (!isToken(name)) return FIELD_NAME
  if (isConnectionField(name)) return NOT_TO_BE_SET
  const field = name.toLowerCase()
  if (field === 'host' && hostRule !== undefined) return hostRule
  if (seen.has(field)) return 'must be there once'
  seen.add(field)
  return undefined
}

/** Read once, checked and copied; undefined where the field is to be left alone, or is wrong. */
function readValue(fields: object, name: string, problems: Problems, path: string): unknown {
  const add = (where: string, rule: string, value: unknown): void => {
    if (isSecretField(name)) problems.addSecret(where, rule, value)
    else problems.add(where, rule, value)
  }
  let value: unknown
  try {
    value = Reflect.get(fields, name)
  } catch {
    problems.say(path, 'cannot be read')
    return undefined
  }
  if (value === undefined || typeof value === 'function') return value
  if (typeof value === 'string') {
    if (isFieldValue(value)) return value
    add(path, FIELD_VALUE, value)
    return undefined
  }
  const lines = toList(value)
  if (lines === undefined) add(path, VALUE_KINDS, value)
  lines?.forEach((line, index) => {
    if (typeof line !== 'string' || !isFieldValue(line)) add(`${path}[${index}]`, FIELD_VALUE, line)
  })
  return lines && Object.freeze(lines)
}
