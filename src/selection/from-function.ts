/** A user's bare function as a selector. */
import type {
  Candidates,
  Peer,
  PeerSelector,
  SelectPeer,
  SelectionRequest,
} from '../upstream/peer-selector.js'
import { pickSmoothly } from './round-robin.js'

function choose(
  select: SelectPeer,
  request: SelectionRequest,
  candidates: Candidates,
): Peer | undefined {
  const { group, first } = candidates
  const eligible = first ? group.live : group.live.filter((peer) => candidates.eligible(peer))
  if (eligible.length === 0) return undefined
  const chosen = select(eligible, request)
  return chosen !== undefined && eligible.includes(chosen) ? chosen : pickSmoothly(candidates)
}

export function selectorFromFunction(select: SelectPeer): PeerSelector {
  return {
    name: select.name === '' ? 'function' : select.name,
    begin: (request) => ({ pick: (candidates) => choose(select, request, candidates) }),
  }
}
