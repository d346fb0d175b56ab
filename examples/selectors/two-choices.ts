/** Two choices: two peers at random, and the less busy of them (nginx `random two least_conn`). */
import type { Candidates, Peer, PeerSelector, SelectorContext } from 'evenkeel'

/** A place in the list, chosen in proportion to the weights. */
function pickByWeight(peers: readonly Peer[], random: () => number): Peer | undefined {
  let rest = random() * peers.reduce((sum, peer) => sum + peer.weight, 0)
  return peers.find((peer) => (rest -= peer.weight) < 0)
}

export function twoChoices({ random }: SelectorContext): PeerSelector {
  function pick(candidates: Candidates): Peer | undefined {
    const eligible = candidates.group.peers.filter((peer) => candidates.eligible(peer))
    const one = pickByWeight(eligible, random)
    const others = eligible.filter((peer) => peer !== one)
    const two = pickByWeight(others, random)
    if (one === undefined || two === undefined) return one
    // a / b > c / d without division
    return one.connections * two.weight > two.connections * one.weight ? two : one
  }
  // Nothing is kept from one try of a request to the next, so one picker serves all of them.
  const picker = { pick }
  return { name: 'two_choices', begin: () => picker }
}
