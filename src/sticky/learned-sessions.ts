/** Sessions that the peers make, remembered with their peer (nginx `sticky learn`). */
import type { Clock } from '../clock.js'
import type { StickyLearnConfig } from '../config/types.js'
import { setCookieValue } from '../message/cookie.js'
import { HeaderList } from '../message/header-list.js'
import type { StickyLearnOptions, StickyResponse } from '../sticky-options.js'
import type { Peer, SelectionRequest } from '../upstream/peer-selector.js'
import type { HintTaker } from '../upstream/stickiness.js'
import { compileSource, textOrNothing } from './request-text.js'
import type { TextOf } from './request-text.js'
import { SessionTable } from './session-table.js'
import type { PeerResponse, StickyRequest, StickySessions } from './sticky-sessions.js'

type Create = (response: StickyResponse) => string | undefined

export class LearnedSessions implements StickySessions {
  readonly hiddenCookie = undefined
  readonly #create: Create
  readonly #lookup: TextOf
  readonly #table: SessionTable

  constructor({ create, lookup, size, timeout }: StickyLearnConfig, clock: Clock) {
    this.#create = compileCreate(create)
    this.#lookup = compileSource(lookup)
    this.#table = new SessionTable(size, timeout, clock)
  }

  hinted(request: SelectionRequest, taker: HintTaker): Peer | undefined {
    const session = this.#lookup(request)
    const peer = session === undefined ? undefined : this.#table.peerOf(session)
    return peer !== undefined && taker.takes(peer) ? peer : undefined
  }

  answered(
    fields: readonly string[],
    request: StickyRequest,
    peer: Peer,
    response: PeerResponse,
  ): readonly string[] {
    const begun = textOrNothing(this.#create(new SeenResponse(response, peer, request)))
    if (begun !== undefined) {
      this.#table.set(begun, peer)
      return fields
    }
    // What a client says begins no session: it could fill the table with them. One that is known moves with its client.
    const session = this.#lookup(request)
    if (session !== undefined) this.#table.move(session, peer)
    return fields
  }
}

class SeenResponse implements StickyResponse {
  readonly peer: Peer
  readonly request: SelectionRequest
  readonly #response: PeerResponse

  constructor(response: PeerResponse, peer: Peer, request: SelectionRequest) {
    this.#response = response
    this.peer = peer
    this.request = request
  }

  get status(): number {
    return this.#response.status
  }

  /** A copy: it is a user's, who may change it. */
  get headers(): HeaderList {
    return new HeaderList([...this.#response.rawHeaders])
  }
}

function compileCreate(create: StickyLearnOptions['create']): Create {
  if (typeof create === 'function') return create
  if ('header' in create) {
    const { header } = create
    return ({ headers }) => headers.get(header)
  }
  const { cookie } = create
  return ({ headers }) => {
    for (const line of headers.getAll('set-cookie')) {
      const value = textOrNothing(setCookieValue(line, cookie))
      if (value !== undefined) return value
    }
    return undefined
  }
}
