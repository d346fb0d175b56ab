/** A cookie of our own names the peer (nginx `sticky cookie`, HAProxy `cookie … insert`). */
import type { IncomingMessage } from 'node:http'
import type { StickyCookieConfig } from '../config/types.js'
import { cookieValue, setCookieValue } from '../message/cookie.js'
import type { Peer, SelectionRequest } from '../upstream/peer-selector.js'
import type { HintTaker } from '../upstream/stickiness.js'
import { PeerIndex } from './peer-index.js'
import { PeerNames } from './peer-names.js'
import { cookieHeader } from './request-text.js'
import { attributesOf } from './set-cookie.js'
import type { PeerResponse, StickyRequest, StickySessions } from './sticky-sessions.js'

export class CookieSessions implements StickySessions {
  readonly hiddenCookie: string | undefined
  readonly #config: StickyCookieConfig
  readonly #names: PeerNames
  readonly #peers: PeerIndex
  readonly #before: string
  readonly #after: string

  constructor(config: StickyCookieConfig) {
    this.#config = config
    this.hiddenCookie = config.indirect ? config.name : undefined
    this.#names = new PeerNames(config.secrets)
    this.#peers = new PeerIndex((peer) => this.#names.of(peer))
    const { before, after } = attributesOf(config)
    this.#before = before
    this.#after = after
  }

  /** What names no peer, or is garbled or forged, is as if it were not there. */
  hinted({ headers }: SelectionRequest, taker: HintTaker): Peer | undefined {
    const name = cookieValue(cookieHeader(headers), this.#config.name)
    return name === undefined ? undefined : this.#peers.find(name, taker)
  }

  answered(
    fields: readonly string[],
    request: StickyRequest,
    peer: Peer,
    _response: PeerResponse,
    isSecure: (req: IncomingMessage) => boolean,
  ): readonly string[] {
    const { name, rolling, indirect, nocache, secure } = this.#config
    const theirs = indirect ? withoutSetCookie(fields, name) : fields
    const [current] = this.#names.of(peer)
    // One that was made with an older secret is made anew.
    if (!rolling && cookieValue(cookieHeader(request.headers), name) === current) return theirs
    const marked = secure === true || (secure === 'auto' && isSecure(request.req))
    const line = `${name}=${current}${this.#before}${marked ? '; Secure' : ''}${this.#after}`
    const changed = [...theirs, 'Set-Cookie', line]
    if (nocache && !isPrivate(theirs)) changed.push('Cache-Control', 'private')
    return changed
  }
}

/** No shared cache keeps it anyway. */
function isPrivate(fields: readonly string[]): boolean {
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (fields[i]?.toLowerCase() !== 'cache-control') continue
    if (/(?:^|,)\s*(?:private|no-store)\s*(?:,|$)/i.test(fields[i + 1] ?? '')) return true
  }
  return false
}

function withoutSetCookie(fields: readonly string[], name: string): readonly string[] {
  const isOurs = (i: number): boolean =>
    fields[i]?.toLowerCase() === 'set-cookie' &&
    setCookieValue(fields[i + 1] ?? '', name) !== undefined
  const kept: string[] = []
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (!isOurs(i)) kept.push(fields[i] ?? '', fields[i + 1] ?? '')
  }
  return kept.length === fields.length ? fields : kept
}
