/** Consistent hashing, as nginx does it (`ngx_http_upstream_get_chash_peer`). */
import type {
  Candidates,
  Peer,
  PeerGroup,
  PeerPicker,
  PeerSelector,
  SelectionRequest,
} from '../upstream/peer-selector.js'
import { CRC_START, crcEnd, crcText } from './crc32.js'
import { fairShare, isOverShare, leastLoaded } from './bounded-load.js'
import { PerGroup } from './per-group.js'
import type { ReadKey } from './request-key.js'
import { Ring } from './ring.js'
import { pickSmoothly, takeStep } from './round-robin.js'
import { MOST_TRIES } from './tries.js'

function ringOf(group: PeerGroup, before: Ring | undefined): Ring {
  const ring = before ?? new Ring()
  ring.update(group)
  return ring
}

/** One smooth step among peers of the same name, as nginx takes it; mostly it is one peer. */
function pickAmong(
  peers: readonly Peer[],
  candidates: Candidates,
  share: number,
): Peer | undefined {
  let best: Peer | undefined
  let total = 0
  for (const peer of peers) {
    if (!candidates.eligible(peer) || isOverShare(peer, share)) continue
    total += takeStep(peer)
    if (best === undefined || peer.currentWeight > best.currentWeight) best = peer
  }
  if (best !== undefined) best.currentWeight -= total
  return best
}

class RingPicker implements PeerPicker {
  readonly #selector: ConsistentHashSelector
  readonly #request: SelectionRequest
  #key: string | undefined
  /** Where on the ring it looks next: goes on from one try to the next. */
  #hash = 0
  #tries = 0

  constructor(selector: ConsistentHashSelector, request: SelectionRequest) {
    this.#selector = selector
    this.#request = request
  }

  pick(candidates: Candidates): Peer | undefined {
    const { group } = candidates
    if (group.live.length === 0) return undefined
    if (this.#tries > MOST_TRIES || group.peers.length < 2) return this.#pickOther(candidates)
    if (this.#key === undefined) {
      this.#key = this.#selector.key(this.#request)
      this.#hash = crcEnd(crcText(CRC_START, this.#key))
    }
    if (this.#key === '') return this.#pickOther(candidates)
    const ring = this.#selector.rings.of(group)
    const share = fairShare(group, this.#selector.boundedLoad)
    do {
      const peer = pickAmong(ring.seek(this.#hash), candidates, share)
      if (peer !== undefined) return peer
      this.#hash = ring.next
    } while (++this.#tries <= MOST_TRIES)
    return this.#pickOther(candidates)
  }

  #pickOther(candidates: Candidates): Peer | undefined {
    return this.#selector.boundedLoad === Infinity
      ? pickSmoothly(candidates)
      : leastLoaded(candidates)
  }
}

export class ConsistentHashSelector implements PeerSelector {
  readonly name = 'hash'
  readonly key: ReadKey
  /** Infinity: no bound. */
  readonly boundedLoad: number
  readonly rings = new PerGroup(ringOf)

  constructor(key: ReadKey, boundedLoad: number) {
    this.key = key
    this.boundedLoad = boundedLoad
  }

  begin(request: SelectionRequest): PeerPicker {
    return new RingPicker(this, request)
  }
}
