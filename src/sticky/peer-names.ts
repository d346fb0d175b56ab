/** Names of peers that do not show their address. */
import { createHmac } from 'node:crypto'
import type { Peer } from '../upstream/peer-selector.js'

/** 128 bits: nobody hits upon one by chance. */
const BYTES = 16

/** Without a secret of the user's it is the same everywhere, so that processes agree. */
const NO_SECRET = 'evenkeel'

/**
 * The name of a peer is a MAC of its address: whoever does not know the secret can neither make one up nor read
 * anything from it. Computed once for each peer: to check a name is to look it up.
 */
export class PeerNames {
  readonly #secrets: readonly string[]
  readonly #names = new WeakMap<Peer, readonly [current: string, ...older: string[]]>()

  /** @param secrets the first makes names, the others made them before. */
  constructor(secrets: readonly string[]) {
    this.#secrets = secrets
  }

  /** The current one, then those made with older secrets. */
  of(peer: Peer): readonly [current: string, ...older: string[]] {
    const known = this.#names.get(peer)
    if (known !== undefined) return known
    const [current = NO_SECRET, ...older] = this.#secrets
    const text = `evenkeel sticky\n${peer.protocol}//${peer.name}`
    const made = [macOf(text, current), ...older.map((secret) => macOf(text, secret))] as const
    this.#names.set(peer, made)
    return made
  }
}

function macOf(text: string, secret: string): string {
  return createHmac('sha256', secret).update(text).digest().subarray(0, BYTES).toString('base64url')
}
