/** Peers by name: DNS address records. */
import { isIPv6 } from 'node:net'
import { namesOf } from '../config/section.js'
import type { NumberRule } from '../config/section.js'
import type { PeerOptions, PeerSource } from '../options.js'
import { checked, checkName, readResolver, RESOLVER_OPTIONS } from './options.js'
import type { ResolverConfig, ResolverOptions } from './options.js'
import { repeated } from './rounds.js'

export interface DnsOptions extends ResolverOptions {
  /** Of every peer. Default: 80, with `protocol: 'https'` 443. */
  port?: number
}

const PORT: NumberRule = {
  rule: 'must be a port from 1 to 65535',
  holds: (value) => Number.isInteger(value) && value >= 1 && value <= 65_535,
}
const DNS = namesOf<DnsOptions>({ ...RESOLVER_OPTIONS, port: true })

/**
 * One peer for each address of `name` (A and AAAA records), looked up again when their TTL is over. A name that cannot be
 * looked up, or that has no address, is reported, and the last addresses stay. The system's `hosts` file and search list
 * are not used: `name` is a full name. nginx `server name resolve`, Envoy `STRICT_DNS`.
 * @throws {ConfigurationError} when an option could not be used
 */
export function fromDns(name: string, options: DnsOptions = {}): PeerSource {
  const { port, config } = checked(options, DNS, (section, problems) => {
    checkName(problems, name)
    const resolver = readResolver(section, { maxTtl: 300_000 })
    const standard = resolver.protocol === 'https' ? 443 : 80
    return { port: section.number('port', PORT, standard), config: resolver }
  })
  return repeated(config, async (lookup) => {
    const { addresses, ttl, error } = await lookup.addresses(name)
    const peers = addresses.map((address) => peerAt({ address, port, name }, config))
    return { peers, ttl, error }
  })
}

/** A peer at an address that was found under `name`, which is what its certificate is for. */
export function peerAt(
  { address, port, name }: { address: string; port: number; name: string },
  { protocol, peer }: Pick<ResolverConfig, 'protocol' | 'peer'>,
): PeerOptions {
  const url = `${protocol}://${isIPv6(address) ? `[${address}]` : address}:${port}`
  if (protocol === 'http') return { ...peer, url }
  return { ...peer, url, tls: { name: name.replace(/\.$/, ''), ...peer.tls } }
}
