/** By the client's address, as nginx does it (`ngx_http_upstream_get_ip_hash_peer`): IPv4 by its first three octets. */
import type {
  Candidates,
  Peer,
  PeerPicker,
  PeerSelector,
  SelectionRequest,
} from '../upstream/peer-selector.js'
import { addressBytes } from './address-bytes.js'
import { PerGroup } from './per-group.js'
import { pickSmoothly } from './round-robin.js'
import { MOST_TRIES } from './tries.js'
import { weightRanges } from './weight-ranges.js'
import type { WeightRanges } from './weight-ranges.js'

/** nginx `ngx_http_upstream_ip_hash_pseudo_addr`: clients of a unix socket. */
const NO_ADDRESS: readonly number[] = [0, 0, 0]

/** What is hashed of a client's address. */
function hashedBytes({ clientAddress, remoteAddress }: SelectionRequest): readonly number[] {
  const bytes = addressBytes(clientAddress ?? remoteAddress ?? '')
  if (bytes.length === 0) return NO_ADDRESS
  return bytes.length === 4 ? bytes.slice(0, 3) : bytes
}

class IpHashPicker implements PeerPicker {
  readonly #ranges: PerGroup<WeightRanges>
  readonly #request: SelectionRequest
  #bytes: readonly number[] | undefined
  /** Goes on from one try to the next. */
  #hash = 89
  #tries = 0

  constructor(ranges: PerGroup<WeightRanges>, request: SelectionRequest) {
    this.#ranges = ranges
    this.#request = request
  }

  pick(candidates: Candidates): Peer | undefined {
    const { group } = candidates
    if (group.live.length === 0) return undefined
    if (this.#tries > MOST_TRIES || group.peers.length < 2) return pickSmoothly(candidates)
    this.#bytes ??= hashedBytes(this.#request)
    const ranges = this.#ranges.of(group)
    let hash = this.#hash
    do {
      for (const byte of this.#bytes) hash = (hash * 113 + byte) % 6271
      const peer = ranges.at(hash % group.totalWeight)
      if (peer !== undefined && candidates.eligible(peer)) {
        this.#hash = hash
        return peer
      }
    } while (++this.#tries <= MOST_TRIES)
    return pickSmoothly(candidates)
  }
}

class IpHashSelector implements PeerSelector {
  readonly name = 'ip_hash'
  readonly #ranges = new PerGroup(weightRanges)

  begin(request: SelectionRequest): PeerPicker {
    return new IpHashPicker(this.#ranges, request)
  }
}

export function ipHash(): PeerSelector {
  return new IpHashSelector()
}
