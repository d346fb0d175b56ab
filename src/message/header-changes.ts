/** The options `requestHeaders` and `responseHeaders` at work. */
import { joinPath } from '../config/show.js'
import type { HeaderChanges, HeaderValue } from '../message-options.js'
import { valueError } from './change-error.js'
import { isFieldValue } from './field-rules.js'
import type { HeaderList } from './header-list.js'

export type ChangeHeaders<Context> = (headers: HeaderList, context: Context) => void

type Entry<Context> = readonly [name: string, value: HeaderValue<Context>, option: string]

/**
 * `remove`, `set`, `append`, as configured; undefined when nothing is. Each function is called once a message.
 * @param option its name, for errors
 */
export function compileHeaderChanges<Context>(
  changes: HeaderChanges<Context> | undefined,
  option: string,
): ChangeHeaders<Context> | undefined {
  if (changes === undefined) return undefined
  const remove = changes.remove ?? []
  const set = entriesOf(changes.set, `${option}.set`)
  const append = entriesOf(changes.append, `${option}.append`)
  if (remove.length + set.length + append.length === 0) return undefined
  return (headers, context) => {
    for (const name of remove) headers.delete(name)
    for (const entry of set) {
      const value = valueOf(entry, context)
      if (value !== undefined) headers.set(entry[0], value)
    }
    for (const entry of append) {
      const value = valueOf(entry, context)
      if (value !== undefined) headers.append(entry[0], value)
    }
  }
}

function entriesOf<Context>(
  fields: HeaderChanges<Context>['set'],
  option: string,
): Entry<Context>[] {
  return Object.entries(fields ?? {}).map(([name, value]) => [name, value, joinPath(option, name)])
}

/** What is written in the options has been checked; what a function returns has not. */
function valueOf<Context>(
  [name, value, option]: Entry<Context>,
  context: Context,
): string | readonly string[] | undefined {
  if (typeof value !== 'function') return value
  const made: unknown = value(context)
  if (made === undefined) return undefined
  if (typeof made === 'string') return checkedLine(made, name, option)
  if (!Array.isArray(made)) {
    throw valueError(option, name, 'must return a text, a list of texts or undefined', made)
  }
  return Array.from(made, (line) => checkedLine(line, name, option))
}

const LINE = 'must return a field value: a text without control characters, in latin1'

function checkedLine(line: unknown, name: string, option: string): string {
  if (typeof line === 'string' && isFieldValue(line)) return line
  throw valueError(option, name, LINE, line)
}
