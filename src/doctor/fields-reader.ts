/** Lines that are JSON objects with a variable's value under its name, as a structured logger (pino) is given them. */
import { objectOf } from './envelope.js'
import type { LineValues } from './line-reader.js'

/** What the logger adds: its time, in milliseconds since 1970 or as a text. */
const LOGGERS_TIME = 'time'

export class FieldsReader implements LineValues {
  readonly #slots: ReadonlyMap<string, number>
  readonly #values: string[]

  constructor(variables: Iterable<string>) {
    const names = new Set(variables)
    this.#slots = new Map([...names].map((name, slot) => [name, slot]))
    this.#values = [...names].map(() => '')
  }

  /** Of the variables that any of the lines has; undefined where they are something else. */
  static of(lines: readonly string[]): FieldsReader | undefined {
    const names = new Set<string>()
    for (const line of lines) {
      if (!line.startsWith('{')) continue
      for (const name of Object.keys(withTime(objectOf(line) ?? {}))) names.add(name)
    }
    return names.has('status') ? new FieldsReader(names) : undefined
  }

  slotOf(variable: string): number {
    return this.#slots.get(variable) ?? -1
  }

  read(line: string): boolean {
    const found = line.startsWith('{') ? objectOf(line) : undefined
    if (found === undefined) return false
    const fields = withTime(found)
    if (fields['status'] === undefined) return false
    for (const [name, slot] of this.#slots) this.#values[slot] = textOf(fields[name])
    return true
  }

  raw(slot: number): string {
    return this.#values[slot] ?? ''
  }

  value(slot: number): string {
    return this.raw(slot)
  }
}

/** As nginx's variables have it. */
function withTime(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { [LOGGERS_TIME]: time, ...others } = fields
  if (typeof time === 'number') return { msec: (time / 1000).toFixed(3), ...others }
  return typeof time === 'string' ? { time_iso8601: time, ...others } : others
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}
