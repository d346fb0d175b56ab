/** One client request from top to bottom: the file to read first. */
import type { IncomingMessage } from 'node:http'
import type { AttemptRecord } from './attempt-record.js'
import type { Clock } from './clock.js'
import { BalancerError } from './errors.js'
import type { ErrorCode } from './errors.js'
import type { Arrived, Delivery } from './delivery.js'
import type { Draining } from './draining.js'
import { Exchange } from './exchange.js'
import { judge, settleTries } from './judge.js'
import type { Verdict } from './judge.js'
import type { ErrorPageSettings } from './message/error-page.js'
import type { BodySettings } from './message/incoming-body.js'
import type { ClientResponse } from './message/relay.js'
import { readWhole, wholeLength } from './message/whole-response.js'
import type { RequestChanges } from './message/request-changes.js'
import type { Trust } from './message/trust-proxy.js'
import type { AttemptResult, UpstreamFailure } from './next-upstream/attempt-result.js'
import type { RetryBudget } from './next-upstream/budget.js'
import type { Condition } from './next-upstream/condition.js'
import type { DecideNextUpstream } from './next-upstream/decide.js'
import { gatewayOutcome } from './next-upstream/gateway-status.js'
import { prepareOutbound } from './outbound.js'
import type { Outbound, OutboundParts } from './outbound.js'
import type { Reporter } from './reporter.js'
import { closeAfter, itsTurn, turnOf } from './message/client-connection.js'
import { BODY_TOO_LARGE, CLIENT_LEFT, CLOSING, internalRefusal, isUnsendable } from './refusal.js'
import type { Refusal } from './refusal.js'
import type { Transport } from './transport/transport.js'
import type { UpgradeRequest } from './upgrade.js'
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
  readonly requestChanges: RequestChanges | undefined
  readonly delivery: Delivery
  readonly draining: Draining
  readonly reporter: Reporter
  readonly policy: HandlerPolicy
}

export type HandlerPolicy = ErrorPageSettings &
  OutboundParts['policy'] & {
    readonly on: ReadonlySet<Condition>
    readonly failOn: ReadonlySet<Condition>
    readonly tries: number
    /** Milliseconds for all attempts together; 0 is no limit. */
    readonly nextTimeout: number
    readonly ignoreClientAbort: boolean
    /** Bytes of a response that is read whole before any of it is sent; 0: none. */
    readonly wholeResponse: number
  }

export class RequestHandler {
  readonly #parts: HandlerParts

  constructor(parts: HandlerParts) {
    this.#parts = parts
  }

  /**
   * Serves one request. Never rejects.
   * @param parsedBody the body where the framework does not leave it in `req.body`; else undefined.
   * @param upgrade what the server's `upgrade` event has brought.
   */
  async handle(
    req: IncomingMessage,
    res: ClientResponse,
    parsedBody: unknown,
    upgrade?: UpgradeRequest,
  ): Promise<void> {
    const { clock, reporter, budget, draining, policy } = this.#parts
    const setting = { startedAt: clock.now(), upgrade, outlivesClient: policy.ignoreClientAbort }
    const x = new Exchange(req, res, setting)
    attachAttempts(res, x.attempts)
    budget?.request(x.startedAt)
    draining.entered(x)
    try {
      const turn = turnOf(res)
      if (turn === 'ended' || (turn === 'waiting' && !(await itsTurn(req, res)))) x.leave()
      if (res.headersSent) throw new Error('the response had been begun before the balancer got it')
      if (draining.closed || (draining.draining && upgrade !== undefined)) this.#refuse(x, CLOSING)
      else if (x.over) this.#stopped(x)
      else await this.#serve(x, parsedBody)
    } catch (cause) {
      this.#fail(x, ...internalRefusal(cause))
    } finally {
      x.close()
      reporter.finished(x)
      draining.left(x)
    }
  }

  async #serve(x: Exchange, parsedBody: unknown): Promise<void> {
    const prepared = prepareOutbound(this.#parts, x, parsedBody)
    const outbound = prepared instanceof Promise ? await prepared : prepared
    if ('code' in outbound) {
      if (x.over) this.#stopped(x)
      else this.#refuse(x, outbound)
      return
    }
    this.#start(x, outbound)
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
        const arrived = { response: result.response, lease, record }
        const refused = await this.#deliver(x, arrived, outbound)
        if (refused === undefined) return
        result = { kind: 'failure', failure: refused }
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

  #start(x: Exchange, { body }: Outbound): void {
    x.body = body
    x.triesLeft = initialTries(this.#parts)
    this.#startDeadline(x)
    if (body.framing === 'none') x.awaitsContinue = false
  }

  #startDeadline(x: Exchange): void {
    const { policy, clock, registry } = this.#parts
    if (policy.nextTimeout === 0) return
    x.deadlineAt = clock.now() + policy.nextTimeout
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
      const expectContinue = x.awaitsContinue
      const result = await transport.roundTrip(
        { peer: lease.peer, head, body, connection, expectContinue, record },
        x,
      )
      if (result.kind !== 'response' || x.over || result.response.tunnel !== undefined)
        return result
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

  /** Returns a failure, with nothing written, when what the upstream sent cannot be written. */
  async #deliver(
    x: Exchange,
    arrived: Arrived,
    outbound: Outbound,
  ): Promise<UpstreamFailure | undefined> {
    const outcome = await this.#parts.delivery.deliver(x, arrived, outbound)
    switch (outcome.kind) {
      case 'delivered':
        return undefined
      case 'refused':
        return outcome.failure
      case 'stopped':
        this.#stopped(x)
        return undefined
      case 'truncated': {
        const message = 'the upstream ended in the middle of the response body'
        const { statusCode: status } = x.res
        this.#fail(x, 'ERR_UPSTREAM_TRUNCATED', message, { status, cause: outcome.cause })
        return undefined
      }
    }
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
      const refused = await this.#deliver(x, held, outbound)
      if (refused === undefined) return
      x.lastFailure = refused
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
    switch (x.stopReason) {
      case 'closing':
        this.#refuse(x, CLOSING)
        return
      case 'body_too_large':
        this.#refuse(x, BODY_TOO_LARGE)
        return
      case 'body_failed':
        this.#fail(x, ...internalRefusal(x.bodyError))
        return
      case 'client_left':
      case 'deadline':
      case undefined:
        this.#refuse(x, CLIENT_LEFT)
    }
  }

  #refuse(x: Exchange, refusal: Refusal): void {
    if (refusal.close === true) closeAfter(x.res)
    this.#fail(x, refusal.code, refusal.message, refusal)
  }

  #fail(
    x: Exchange,
    code: ErrorCode,
    message: string,
    details: { status: number; cause?: unknown },
  ): void {
    this.#parts.draining.announce(x)
    this.#parts.reporter.failed(x, code, message, details)
  }
}
