/** Attempts that failed and led to no lost request, because another peer answered. */
import type { FailureEvent } from './events.js'

/** Failures that are kept. */
const MOST = 5000

export class Rescues {
  readonly #case: (failures: readonly FailureEvent[]) => void
  #pending: FailureEvent[] = []
  readonly #explained = new WeakSet<FailureEvent>()
  #requests = 0

  constructor(found: (failures: readonly FailureEvent[]) => void) {
    this.#case = found
  }

  get requests(): number {
    return this.#requests
  }

  /** A request was answered well in spite of a failed attempt. */
  add(): void {
    this.#requests++
  }

  failure(event: FailureEvent): void {
    if (this.#pending.length >= MOST) this.#sweep()
    if (this.#pending.length < MOST) this.#pending.push(event)
  }

  /** These belong to lost requests. */
  explained(events: readonly FailureEvent[]): void {
    for (const event of events) this.#explained.add(event)
  }

  /** Those that are left, by upstream. */
  end(): void {
    this.#sweep()
    const byUpstream = new Map<string, FailureEvent[]>()
    for (const event of this.#pending) {
      const list = byUpstream.get(event.upstream)
      if (list === undefined) byUpstream.set(event.upstream, [event])
      else list.push(event)
    }
    for (const failures of byUpstream.values()) this.#case(failures)
  }

  #sweep(): void {
    this.#pending = this.#pending.filter((event) => !this.#explained.has(event))
  }
}
