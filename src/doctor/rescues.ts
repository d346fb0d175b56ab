/** What went wrong and led to no lost request: attempts that another peer made good, limits that were reached. */
import type { FailureEvent, SignEvent } from './events.js'

type Trouble = FailureEvent | SignEvent

/** Failures that are kept. */
const MOST = 5000

export class Rescues {
  readonly #case: (troubles: readonly Trouble[]) => void
  #pending: Trouble[] = []
  readonly #explained = new WeakSet<Trouble>()
  /** Anything has been explained since those were swept out. */
  #stale = false
  #requests = 0

  constructor(found: (troubles: readonly Trouble[]) => void) {
    this.#case = found
  }

  get requests(): number {
    return this.#requests
  }

  /** A request was answered well in spite of a failed attempt. */
  add(): void {
    this.#requests++
  }

  trouble(event: Trouble): void {
    if (this.#pending.length >= MOST && this.#stale) this.#sweep()
    if (this.#pending.length < MOST) this.#pending.push(event)
  }

  /** These belong to lost requests. */
  explained(events: readonly Trouble[]): void {
    for (const event of events) this.#explained.add(event)
    this.#stale = true
  }

  /** Those that are left, by upstream. */
  end(): void {
    this.#sweep()
    const byUpstream = new Map<string, Trouble[]>()
    for (const event of this.#pending) {
      const list = byUpstream.get(event.upstream)
      if (list === undefined) byUpstream.set(event.upstream, [event])
      else list.push(event)
    }
    for (const troubles of byUpstream.values()) this.#case(troubles)
  }

  #sweep(): void {
    this.#stale = false
    this.#pending = this.#pending.filter((event) => !this.#explained.has(event))
  }
}
