/** TLS settings that are given anew while requests run: checked like those at the start. */
import type { PeerOptions, PeerTlsOptions } from '../options.js'
import type { PeerAddress } from '../upstream/peer.js'
import { Problems } from './problems.js'
import { isOptions, Section } from './section.js'
import { isUsable, readOwnTls, readTls } from './tls.js'
import type { OwnTlsConfig, PeerTlsConfig } from './types.js'

/**
 * The upstream's. `own` is what its peers have of their own, and is checked with it.
 * @throws {ConfigurationError}
 */
export function resolveTls(
  options: PeerTlsOptions,
  verify: boolean,
  own: readonly (OwnTlsConfig | undefined)[],
): PeerTlsConfig {
  const problems = new Problems()
  const config = readTls(openUpdate<{ tls?: PeerTlsOptions }>(problems, options), verify)
  if (problems.count === 0) {
    for (const [index, given] of own.entries()) {
      if (given !== undefined) isUsable(problems, `peers[${index}].tls`, { ...config, ...given })
    }
  }
  problems.throwIfAny()
  return config
}

/**
 * A peer's own.
 * @throws {ConfigurationError}
 */
export function resolveOwnTls(
  options: PeerTlsOptions,
  protocol: PeerAddress['protocol'],
  group: PeerTlsConfig,
): OwnTlsConfig | undefined {
  const problems = new Problems()
  const config = readOwnTls(openUpdate<PeerOptions>(problems, options), protocol, group)
  problems.throwIfAny()
  return config
}

/** None given is no request for the defaults: that would be `{}`. */
function openUpdate<T extends { tls?: PeerTlsOptions }>(
  problems: Problems,
  tls: PeerTlsOptions,
): Section<T> {
  if (!isOptions(tls)) problems.addSecret('tls', 'must be an object', tls)
  problems.throwIfAny()
  return new Section<T>(problems, '', { tls }, ['tls'])
}
