/** One object of the options while it is read: each method takes an option, checks it, or gives the default. */
import { LONGEST_DURATION, parseDuration } from './duration.js'
import type { Problems } from './problems.js'
import { joinPath } from './show.js'
import { parseSize } from './size.js'
import { suggest } from './suggest.js'

/** What a number must be: in words, and as a test. */
export interface NumberRule {
  readonly rule: string
  readonly holds: (value: number) => boolean
}

/** What a text must be: in words, and as a test. */
export interface TextRule {
  readonly rule: string
  readonly holds: (value: string) => boolean
}

const LARGEST_INTEGER = 2 ** 31 - 1

export const POSITIVE_INTEGER: NumberRule = {
  rule: 'must be a positive integer',
  holds: (value) => Number.isInteger(value) && value > 0,
}
export const COUNT: NumberRule = {
  rule: 'must be a non-negative integer',
  holds: (value) => Number.isInteger(value) && value >= 0,
}
export const AMOUNT: NumberRule = {
  rule: 'must be a non-negative number',
  holds: (value) => Number.isFinite(value) && value >= 0,
}
export const PERCENTAGE: NumberRule = {
  rule: 'must be a number from 0 to 100',
  holds: (value) => value >= 0 && value <= 100,
}

/** The function among the types that an option may have. */
type FunctionIn<V> = Extract<V, (...parameters: never[]) => unknown>

/** Whether 0 is a value like any other or senseless. */
export type Zero = 'zero allowed' | 'more than zero'

/** The names of an options interface; the compiler sees to it that none is missing. */
export function namesOf<T>(names: Readonly<Record<keyof T & string, true>>): readonly string[] {
  return Object.keys(names)
}

/** A copy of the list, or undefined when it is none or cannot be read. */
export function toList(value: unknown): readonly unknown[] | undefined {
  try {
    return Array.isArray(value) ? Array.from<unknown>(value) : undefined
  } catch {
    return undefined
  }
}

/** Is it something that options can be read from: `{…}`, with whatever prototype? */
export function isOptions(value: unknown): value is object {
  try {
    return Object.prototype.toString.call(value) === '[object Object]'
  } catch {
    return false
  }
}

export class Section<T extends object> {
  readonly problems: Problems
  readonly #path: string
  readonly #values = new Map<string, unknown>()

  /** Reads every option once, and notes those that do not exist. */
  constructor(problems: Problems, path: string, options: object, names: readonly string[]) {
    this.problems = problems
    this.#path = path
    try {
      for (const name of Object.keys(options)) {
        if (!names.includes(name)) this.#unknown(name, names)
      }
    } catch {
      problems.say(path || 'options', 'cannot be read')
    }
    for (const name of names) this.#read(options, name)
  }

  value(name: keyof T & string): unknown {
    return this.#values.get(name)
  }

  given(name: keyof T & string): boolean {
    return this.#values.has(name)
  }

  path(name: keyof T & string): string {
    return joinPath(this.#path, name)
  }

  /** Notes that the option as given breaks `rule`. */
  reject(name: keyof T & string, rule: string): void {
    this.problems.add(this.path(name), rule, this.value(name))
  }

  number(name: keyof T & string, rule: NumberRule, fallback: number): number {
    const value = this.value(name)
    if (value === undefined) return fallback
    if (typeof value !== 'number' || !rule.holds(value)) this.reject(name, rule.rule)
    else if (value > LARGEST_INTEGER) this.reject(name, `must be at most ${LARGEST_INTEGER}`)
    else return value
    return fallback
  }

  boolean(name: keyof T & string, fallback: boolean): boolean {
    const value = this.value(name)
    if (value === undefined) return fallback
    if (typeof value === 'boolean') return value
    this.reject(name, 'must be true or false')
    return fallback
  }

  /** Milliseconds. */
  duration(name: keyof T & string, fallback: number, zero: Zero): number {
    const value = this.value(name)
    if (value === undefined) return fallback
    const ms = typeof value === 'string' ? parseDuration(value) : value
    if (typeof ms !== 'number' || !Number.isFinite(ms) || ms < 0) {
      this.reject(name, "must be a time: milliseconds, or text such as '10s' or '1h 30m'")
    } else if (ms === 0 && zero === 'more than zero') {
      this.reject(name, 'must be more than 0')
    } else if (ms > LONGEST_DURATION) {
      this.reject(name, `must be at most ${LONGEST_DURATION} ms (24 days)`)
    } else return ms
    return fallback
  }

  /** Bytes. */
  size(name: keyof T & string, fallback: number, zero: Zero): number {
    const value = this.value(name)
    if (value === undefined) return fallback
    const bytes = typeof value === 'string' ? parseSize(value) : value
    if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < 0) {
      this.reject(name, "must be a size: whole bytes, or text such as '16k', '1m' or '1g'")
    } else if (bytes === 0 && zero === 'more than zero') {
      this.reject(name, 'must be more than 0')
    } else return bytes
    return fallback
  }

  choice<Word extends string>(
    name: keyof T & string,
    words: readonly Word[],
    fallback: Word,
  ): Word {
    const value = this.value(name)
    if (value === undefined) return fallback
    const word = words.find((candidate) => candidate === value)
    if (word !== undefined) return word
    const hint = typeof value === 'string' ? suggest(value, words) : ''
    this.reject(name, `must be ${words.map((each) => `'${each}'`).join(' or ')}${hint}`)
    return fallback
  }

  text(name: keyof T & string, rule: TextRule, fallback: string): string {
    const value = this.value(name)
    if (value === undefined) return fallback
    if (typeof value === 'string' && rule.holds(value)) return value
    this.reject(name, rule.rule)
    return fallback
  }

  /** The option if it is a function. That it takes and returns what it should, only the compiler can check. */
  functionOf<N extends keyof T & string>(name: N): FunctionIn<T[N]> | undefined {
    const value = this.value(name)
    return typeof value === 'function' ? (value as FunctionIn<T[N]>) : undefined
  }

  /** An option that can be nothing but a function. */
  callback<N extends keyof T & string>(name: N): FunctionIn<T[N]> | undefined {
    const callback = this.functionOf(name)
    if (callback === undefined && this.given(name)) this.reject(name, 'must be a function')
    return callback
  }

  /** An object of the user's with these methods, or undefined with a problem noted. */
  plugin<P extends object>(
    name: keyof T & string,
    methods: readonly (keyof P & string)[],
    what: string,
  ): P | undefined {
    const value = this.value(name)
    if (value === undefined) return undefined
    if (hasMethods<P>(value, methods)) return value
    this.reject(name, `must be ${what} with ${methods.map((each) => `${each}()`).join(' and ')}`)
    return undefined
  }

  /** The options inside an option; none given is the same as `{}`. */
  section<U extends object>(
    name: keyof T & string,
    names: readonly string[],
    rule = 'must be an object',
  ): Section<U> {
    const value = this.given(name) ? this.value(name) : {}
    if (isOptions(value)) {
      return new Section<U>(this.problems, this.path(name), value, names)
    }
    this.reject(name, rule)
    return new Section<U>(this.problems, this.path(name), {}, names)
  }

  #read(options: object, name: string): void {
    try {
      const value: unknown = Reflect.get(options, name)
      if (value !== undefined) this.#values.set(name, value)
    } catch {
      this.problems.say(joinPath(this.#path, name), 'cannot be read')
    }
  }

  #unknown(name: string, names: readonly string[]): void {
    this.problems.say(joinPath(this.#path, name), `is not an option${suggest(name, names)}`)
  }
}

/** Does it have all of these methods, own or inherited? */
export function hasMethods<P extends object>(
  value: unknown,
  methods: readonly (keyof P & string)[],
): value is P {
  if (typeof value !== 'object' || value === null) return false
  try {
    return methods.every((method) => typeof Reflect.get(value, method) === 'function')
  } catch {
    return false
  }
}
