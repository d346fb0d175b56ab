/** Peers by service: DNS SRV records (RFC 2782). */
import type { SrvRecord } from 'node:dns'
import { namesOf } from '../config/section.js'
import type { PeerOptions, PeerSource } from '../options.js'
import { peerAt } from './dns.js'
import type { Lookup } from './lookup.js'
import { checked, checkName, readResolver, RESOLVER_OPTIONS } from './options.js'
import type { ResolverConfig, ResolverOptions } from './options.js'
import { repeated } from './rounds.js'
import type { Round } from './rounds.js'

export type SrvOptions = ResolverOptions

const SRV = namesOf<SrvOptions>(RESOLVER_OPTIONS)
/** What the option `tier` takes. */
const HIGHEST_TIER = 100

/**
 * One peer for each address of each target of the service `name` (`_http._tcp.example.com`). The lowest priority becomes
 * tier 0, the next one tier 1, and so on; weights are kept, and 0 becomes 1, the least there is. Looked up again when the
 * TTL of an address is over, at the latest after `maxTtl`: Node tells no TTL of SRV records. nginx `service=`.
 * @throws {ConfigurationError} when an option could not be used
 */
export function fromSrv(name: string, options: SrvOptions = {}): PeerSource {
  const config = checked(options, SRV, (section, problems) => {
    checkName(problems, name)
    return readResolver(section, { maxTtl: 30_000 })
  })
  return repeated(config, (lookup) => lookUp(lookup, name, config))
}

async function lookUp(lookup: Lookup, name: string, config: ResolverConfig): Promise<Round> {
  const records = (await lookup.services(name)).filter(isOffered)
  if (records.length === 0)
    return { peers: [], ttl: 0, error: new Error(`${name} has no server at all`) }
  const targets = [...new Set(records.map((record) => record.name))]
  const found = new Map(
    await Promise.all(
      targets.map(async (target) => [target, await lookup.addresses(target)] as const),
    ),
  )
  lookup.keepOnly(targets)
  const peers = new Map<string, PeerOptions>()
  const tiers = tiersOf(records)
  const certified = domainOf(name)
  for (const record of [...records].sort(byPriority)) {
    for (const address of found.get(record.name)?.addresses ?? []) {
      const peer = peerAt({ address, port: record.port, name: certified }, config)
      // Of two records for the same address, the one with the better priority stands.
      if (peers.has(peer.url)) continue
      const tier = tiers.get(record.priority) ?? 0
      peers.set(peer.url, { ...peer, weight: Math.max(1, record.weight), tier })
    }
  }
  const results = [...found.values()]
  return {
    peers: [...peers.values()],
    ttl: Math.min(...results.map(({ ttl }) => ttl)),
    error: results.find(({ error }) => error !== undefined)?.error,
  }
}

/** RFC 2782: the target `.` says that the service is decidedly not there. */
function isOffered({ name, port }: SrvRecord): boolean {
  return name !== '' && name !== '.' && port > 0
}

function byPriority(a: SrvRecord, b: SrvRecord): number {
  if (a.priority !== b.priority) return a.priority - b.priority
  if (a.name !== b.name) return a.name < b.name ? -1 : 1
  return a.port - b.port
}

function tiersOf(records: readonly SrvRecord[]): ReadonlyMap<number, number> {
  const priorities = [...new Set(records.map(({ priority }) => priority))].sort((a, b) => a - b)
  return new Map(priorities.map((priority, rank) => [priority, Math.min(rank, HIGHEST_TIER)]))
}

/**
 * The name that the user has given, without service and protocol. Not the target's: whoever can forge the answer could
 * name a host of his own, and have a good certificate for it (RFC 6125 section 1.7.2).
 */
function domainOf(name: string): string {
  return name.replace(/^(?:_[^.]+\.)+/, '')
}
