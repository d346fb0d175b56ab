/** The lines of a request that go on, and what middleware has made of them in `request.headers`. */
import { isPlainOption, joined } from './fields.js'
import { FIRST_LINE_COUNTS, isSetAside } from './request-fields.js'

/** `request.headers`, as middleware may have left it. */
export type LiveHeaders = Readonly<Record<string, LiveValue | undefined>>

/** Node writes texts; middleware writes numbers too. */
type LiveValue = string | number | readonly string[]

/** The name of a line that is to be taken out of a list. */
const HOLE = ''

const NO_LINES: readonly string[] = []
/** Copied for each request: V8 would move an empty literal that has once lived long into its old space for good. */
const EMPTY: string[] = []
/** Never written to. */
const NO_INDEX = new Map<string, number>()

/** Grows line by line, is corrected, and then {@link RequestLines.finished}. */
export class RequestLines {
  /** Name, value, name, value …; what is to be corrected is still there. */
  readonly out: string[] = EMPTY.slice(0, 0)
  /** Field in lower case → where in `out` its first line stands. Only fields that are kept as they are. */
  readonly #index: Map<string, number>
  /** The first text in `rawHeaders` that `request.headers` was not made of. */
  readonly #liveEnd: number
  /** Fields of several lines, and these joined, as far as middleware has seen them. */
  #repeated: Map<string, string> | undefined
  /** Fields of which middleware has seen nothing. */
  #unseen: Set<string> | undefined
  /** Fields that go out with other lines than they came with. */
  #edits: Map<string, readonly string[]> | undefined
  #holes = false

  /** @param kind `untouched`: lines are only reserved, and none is looked for. */
  constructor(liveEnd: number, kind: 'untouched' | 'any' = 'any') {
    this.#liveEnd = liveEnd
    this.#index = kind === 'untouched' ? NO_INDEX : new Map<string, number>()
  }

  /** @param i where in `rawHeaders` it stood. */
  keep(name: string, field: string, value: string, i: number): void {
    const first = this.#index.get(field)
    if (first !== undefined) {
      this.#repeat(name, field, value, first, i)
      return
    }
    this.#index.set(field, this.out.length)
    if (i >= this.#liveEnd) (this.#unseen ??= new Set()).add(field)
    this.out.push(name, value)
  }

  /** RFC 9113 section 8.2.3. */
  keepCookie(name: string, value: string, i: number): void {
    const first = this.#index.get('cookie')
    if (first === undefined) {
      this.keep(name, 'cookie', value, i)
      return
    }
    const before = this.out[first + 1] ?? ''
    if (i >= this.#liveEnd && this.#repeated?.has('cookie') !== true)
      (this.#repeated ??= new Map()).set('cookie', before)
    this.out[first + 1] = `${before}; ${value}`
  }

  /** A line that this hop may write itself in the place of the client's. Returns where its value stands. */
  reserve(name: string, value: string): number {
    return this.out.push(name, value) - 1
  }

  /** Writes a line that was reserved; undefined takes it out. */
  fill(at: number, value: string | undefined): void {
    if (value !== undefined) {
      this.out[at] = value
      return
    }
    this.out[at - 1] = HOLE
    this.#holes = true
  }

  /** Takes out what `Connection` names, but never what middleware has set. */
  removeNamed(connection: string, live: LiveHeaders | undefined): void {
    if (isPlainOption(connection)) return
    for (const option of connection.split(',')) {
      const field = option.trim().toLowerCase()
      const first = this.#index.get(field)
      if (first === undefined) continue
      if (live !== undefined && isChanged(this.#seenOf(field, first), live[field])) continue
      this.#edit(field, NO_LINES)
    }
  }

  /** What middleware added, changed or deleted is added, changed or deleted here. */
  applyLive(live: LiveHeaders): void {
    const plain = this.#repeated === undefined && this.#unseen === undefined
    for (const [field, first] of this.#index) {
      const now = live[field]
      if (plain && now === this.out[first + 1]) continue
      if (now === undefined || typeof now === 'function') {
        if (this.#unseen?.has(field) !== true) this.#edit(field, NO_LINES)
      } else if (isChanged(this.#seenOf(field, first), now)) {
        this.#edit(field, linesOf(now))
      }
    }
    for (const field in live) {
      if (this.#index.has(field) || isSetAside(field)) continue
      const now = live[field]
      if (now !== undefined) this.#add(field, now)
    }
  }

  /** The list with all corrections made. */
  finished(): string[] {
    const { out } = this
    const edits = this.#edits
    if (edits === undefined && !this.#holes) return out
    const list: string[] = []
    for (let i = 0; i + 1 < out.length; i += 2) {
      const name = out[i] ?? ''
      if (name === HOLE) continue
      const field = name.toLowerCase()
      const lines = edits?.get(field)
      if (lines === undefined) {
        list.push(name, out[i + 1] ?? '')
        continue
      }
      for (const line of lines) list.push(name, line)
      edits?.set(field, NO_LINES)
    }
    return list
  }

  #repeat(name: string, field: string, value: string, first: number, i: number): void {
    if (i < this.#liveEnd) {
      const before = this.#repeated?.get(field) ?? this.out[first + 1]
      this.#repeated ??= new Map()
      this.#repeated.set(field, joined(before, value))
    } else if (FIRST_LINE_COUNTS.has(field)) {
      return
    }
    this.out.push(name, value)
  }

  /** What middleware has seen of a field; undefined: nothing. */
  #seenOf(field: string, first: number): string | undefined {
    if (this.#unseen?.has(field) === true) return undefined
    return this.#repeated?.get(field) ?? this.out[first + 1]
  }

  #edit(field: string, lines: readonly string[]): void {
    this.#edits ??= new Map()
    this.#edits.set(field, lines)
  }

  /** A name that middleware wrote in upper case is the same field all the same. */
  #add(name: string, now: LiveValue): void {
    const field = name.toLowerCase()
    if (field !== name) {
      if (isSetAside(field)) return
      if (this.#index.has(field)) {
        this.#edit(field, linesOf(now))
        return
      }
    }
    const lines = linesOf(now)
    if (lines.length === 0) return
    this.#index.set(field, this.out.length)
    for (const line of lines) this.out.push(name, line)
  }
}

/**
 * Did middleware put another value there? Node joins or drops lines of a repeated field by its own rules: a value
 * that is not simply our lines joined counts as another. `live.__proto__` is an object: no value at all.
 */
function isChanged(seen: string | undefined, now: LiveValue | undefined): boolean {
  if (seen === now || now === undefined) return false
  if (typeof now === 'object') return Array.isArray(now) && now.join(', ') !== seen
  return typeof now !== 'function' && String(now) !== seen
}

function linesOf(value: LiveValue): readonly string[] {
  return typeof value === 'object' ? value.map(String) : [String(value)]
}
