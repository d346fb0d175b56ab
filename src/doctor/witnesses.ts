/**
 * What the error log has of requests that failed: nginx writes a line for each 502 and 504 of its own. Where the access log
 * does not tell those from the application's, their absence does.
 */
import type { ErrorLine } from './error-line.js'

/** What is looked for; empty where the access log does not have it. */
export interface Doubt {
  /** As it was requested. */
  readonly path: string
  readonly peer: string
}

interface Seen {
  readonly second: number
  readonly upstream: string
}

type Generation = Map<string, Seen[]>

/** Levels that a log of the level `error` has, or those below it: a log that has none may be of a higher one. */
const TELLING = new Set(['error', 'warn', 'notice', 'info', 'debug'])
/** Milliseconds by which the access log may be later: a body that nobody wants is still read (`lingering_time`). */
const LATER = 35_000
/** The same where the path is not known, and others may have failed meanwhile. */
const LITTLE_LATER = 2000
/** Whole seconds in the error log. */
const SECOND = 1000
/** Lines that are kept, and no more; twice that in all. */
const MOST = 20_000

export class Witnesses {
  readonly #span: number
  #from = Infinity
  #young: Generation = new Map()
  #old: Generation = new Map()
  #count = 0
  #since = -Infinity
  #forgotten = -Infinity

  /** @param late milliseconds that a line of the access log may come late. */
  constructor(late: number) {
    this.#span = late + LATER + 2 * SECOND
  }

  add(line: ErrorLine, time: number): void {
    if (time < this.#from && TELLING.has(line.level)) this.#from = time
    if (line.kind === 'other' && line.upstream === '') return
    if (this.#count >= MOST || time - this.#since > this.#span) this.#turn(time)
    this.#put(`path ${withoutAuthority(line.path)}`, time, line.upstream)
    this.#put(`peer ${line.upstream}`, time, line.upstream)
    this.#put('any', time, line.upstream)
  }

  /**
   * The upstream or peer of a line that may be about the request; empty if it is not known.
   * Undefined: there is none, so that the application itself has answered.
   */
  find(time: number, { path, peer }: Doubt): string | undefined {
    const known = path !== ''
    const from = time - (known ? LATER : LITTLE_LATER)
    // Before the log begins, or where it has been forgotten, nothing can be said.
    if (time < this.#from || from <= this.#forgotten) return ''
    const key = known ? `path ${withoutAuthority(path)}` : peer === '' ? 'any' : `peer ${peer}`
    for (const generation of [this.#young, this.#old]) {
      const seen = generation
        .get(key)
        ?.findLast(({ second }) => second >= from - SECOND && second <= time + SECOND)
      if (seen !== undefined) return seen.upstream
    }
    return undefined
  }

  #put(key: string, time: number, upstream: string): void {
    const list = this.#young.get(key)
    const last = list?.at(-1)
    if (last?.second === time && last.upstream === upstream) return
    this.#count++
    if (list === undefined) this.#young.set(key, [{ second: time, upstream }])
    else list.push({ second: time, upstream })
  }

  #turn(time: number): void {
    if (time - this.#since <= this.#span) this.#forgotten = this.#since
    this.#old = this.#young
    this.#young = new Map()
    this.#count = 0
    this.#since = time
  }
}

const withoutAuthority = (path: string): string => path.replace(/^https?:\/\/[^/]*/, '')
