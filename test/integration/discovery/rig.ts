/** A source read by hand, on a clock that a test turns. */
import type { PeerList, PeerSource } from 'evenkeel'
import { fakeClock } from 'evenkeel/testing'
import type { FakeClock } from 'evenkeel/testing'
import { onTestFinished } from 'vitest'
import { turns } from '../../helpers/watch-process.js'

/** Looks once a turn of the event loop; a test that waits in vain runs into its own limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turns(1)
}

export class Reader {
  readonly clock: FakeClock
  readonly #news: AsyncIterator<PeerList | Error>

  constructor(make: (clock: FakeClock) => PeerSource) {
    this.clock = fakeClock(1_000_000)
    this.#news = make(this.clock)[Symbol.asyncIterator]()
    onTestFinished(() => this.end())
  }

  /** What comes next: the peers' URLs, an error's code or text, or `end`. */
  async next(): Promise<unknown> {
    const { done, value } = await this.#news.next()
    if (done === true) return 'end'
    if (value instanceof Error) return (value as NodeJS.ErrnoException).code ?? value.message
    return value.map((peer) => (typeof peer === 'string' ? peer : peer.url))
  }

  async list(): Promise<PeerList> {
    const { value } = await this.#news.next()
    if (!Array.isArray(value)) throw new Error(`no list: ${String(value)}`)
    return value as PeerList
  }

  /** Moves on to the end of a pause of exactly so many milliseconds, and lets what is due begin. */
  async pass(ms: number): Promise<void> {
    await until(() => this.clock.nextDue === this.clock.now() + ms)
    this.clock.advance(ms)
  }

  async end(): Promise<void> {
    await this.#news.return?.()
  }
}
