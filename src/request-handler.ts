/** One client request from top to bottom: the file to read first. */
import type { IncomingMessage } from 'node:http'
import type { AttemptRecord } from './attempt-record.js'
import type { Clock } from './clock.js'
import { BalancerError } from './errors.js'
import type { ErrorCode } from './errors.js'
import { Exchange } from './exchange.js'
import { judge, settleTries } from './judge.js'
import type { Verdict } from './judge.js'
import type { ErrorPageSettings } from './message/error-page.js'
import { responseHeaders } from './message/response-headers.js'
import type { BodySettings } from './message/incoming-body.js'
import { relayBody, writeHead } from './message/relay.js'
import type { ClientResponse } from './message/relay.js'
import { readWhole, wholeLength } from './message/whole-response.js'
import type { Trust } from './message/trust-proxy.js'
import type {
  AttemptResult,
  UpstreamFailure,
  UpstreamResponse,
} from './next-upstream/attempt-result.js'
import type { RetryBudget } from './next-upstream/budget.js'
import type { Condition } from './next-upstream/condition.js'
import type { DecideNextUpstream } from './next-upstream/decide.js'
import { gatewayOutcome } from './next-upstream/gateway-status.js'
import { BODY_TOO_LARGE, prepareOutbound } from './outbound.js'
import type { Outbound } from './outbound.js'
import type { Reporter } from './reporter.js'
import { CLOSING, internalRefusal, isUnsendable, unwritableHead } from './refusal.js'
import type { Transport } from './transport/transport.js'
import { PeerSession } from './upstream/peer-session.js'
import type { Lease } from './upstream/peer-session.js'
import type { PeerRegistry } from './upstream/upstream.js'
import { initialTries, noPeerRefusal, waitForPeer } from './waiting.js'
import { attachAttempts } from './upstream-variables.js'

/** All that a handler works with; put together by the composition root. */
export interface HandlerParts {
  readonly registry: PeerRegistry
  readonly transport: Transport
  readonly clock: Clock
  readonly budget: RetryBudget | undefined
  readonly decide: DecideNextUpstream | undefined
  readonly trust: Trust
  readonly body: BodySettings
  readonly reporter: Reporter
  readonly policy: HandlerPolicy
}

export interface HandlerPolicy extends ErrorPageSettings {
  readonly on: ReadonlySet<Condition>
  readonly failOn: ReadonlySet<Condition>
  readonly tries: number
  /** Milliseconds for all attempts together; 0 is no limit. */
  readonly nextTimeout: number
  readonly isIdempotent: (req: IncomingMessage) => boolean
  /** A request that may not be repeated never goes out on a kept connection. */
  readonly freshNonIdempotent: boolean
  readonly host: string
  /** Bytes of a response that is read whole before any of it is sent; 0: none. */
  readonly wholeResponse: number
}

export class RequestHandler {
  readonly #parts: HandlerParts
  readonly #inFlight = new Set<Exchange>()
  #closing = false
  readonly #onIdle: (() => void)[] = []

  constructor(parts: HandlerParts) {
    this.#parts = parts
  }

  /** Serves one request. Never rejects. `parsedBody`: the body where the framework does not leave it in `req.body`. */
  async handle(req: IncomingMessage, res: ClientResponse, parsedBody: unknown): Promise<void> {
    const { clock, reporter, budget } = this.#parts
    const x = new Exchange(req, res, clock.now())
    attachAttempts(res, x.attempts)
    budget?.request(x.startedAt)
    this.#inFlight.add(x)
    try {
      if (res.headersSent) throw new Error('the response had been begun before the balancer got it')
      if (this.#closing) this.#fail(x, CLOSING.code, CLOSING.message, CLOSING)
      else await this.#serve(x, parsedBody)
    } catch (cause) {
      this.#fail(x, ...internalRefusal(cause))
    } finally {
      x.close()
      reporter.finished(x)
      this.#inFlight.delete(x)
      if (this.#inFlight.size === 0) for (const onIdle of this.#onIdle.splice(0)) onIdle()
    }
  }

  /** Takes no new requests; calls back when the last one is over. */
  drain(onIdle: () => void): void {
    this.#closing = true
    if (this.#inFlight.size === 0) onIdle()
    else this.#onIdle.push(onIdle)
  }

  /** Gives up what still runs: 503, or a broken response where one has begun. */
  stop(): void {
    for (const x of this.#inFlight) x.stop('closing')
  }

  async #serve(x: Exchange, parsedBody: unknown): Promise<void> {
    const outbound = this.#prepare(x, parsedBody)
    if (outbound === undefined) return
    const session = new PeerSession(this.#parts.registry, x)
    let again: Lease | undefined
    for (;;) {
      const lease = again ?? session.next()
      if (lease === undefined) {
        if (await waitForPeer(this.#parts, x, session)) continue
        // nginx says so whatever an earlier attempt came to.
        if (this.#parts.registry.nginx) x.lastFailure = undefined
        await this.#conclude(x, session, outbound)
        return
      }
      if (again === undefined) x.leases.push(lease)
      const record = x.record(lease)
      const connection = again === undefined ? outbound.connection : 'fresh'
      let result = await this.#attempt(x, lease, outbound, connection, record)
      if (result.kind === 'response') x.inHand = result.response
      if (x.over || x.res.headersSent) {
        this.#stopped(x)
        return
      }
      const context = { x, session, outbound, lease, record }
      let verdict = judge(this.#parts, context, result)
      if (verdict.do === 'deliver' && result.kind === 'response') {
        const refused = this.#begin(x, result.response, record)
        if (refused === undefined) {
          await this.#relay(x, lease, result.response, outbound)
          return
        }
        result = refused
        verdict = judge(this.#parts, context, result)
      }
      settleTries(x, this.#parts.registry, verdict, record)
      again = verdict.do === 'again' ? lease : undefined
      if (again !== undefined) {
        x.inHand?.discard()
        continue
      }
      this.#keepOrDrop(x, lease, record, result, verdict)
      if (verdict.do === 'next') continue
      if (verdict.do === 'wait' && (await waitForPeer(this.#parts, x, session))) continue
      await this.#conclude(x, session, outbound)
      return
    }
  }

  // ---- 1, 2: head and body, computed once for all attempts

  #prepare(x: Exchange, parsedBody: unknown): Outbound | undefined {
    const outbound = prepareOutbound(this.#parts, x, parsedBody)
    if ('code' in outbound) {
      this.#fail(x, outbound.code, outbound.message, outbound)
      return undefined
    }
    x.body = outbound.body
    x.triesLeft = initialTries(this.#parts)
    this.#startDeadline(x)
    return outbound
  }

  #startDeadline(x: Exchange): void {
    const { policy, clock, registry } = this.#parts
    if (policy.nextTimeout === 0) return
    x.deadlineAt = x.startedAt + policy.nextTimeout
    // nginx begins no try after it, and lets the running one take its time.
    if (registry.nginx) return
    x.deadline = clock.after(policy.nextTimeout, () => {
      x.stop('deadline')
    })
  }

  // ---- 5, 6: one attempt, and what to make of it

  async #attempt(
    x: Exchange,
    lease: Lease,
    { head, body }: Outbound,
    connection: 'any' | 'fresh',
    record: AttemptRecord,
  ): Promise<AttemptResult> {
    if (x.aborted) return { kind: 'aborted' }
    const { transport, policy } = this.#parts
    try {
      const result = await transport.roundTrip(
        { peer: lease.peer, head, body, connection, record },
        x,
      )
      if (result.kind !== 'response' || x.over) return result
      const length = wholeLength(result.response, head.method, policy.wholeResponse)
      return length === 0 ? result : await readWhole(result.response, length, x)
    } catch (cause) {
      // The transport says what an upstream does wrong; what it throws is wrong with the request, or with us.
      if (isUnsendable(cause))
        throw new BalancerError('ERR_BAD_REQUEST', 'the request cannot be sent on', {
          status: 400,
          cause,
        })
      throw cause
    }
  }

  /** 7: a real response is kept, the first before all others; the rest is let go. */
  #keepOrDrop(
    x: Exchange,
    lease: Lease,
    record: AttemptRecord,
    result: AttemptResult,
    verdict: Verdict,
  ): void {
    if (result.kind === 'response') {
      const nginxDrops = this.#parts.registry.nginx && verdict.do === 'next'
      if (x.held === undefined && !nginxDrops) {
        x.held = { response: result.response, lease, record }
        x.inHand = undefined
        return
      }
      result.response.discard()
    }
    lease.release(verdict.charged ? 'failed' : 'next')
  }

  // ---- 4: nobody to ask

  /** No attempt could be made. */
  #noPeer(x: Exchange, session: PeerSession): void {
    const { registry } = this.#parts
    const refusal = noPeerRefusal(registry, x, session)
    x.recordNoPeer(registry.name).status = refusal.status
    this.#fail(x, refusal.code, refusal.message, refusal)
  }

  // ---- 8: to the client

  /** Writes the head; returns a failure, with nothing written, when what the upstream sent cannot be written. */
  #begin(
    x: Exchange,
    response: UpstreamResponse,
    record: AttemptRecord,
  ): AttemptResult | undefined {
    try {
      writeHead(x.res, response, responseHeaders(response.rawHeaders))
      x.deadline?.cancel()
      if (x.held?.response !== response) x.dropHeld()
      return undefined
    } catch (error) {
      response.discard()
      return { kind: 'failure', failure: unwritableHead(error, record) }
    }
  }

  async #relay(
    x: Exchange,
    lease: Lease,
    response: UpstreamResponse,
    outbound: Outbound,
  ): Promise<void> {
    outbound.body.release()
    x.relaying = true
    if (x.over) {
      this.#stopped(x)
      return
    }
    const outcome = await relayBody(x.res, response, x)
    if (outcome.kind === 'complete') {
      lease.release('ok')
      return
    }
    lease.release('next')
    if (outcome.kind === 'aborted') {
      this.#stopped(x)
      return
    }
    const message = 'the upstream ended in the middle of the response body'
    this.#fail(x, 'ERR_UPSTREAM_TRUNCATED', message, {
      status: x.res.statusCode,
      cause: outcome.failure.cause,
    })
  }

  // ---- 9: ends without a response of this attempt

  /** The kept response if there is one, else a gateway status. */
  async #conclude(x: Exchange, session: PeerSession, outbound: Outbound): Promise<void> {
    if (x.over) {
      this.#stopped(x)
      return
    }
    const { held } = x
    if (held !== undefined) {
      const refused = this.#begin(x, held.response, held.record)
      if (refused === undefined) {
        x.held = undefined
        await this.#relay(x, held.lease, held.response, outbound)
        return
      }
      x.lastFailure = refused.kind === 'failure' ? refused.failure : x.lastFailure
    }
    if (x.lastFailure === undefined) this.#noPeer(x, session)
    else this.#failUpstream(x, x.lastFailure)
  }

  #failUpstream(x: Exchange, failure: UpstreamFailure): void {
    const { code, status } = gatewayOutcome(failure)
    const where = `${failure.type} in phase ${failure.phase}`
    this.#fail(x, code, `upstream "${this.#parts.registry.name}": ${where}`, {
      status,
      cause: failure.cause,
    })
  }

  /** Nobody is there any more who could be answered in full. */
  #stopped(x: Exchange): void {
    // Somebody else, a timeout middleware for one, has answered meanwhile: the answer is theirs.
    if (!x.relaying && x.res.headersSent) return
    if (x.stopReason === 'body_too_large' || x.stopReason === 'closing') {
      const refusal = x.stopReason === 'closing' ? CLOSING : BODY_TOO_LARGE
      this.#fail(x, refusal.code, refusal.message, refusal)
      return
    }
    this.#fail(x, 'ERR_CLIENT_CLOSED', 'the client left before it was answered', { status: 499 })
  }

  #fail(
    x: Exchange,
    code: ErrorCode,
    message: string,
    details: { status: number; cause?: unknown },
  ): void {
    this.#parts.reporter.failed(x, code, message, details)
  }
}
