/** The shortest time by weight, as nginx 1.31 does it (`ngx_http_upstream_get_least_time_peer`). */
import type {
  Candidates,
  Peer,
  PeerPicker,
  PeerSelector,
  SelectorContext,
} from '../upstream/peer-selector.js'
import { pickLeast } from './least.js'
import type { LeastTimeSelectorOptions } from './options.js'
import { Chance, TwoPicker } from './random.js'
import { outlook, ResponseTimes } from './response-times.js'

class LeastTimePicker implements PeerPicker {
  readonly #times: ResponseTimes

  constructor(times: ResponseTimes) {
    this.#times = times
  }

  pick(candidates: Candidates): Peer | undefined {
    this.#times.settle(candidates.group)
    return pickLeast(candidates, outlook)
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
      times.refresh(peer)
      times.refresh(than)
      return outlook(peer) * than.easedWeight > outlook(than) * peer.easedWeight
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
