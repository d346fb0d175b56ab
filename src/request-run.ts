/** One client request from top to bottom: the file to read first. */
import type { AttemptRecord } from './attempt-record.js'
import { BalancerError } from './errors.js'
import { Arrived } from './delivery.js'
import type { DeliveryOutcome } from './delivery.js'
import type { Exchange } from './exchange.js'
import type { HandlerParts } from './handler-parts.js'
import { HedgedAttempt, mayBeHedged } from './hedging.js'
import type { HedgeHost } from './hedging.js'
import { judge, judgeBeside, settleTries } from './judge.js'
import type { Verdict } from './judge.js'
import { readWhole, wholeLength } from './message/whole-response.js'
import type {
  AttemptResult,
  UpstreamFailure,
  UpstreamResponse,
} from './next-upstream/attempt-result.js'
import { prepareOutbound } from './outbound.js'
import type { Outbound } from './outbound.js'
import { PreparedAttempt, startAttempt } from './prepared-attempt.js'
import { closeAfter, itsTurn, turnOf } from './message/client-connection.js'
import { startDeadline, stopRefusal, truncatedRefusal, upstreamRefusal } from './ending.js'
import { CLOSING, internalRefusal, isUnsendable } from './refusal.js'
import type { Refusal } from './refusal.js'
import { PeerSession } from './upstream/peer-session.js'
import type { Lease } from './upstream/peer-session.js'
import { afterReading } from './turn.js'
import { initialTries, takePeer, waitForPeer } from './waiting.js'

/**
 * The way of one request. What takes time calls back, and nothing here waits: where a promise would be awaited, a step
 * ends, and another one begins when there is something to go on with. Most requests need no promise at all.
 */
export class RequestRun implements HedgeHost {
  readonly x: Exchange
  readonly #parts: HandlerParts
  readonly #onDone: (() => void) | undefined
  #session: PeerSession | undefined
  #outbound: Outbound | undefined
  /** Of the latest attempt. */
  #lease: Lease | undefined
  #record: AttemptRecord | undefined
  /** The next attempt goes to the same peer, on a fresh connection. */
  #again = false
  /** There will be no further attempt. */
  #concluding = false
  #done = false

  constructor(parts: HandlerParts, x: Exchange, onDone: (() => void) | undefined) {
    this.#parts = parts
    this.x = x
    this.#onDone = onDone
  }

  get session(): PeerSession {
    return present(this.#session)
  }

  get outbound(): Outbound {
    return present(this.#outbound)
  }

  get lease(): Lease {
    return present(this.#lease)
  }

  get record(): AttemptRecord {
    return present(this.#record)
  }

  // ---- 1, 2: its turn on the connection; head and body, computed once for all attempts

  begin(parsedBody: unknown): void {
    try {
      const { req, res } = this.x
      const turn = turnOf(res)
      if (turn === 'waiting') {
        this.#later(itsTurn(req, res), (hasCome) => {
          if (!hasCome) this.x.leave()
          this.#prepare(parsedBody)
        })
        return
      }
      if (turn === 'ended') this.x.leave()
      this.#prepare(parsedBody)
    } catch (cause) {
      this.#crash(cause)
    }
  }

  #prepare(parsedBody: unknown): void {
    const { x } = this
    const { draining } = this.#parts
    if (x.res.headersSent) throw new Error('the response had been begun before the balancer got it')
    if (draining.closed || (draining.draining && x.upgrade !== undefined)) this.#refuse(CLOSING)
    else if (x.over) this.#stopped()
    else {
      const prepared = prepareOutbound(this.#parts, x, parsedBody)
      if (prepared instanceof Promise) {
        this.#later(prepared, (outbound) => {
          this.#prepared(outbound)
        })
      } else {
        this.#prepared(prepared)
      }
    }
  }

  #prepared(outbound: Outbound | Refusal): void {
    const { x } = this
    if ('code' in outbound) {
      if (x.over) this.#stopped()
      else this.#refuse(outbound)
      return
    }
    this.#outbound = outbound
    x.body = outbound.body
    x.triesLeft = initialTries(this.#parts)
    startDeadline(this.#parts, x)
    if (outbound.body.framing === 'none') x.awaitsContinue = false
    this.#session = new PeerSession(this.#parts.registry, x)
    this.#next()
  }

  // ---- 3, 4: a peer, or nobody to ask

  #next(): void {
    const lease = this.#again ? this.lease : takePeer(this.#parts, this.x, this.session)
    if (lease === undefined) this.#wait('nobody')
    else this.#attemptAt(lease)
  }

  /** `nobody`: none was found to begin with, or after all. */
  #wait(why: 'nobody' | 'failed'): void {
    this.#later(waitForPeer(this.#parts, this.x, this.session), (lease) => {
      if (lease !== undefined) {
        this.#attemptAt(lease)
        return
      }
      // nginx says so whatever an earlier attempt came to.
      if (why === 'nobody' && this.#parts.registry.nginx) this.x.lastFailure = undefined
      this.#conclude()
    })
  }

  #attemptAt(lease: Lease): void {
    this.turnTo(lease, this.x.record(lease, this.#again ? this.#parts.clock.now() : undefined))
    this.#attempt()
  }

  // ---- 5, 6: one attempt, and what to make of it

  #attempt(): void {
    const { x } = this
    if (x.aborted) {
      this.#judged({ kind: 'aborted' })
      return
    }
    const { connection } = this.outbound
    const { transport, hedge, reporter } = this.#parts
    if (hedge !== undefined && !this.#again && mayBeHedged(this.outbound)) {
      new HedgedAttempt(this.#parts, this, hedge).begin()
      return
    }
    const attempt = new PreparedAttempt(this, this.#again ? 'fresh' : connection)
    reporter.attemptStarted(x, attempt, this.#again)
    startAttempt(transport, attempt, x, this.settle, this.thrown)
  }

  /** The transport says what an upstream does wrong; what it throws is wrong with the request, or with us. */
  readonly thrown = (cause: unknown): void => {
    const message = 'the request cannot be sent on'
    if (!isUnsendable(cause)) this.#crash(cause)
    else this.#crash(new BalancerError('ERR_BAD_REQUEST', message, { status: 400, cause }))
  }

  readonly settle = (result: AttemptResult): void => {
    try {
      const { x } = this
      if (this.#done) {
        // A transport that has failed, and goes on all the same.
        if (result.kind === 'response') result.response.discard()
        return
      }
      const length = result.kind === 'response' && !x.over ? this.#toRead(result.response) : 0
      if (result.kind !== 'response' || length === 0) this.#judged(result)
      else readWhole(result.response, length, x, this.settle)
    } catch (cause) {
      this.#crash(cause)
    }
  }

  turnTo(lease: Lease, record: AttemptRecord): void {
    this.#lease = lease
    this.#record = record
  }

  failedBeside(result: AttemptResult): void {
    this.#keepOrDrop(result, judgeBeside(this.#parts, this, result))
  }

  /** Bytes of a short response that are still to be read. */
  #toRead(response: UpstreamResponse): number {
    if (response.tunnel !== undefined || response.isWhole === true) return 0
    return wholeLength(response, this.outbound.head.method, this.#parts.policy.wholeResponse)
  }

  #judged(result: AttemptResult): void {
    const { x } = this
    if (result.kind === 'response') x.inHand = result.response
    if (x.over || x.res.headersSent) {
      this.#stopped()
      return
    }
    const verdict = judge(this.#parts, this, result)
    if (verdict.do !== 'deliver' || result.kind !== 'response') {
      this.#goOn(result, verdict)
      return
    }
    // What is in memory can be answered together with what others are waiting for.
    if (result.response.isWhole === true) afterReading(deliverInHand, this)
    else this.#deliver(new Arrived(result.response, this.lease, this.record))
  }

  #goOn(result: AttemptResult, verdict: Verdict): void {
    const { x } = this
    settleTries(x, this.#parts.registry, verdict, this.record)
    this.#again = verdict.do === 'again'
    if (this.#again) {
      x.inHand?.discard()
      this.#next()
      return
    }
    this.#keepOrDrop(result, verdict)
    if (verdict.do === 'next') this.#next()
    else if (verdict.do === 'wait') this.#wait('failed')
    else this.#conclude()
  }

  /** 7: a real response is kept, the first before all others; the rest is let go. */
  #keepOrDrop(result: AttemptResult, verdict: Verdict): void {
    const { x, lease, record } = this
    if (result.kind === 'response') {
      const nginxDrops = this.#parts.registry.nginx && verdict.do === 'next'
      if (x.held === undefined && !nginxDrops) {
        x.held = new Arrived(result.response, lease, record)
        x.inHand = undefined
        return
      }
      result.response.discard()
    }
    lease.release(verdict.charged ? 'failed' : 'next')
  }

  // ---- 8: to the client

  /** Of a response that is in memory. Meanwhile the client may have left, or somebody else have answered it. */
  deliverInHand(): void {
    const { x, lease, record } = this
    try {
      if (this.#done) return
      if (x.over || x.res.headersSent) this.#stopped()
      else this.#deliver(new Arrived(present(x.inHand), lease, record))
    } catch (cause) {
      this.#crash(cause)
    }
  }

  #deliver(arrived: Arrived): void {
    const outcome = this.#parts.delivery.deliver(this.x, arrived, this.outbound)
    if (!(outcome instanceof Promise)) this.#delivered(outcome)
    else {
      this.#later(outcome, (later) => {
        this.#delivered(later)
      })
    }
  }

  #delivered(outcome: DeliveryOutcome): void {
    switch (outcome.kind) {
      case 'delivered':
        this.#finish()
        return
      case 'refused':
        this.#unwritable(outcome.failure)
        return
      case 'stopped':
        this.#stopped()
        return
      case 'truncated':
        this.#refuse(truncatedRefusal(this.x, outcome.cause))
    }
  }

  /** What the upstream sent cannot be written, and nothing is. */
  #unwritable(failure: UpstreamFailure): void {
    if (this.#concluding) {
      this.x.lastFailure = failure
      this.#answerForUpstream()
      return
    }
    const failed: AttemptResult = { kind: 'failure', failure }
    this.#goOn(failed, judge(this.#parts, this, failed))
  }

  // ---- 9: ends without a response of this attempt

  /** The kept response if there is one, else a gateway status. */
  #conclude(): void {
    const { x } = this
    this.#concluding = true
    if (x.over) this.#stopped()
    else if (x.held === undefined) this.#answerForUpstream()
    else this.#deliver(x.held)
  }

  #answerForUpstream(): void {
    this.#refuse(upstreamRefusal(this.#parts, this.x, this.session))
  }

  /** Nobody is there any more who could be answered in full. */
  #stopped(): void {
    const { x } = this
    // Somebody else, a timeout middleware for one, has answered meanwhile: the answer is theirs.
    if (!x.relaying && x.res.headersSent) {
      this.#finish()
      return
    }
    this.#refuse(stopRefusal(x))
  }

  #refuse(refusal: Refusal): void {
    const { x } = this
    if (refusal.close === true) closeAfter(x.res)
    this.#parts.draining.announce(x)
    this.#parts.reporter.failed(x, refusal.code, refusal.message, refusal)
    this.#finish()
  }

  // ---- every way out

  /** Goes on when `waiting` has come to something. */
  #later<T>(waiting: Promise<T>, step: (value: T) => void): void {
    waiting
      .then((value) => {
        if (!this.#done) step(value)
      })
      .catch((cause: unknown) => {
        this.#crash(cause)
      })
  }

  #crash(cause: unknown): void {
    if (this.#done) return
    try {
      this.#refuse(internalRefusal(cause))
    } finally {
      // What had been begun may be what has thrown: the books are closed all the same.
      this.#finish()
    }
  }

  #finish(): void {
    if (this.#done) return
    this.#done = true
    const { x } = this
    x.close()
    this.#parts.reporter.finished(x)
    this.#parts.draining.left(x)
    this.#onDone?.()
  }
}

function deliverInHand(run: RequestRun): void {
  run.deliverInHand()
}

/** Set before it is asked for: the order of the steps sees to that. */
function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a step of a request was skipped')
  return value
}
