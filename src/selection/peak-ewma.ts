/** Peak EWMA (Finagle, linkerd): times that count at once when they are long, and are forgotten with time. */
import type {
  Peer,
  PeerPicker,
  PeerSelector,
  SelectionRequest,
  SelectorContext,
} from '../upstream/peer-selector.js'
import type { MeasuredTime } from './options.js'
import { Chance, TwoPicker } from './random.js'

/** Milliseconds: of whom nothing is known, who has something in flight already. It gets one request at first, and no crowd. */
const UNKNOWN_MS = 2 ** 31

/** Shorter times are all the same: then what is in flight decides. */
const LEAST_MS = 1

class PeakTime {
  /** Milliseconds; 0: nothing is known. */
  #ms = 0
  /** When it was last changed. */
  #at = 0

  /** A longer time counts by itself; a shorter one the more, the older what is known. */
  observe(ms: number, now: number, decay: number): void {
    const kept = Math.exp((this.#at - now) / decay)
    this.#ms = Math.max(ms, this.#ms * kept + ms * (1 - kept))
    this.#at = now
  }

  /** Of an attempt that was no success: it may say that the peer is slow, and never that it is quick. */
  raise(ms: number, now: number, decay: number): void {
    if (ms > this.at(now, decay)) this.observe(ms, now, decay)
  }

  /** What is not asked is forgotten, too. */
  at(now: number, decay: number): number {
    return this.#ms * Math.exp((this.#at - now) / decay)
  }
}

export interface PeakEwmaSettings {
  readonly time: MeasuredTime
  /** Milliseconds. */
  readonly decay: number
}

class PeakEwmaSelector implements PeerSelector {
  readonly name = 'peak_ewma'
  readonly #now: () => number
  readonly #chance: Chance
  readonly #decay: number
  readonly #ofHeader: boolean
  readonly #known = new WeakMap<Peer, PeakTime>()
  readonly #isCostlier = (peer: Peer, than: Peer): boolean => {
    const now = this.#now()
    return this.#cost(peer, now) > this.#cost(than, now)
  }

  constructor({ random, now }: SelectorContext, { time, decay }: PeakEwmaSettings) {
    this.#now = now
    this.#chance = new Chance(random)
    this.#decay = decay
    this.#ofHeader = time === 'header'
  }

  begin(_request: SelectionRequest): PeerPicker {
    return new TwoPicker(this.#chance, this.#isCostlier)
  }

  /** How it ends is not known yet: a quick refusal is no quick answer. */
  answered(peer: Peer, ms: number): void {
    if (this.#ofHeader) this.#of(peer).raise(ms, this.#now(), this.#decay)
  }

  finished(peer: Peer, outcome: 'ok' | 'next' | 'failed', ms: number, headMs = ms): void {
    const taken = this.#ofHeader ? headMs : ms
    if (outcome === 'ok') this.#of(peer).observe(taken, this.#now(), this.#decay)
    else this.#of(peer).raise(taken, this.#now(), this.#decay)
  }

  #cost(peer: Peer, now: number): number {
    const ms = this.#known.get(peer)?.at(now, this.#decay)
    if (ms === undefined) return (UNKNOWN_MS * peer.connections) / peer.easedWeight
    return (Math.max(ms, LEAST_MS) * (peer.connections + 1)) / peer.easedWeight
  }

  #of(peer: Peer): PeakTime {
    let time = this.#known.get(peer)
    if (time === undefined) {
      time = new PeakTime()
      this.#known.set(peer, time)
    }
    return time
  }
}

export function peakEwma(context: SelectorContext, settings: PeakEwmaSettings): PeerSelector {
  return new PeakEwmaSelector(context, settings)
}
