/** Follows a source of peer lists for as long as the upstream lives. Whatever it does, the last good list stays. */
import type { Clock, Timer } from './clock.js'
import type { PeerSource } from './options.js'
import { afterReading } from './turn.js'

/** What the lists are for. */
export interface FeedTarget {
  /** Throws for a list that cannot be used. */
  takeOver(list: unknown): void
  sourceFailed(error: Error): void
  sourceEnded(): void
}

/** Until a source that threw is asked again: first, and at most. Milliseconds. */
const FIRST_PAUSE_MS = 1000
const LONGEST_PAUSE_MS = 30_000

type Lists = AsyncIterator<unknown>

export class PeerFeed {
  readonly #source: PeerSource
  readonly #target: FeedTarget
  readonly #clock: Clock
  #lists: Lists | undefined
  #pause = FIRST_PAUSE_MS
  #timer: Timer | undefined
  #stopped = false

  constructor(source: PeerSource, target: FeedTarget, clock: Clock) {
    this.#source = source
    this.#target = target
    this.#clock = clock
  }

  /** Nothing is asked for before the caller is done: there are listeners yet to come. */
  start(): void {
    queueMicrotask(() => {
      this.#follow(undefined)
    })
  }

  /** For good. What the source makes of it is not waited for: it may be waiting itself. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    endOf(this.#lists)
  }

  #follow(spent: Lists | undefined): void {
    if (this.#stopped) return
    try {
      const lists: Lists = this.#source[Symbol.asyncIterator]()
      // A generator, say, is its own iterator, and over once it has thrown.
      if (lists === spent) {
        this.#target.sourceEnded()
        return
      }
      this.#lists = lists
    } catch (cause) {
      this.#failed(cause)
      return
    }
    this.#readAll(this.#lists).then(
      () => {
        if (!this.#stopped) this.#target.sourceEnded()
      },
      (cause: unknown) => {
        this.#failed(cause)
      },
    )
  }

  async #readAll(lists: Lists): Promise<void> {
    for (;;) {
      const step = await lists.next()
      if (this.#stopped || step.done === true) return
      this.#take(step.value)
      // A source that always has something to say keeps nobody else from running.
      await new Promise<void>((resolve) => {
        afterReading(resolve, undefined)
      })
      if (this.#isStopped()) return
    }
  }

  #isStopped(): boolean {
    return this.#stopped
  }

  #take(value: unknown): void {
    if (value instanceof Error) {
      this.#target.sourceFailed(value)
      return
    }
    try {
      this.#target.takeOver(value)
      this.#pause = FIRST_PAUSE_MS
    } catch (cause) {
      this.#target.sourceFailed(errorOf(cause))
    }
  }

  #failed(cause: unknown): void {
    if (this.#stopped) return
    const spent = this.#lists
    endOf(spent)
    this.#target.sourceFailed(errorOf(cause))
    this.#timer = this.#clock.after(this.#pause, () => {
      this.#follow(spent)
    })
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS)
  }
}

function errorOf(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error('the source of peers threw', { cause })
}

/** Tells it that nobody listens any more. */
function endOf(lists: Lists | undefined): void {
  try {
    lists?.return?.().catch(() => undefined)
  } catch {
    // Its own affair.
  }
}
