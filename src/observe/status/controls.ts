/** The buttons: what they do to a peer. */
import type { Peer, PeerStatus } from '../../upstream/peer.js'
import type { PeerChanges } from '../../upstream/upstream.js'
import type { Action } from './routes.js'

/** The part of an upstream that they need. */
export interface ControlledUpstream {
  readonly peers: readonly Peer[]
  status(peer: Peer): PeerStatus
  update(peer: Peer, parameters: PeerChanges): Peer
}

/** The peer's state after it; undefined: there is no such peer. */
export function control(
  upstream: ControlledUpstream,
  name: string,
  action: Action,
): PeerStatus | undefined {
  const peer = upstream.peers.find((each) => each.name === name)
  if (peer === undefined) return undefined
  return upstream.status(upstream.update(peer, changesOf(action)))
}

function changesOf(action: Action): PeerChanges {
  switch (action) {
    case 'drain':
      return { drain: true }
    case 'down':
      return { down: true }
    case 'up':
      return { drain: false, down: false }
  }
}
