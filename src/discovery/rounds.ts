/** One lookup after the other: when the next one is due, and what of each is news. */
import type { PeerOptions, PeerSource } from '../options.js'
import { Lookup } from './lookup.js'
import type { ResolverConfig } from './options.js'
import { peerSource } from './peer-source.js'
import type { Publish } from './peer-source.js'

/** What one round of lookups has come to. */
export interface Round {
  /** Empty: nothing was found, and those of before stay. */
  readonly peers: readonly PeerOptions[]
  /** Milliseconds that it holds. */
  readonly ttl: number
  /** With it, `peers` may be those of before. */
  readonly error: Error | undefined
}

/** A source that goes `round` after round. */
export function repeated(
  config: ResolverConfig,
  round: (lookup: Lookup) => Promise<Round>,
): PeerSource {
  const options = config.signal === undefined ? {} : { signal: config.signal }
  return peerSource((publish, signal) => {
    const lookup = new Lookup(config, signal)
    new Rounds(config, () => round(lookup), publish, signal).begin()
  }, options)
}

class Rounds {
  readonly #config: ResolverConfig
  readonly #round: () => Promise<Round>
  readonly #publish: Publish
  readonly #signal: AbortSignal
  #published = ''

  constructor(
    config: ResolverConfig,
    round: () => Promise<Round>,
    publish: Publish,
    signal: AbortSignal,
  ) {
    this.#config = config
    this.#round = round
    this.#publish = publish
    this.#signal = signal
  }

  begin(): void {
    if (this.#signal.aborted) return
    this.#round()
      .catch((cause: unknown): Round => {
        const error = cause instanceof Error ? cause : new Error('the lookup failed', { cause })
        return { peers: [], ttl: 0, error }
      })
      .then(
        (round) => {
          this.#ended(round)
        },
        () => undefined,
      )
  }

  #ended({ peers, ttl, error }: Round): void {
    if (this.#signal.aborted) return
    this.#tell(peers)
    if (error !== undefined) this.#publish(error)
    const { clock, minTtl, maxTtl, retry } = this.#config
    const wait = error === undefined ? Math.min(maxTtl, Math.max(minTtl, ttl)) : retry
    const timer = clock.after(wait, () => {
      this.#signal.removeEventListener('abort', stop)
      this.begin()
    })
    const stop = (): void => {
      timer.cancel()
    }
    this.#signal.addEventListener('abort', stop)
  }

  #tell(peers: readonly PeerOptions[]): void {
    const text = peers.map(({ url, weight, tier }) => `${url} ${weight ?? 1} ${tier ?? 0}`).join()
    if (peers.length === 0 || text === this.#published) return
    this.#published = text
    this.#publish(peers)
  }
}
