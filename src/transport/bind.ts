/** The local address of connections to the peers (nginx `proxy_bind`). */
import { isIPv6 } from 'node:net'
import type { PeerAddress } from '../upstream/peer.js'

/** Options of `net.connect`; none where the system is to choose. */
export interface BindOptions {
  readonly localAddress?: string
  readonly family?: 4 | 6
}

const SYSTEM: BindOptions = {}

/** A host name is looked up in the address's own family: from one family to the other there is no connection. */
export function bindOptions(peer: PeerAddress, bind: string | undefined): BindOptions {
  if (bind === undefined || peer.socketPath !== undefined) return SYSTEM
  return { localAddress: bind, family: isIPv6(bind) ? 6 : 4 }
}
