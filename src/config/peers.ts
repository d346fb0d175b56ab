/** The list of peers. */
import type { PeerOptions } from '../options.js'
import type { PeerAddress, PeerParameters } from '../upstream/peer.js'
import { parsePeerAddress } from './peer-address.js'
import type { Problems } from './problems.js'
import { COUNT, isOptions, namesOf, POSITIVE_INTEGER, Section, toList } from './section.js'
import { readOwnTls } from './tls.js'
import type { NumberRule, TextRule } from './section.js'
import type { PeerConfig, PeerDefaults, PeerTlsConfig } from './types.js'

const PEER = namesOf<PeerOptions>({
  url: true,
  weight: true,
  maxConns: true,
  maxFails: true,
  failTimeout: true,
  backup: true,
  down: true,
  drain: true,
  slowStart: true,
  tier: true,
  locality: true,
  labels: true,
  tls: true,
})

const TIER: NumberRule = {
  rule: 'must be an integer from 0 to 100',
  holds: (value) => Number.isInteger(value) && value >= 0 && value <= 100,
}

/** It may go into a header field, and it stands in logs. */
const WORD: TextRule = {
  rule: 'must be a text without control characters',
  holds: (value) => /^\P{Cc}+$/u.test(value),
}

/** With the upstream's TLS settings, which a peer's own are checked together with. */
export type PeerSurroundings = PeerDefaults & { readonly tls: PeerTlsConfig }

/** `path` is `peers` or `upstream`. A peer with a problem is left out. */
export function readPeers(
  problems: Problems,
  path: string,
  list: unknown,
  defaults: PeerSurroundings,
  needs: 'a primary' | 'any tier' = 'a primary',
): readonly PeerConfig[] {
  if (list === undefined) {
    problems.say(path, 'is required: a list of peers')
    return []
  }
  const items = toList(list)
  if (items === undefined) {
    problems.add(path, 'must be a list of peers', list)
    return []
  }
  if (items.length === 0) problems.add(path, 'must have at least one peer', list)
  const reader = new PeerReader(problems, defaults)
  const peers = items.map((item, index) => reader.read(`${path}[${index}]`, item))
  const known = peers.filter((peer) => peer !== undefined)
  const complete = known.length > 0 && known.length === peers.length
  if (needs === 'a primary' && complete && known.every(isBackup)) {
    problems.say(path, 'must have a peer that is not a backup')
  }
  return Object.freeze(known)
}

/** The parameters of a peer that is there already, with these changes. */
export function readPeerChanges(
  problems: Problems,
  changes: object,
  now: PeerParameters,
): PeerParameters {
  const names = PEER.filter((name) => name !== 'url' && name !== 'tls')
  return readParameters(new Section<PeerOptions>(problems, '', changes, names), now)
}

function isBackup({ parameters }: PeerConfig): boolean {
  return (parameters.tier ?? 0) > 0
}

/** Those given, and for the rest `otherwise`. */
function readParameters(
  options: Section<PeerOptions>,
  otherwise: Omit<PeerParameters, 'backup'>,
): PeerParameters {
  const tier = readTier(options, otherwise.tier ?? 0)
  return Object.freeze({
    weight: options.number('weight', POSITIVE_INTEGER, otherwise.weight),
    maxConns: options.number('maxConns', COUNT, otherwise.maxConns),
    maxFails: options.number('maxFails', COUNT, otherwise.maxFails),
    failTimeout: options.duration('failTimeout', otherwise.failTimeout, 'zero allowed'),
    slowStart: options.duration('slowStart', otherwise.slowStart ?? 0, 'zero allowed'),
    backup: tier > 0,
    tier,
    down: options.boolean('down', otherwise.down),
    drain: options.boolean('drain', otherwise.drain ?? false),
    locality: options.given('locality') ? options.text('locality', WORD, '') : otherwise.locality,
    labels: readLabels(options) ?? otherwise.labels,
  })
}

/** `backup` is another word for the tier 1. */
function readTier(options: Section<PeerOptions>, otherwise: number): number {
  const backup = options.boolean('backup', otherwise > 0)
  const standard = options.given('backup') ? Number(backup) : otherwise
  const tier = options.number('tier', TIER, standard)
  if (options.given('backup') && options.given('tier') && backup !== tier > 0)
    options.reject('tier', backup ? 'must be more than 0 for a backup' : 'must be 0 without backup')
  return tier
}

function readLabels(options: Section<PeerOptions>): PeerParameters['labels'] {
  if (!options.given('labels')) return undefined
  const given = options.value('labels')
  if (!isOptions(given)) {
    options.reject('labels', 'must be an object of texts')
    return undefined
  }
  const labels = Object.entries(given)
  for (const [name, value] of labels) {
    if (typeof value === 'string' && WORD.holds(value)) continue
    options.problems.add(`${options.path('labels')}.${name}`, WORD.rule, value)
  }
  return Object.freeze(Object.fromEntries(labels) as Record<string, string>)
}

class PeerReader {
  readonly #problems: Problems
  readonly #defaults: PeerSurroundings

  constructor(problems: Problems, defaults: PeerSurroundings) {
    this.#problems = problems
    this.#defaults = defaults
  }

  read(path: string, item: unknown): PeerConfig | undefined {
    if (typeof item === 'string') return this.#peer(path, item, {})
    if (isOptions(item)) return this.#peer(`${path}.url`, undefined, item, path)
    this.#problems.add(path, 'must be a URL or an object with one', item)
    return undefined
  }

  #peer(urlPath: string, url: unknown, item: object, path = urlPath): PeerConfig | undefined {
    const options = new Section<PeerOptions>(this.#problems, path, item, PEER)
    const parameters = readParameters(options, {
      ...this.#defaults,
      weight: 1,
      maxConns: 0,
      down: false,
    })
    const address = this.#address(urlPath, url ?? options.value('url'))
    const tls = readOwnTls(options, address?.protocol, this.#defaults.tls)
    return address === undefined ? undefined : Object.freeze({ address, parameters, tls })
  }

  #address(path: string, url: unknown): PeerAddress | undefined {
    if (url === undefined) {
      this.#problems.say(path, 'is required')
      return undefined
    }
    const address = typeof url === 'string' ? parsePeerAddress(url) : 'must be a text'
    if (typeof address !== 'string') return address
    this.#problems.add(path, address, url)
    return undefined
  }
}
