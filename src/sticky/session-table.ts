/** Which session belongs to which peer: bounded in number and time. */
import { hash } from 'node:crypto'
import type { Clock } from '../clock.js'
import type { Peer } from '../upstream/peer-selector.js'

/** In a ring with its neighbours: which of them was seen before it, and which after. */
class Session {
  readonly key: string
  peer: Peer | undefined
  until = 0
  before: Session = this
  after: Session = this

  constructor(key: string) {
    this.key = key
  }

  leave(): void {
    this.before.after = this.after
    this.after.before = this.before
  }

  enterBefore(next: Session): void {
    this.after = next
    this.before = next.before
    this.before.after = this
    next.before = this
  }
}

/**
 * Keys are hashed: each takes the same room whatever it is, and who reads this memory has nobody's session. The ring, and
 * not the order of the Map, says who was not seen for the longest: a Map walks over all that has been taken out of it.
 */
export class SessionTable {
  readonly #size: number
  readonly #timeout: number
  readonly #clock: Clock
  readonly #sessions = new Map<string, Session>()
  /** None itself: behind it comes the one that was not seen for the longest. */
  readonly #ring = new Session('')

  constructor(size: number, timeout: number, clock: Clock) {
    this.#size = size
    this.#timeout = timeout
    this.#clock = clock
  }

  get size(): number {
    return this.#sessions.size
  }

  /** The session has been seen. */
  peerOf(session: string): Peer | undefined {
    return this.#seen(keyOf(session))?.peer
  }

  set(session: string, peer: Peer): void {
    const key = keyOf(session)
    const known = this.#seen(key) ?? this.#enter(key)
    known.peer = peer
  }

  /** Another peer serves it now; nothing happens to a session that is not known. */
  move(session: string, peer: Peer): void {
    const known = this.#seen(keyOf(session))
    if (known !== undefined) known.peer = peer
  }

  #seen(key: string): Session | undefined {
    const session = this.#sessions.get(key)
    if (session === undefined) return undefined
    const now = this.#clock.now()
    if (now >= session.until) {
      this.#forget(session)
      return undefined
    }
    session.leave()
    this.#isLatest(session, now)
    return session
  }

  #enter(key: string): Session {
    const now = this.#clock.now()
    let eldest = this.#ring.after
    while (eldest !== this.#ring && (now >= eldest.until || this.#sessions.size >= this.#size)) {
      this.#forget(eldest)
      eldest = this.#ring.after
    }
    const session = new Session(key)
    this.#sessions.set(key, session)
    this.#isLatest(session, now)
    return session
  }

  #isLatest(session: Session, now: number): void {
    session.until = now + this.#timeout
    session.enterBefore(this.#ring)
  }

  #forget(session: Session): void {
    session.leave()
    this.#sessions.delete(session.key)
  }
}

function keyOf(session: string): string {
  return hash('sha256', session, 'base64url')
}
