/** The options that the sources have in common, and how they are checked. */
import { isIP } from 'node:net'
import { systemClock } from '../clock.js'
import type { Clock } from '../clock.js'
import { Problems } from '../config/problems.js'
import { isOptions, POSITIVE_INTEGER, Section, toList } from '../config/section.js'
import type { Duration, PeerOptions } from '../options.js'

/** What all sources take. */
export interface SourceOptions {
  /** Ends the source: the last list stays. */
  signal?: AbortSignal
  /** Where time comes from. Default: the system. */
  clock?: Clock
}

/** What the sources over DNS take. */
export interface ResolverOptions extends SourceOptions {
  /** Name servers: `'10.0.0.2'`, `'10.0.0.2:5353'`, `'[2001:db8::1]:53'`. Default: the system's. nginx `resolver`. */
  servers?: readonly string[]
  /** Addresses of this family only: 4 or 6. Default: both. nginx `ipv4=off`, `ipv6=off`. */
  family?: 4 | 6
  /** A lookup that takes longer has failed. Default 5 s. nginx `resolver_timeout`. */
  timeout?: Duration
  /** How often a server is asked within that time. Default 2. */
  tries?: number
  /** A name is not looked up again sooner than this, whatever its TTL. Default 1 s. Envoy `dns_min_refresh_rate`. */
  minTtl?: Duration
  /** And not later than this. Default 5 min; for `fromSrv` 30 s. nginx `valid`. */
  maxTtl?: Duration
  /** After a lookup that has failed. Default 2 s. Envoy `dns_failure_refresh_rate`. */
  retry?: Duration
  /** Default `'http'`. With `'https'` certificates are checked against the name that was looked up: see `peer.tls.name`. */
  protocol?: 'http' | 'https'
  /** What each peer is given: `maxConns`, `maxFails`, `labels`, `tls` … */
  peer?: Omit<PeerOptions, 'url'>
}

/** {@link ResolverOptions}, resolved; milliseconds. */
export interface ResolverConfig {
  readonly clock: Clock
  readonly signal: AbortSignal | undefined
  readonly servers: readonly string[] | undefined
  readonly families: readonly (4 | 6)[]
  readonly timeout: number
  readonly tries: number
  readonly minTtl: number
  readonly maxTtl: number
  readonly retry: number
  readonly protocol: 'http' | 'https'
  readonly peer: Omit<PeerOptions, 'url'>
}

export const RESOLVER_OPTIONS = {
  signal: true,
  clock: true,
  servers: true,
  family: true,
  timeout: true,
  tries: true,
  minTtl: true,
  maxTtl: true,
  retry: true,
  protocol: true,
  peer: true,
} as const satisfies Record<keyof ResolverOptions, true>

/**
 * Reads options with `read`.
 * @throws {ConfigurationError} with everything that is wrong
 */
export function checked<O extends object, T>(
  options: O,
  names: readonly string[],
  read: (section: Section<O>, problems: Problems) => T,
): T {
  const problems = new Problems()
  if (!isOptions(options)) problems.add('options', 'must be an object', options)
  const config = read(
    new Section<O>(problems, '', isOptions(options) ? options : {}, names),
    problems,
  )
  problems.throwIfAny()
  return config
}

export function readSource(
  section: Section<SourceOptions>,
): Pick<ResolverConfig, 'clock' | 'signal'> {
  const signal = section.value('signal')
  if (signal !== undefined && !(signal instanceof AbortSignal))
    section.reject('signal', 'must be an AbortSignal')
  return {
    clock: section.plugin<Clock>('clock', ['now', 'after'], 'a clock') ?? systemClock,
    signal: signal instanceof AbortSignal ? signal : undefined,
  }
}

export function readResolver(
  section: Section<ResolverOptions>,
  standard: { readonly maxTtl: number },
): ResolverConfig {
  const minTtl = section.duration('minTtl', 1000, 'more than zero')
  const maxTtl = section.duration('maxTtl', Math.max(minTtl, standard.maxTtl), 'more than zero')
  if (maxTtl < minTtl) section.reject('maxTtl', 'must not be less than minTtl')
  const peer = section.value('peer')
  if (peer !== undefined && !isOptions(peer)) section.reject('peer', 'must be an object')
  else if (peer !== undefined && 'url' in peer) section.reject('peer', 'must have no url')
  return {
    ...readSource(section),
    servers: readServers(section),
    families: readFamilies(section),
    timeout: section.duration('timeout', 5000, 'more than zero'),
    tries: section.number('tries', POSITIVE_INTEGER, 2),
    minTtl,
    maxTtl,
    retry: section.duration('retry', 2000, 'more than zero'),
    protocol: section.choice('protocol', ['http', 'https'], 'http'),
    peer: isOptions(peer) ? peer : {},
  }
}

/** A full name: there is no search list, and an address needs no looking up. */
export function checkName(problems: Problems, name: unknown): void {
  const label = /^[a-z\d_]([a-z\d_-]{0,61}[a-z\d_])?$/i
  const isName =
    typeof name === 'string' &&
    isIP(name) === 0 &&
    name.length <= 254 &&
    name
      .replace(/\.$/, '')
      .split('.')
      .every((part) => label.test(part))
  if (!isName) problems.add('name', 'must be a host name', name)
}

function readFamilies(section: Section<ResolverOptions>): readonly (4 | 6)[] {
  const family = section.value('family')
  if (family === undefined) return [4, 6]
  if (family === 4 || family === 6) return [family]
  section.reject('family', 'must be 4 or 6')
  return []
}

function readServers(section: Section<ResolverOptions>): readonly string[] | undefined {
  const value = section.value('servers')
  if (value === undefined) return undefined
  const servers = toList(value)
  if (servers === undefined || servers.length === 0 || !servers.every(isServer)) {
    section.reject('servers', 'must be a list of addresses, each perhaps with a port')
    return undefined
  }
  return servers
}

function isServer(value: unknown): value is string {
  if (typeof value !== 'string') return false
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(value) ?? []
  const address = bracketed ?? plain ?? value
  return isIP(address) !== 0 && (port === undefined || Number(port) < 65_536)
}
