/**
 * Hedged requests: when a peer takes long to answer, another one is asked beside it, and the first good response wins.
 * Dean and Barroso, "The Tail at Scale"; Envoy `hedge_policy`.
 */
import type { AttemptRecord } from './attempt-record.js'
import type { Clock, Timer } from './clock.js'
import type { Exchange } from './exchange.js'
import type { AttemptContext } from './judge.js'
import type { AttemptResult } from './next-upstream/attempt-result.js'
import type { RetryBudget } from './next-upstream/budget.js'
import { conditionOfStatus } from './next-upstream/condition.js'
import type { Condition } from './next-upstream/condition.js'
import type { Outbound } from './outbound.js'
import { PreparedAttempt, startAttempt } from './prepared-attempt.js'
import type { Reporter } from './reporter.js'
import type { AttemptSignal, Transport } from './transport/transport.js'
import type { Lease, PeerSession } from './upstream/peer-session.js'
import type { PeerRegistry } from './upstream/registry.js'

export interface HedgeSettings {
  /** Milliseconds without a response head after which another attempt begins. */
  readonly after: number
  /** Attempts beside the first, at most. */
  readonly attempts: number
}

export interface HedgeParts {
  readonly registry: PeerRegistry
  readonly transport: Transport
  readonly clock: Clock
  readonly budget: RetryBudget | undefined
  readonly policy: { readonly on: ReadonlySet<Condition> }
  readonly reporter: Reporter
}

/** The request whose attempt it is. */
export interface HedgeHost extends AttemptContext {
  /** From now on `lease` and `record` are those of this attempt. */
  turnTo(lease: Lease, record: AttemptRecord): void
  /** What the attempt turned to has come to; no other one is running. */
  settle(result: AttemptResult): void
  /** The attempt turned to has come to nothing, and another one is still running. */
  failedBeside(result: AttemptResult): void
  /** The transport, or a plug-in, has thrown. */
  thrown(cause: unknown): void
}

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Only what changes nothing may be asked for twice on suspicion (RFC 9110 section 9.2.1). */
export function mayBeHedged({ head, body, idempotent }: Outbound): boolean {
  return (
    idempotent && SAFE.has(head.method) && body.framing === 'none' && head.upgrade === undefined
  )
}

/** One of the attempts that run beside each other, with a signal of its own. */
class Leg implements AttemptContext, AttemptSignal {
  readonly x: Exchange
  readonly session: PeerSession
  readonly outbound: Outbound
  readonly lease: Lease
  readonly record: AttemptRecord
  onAbort: (() => void) | undefined
  /** It has come to something, or nobody wants to know any more. */
  over = false
  readonly #race: HedgedAttempt
  readonly #startedAt: number

  constructor(race: HedgedAttempt, host: AttemptContext, lease: Lease, record: AttemptRecord) {
    this.x = host.x
    this.session = host.session
    this.outbound = host.outbound
    this.lease = lease
    this.record = record
    this.#race = race
    this.#startedAt = lease.takenAt
  }

  get aborted(): boolean {
    return this.over || this.x.aborted
  }

  informational(status: number, rawHeaders: readonly string[]): void {
    if (!this.over) this.x.informational(status, rawHeaders)
  }

  readonly settle = (result: AttemptResult): void => {
    if (!this.over) this.#race.settled(this, result)
    else if (result.kind === 'response') result.response.discard()
  }

  readonly fail = (cause: unknown): void => {
    if (!this.over) this.#race.thrown(cause)
  }

  /** Its connection is closed. Of what it comes to nobody is told. */
  giveUp(): void {
    this.over = true
    const { onAbort } = this
    this.onAbort = undefined
    onAbort?.()
  }

  /** Another one was faster: that is nothing to blame a peer for. */
  lose(now: number): void {
    this.giveUp()
    this.record.cancelled = true
    if (this.record.responseTime < 0) this.record.responseTime = now - this.#startedAt
    this.lease.release('next')
  }
}

/** In place of one attempt: settles once, whatever comes of those that it consists of. */
export class HedgedAttempt {
  readonly #parts: HedgeParts
  readonly #host: HedgeHost
  #left: number
  readonly #timer: Timer
  readonly #running = new Set<Leg>()
  #over = false

  constructor(parts: HedgeParts, host: HedgeHost, { after, attempts }: HedgeSettings) {
    this.#parts = parts
    this.#host = host
    this.#left = attempts
    this.#timer = parts.clock.after(after, () => {
      this.#hedge()
    })
  }

  begin(): void {
    const { x, lease, record, outbound } = this.#host
    x.onAbort = () => {
      this.#aborted()
    }
    this.#start(new Leg(this, this.#host, lease, record), outbound.connection)
  }

  /** Called once by each leg. */
  settled(leg: Leg, result: AttemptResult): void {
    leg.over = true
    this.#running.delete(leg)
    try {
      if (this.#running.size === 0 || this.#isGood(result)) {
        this.#end()
        this.#turnTo(leg)
        // Some transports listen on until the body is over.
        if (leg.onAbort !== undefined) this.#host.x.onAbort = leg.onAbort
        this.#host.settle(result)
      } else {
        this.#turnTo(leg)
        this.#host.failedBeside(result)
      }
    } catch (cause) {
      this.thrown(cause)
    }
  }

  thrown(cause: unknown): void {
    this.#end()
    this.#host.thrown(cause)
  }

  #turnTo({ lease, record }: Leg): void {
    this.#host.turnTo(lease, record)
  }

  #start(leg: Leg, connection: 'any' | 'fresh'): void {
    const { transport, reporter } = this.#parts
    this.#running.add(leg)
    const attempt = new PreparedAttempt(leg, connection)
    reporter.attemptStarted(leg.x, attempt, false)
    startAttempt(transport, attempt, leg, leg.settle, leg.fail)
  }

  /** A response that would be followed by a next try is not what is waited for. */
  #isGood(result: AttemptResult): boolean {
    if (result.kind !== 'response') return false
    const condition = conditionOfStatus(result.response.status)
    return condition === undefined || !this.#parts.policy.on.has(condition)
  }

  /** It has taken long: another peer is asked, if one is live and the budget has room. */
  #hedge(): void {
    if (this.#over) return
    const { x, session, outbound } = this.#host
    try {
      const lease = this.#mayHedge() ? session.next() : undefined
      if (lease === undefined) return
      x.leased(lease)
      x.triesLeft--
      this.#parts.budget?.retry(this.#parts.clock.now())
      if (--this.#left > 0) this.#timer.refresh()
      this.#start(new Leg(this, this.#host, lease, x.record(lease)), outbound.connection)
    } catch (cause) {
      this.thrown(cause)
    }
  }

  #mayHedge(): boolean {
    const { registry, budget, clock } = this.#parts
    const { x, session } = this.#host
    const now = clock.now()
    if (x.triesLeft <= 1 || x.isPastDeadline(now) || budget?.allows(now) === false) return false
    // nginx tries its only peer again and again. Where others wait for a place, two would be too many.
    return !registry.single && registry.queue.length === 0 && session.outlook() === 'live'
  }

  /** The client has left, or the time of all attempts is over. */
  #aborted(): void {
    const [first] = this.#running
    if (this.#over || first === undefined) return
    this.#running.delete(first)
    this.#end()
    first.giveUp()
    this.#turnTo(first)
    this.#host.settle({ kind: 'aborted' })
  }

  /** Whoever still runs has lost. */
  #end(): void {
    this.#over = true
    this.#timer.cancel()
    this.#host.x.onAbort = undefined
    const now = this.#parts.clock.now()
    for (const leg of this.#running) leg.lose(now)
    this.#running.clear()
  }
}
