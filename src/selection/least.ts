/** The least load by weight, and smooth round robin among those that have it: as nginx's `least_conn` and `least_time`. */
import type { Candidates, Peer } from '../upstream/peer-selector.js'

/** The load of one peer; it is divided by the weight here. */
export type LoadOf = (peer: Peer) => number

/** a / b - c / d without division: more than 0 when the first is more. */
function compare(load: number, weight: number, other: number, otherWeight: number): number {
  return weight === otherWeight ? load - other : load * otherWeight - other * weight
}

/** The smooth step is taken with the first walk, and taken back when a smaller load turns up: mostly, most are equal. */
export function pickLeast(candidates: Candidates, loadOf: LoadOf): Peer | undefined {
  const { first } = candidates
  const { live } = candidates.group
  let best: Peer | undefined
  let load = 0
  let weight = 0
  let equal = 0
  let from = 0
  let total = 0
  let most = 0
  let isLowered = false
  for (let at = 0; at < live.length; at++) {
    const peer = live[at]
    if (peer === undefined || (!first && !candidates.eligible(peer))) continue
    const own = loadOf(peer)
    const ownWeight = peer.easedWeight
    let difference = -1
    if (equal > 0) difference = ownWeight === weight ? own - load : own * weight - load * ownWeight
    if (difference > 0) continue
    if (difference < 0) {
      if (equal > 0) takeBack(new Equals(candidates, loadOf, load, weight), from, at)
      best = undefined
      load = own
      weight = ownWeight
      from = at
      equal = 0
      total = 0
      isLowered = false
    }
    const { effectiveWeight } = peer
    const current = peer.currentWeight + effectiveWeight
    peer.currentWeight = current
    total += effectiveWeight
    equal++
    if (effectiveWeight !== ownWeight) isLowered = true
    if (equal > 1 && current <= most) continue
    best = peer
    most = current
  }
  if (best !== undefined) best.currentWeight -= total
  // One alone takes no step in nginx.
  if (isLowered && equal > 1) raise(new Equals(candidates, loadOf, load, weight), from)
  return best
}

/** Those with a certain load by weight. */
class Equals {
  readonly #candidates: Candidates
  readonly #loadOf: LoadOf
  readonly #load: number
  readonly #weight: number

  constructor(candidates: Candidates, loadOf: LoadOf, load: number, weight: number) {
    this.#candidates = candidates
    this.#loadOf = loadOf
    this.#load = load
    this.#weight = weight
  }

  get live(): readonly Peer[] {
    return this.#candidates.group.live
  }

  has(peer: Peer): boolean {
    if (!this.#candidates.first && !this.#candidates.eligible(peer)) return false
    return compare(this.#loadOf(peer), peer.easedWeight, this.#load, this.#weight) === 0
  }
}

function takeBack(equals: Equals, from: number, to: number): void {
  for (let at = from; at < to; at++) {
    const peer = equals.live[at]
    if (peer !== undefined && equals.has(peer)) peer.currentWeight -= peer.effectiveWeight
  }
}

/** What failures took of a weight comes back by one. */
function raise(equals: Equals, from: number): void {
  for (let at = from; at < equals.live.length; at++) {
    const peer = equals.live[at]
    if (peer !== undefined && equals.has(peer))
      peer.effectiveWeight = Math.min(peer.effectiveWeight + 1, peer.easedWeight)
  }
}
