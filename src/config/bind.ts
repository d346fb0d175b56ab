/** The local address of connections to the peers. */
import { isIP } from 'node:net'
import type { UpstreamOptions } from '../options.js'
import type { PeerAddress } from '../upstream/peer.js'
import type { Section, TextRule } from './section.js'
import type { PeerConfig } from './types.js'

const LOCAL_ADDRESS: TextRule = {
  rule: 'must be an IP address of this machine, without brackets and port',
  holds: (value) => isIP(value) !== 0,
}

/** Whether the address is one of this machine only the system knows, and only when it is used. */
export function readBind(
  options: Section<Pick<UpstreamOptions, 'bind'>>,
  peers: readonly PeerConfig[],
): string | undefined {
  if (!options.given('bind')) return undefined
  const bind = options.text('bind', LOCAL_ADDRESS, '')
  const family = isIP(bind)
  if (family === 0) return undefined
  for (const { address } of peers) {
    const other = isIP(address.hostname)
    if (other === 0 || other === family) continue
    options.reject('bind', `must be an IPv${other} address, as ${address.name} is one`)
  }
  return bind
}

/** Why a peer that comes later cannot be connected to from there. */
export function bindProblem(bind: string | undefined, peer: PeerAddress): string | undefined {
  if (bind === undefined) return undefined
  const family = isIP(bind)
  const other = isIP(peer.hostname)
  if (other === 0 || other === family) return undefined
  return `must have an IPv${family} address, for bind is ${bind}`
}
