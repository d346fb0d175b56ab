/** Peers that come or change while requests run: checked like those at the start. */
import type { Peer, PeerParameters, PeerState } from '../upstream/peer.js'
import { parametersOf } from '../upstream/peer.js'
import { bindProblem } from './bind.js'
import { readPeerChanges, readPeers } from './peers.js'
import type { PeerSurroundings } from './peers.js'
import { Problems } from './problems.js'
import { isOptions } from './section.js'
import type { PeerConfig } from './types.js'

/** What new peers have to fit in with. */
export interface MembershipRules {
  readonly defaults: PeerSurroundings
  readonly bind: string | undefined
  /** What the selector and others do not get on with, as a rule that the peer breaks. */
  readonly refuses: (parameters: PeerParameters) => string | undefined
}

/**
 * A list of peers; `path` is what the messages call it.
 * @throws {ConfigurationError}
 */
export function resolvePeers(
  list: unknown,
  path: string,
  { defaults, bind, refuses }: MembershipRules,
): readonly PeerConfig[] {
  const problems = new Problems()
  const peers = checkPeers(problems, path, list, { defaults, bind, refuses })
  problems.throwIfAny()
  return peers
}

/**
 * One peer that is not there yet.
 * @throws {ConfigurationError}
 */
export function resolveNewPeer(
  peer: unknown,
  known: readonly Peer[],
  rules: MembershipRules,
): PeerConfig {
  const problems = new Problems()
  const [entry] = checkPeers(problems, 'peers', [peer], rules, 'any tier')
  if (entry !== undefined) {
    const { protocol, name } = entry.address
    if (known.some((each) => each.protocol === protocol && each.name === name))
      problems.add(
        'peers[0].url',
        'must not be that of a peer already there',
        `${protocol}//${name}`,
      )
  }
  problems.throwIfAny()
  if (entry === undefined) throw new Error('a peer was lost on the way')
  return entry
}

function checkPeers(
  problems: Problems,
  path: string,
  list: unknown,
  { defaults, bind, refuses }: MembershipRules,
  tiers: 'a primary' | 'any tier' = 'a primary',
): readonly PeerConfig[] {
  const peers = readPeers(problems, path, list, defaults, tiers)
  for (const [index, { address, parameters }] of peers.entries()) {
    const where = `${path}[${index}]`
    const rule = refuses(parameters)
    if (rule !== undefined) problems.say(where, rule)
    const clash = bindProblem(bind, address)
    if (clash !== undefined) problems.say(where, clash)
  }
  return peers
}

/**
 * With `zone` a peer that comes goes to the other workers, too, and a key goes in no message.
 * @throws {ConfigurationError}
 */
export function refuseOwnTls(path: string, entries: readonly (PeerConfig | undefined)[]): void {
  const problems = new Problems()
  for (const [index, entry] of entries.entries()) {
    if (entry?.tls === undefined) continue
    const rule = "must not be new with zone: set the upstream's tls, or updateTls in each worker"
    problems.say(`${path}[${index}].tls`, rule)
  }
  problems.throwIfAny()
}

/**
 * The parameters of a peer after changes.
 * @throws {ConfigurationError}
 */
export function resolvePeerChanges(
  changes: unknown,
  peer: PeerState,
  { refuses }: Pick<MembershipRules, 'refuses'>,
): PeerParameters {
  const problems = new Problems()
  if (!isOptions(changes)) problems.add('parameters', 'must be an object', changes)
  const parameters = readPeerChanges(
    problems,
    isOptions(changes) ? changes : {},
    parametersOf(peer),
  )
  const rule = refuses(parameters)
  if (rule !== undefined) problems.say(peer.name, rule)
  problems.throwIfAny()
  return parameters
}
