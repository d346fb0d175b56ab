/** Collects everything that is wrong with the options, to be thrown at once. */
import { ConfigurationError } from '../errors.js'
import type { ConfigurationProblem } from '../errors.js'
import { HIDDEN, kindOf, safeValue, show } from './show.js'

export class Problems {
  readonly #problems: ConfigurationProblem[] = []
  readonly #lines: string[] = []

  get count(): number {
    return this.#problems.length
  }

  /** `upstream[2].weight must be a positive integer, got 0` */
  add(path: string, rule: string, value: unknown): void {
    this.#push(path, rule, safeValue(value), `, got ${show(value)}`)
  }

  /** As {@link add} for a value that must not be seen: only its kind is told. */
  addSecret(path: string, rule: string, value: unknown): void {
    this.#push(path, rule, HIDDEN, `, got ${kindOf(value)}`)
  }

  /** A problem that no single value shows. */
  say(path: string, rule: string): void {
    this.#push(path, rule, undefined, '')
  }

  throwIfAny(): void {
    if (this.#problems.length > 0) throw new ConfigurationError(this.#problems, this.#lines)
  }

  #push(path: string, rule: string, value: unknown, got: string): void {
    this.#problems.push(Object.freeze({ path, rule, value }))
    this.#lines.push(`${path} ${rule}${got}`)
  }
}
