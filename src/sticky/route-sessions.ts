/** The application names the peer (nginx `sticky route`, Tomcat's jvmRoute). */
import type { StickySource } from '../sticky-options.js'
import type { Peer, SelectionRequest } from '../upstream/peer-selector.js'
import type { HintTaker } from '../upstream/stickiness.js'
import { PeerIndex } from './peer-index.js'
import { compileSource } from './request-text.js'
import type { TextOf } from './request-text.js'
import type { StickySessions } from './sticky-sessions.js'

export class RouteSessions implements StickySessions {
  readonly hiddenCookie = undefined
  readonly #sources: readonly TextOf[]
  readonly #peers = new PeerIndex(({ labels: { route } }) => (route === undefined ? [] : [route]))

  constructor(sources: readonly StickySource[]) {
    this.#sources = sources.map(compileSource)
  }

  /** The first text that names a peer: the route itself, or what stands behind its last dot. */
  hinted(request: SelectionRequest, taker: HintTaker): Peer | undefined {
    for (const textOf of this.#sources) {
      const text = textOf(request)
      if (text === undefined) continue
      const peer =
        this.#peers.find(text, taker) ??
        this.#peers.find(text.slice(text.lastIndexOf('.') + 1), taker)
      if (peer !== undefined) return peer
    }
    return undefined
  }

  answered(fields: readonly string[]): readonly string[] {
    return fields
  }
}
