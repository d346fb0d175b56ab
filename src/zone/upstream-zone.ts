/** An upstream's part in a zone: puts its registry, the channel and the rules for peers together. */
import { createHash, randomUUID } from 'node:crypto'
import { resolveNewPeer } from '../config/membership.js'
import type { MembershipRules } from '../config/membership.js'
import type { OwnTlsConfig, UpstreamConfig, ZoneConfig } from '../config/types.js'
import { logZone } from '../debug.js'
import { ConfigurationError } from '../errors.js'
import { isProbed } from '../health/prober.js'
import type { Prober } from '../health/prober.js'
import type { UpstreamTls } from '../transport/tls.js'
import type { PeerEntry } from '../upstream/membership.js'
import { parametersOf } from '../upstream/peer.js'
import type { PeerRegistry } from '../upstream/registry.js'
import type { ZoneChannel } from './channel.js'
import type { Description } from './membership.js'
import { processChannel } from './process-channel.js'
import { urlOf } from './roster.js'
import { RegistryPeers } from './shared-peers.js'

export interface ZoneParts {
  readonly registry: PeerRegistry
  readonly tls: UpstreamTls
  readonly prober: Prober | undefined
  readonly rules: Omit<MembershipRules, 'defaults'> & {
    readonly defaults: Omit<MembershipRules['defaults'], 'tls'>
  }
}

/** Undefined: the upstream stands alone. */
export function openZone(config: UpstreamConfig, parts: ZoneParts): RegistryPeers | undefined {
  const { zone } = config
  if (zone === undefined) return undefined
  const channel = zone.channel ?? processChannel(process)
  if (channel === undefined) {
    // There are no other workers.
    if (logZone.enabled) logZone('zone %s: this process has not been forked', zone.name)
    return undefined
  }
  return join(zone, config, parts, channel)
}

function join(
  { name, wait }: ZoneConfig,
  config: UpstreamConfig,
  parts: ZoneParts,
  channel: ZoneChannel,
): RegistryPeers {
  const { registry, prober } = parts
  keepOwnTls(config, parts)
  const settings = {
    ...{ name, wait, id: randomUUID(), config: digestOf(registry) },
    onAlone: () => {
      const message = `zone "${name}": nobody answers; is shareZones() called in the primary?`
      process.emitWarning(message, 'EvenkeelZoneWarning')
    },
  }
  return new RegistryPeers(registry, channel, settings, {
    entryOf: (description) => entryOf(description, parts),
    parametersOf,
    onLead: (peer, step, reason) => {
      if (isProbed(reason)) prober?.watch(peer, step)
    },
  })
}

/** Workers with the same list have the same. */
function digestOf({ peers }: PeerRegistry): string {
  const list = peers.map((peer) => [urlOf(peer), parametersOf(peer)])
  return createHash('sha256').update(JSON.stringify(list)).digest('hex')
}

/** Looked at like what a user gives: who sends it is another process. */
function entryOf(
  { url, parameters }: Description,
  { rules, tls }: ZoneParts,
): PeerEntry | undefined {
  try {
    const defaults = { ...rules.defaults, tls: tls.group }
    return resolveNewPeer({ ...parameters, url }, [], { ...rules, defaults })
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    if (logZone.enabled) logZone('a peer of another worker cannot be used: %s', error.message)
    return undefined
  }
}

/** No message carries keys: a peer that another worker has taken out and put back has what was configured for it. */
function keepOwnTls({ peers }: UpstreamConfig, { registry, tls }: ZoneParts): void {
  const configured = new Map<string, OwnTlsConfig>()
  for (const peer of registry.peers) {
    const own = peers[peer.index]?.tls
    if (own !== undefined) configured.set(urlOf(peer), own)
  }
  if (configured.size === 0) return
  registry.observers.add({
    ejected: () => undefined,
    returned: () => undefined,
    joined: (peer) => {
      const own = configured.get(urlOf(peer))
      if (own !== undefined) tls.replaceOwn(peer, own)
    },
  })
}
