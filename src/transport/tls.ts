/** TLS towards the peers: which name is asked for and checked, and how strictly. */
import { isIP } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import type { PeerAddress } from '../upstream/peer.js'

/** The `tls` options, resolved. */
export interface PeerTlsSettings extends SecureContextOptions {
  readonly verify: boolean
  readonly name: string | undefined
}

/** Options of `tls.connect` for one peer. */
export interface PeerTlsConnectOptions extends SecureContextOptions {
  readonly rejectUnauthorized: boolean
  readonly servername: string
}

/**
 * The name is always set: left out, Node would take it from the request's `Host`, and a client could choose what the
 * peer's certificate is checked against. An address is no server name (RFC 6066): Node then checks the address.
 */
export function tlsConnectOptions(
  peer: PeerAddress,
  settings: PeerTlsSettings,
): PeerTlsConnectOptions {
  const { verify, name, ...context } = settings
  const servername = name ?? (isIP(peer.hostname) === 0 ? peer.hostname : '')
  return { ...context, rejectUnauthorized: verify, servername }
}
