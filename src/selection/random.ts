/** By chance, by weight, as nginx does it (`ngx_http_upstream_get_random_peer`, `…_random2_peer`). */
import type {
  Candidates,
  Peer,
  PeerPicker,
  PeerSelector,
  SelectorContext,
} from '../upstream/peer-selector.js'
import { PerGroup } from './per-group.js'
import { pickSmoothly } from './round-robin.js'
import { MOST_TRIES } from './tries.js'
import { weightRanges } from './weight-ranges.js'

/** Is the first one worse than the second, so that the second is taken? */
export type IsWorse = (peer: Peer, than: Peer) => boolean

/** Peers by chance, in proportion to their weights. */
export class Chance {
  readonly #random: () => number
  readonly #ranges = new PerGroup(weightRanges)

  constructor(random: () => number) {
    this.#random = random
  }

  one(candidates: Candidates, tries: Tries): Peer | undefined {
    const { group } = candidates
    if (group.live.length === 0) return undefined
    if (group.peers.length < 2) return pickSmoothly(candidates)
    const ranges = this.#ranges.of(group)
    while (tries.left > 0) {
      const peer = ranges.at(this.#random() * group.totalWeight)
      if (peer !== undefined && candidates.eligible(peer)) return peer
      tries.left--
    }
    return pickSmoothly(candidates)
  }

  /** Two different ones, and of these the one that is not worse; of equals the second. */
  two(candidates: Candidates, tries: Tries, isWorse: IsWorse): Peer | undefined {
    const { group } = candidates
    if (group.live.length === 0) return undefined
    if (group.peers.length < 2) return pickSmoothly(candidates)
    const ranges = this.#ranges.of(group)
    let one: Peer | undefined
    while (tries.left > 0) {
      const two = ranges.at(this.#random() * group.totalWeight)
      if (two !== undefined && two !== one && candidates.eligible(two)) {
        if (one !== undefined) return isWorse(two, one) ? one : two
        one = two
      } else tries.left--
    }
    return pickSmoothly(candidates)
  }
}

/** How often one request may still hit somebody that it cannot have. */
export class Tries {
  left = MOST_TRIES + 1
}

class OnePicker extends Tries implements PeerPicker {
  readonly #chance: Chance

  constructor(chance: Chance) {
    super()
    this.#chance = chance
  }

  pick(candidates: Candidates): Peer | undefined {
    return this.#chance.one(candidates, this)
  }
}

export class TwoPicker extends Tries implements PeerPicker {
  readonly #chance: Chance
  readonly #isWorse: IsWorse

  constructor(chance: Chance, isWorse: IsWorse) {
    super()
    this.#chance = chance
    this.#isWorse = isWorse
  }

  pick(candidates: Candidates): Peer | undefined {
    return this.#chance.two(candidates, this, this.#isWorse)
  }
}

export function random({ random: next }: SelectorContext): PeerSelector {
  const chance = new Chance(next)
  return { name: 'random', begin: () => new OnePicker(chance) }
}

/** a / b > c / d without division. */
function hasMoreInFlight(peer: Peer, than: Peer): boolean {
  return peer.connections * than.easedWeight > than.connections * peer.easedWeight
}

/** nginx `random two least_conn`. */
export function randomTwo({ random: next }: SelectorContext): PeerSelector {
  const chance = new Chance(next)
  return { name: 'random', begin: () => new TwoPicker(chance, hasMoreInFlight) }
}
