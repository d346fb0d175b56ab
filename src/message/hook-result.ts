/** What a hook has left of a message's head: looked at before it goes anywhere. */
import type { Duplex, Readable } from 'node:stream'
import { ChangeError, valueError } from './change-error.js'
import { isConnectionField, isFieldValue, isToken } from './field-rules.js'
import type { HeaderList } from './header-list.js'

/**
 * Every field can be written to the wire. What was there `before`, from a sender that a lenient parser has let pass,
 * is for others to judge.
 */
export function checkFields({ raw }: HeaderList, option: string, before: readonly string[]): void {
  if (raw.length % 2 !== 0) {
    throw new ChangeError(option, 'head.headers.raw must hold names and values in turn', raw.length)
  }
  for (let i = 0; i < raw.length; i += 2) {
    const name: unknown = raw[i]
    const value: unknown = raw[i + 1]
    if (typeof name !== 'string' || !isToken(name)) {
      throw new ChangeError(option, 'the name of a field must be a token (RFC 9110)', name)
    }
    if (typeof value === 'string' && (isFieldValue(value) || before.includes(value))) continue
    const rule = `the field ${name} must be a text without control characters, in latin1`
    throw valueError(option, name, rule, value)
  }
}

/** Takes out the framing and hop-by-hop fields that were not there `before`. */
export function dropConnectionFields({ raw }: HeaderList, before: readonly string[]): void {
  let known: Set<number> | undefined
  for (let i = 0; i + 1 < raw.length;) {
    const name = raw[i] ?? ''
    if (isConnectionField(name)) {
      known ??= new Set()
      const place = placeOf(before, name, raw[i + 1] ?? '', known)
      if (place === -1) {
        raw.splice(i, 2)
        continue
      }
      known.add(place)
    }
    i += 2
  }
}

function placeOf(
  fields: readonly string[],
  name: string,
  value: string,
  taken: ReadonlySet<number>,
): number {
  const field = name.toLowerCase()
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (fields[i + 1] === value && fields[i]?.toLowerCase() === field && !taken.has(i)) return i
  }
  return -1
}

/** Whichever copy of Node's streams it is from. */
export function isReadable(value: unknown): value is Readable {
  return hasAll(value, ['pipe', 'on', 'destroy'])
}

export function isDuplex(value: unknown): value is Duplex {
  return hasAll(value, ['pipe', 'on', 'destroy', 'write', 'end'])
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return hasAll(value, ['then'])
}

function hasAll(value: unknown, methods: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false
  return methods.every((method) => typeof Reflect.get(value, method) === 'function')
}
