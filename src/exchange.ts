/** One client request on its way: what belongs to it and to nobody else. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AttemptRecord } from './attempt-record.js'
import type { Timer } from './clock.js'
import type { Arrived } from './delivery.js'
import type { BalancerError } from './errors.js'
import type { BodyOwner } from './message/incoming-body.js'
import { awaitsContinue, writeContinue, writeInterim } from './message/interim.js'
import type { ClientResponse } from './message/relay.js'
import { withoutField } from './message/response-headers.js'
import type { BodyStream, RequestBody } from './message/request-body.js'
import type { UpstreamFailure, UpstreamResponse } from './next-upstream/attempt-result.js'
import type { Failing } from './next-upstream/blame.js'
import type { Explanation } from './observe/explanation.js'
import type { Admission } from './overload/admission.js'
import type { AttemptSignal } from './transport/transport.js'
import type { SelectionRequest } from './upstream/peer-selector.js'
import type { UpgradeRequest } from './upgrade.js'
import type { Lease } from './upstream/peer-session.js'

/** Why a request is given up from outside. */
export type StopReason = 'client_left' | 'deadline' | 'body_too_large' | 'body_failed' | 'closing'

/** What of the options is for each exchange. */
export interface ExchangePolicy {
  /** That the client leaves ends nothing. */
  readonly ignoreClientAbort: boolean
  /** A field that is not for the client, in lower case. */
  readonly feedback?: string | undefined
  /** How such a request goes says nothing of the peers. It is the user's: anything may come of it. */
  readonly exempt?: ((req: IncomingMessage) => unknown) | undefined
  /** The upstream's, for logs. */
  readonly upstreamName?: string | undefined
  readonly explainer?: { explain(x: Exchange): Explanation } | undefined
}

/** Is told of both ends of a request, whichever comes first; either may be told of more than once. */
export interface ExchangeWatcher {
  /** The response is through, or the client's connection closed. */
  responseOver(): void
  /** The books are closed. */
  exchangeOver(): void
}

const kExchange = Symbol('evenkeel.exchange')

interface Carrier {
  [kExchange]?: Exchange
}

const NO_ATTEMPTS: readonly AttemptRecord[] = []

/** Of the latest balancer that the response went through; undefined: of none. */
export function exchangeOf(res: ServerResponse): Exchange | undefined {
  return (res as Carrier)[kExchange]
}

export class Exchange implements SelectionRequest, AttemptSignal, BodyOwner {
  readonly req: IncomingMessage
  readonly res: ClientResponse
  /** Milliseconds of the balancer's clock. */
  readonly startedAt: number
  /** The client may want to change protocols; undefined for a request of the usual way. */
  readonly upgrade: UpgradeRequest | undefined
  /** The client waits for 100 (Continue) before it sends its body. */
  awaitsContinue: boolean
  readonly #policy: ExchangePolicy
  #closed = false
  /** The client has left, and the request goes on without it. */
  clientGone = false
  onClientGone: (() => void) | undefined
  bodyError: Error | undefined
  /** The first attempt, and all others: most requests have one, and no list. */
  #attempt: AttemptRecord | undefined
  #moreAttempts: AttemptRecord[] | undefined
  /** The first lease taken, and all others: for closing the books. */
  #lease: Lease | undefined
  #moreLeases: Lease[] | undefined
  #failings: (Failing & { readonly lease: Lease })[] | undefined
  stopReason: StopReason | undefined
  onAbort: (() => void) | undefined
  /** A real response that is kept until a better one has come. */
  held: Arrived | undefined
  /** Arrived, and neither held nor on its way to the client yet. */
  inHand: UpstreamResponse | undefined
  lastFailure: UpstreamFailure | undefined
  deadline: Timer | undefined
  /** When no further try may begin; Infinity: never. */
  deadlineAt = Number.POSITIVE_INFINITY
  body: RequestBody | undefined
  clientAddress: string | undefined
  /** When waiting in the queue must end; 0 before the first wait. */
  waitUntil = 0
  /** Milliseconds that it has waited in the queue. */
  waited = 0
  /** How its waiting in the queue ended, where it was in vain. */
  waitEnd: 'full' | 'timeout' | 'overloaded' | undefined
  /** Where it counts as one of the requests in flight. */
  #admission: Admission | undefined
  /** The head of a response is on its way to the client. */
  relaying = false
  error: BalancerError | undefined
  triesLeft = 0
  /** How it goes says nothing of the peers; undefined: not asked yet. */
  #exempt: boolean | undefined
  /** Its neighbours among the requests in flight: see `Draining`. */
  nextInFlight: Exchange | undefined
  previousInFlight: Exchange | undefined
  /** Those that came behind the response: name, value, name, value … */
  trailers: readonly string[] | undefined
  /** Why the body of the response that was on its way ended early. */
  broken: UpstreamFailure | undefined
  /** Writes of it when it is over. */
  watcher: ExchangeWatcher | undefined
  /** Peers at which a stale connection has been met: each is forgiven once. */
  staleAt: object[] | undefined

  constructor(
    req: IncomingMessage,
    res: ClientResponse,
    startedAt: number,
    policy: ExchangePolicy,
    upgrade: UpgradeRequest | undefined,
  ) {
    this.req = req
    this.res = res
    this.startedAt = startedAt
    this.upgrade = upgrade
    this.#policy = policy
    this.awaitsContinue = awaitsContinue(req, res)
    // It may have left while middleware took its time: then there is no event to come.
    if (res.destroyed || res.stream?.destroyed === true) this.stopReason = 'client_left'
    else res.on('close', onClose)
    const carrier = res as Carrier
    const earlier = carrier[kExchange]
    // Another balancer has handed the response on to ours, which tells from now on.
    if (earlier !== undefined) this.watcher = earlier.watcher
    carrier[kExchange] = this
  }

  /** Why it has ended as it has, or what there is to say so far. */
  explain(): Explanation | undefined {
    return this.error?.explanation ?? this.#policy.explainer?.explain(this)
  }

  /** The client's connection is closed, or the response through. */
  clientClosed(): void {
    if (this.#closed || isFinished(this.res)) return
    // A body that was still on its way will never be whole.
    if (!this.#policy.ignoreClientAbort || !this.req.complete) {
      this.stop('client_left')
      return
    }
    this.clientGone = true
    this.onClientGone?.()
  }

  // ---- what a selector may know

  get method(): string {
    return this.req.method ?? 'GET'
  }

  get url(): string {
    return this.req.url ?? '/'
  }

  get remoteAddress(): string | undefined {
    return this.req.socket.remoteAddress
  }

  get headers(): SelectionRequest['headers'] {
    return this.req.headers
  }

  // ---- the signal of the running attempt

  get aborted(): boolean {
    return this.stopReason !== undefined
  }

  /** Nobody is there any more who could be answered in full. */
  get over(): boolean {
    return this.stopReason !== undefined && this.stopReason !== 'deadline'
  }

  /** Gives the running attempt up. The first reason stands, but a client can leave after the deadline, too. */
  stop(reason: StopReason): void {
    if (this.over || this.stopReason === reason) return
    this.stopReason = reason
    const onAbort = this.onAbort
    this.onAbort = undefined
    onAbort?.()
  }

  informational(status: number, rawHeaders: readonly string[]): void {
    writeInterim(this.res, status, withoutField(rawHeaders, this.#policy.feedback))
  }

  /** Resolves when the client has been answered by somebody else, or has left. */
  answered(): Promise<void> {
    const { res } = this
    if (res.destroyed || isFinished(res)) return Promise.resolve()
    return new Promise((resolve) => {
      res.once('finish', resolve)
      res.once('close', resolve)
    })
  }

  // ---- what the body asks for

  get bodyStream(): BodyStream | undefined {
    return this.upgrade?.body
  }

  bodyTooLarge(): void {
    this.stop('body_too_large')
  }

  bodyWanted(): void {
    if (!this.awaitsContinue) return
    this.awaitsContinue = false
    writeContinue(this.res)
  }

  bodyFailed(cause: Error): void {
    this.bodyError = cause
    this.stop('body_failed')
  }

  /** The client has left before anything was done for it. */
  leave(): void {
    this.stop('client_left')
  }

  get isAdmitted(): boolean {
    return this.#admission !== undefined
  }

  /** It is in flight from now on. */
  admit(admission: Admission): void {
    if (this.#admission !== undefined) return
    this.#admission = admission
    admission.enter()
  }

  leased(lease: Lease): void {
    if (this.#lease === undefined) this.#lease = lease
    else (this.#moreLeases ??= []).push(lease)
    const { exempt } = this.#policy
    if (exempt !== undefined) lease.exempt = this.#exempt ??= Boolean(exempt(this.req))
  }

  /** Attempts that came to nothing, with what there was to say of them. */
  get failings(): (Failing & { readonly lease: Lease })[] {
    return (this.#failings ??= [])
  }

  /** In their order. */
  get attempts(): readonly AttemptRecord[] {
    if (this.#attempt === undefined) return NO_ATTEMPTS
    return [this.#attempt, ...(this.#moreAttempts ?? NO_ATTEMPTS)]
  }

  /** The first of {@link attempts}, and all others: without a list. */
  get firstAttempt(): AttemptRecord | undefined {
    return this.#attempt
  }

  get laterAttempts(): readonly AttemptRecord[] {
    return this.#moreAttempts ?? NO_ATTEMPTS
  }

  get upstreamName(): string | undefined {
    return this.#policy.upstreamName
  }

  record(lease: Lease, startedAt = lease.takenAt): AttemptRecord {
    return this.#recorded(new AttemptRecord(lease.peer, lease.peer.name, startedAt))
  }

  /** nginx's entry for "no peer could be chosen". */
  recordNoPeer(upstreamName: string, now: number): AttemptRecord {
    const record = new AttemptRecord(undefined, upstreamName, now)
    // It took no time to find nobody.
    record.responseTime = 0
    return this.#recorded(record)
  }

  #recorded(record: AttemptRecord): AttemptRecord {
    if (this.#attempt === undefined) this.#attempt = record
    else (this.#moreAttempts ??= []).push(record)
    return record
  }

  isPastDeadline(now: number): boolean {
    return now >= this.deadlineAt
  }

  waitedOut(now: number): boolean {
    return this.waitUntil !== 0 && now >= this.waitUntil
  }

  /** Lets go of the kept response, when a better one has come or nobody is left to have it. */
  dropHeld(): void {
    const held = this.held
    if (held === undefined) return
    this.held = undefined
    held.response.discard()
    held.lease.release('next')
  }

  /** Every way out of a request ends here. */
  close(): void {
    this.#closed = true
    this.deadline?.cancel()
    this.onAbort = undefined
    this.onClientGone = undefined
    this.dropHeld()
    this.inHand?.discard()
    this.#lease?.release('next')
    if (this.#moreLeases !== undefined) for (const lease of this.#moreLeases) lease.release('next')
    this.body?.release()
    const admission = this.#admission
    this.#admission = undefined
    admission?.leave()
    this.watcher?.exchangeOver()
  }

  get isClosed(): boolean {
    return this.#closed
  }
}

/** One listener for all responses: each knows its exchange. */
function onClose(this: ClientResponse): void {
  const x = (this as Carrier)[kExchange]
  x?.clientClosed()
  x?.watcher?.responseOver()
}

/** http2's compat response has no `writableFinished`. */
function isFinished(res: ClientResponse): boolean {
  return res.stream === undefined ? res.writableFinished : res.writableEnded
}
