/** Fewest attempts in flight by weight, as nginx does it (`ngx_http_upstream_get_least_conn_peer`). */
import type { Peer, PeerPicker, PeerSelector } from '../upstream/peer-selector.js'
import { pickLeast } from './least.js'

const connectionsOf = ({ connections }: Peer): number => connections

const picker: PeerPicker = { pick: (candidates) => pickLeast(candidates, connectionsOf) }

export function leastConn(): PeerSelector {
  return { name: 'least_conn', begin: () => picker }
}
