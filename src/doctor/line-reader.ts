/** Takes the lines of an access log apart by its `log_format`, whatever that is. */
import type { LogFormatPart } from '../observe/log-format.js'
import type { LogEscape } from './escapes.js'
import { unescapeValue } from './escapes.js'
import { shapeOf } from './value-shapes.js'
import type { Shape } from './value-shapes.js'

/** A step: a variable, and the literal text that follows it. */
interface Step {
  readonly variable: string
  readonly slot: number
  readonly shape: Shape
  /** Empty: the next variable follows at once, or the line ends. */
  readonly until: string
  /** No value can contain `until`, because nginx would have escaped it. */
  readonly exact: boolean
  /** The text before the next variable that is known to begin it, where no literal stands between. */
  readonly cut: string
}

/** The values of the line that was read last. */
export interface LineValues {
  /** Where the value of a variable is, for `raw` and `value`; -1 if there is none. */
  slotOf(variable: string): number
  /** Whether the line is of that kind. */
  read(line: string): boolean
  /** As it stands in the line; empty if the slot is -1. */
  raw(slot: number): string
  /** Bytes, as latin1. */
  value(slot: number): string
}

/**
 * Places where a value may end that are looked at in one line. Most formats need one for each variable; this bounds what a
 * hostile line can cost.
 */
const MOST_TRIES = 400

/**
 * Reads one line after the other; the values are those of the last one. Values are matched from left to right. Where a
 * value could itself contain the text that ends it (a user agent between blanks), the shapes of the others decide.
 */
export class LineReader implements LineValues {
  readonly variables: readonly string[]
  readonly #prefix: string
  readonly #steps: readonly Step[]
  readonly #escape: LogEscape
  readonly #slots: ReadonlyMap<string, number>
  readonly #from: Int32Array
  readonly #to: Int32Array
  #line = ''
  #tries = 0

  constructor(parts: readonly LogFormatPart[], escape: LogEscape = 'default') {
    this.#escape = escape
    const slots = new Map<string, number>()
    for (const part of parts)
      if ('variable' in part && !slots.has(part.variable)) slots.set(part.variable, slots.size)
    this.#slots = slots
    this.variables = [...slots.keys()]
    const first = parts[0]
    this.#prefix = first !== undefined && 'text' in first ? first.text : ''
    this.#steps = stepsOf(parts, slots, escape)
    this.#from = new Int32Array(slots.size)
    this.#to = new Int32Array(slots.size)
  }

  /** Where the value of a variable is, for {@link LineReader.value}; -1 if it is not in the format. */
  slotOf(variable: string): number {
    return this.#slots.get(variable) ?? -1
  }

  /** Whether the line has the format. */
  read(line: string): boolean {
    this.#line = line
    this.#tries = MOST_TRIES
    return line.startsWith(this.#prefix) && this.#match(0, this.#prefix.length)
  }

  /** As it stands in the line; empty if the slot is -1. */
  raw(slot: number): string {
    return slot < 0 ? '' : this.#line.slice(this.#from[slot], this.#to[slot])
  }

  /** With nginx's escaping undone: bytes, as latin1. */
  value(slot: number): string {
    return unescapeValue(this.raw(slot), this.#escape)
  }

  #match(index: number, at: number): boolean {
    const step = this.#steps[index]
    const line = this.#line
    if (step === undefined) return at === line.length
    let end = this.#firstEnd(step, at, index)
    while (end >= 0 && this.#tries-- > 0) {
      if (step.shape(line, at, end) && this.#match(index + 1, end + step.until.length)) {
        this.#from[step.slot] = at
        this.#to[step.slot] = end
        return true
      }
      if (step.exact || step.until === '') return false
      end = this.#nextEnd(step, at, end + 1)
    }
    return false
  }

  #firstEnd(step: Step, at: number, index: number): number {
    if (step.until !== '') return this.#nextEnd(step, at, at)
    if (index === this.#steps.length - 1) return this.#line.length
    // Two variables side by side: the second is known by its first character, or the first one has all.
    const end = step.cut === '' ? -1 : this.#line.indexOf(step.cut, at)
    if (end >= 0) return end
    const literal = this.#steps.slice(index).find(({ until }) => until !== '')?.until
    return literal === undefined ? this.#line.length : this.#line.indexOf(literal, at)
  }

  #nextEnd(step: Step, at: number, from: number): number {
    let end = this.#line.indexOf(step.until, from)
    if (this.#escape !== 'json' || step.until.charCodeAt(0) !== QUOTE) return end
    while (end >= 0 && isEscaped(this.#line, at, end)) end = this.#line.indexOf(step.until, end + 1)
    return end
  }
}

const QUOTE = 34
const BACKSLASH = 92

/** An odd number of backslashes stands before it. */
function isEscaped(line: string, from: number, at: number): boolean {
  let count = 0
  while (at - 1 - count >= from && line.charCodeAt(at - 1 - count) === BACKSLASH) count++
  return count % 2 === 1
}

function stepsOf(
  parts: readonly LogFormatPart[],
  slots: ReadonlyMap<string, number>,
  escape: LogEscape,
): Step[] {
  const steps: Step[] = []
  for (const [index, part] of parts.entries()) {
    if (!('variable' in part)) continue
    const next = parts[index + 1]
    const until = next !== undefined && 'text' in next ? next.text : ''
    steps.push({
      variable: part.variable,
      slot: slots.get(part.variable) ?? 0,
      shape: shapeOf(part.variable),
      until,
      exact: isExact(until, escape),
      cut: next !== undefined && 'variable' in next ? beginningOf(next.variable) : '',
    })
  }
  return steps
}

/** The text has a character that nginx writes otherwise within a value. */
function isExact(until: string, escape: LogEscape): boolean {
  if (escape === 'none') return false
  // eslint-disable-next-line no-control-regex
  if (escape === 'json') return /^"|[\x00-\x1f]/.test(until)
  // eslint-disable-next-line no-control-regex
  return /["\x00-\x1f\x7f-\xff]/.test(until)
}

function beginningOf(variable: string): string {
  switch (variable) {
    case 'request_uri':
    case 'uri':
    case 'document_uri':
      return '/'
    case 'is_args':
      return '?'
    default:
      return ''
  }
}
