/** The value of an option that was made of a configuration: what `createBalancer` takes, and its source text. */
import { printable } from './config-error.js'

/** The text of a file: only its path is ever printed. */
export class FileText {
  readonly path: string
  constructor(path: string) {
    this.path = path
  }
}

/** A text that is not printed: where it would stand, an environment variable is read. */
export class SecretText {
  readonly variable: string
  readonly value: string
  constructor(name: string, value: string) {
    this.variable = name.toUpperCase().replace(/\W/g, '_')
    this.value = value
  }
}

/** Something that JSON cannot say: a call of an exported function. */
export class Call {
  readonly name: string
  readonly args: readonly string[]
  readonly value: unknown
  constructor(name: string, args: readonly string[], value: unknown) {
    this.name = name
    this.args = args
    this.value = value
  }
}

/** Maps and not objects: a name may be `__proto__`. */
export type Value =
  string | number | boolean | RegExp | FileText | SecretText | Call | readonly Value[] | ValueMap
export type ValueMap = Map<string, Value>

/** Reads a file that the configuration names, or undefined: then the option is left out. */
export type ReadFile = (path: string) => string | Buffer | undefined

/** As the option is given to `createBalancer`. */
export function liveValue(value: Value, readFile: ReadFile): unknown {
  if (value instanceof FileText) return readFile(value.path)
  if (value instanceof Call || value instanceof SecretText) return value.value
  if (value instanceof RegExp || typeof value !== 'object') return value
  if (!(value instanceof Map)) return value.map((each) => liveValue(each, readFile))
  const object = {}
  for (const [name, each] of value) {
    const live = liveValue(each, readFile)
    if (live === undefined) continue
    Object.defineProperty(object, name, {
      value: live,
      enumerable: true,
      configurable: true,
      writable: true,
    })
  }
  return object
}

/** For JSON: files by their paths, functions by their source, no secrets. */
export function jsonValue(value: Value): unknown {
  if (value instanceof FileText) return { file: value.path }
  if (value instanceof RegExp) return { regExp: value.source, flags: value.flags }
  if (value instanceof SecretText || value instanceof Call) return { source: sourceOf(value) }
  if (typeof value !== 'object') return value
  if (!(value instanceof Map)) return value.map(jsonValue)
  return Object.fromEntries(Array.from(value, ([name, each]) => [name, jsonValue(each)]))
}

/** As it is written in TypeScript, `indent` spaces from the left where it takes several lines. */
export function sourceOf(value: Value, indent = 0): string {
  if (typeof value === 'string') return quoted(value)
  if (value instanceof FileText) return `readFileSync(${quoted(value.path)})`
  if (value instanceof SecretText) return `process.env[${quoted(value.variable)}] ?? ''`
  if (value instanceof Call) return `${value.name}(${value.args.map(quoted).join(', ')})`
  if (value instanceof RegExp) return patternSource(value)
  if (typeof value !== 'object') return String(value)
  const parts =
    value instanceof Map
      ? Array.from(value, ([name, each]) => entrySource(name, each, indent + 2))
      : value.map((each) => sourceOf(each, indent + 2))
  const [open, close] = value instanceof Map ? ['{', '}'] : ['[', ']']
  if (parts.length === 0) return open + close
  const space = value instanceof Map ? ' ' : ''
  const line = `${open}${space}${parts.join(', ')}${space}${close}`
  if (line.length + indent <= 90 && !line.includes('\n')) return line
  const margin = ' '.repeat(indent + 2)
  return `${open}\n${parts.map((part) => `${margin}${part},\n`).join('')}${' '.repeat(indent)}${close}`
}

/** A text that is too long for the line stands on one of its own. */
function entrySource(name: string, value: Value, indent: number): string {
  const key = nameSource(name)
  const source = sourceOf(value, indent)
  const fits = typeof value !== 'string' || indent + key.length + source.length + 3 <= LINE
  return fits ? `${key}: ${source}` : `${key}:\n${' '.repeat(indent + 2)}${source}`
}

const LINE = 100

/** A text in single quotes; nothing in it can end it, or do anything to a terminal. */
function quoted(text: string): string {
  const escaped = text.replace(/[\\']/g, '\\$&')
  const lines = escaped.replaceAll('\n', '\\n').replaceAll('\t', '\\t').replaceAll('\r', '\\r')
  return `'${printable(lines)}'`
}

/** Characters beyond ASCII are written as escapes: what looks alike is seen to be different. */
function patternSource(pattern: RegExp): string {
  const { source, flags } = pattern
  if (/^[\x20-\x7e]*$/.test(source)) return `/${source}/${flags}`
  return `new RegExp(${quoted(source)}${flags === '' ? '' : `, ${quoted(flags)}`})`
}

function nameSource(name: string): string {
  if (name === '__proto__') return "['__proto__']"
  return /^[A-Za-z_]\w*$/.test(name) ? name : quoted(name)
}
