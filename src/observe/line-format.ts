/** A log format, made ready: at each line nothing is parsed, and no list is made. */
import { escapeDefault, escapeJson, escapeNone } from './log-escape.js'
import type { LogEscape } from './log-escape.js'
import type { LogFormatPart } from './log-format.js'
import type { LogNeeds, ResponseLog } from './response-log.js'
import { REQUEST_LINE } from './variables/request-variables.js'
import { variableOf } from './variables/table.js'
import type { LogSurroundings, LogVariable, Need } from './variables/variable.js'

type ReadText = (log: ResponseLog) => string

/** One for each line; its properties are the format's variables. */
class Fields {
  readonly [name: string]: string | number
}

export class LineFormat {
  /** What stands before the first variable; behind each of them its text. */
  readonly #begin: string
  readonly #reads: readonly ReadText[]
  readonly #texts: readonly string[]
  readonly #names: readonly string[]
  readonly #variables: readonly LogVariable[]
  readonly #around: LogSurroundings

  constructor(parts: readonly LogFormatPart[], escape: LogEscape, around: LogSurroundings) {
    const texts = ['']
    const reads: ReadText[] = []
    for (const part of parts.flatMap(inLine)) {
      if (typeof part === 'string') texts.push(`${texts.pop() ?? ''}${part}`)
      else {
        reads.push(escaped(part, escape, around))
        texts.push('')
      }
    }
    const [begin = '', ...others] = texts
    this.#begin = begin
    this.#texts = others
    this.#reads = reads
    this.#names = parts.flatMap((part) => ('variable' in part ? [part.variable] : []))
    this.#variables = this.#names.map(knownVariable)
    this.#around = around
  }

  get needs(): LogNeeds {
    const needs = new Set<Need>(this.#variables.flatMap((variable) => variable.needs))
    return {
      addresses: needs.has('addresses'),
      tls: needs.has('tls'),
      sent: needs.has('sent'),
      received: needs.has('received'),
    }
  }

  /** Without its end. */
  line(log: ResponseLog): string {
    const texts = this.#texts
    let line = this.#begin
    let i = 0
    for (const read of this.#reads) {
      line += read(log)
      line += texts[i++] ?? ''
    }
    return line
  }

  /** The variables by name; those that there are none of are left out, and numbers are numbers. */
  fields(log: ResponseLog): object {
    const fields: Record<string, string | number> = new Fields()
    const names = this.#names
    let i = 0
    for (const { read, isNumber, text } of this.#variables) {
      const value = read(log, this.#around)
      const name = names[i++] ?? ''
      if (value !== undefined) fields[name] = isNumber ? Number(value) : escapeNone(value, text)
    }
    return fields
  }
}

/** A part of a format as a line is made of it. */
function inLine(part: LogFormatPart): readonly (string | LogVariable)[] {
  if ('text' in part) return [part.text]
  return part.variable === 'request' ? REQUEST_LINE : [knownVariable(part.variable)]
}

/** Formats are checked when options are read. */
function knownVariable(name: string): LogVariable {
  const variable = variableOf(name)
  if (typeof variable === 'object') return variable
  throw new TypeError(`there is no variable $${name}`)
}

/** A value that there is none of is `-`; with `json` and `none`, nothing (`ngx_http_log_json_variable`). */
function escaped(
  { read, text }: LogVariable,
  escape: LogEscape,
  around: LogSurroundings,
): ReadText {
  const none = escape === 'default' ? '-' : ''
  if (text === 'plain') return (log) => read(log, around) ?? none
  const by = escape === 'default' ? escapeDefault : escape === 'json' ? escapeJson : escapeNone
  // Many come again and again: to compare is cheaper than to look through them.
  let last = ''
  let lastEscaped = ''
  return (log) => {
    const value = read(log, around)
    if (value === undefined) return none
    if (value !== last) {
      lastEscaped = by(value, text)
      last = value
    }
    return lastEscaped
  }
}
