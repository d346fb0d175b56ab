/** The shortest time by weight, as nginx 1.31 does it (`ngx_http_upstream_get_least_time_peer`). */
import type {
  Candidates,
  Peer,
  PeerPicker,
  PeerSelector,
  SelectorContext,
} from '../upstream/peer-selector.js'
import type { LeastTimeSelectorOptions } from './options.js'
import { Chance, TwoPicker } from './random.js'
import { ResponseTimes } from './response-times.js'
import { stepAmong } from './round-robin.js'

class LeastTimePicker implements PeerPicker {
  readonly #times: ResponseTimes
  /** Those as good as the best so far. A list that is used again: picks come one after another. */
  readonly #equal: Peer[] = []

  constructor(times: ResponseTimes) {
    this.#times = times
  }

  pick(candidates: Candidates): Peer | undefined {
    const { first, group } = candidates
    const equal = this.#equal
    const times = this.#times
    times.settle(group.peers)
    let count = 0
    let least = 0
    let weight = 0
    for (const peer of group.live) {
      if (!first && !candidates.eligible(peer)) continue
      const outlook = times.outlook(peer)
      // a / b < c / d without division.
      const load = count === 0 ? -1 : outlook * weight - least * peer.easedWeight
      if (load > 0) continue
      if (load < 0) {
        count = 0
        least = outlook
        weight = peer.easedWeight
      }
      equal[count++] = peer
    }
    return count < 2 ? equal[count - 1] : stepAmong(equal, count)
  }
}

/** Passes on what selectors are told. */
abstract class TimedSelector implements PeerSelector {
  abstract readonly name: string
  readonly #times: ResponseTimes

  constructor(times: ResponseTimes) {
    this.#times = times
  }

  abstract begin(): PeerPicker

  began(peer: Peer): void {
    this.#times.began(peer)
  }

  answered(peer: Peer, ms: number): void {
    this.#times.answered(peer, ms)
  }

  finished(peer: Peer, outcome: 'ok' | 'next' | 'failed', ms: number, headMs?: number): void {
    this.#times.finished(peer, outcome, ms, headMs)
  }

  dropped(peer: Peer, ms: number): void {
    this.#times.dropped(peer, ms)
  }
}

class LeastTimeSelector extends TimedSelector {
  override readonly name = 'least_time'
  readonly #picker: PeerPicker

  constructor(times: ResponseTimes) {
    super(times)
    this.#picker = new LeastTimePicker(times)
  }

  override begin(): PeerPicker {
    return this.#picker
  }
}

class RandomTwoLeastTimeSelector extends TimedSelector {
  override readonly name = 'random'
  readonly #chance: Chance
  readonly #isSlower: (peer: Peer, than: Peer) => boolean

  constructor(random: () => number, times: ResponseTimes) {
    super(times)
    this.#chance = new Chance(random)
    this.#isSlower = (peer, than) => {
      // Each by itself: who is not looked at need not be settled.
      times.settle([peer, than])
      return times.outlook(peer) * than.easedWeight > times.outlook(than) * peer.easedWeight
    }
  }

  override begin(): PeerPicker {
    return new TwoPicker(this.#chance, this.#isSlower)
  }
}

export function leastTime(
  context: SelectorContext,
  options: Omit<LeastTimeSelectorOptions, 'name'> = {},
): PeerSelector {
  return new LeastTimeSelector(new ResponseTimes(context, options))
}

/** nginx Plus `random two least_time`. */
export function randomTwoLeastTime(
  context: SelectorContext,
  options: Pick<LeastTimeSelectorOptions, 'time'> = {},
): PeerSelector {
  return new RandomTwoLeastTimeSelector(context.random, new ResponseTimes(context, options))
}
