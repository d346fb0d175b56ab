/** When there is nobody to ask: waiting in the upstream's queue, and what is said when that was in vain. */
import type { Clock } from './clock.js'
import type { Exchange } from './exchange.js'
import type { Admission } from './overload/admission.js'
import type { Refusal } from './refusal.js'
import type { Reporter } from './reporter.js'
import type { Lease, PeerSession } from './upstream/peer-session.js'
import type { Waiter } from './upstream/peer-queue.js'
import type { PeerRegistry } from './upstream/registry.js'

export interface WaitingParts {
  readonly registry: PeerRegistry
  readonly clock: Clock
  readonly admission: Admission | undefined
  readonly policy: { readonly tries: number }
  readonly reporter: Reporter
}

/** A peer for the next attempt, taken; undefined: none can be had now, or there is no room in all for the request. */
export function takePeer(
  parts: Pick<WaitingParts, 'admission'>,
  x: Exchange,
  session: PeerSession,
): Lease | undefined {
  if (isHeldUp(parts, x)) return undefined
  const lease = session.next()
  if (lease === undefined) return undefined
  if (parts.admission !== undefined) x.admit(parts.admission)
  // At once: should its client leave now, the place goes to the next.
  x.leased(lease)
  return lease
}

/** As many requests are in flight as may be, and this one is none of them. */
function isHeldUp({ admission }: Pick<WaitingParts, 'admission'>, x: Exchange): boolean {
  return admission !== undefined && !x.isAdmitted && !admission.hasRoom
}

/** Attempts that a request may make. nginx counts the peers that are not `down`; we count attempts. */
export function initialTries({ registry, policy }: WaitingParts): number {
  // No limit but the number of peers: who waits for a peer to come back could else ask it for ever.
  if (!registry.nginx) return policy.tries === Infinity ? registry.peers.length + 1 : policy.tries
  return Math.min(registry.countUp, policy.tries)
}

/**
 * Would a request that has just failed be let wait? For a place it needs a try that is left; when nobody is live its
 * tries begin anew (`whenNoneLive: 'wait'`).
 */
export function mayWait(
  { registry, clock }: Pick<WaitingParts, 'registry' | 'clock'>,
  x: Exchange,
  session: PeerSession,
  mayTry: boolean,
): boolean {
  if (registry.whenFull === 'refuse' || registry.queue.full || x.waitedOut(clock.now()))
    return false
  const hope = session.hope()
  // A real answer that is held holds its peer's place: nobody may wait for another one with that.
  return hope === 'place' ? mayTry && x.held === undefined : hope === 'return'
}

/** Resolves with a peer, taken, or with undefined when there is nothing (more) to wait for. */
export function waitForPeer(
  parts: WaitingParts,
  x: Exchange,
  session: PeerSession,
): Promise<Lease | undefined> {
  return new Promise((resolve, reject) => {
    const hope = x.aborted ? 'none' : hopeOf(parts, x, session)
    if (hope === 'none' || (hope === 'place' && x.triesLeft <= 0)) resolve(undefined)
    else new QueuedRequest(parts, x, session, hope, resolve, reject).begin()
  })
}

function hopeOf(
  parts: WaitingParts,
  x: Exchange,
  session: PeerSession,
): 'place' | 'return' | 'none' {
  const hope = session.hope()
  if (!isHeldUp(parts, x)) return hope
  if (hope === 'none' && session.outlook() === 'none') return 'none'
  // There is a peer for it, and no room in all.
  if (parts.registry.whenFull === 'wait') return 'place'
  x.waitEnd = 'overloaded'
  return 'none'
}

/** A request in the queue. */
class QueuedRequest implements Waiter {
  readonly #parts: WaitingParts
  readonly #x: Exchange
  readonly #session: PeerSession
  #hope: 'place' | 'return'
  readonly #done: (lease: Lease | undefined) => void
  readonly #failed: (cause: unknown) => void
  /** When it joined the queue. */
  #since = 0

  constructor(
    parts: WaitingParts,
    x: Exchange,
    session: PeerSession,
    hope: 'place' | 'return',
    done: (lease: Lease | undefined) => void,
    failed: (cause: unknown) => void,
  ) {
    this.#parts = parts
    this.#x = x
    this.#session = session
    this.#hope = hope
    this.#done = done
    this.#failed = failed
  }

  begin(): void {
    const x = this.#x
    const { registry, clock } = this.#parts
    const now = clock.now()
    if (x.waitUntil === 0) x.waitUntil = now + registry.queueTimeout
    if (this.#hope === 'return' && this.#lookAgain()) return
    const until = Math.min(x.waitUntil, x.deadlineAt)
    if (now >= until) {
      this.timedOut()
      return
    }
    if (!registry.queue.join(this, until - now)) {
      x.waitEnd = 'full'
      this.#parts.reporter.queued(x, 'full', 0)
      this.#done(undefined)
      return
    }
    this.#since = now
    this.#parts.reporter.queued(x, 'joined', 0)
    x.onAbort = this.#onAbort
  }

  /** Everybody may be tried again: is that the end of the wait? */
  #lookAgain(): boolean {
    const { triesLeft } = this.#x
    const hasTried = this.#startOver()
    const isLive = this.#session.outlook() !== 'none'
    // Who has used up its tries, or whose selector finds nobody all the same, has nothing to wait for.
    const isVain = isLive ? !hasTried || triesLeft <= 0 : this.#hope === 'place' && triesLeft <= 0
    if (isVain) {
      this.#done(undefined)
      return true
    }
    if (!isLive) return false
    // One can be had: it has come back while this request was busy with another.
    this.#done(this.#take())
    return true
  }

  /** What is to be waited for then: a peer that is only full is nobody to come back, and gives no new tries. */
  #startOver(): boolean {
    const hasTried = this.#session.forgetTried()
    this.#hope = this.#session.hope() === 'place' ? 'place' : 'return'
    return hasTried
  }

  offer(): boolean {
    const x = this.#x
    if (isHeldUp(this.#parts, x)) return false
    try {
      const lease = this.#take() ?? this.#takeAnew()
      if (lease === undefined) return false
      if (this.#hope === 'return') x.triesLeft = initialTries(this.#parts)
      x.onAbort = undefined
      this.#leave('served')
      this.#done(lease)
    } catch (cause) {
      // A selector of the user's has thrown.
      x.onAbort = undefined
      this.#leave('left')
      this.#failed(cause)
    }
    return true
  }

  timedOut(): void {
    this.#x.onAbort = undefined
    this.#leave('timeout')
    this.#giveUp()
  }

  #leave(outcome: 'served' | 'timeout' | 'left'): void {
    const waited = this.#since === 0 ? 0 : this.#parts.clock.now() - this.#since
    this.#x.waited += waited
    this.#parts.reporter.queued(this.#x, outcome, waited)
  }

  #take(): Lease | undefined {
    return takePeer(this.#parts, this.#x, this.#session)
  }

  /** The places that it waited for are gone: only then may those who have failed it be asked again. */
  #takeAnew(): Lease | undefined {
    if (this.#session.hope() !== 'return' || !this.#startOver()) return undefined
    return this.#take()
  }

  readonly #onAbort = (): void => {
    this.#parts.registry.queue.leave(this)
    this.#leave('left')
    this.#giveUp()
  }

  #giveUp(): void {
    if (this.#hope === 'place') this.#x.waitEnd = 'timeout'
    this.#done(undefined)
  }
}

/** nginx says 502 to all of it; we tell "none works" from "all are busy". */
export function noPeerRefusal(registry: PeerRegistry, x: Exchange, session: PeerSession): Refusal {
  const upstream = `upstream "${registry.name}"`
  const status = registry.nginx ? 502 : 503
  const retryAfter = retryAfterOf(registry)
  if (x.waitEnd === 'full') {
    return {
      code: 'ERR_QUEUE_FULL',
      status,
      message: `the queue of ${upstream} is full`,
      retryAfter,
    }
  }
  if (x.waitEnd === 'timeout') {
    const message = `no place became free at ${upstream} in time`
    return { code: 'ERR_QUEUE_TIMEOUT', status, message, retryAfter }
  }
  if (x.waitEnd === 'overloaded') {
    const message = 'as many requests are in flight as may be'
    return { code: 'ERR_OVERLOADED', status: 503, message, retryAfter }
  }
  if (session.allBusy() && !registry.nginx) {
    const message = `every peer of ${upstream} has maxConns attempts in flight`
    return { code: 'ERR_PEERS_BUSY', status, message, retryAfter }
  }
  const message = `no live upstreams while connecting to ${upstream}`
  return { code: 'ERR_NO_LIVE_UPSTREAMS', status: 502, message }
}

/**
 * Seconds until a place may be had: those that the queue takes at its pace of late, at least one, and at most its
 * timeout, which stands for them when nobody has been served yet.
 */
function retryAfterOf({ queue, queueTimeout, whenFull }: PeerRegistry): number {
  if (whenFull === 'refuse') return 1
  const ms = Math.min(queue.expectedWait ?? queueTimeout, queueTimeout)
  return Math.max(1, Math.ceil(ms / 1000))
}
