/** The list of peers. */
import type { PeerOptions } from '../options.js'
import type { PeerAddress, PeerParameters } from '../upstream/peer.js'
import { parsePeerAddress } from './peer-address.js'
import type { Problems } from './problems.js'
import { COUNT, isOptions, namesOf, POSITIVE_INTEGER, Section, toList } from './section.js'
import { readOwnTls } from './tls.js'
import type { PeerConfig, PeerTlsConfig } from './types.js'

const PEER = namesOf<PeerOptions>({
  url: true,
  weight: true,
  maxConns: true,
  maxFails: true,
  failTimeout: true,
  backup: true,
  down: true,
  tls: true,
})

/** What a peer takes over from its upstream when it does not say otherwise. */
export interface PeerDefaults extends Pick<PeerParameters, 'maxFails' | 'failTimeout'> {
  readonly tls: PeerTlsConfig
}

/** `path` is `peers` or `upstream`. A peer with a problem is left out. */
export function readPeers(
  problems: Problems,
  path: string,
  list: unknown,
  defaults: PeerDefaults,
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
  if (known.length > 0 && known.length === peers.length && known.every(isBackup)) {
    problems.say(path, 'must have a peer that is not a backup')
  }
  return Object.freeze(known)
}

function isBackup(peer: PeerConfig): boolean {
  return peer.parameters.backup
}

class PeerReader {
  readonly #problems: Problems
  readonly #defaults: PeerDefaults

  constructor(problems: Problems, defaults: PeerDefaults) {
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
    const parameters: PeerParameters = Object.freeze({
      weight: options.number('weight', POSITIVE_INTEGER, 1),
      maxConns: options.number('maxConns', COUNT, 0),
      maxFails: options.number('maxFails', COUNT, this.#defaults.maxFails),
      failTimeout: options.duration('failTimeout', this.#defaults.failTimeout, 'zero allowed'),
      backup: options.boolean('backup', false),
      down: options.boolean('down', false),
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
