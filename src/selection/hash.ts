/** By the hash of a key, as nginx does it (`ngx_http_upstream_get_hash_peer`, which is Cache::Memcached's). */
import type {
  Candidates,
  Peer,
  PeerPicker,
  PeerSelector,
  SelectionRequest,
} from '../upstream/peer-selector.js'
import { CRC_START, crcEnd, crcText } from './crc32.js'
import { PerGroup } from './per-group.js'
import type { ReadKey } from './request-key.js'
import { pickSmoothly } from './round-robin.js'
import { MOST_TRIES } from './tries.js'
import { weightRanges } from './weight-ranges.js'

class HashPicker implements PeerPicker {
  readonly #selector: HashSelector
  readonly #request: SelectionRequest
  /** Undefined: not needed yet. */
  #key: string | undefined
  #hash = 0
  #rehash = 0
  #tries = 0

  constructor(selector: HashSelector, request: SelectionRequest) {
    this.#selector = selector
    this.#request = request
  }

  pick(candidates: Candidates): Peer | undefined {
    const { group } = candidates
    if (group.live.length === 0) return undefined
    if (this.#tries > MOST_TRIES || group.peers.length < 2) return pickSmoothly(candidates)
    this.#key ??= this.#selector.key(this.#request)
    if (this.#key === '') return pickSmoothly(candidates)
    const ranges = this.#selector.ranges.of(group)
    do {
      const prefix = this.#rehash === 0 ? CRC_START : crcText(CRC_START, String(this.#rehash))
      this.#hash += (crcEnd(crcText(prefix, this.#key)) >>> 16) & 0x7fff
      this.#rehash++
      const peer = ranges.at(this.#hash % group.totalWeight)
      if (peer !== undefined && candidates.eligible(peer)) return peer
    } while (++this.#tries <= MOST_TRIES)
    return pickSmoothly(candidates)
  }
}

export class HashSelector implements PeerSelector {
  readonly name = 'hash'
  readonly key: ReadKey
  readonly ranges = new PerGroup(weightRanges)

  constructor(key: ReadKey) {
    this.key = key
  }

  begin(request: SelectionRequest): PeerPicker {
    return new HashPicker(this, request)
  }
}
