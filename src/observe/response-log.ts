/** One response on its way to its log line. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { exchangeOf } from '../exchange.js'
import type { Exchange, ExchangeWatcher } from '../exchange.js'
import type { ClientResponse } from '../message/relay.js'
import { connectionLogOf, socketOf } from './connection-log.js'
import type { ConnectionLog, ConnectionNeeds } from './connection-log.js'
import { isMalformed } from './error-text.js'
import { targetOf } from './request-uri.js'

/** What of a response has to be asked for at its begin; what no format has costs nothing. */
export interface LogNeeds extends ConnectionNeeds {
  /** Bytes written before it. */
  readonly sent: boolean
  /** Bytes read up to its end. */
  readonly received: boolean
}

/** Takes a response that is over. */
export interface LogOwner {
  readonly needs: LogNeeds
  /** Milliseconds of its clock. */
  now(): number
  write(log: ResponseLog): void
}

const kLog = Symbol('evenkeel.responseLog')

interface Carrier extends ServerResponse {
  [kLog]?: ResponseLog
}

/** Node has answered `Expect: 100-continue` before anybody is told of the request. */
interface Continued {
  readonly _sent100?: boolean
}

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'.length

/** The first of the logs that wait for this response: it is with the response, or with the balancer's side of it. */
export function logOf(res: ServerResponse): ResponseLog | undefined {
  const log = (res as Carrier)[kLog]
  if (log !== undefined) return log
  const watcher = exchangeOf(res)?.watcher
  return watcher instanceof ResponseLog ? watcher : undefined
}

export class ResponseLog implements ExchangeWatcher {
  readonly req: IncomingMessage
  readonly res: ClientResponse
  readonly socket: Socket
  readonly connection: ConnectionLog
  /** As they came. */
  readonly method: string
  readonly target: string
  /** Milliseconds of the owner's clock. */
  readonly startedAt: number
  /** `$pipe`: it came before the response to the one before it was through. */
  readonly pipelined: boolean
  /** Which of the connection's requests it is. */
  readonly number: number
  /** Another owner's log of the same response. */
  next: ResponseLog | undefined
  /** The balancer's side of it; known when it is over. */
  exchange: Exchange | undefined
  readonly #owner: LogOwner
  #sentBefore = 0
  #endedAt = 0
  #bytesSent = 0
  #bytesRead = 0
  #responseOver = false
  #written = false

  /** @param teller a balancer's side of it, which tells when the response is over: there is no second listener for that. */
  constructor(
    owner: LogOwner,
    req: IncomingMessage,
    res: ClientResponse,
    startedAt: number,
    teller: Exchange | undefined,
  ) {
    this.#owner = owner
    this.req = req
    this.res = res
    this.startedAt = startedAt
    this.method = req.method ?? 'GET'
    this.target = targetOf(req)
    this.socket = socketOf(res, req.socket)
    const connection = connectionLogOf(res, this.socket, this.startedAt)
    this.connection = connection
    connection.learn(this.socket, owner.needs)
    this.pipelined = res.stream === undefined && res.socket === null
    const earlier = logOf(res)
    this.number = earlier === undefined ? ++connection.requests : earlier.number
    if (owner.needs.sent) this.#measure()
    this.#wait(earlier, teller)
  }

  is(owner: LogOwner): boolean {
    return this.#owner === owner
  }

  /** Milliseconds. */
  get duration(): number {
    return this.#endedAt - this.startedAt
  }

  /** All of the response has been handed to the client's connection. */
  get finished(): boolean {
    const { res } = this
    const stream = res.stream as { aborted?: boolean; rstCode?: number } | undefined
    // Node takes the connection from a response that went out to its end. What was written to a closed one ends, too.
    if (stream === undefined) return res.writableFinished && res.socket === null && this.#hasSent
    return res.writableEnded && stream.aborted !== true && (stream.rstCode ?? 0) === 0
  }

  /**
   * `$request_completion`. As in nginx also where an upstream broke off in the middle: its end is taken for the end
   * (`ngx_http_upstream_finalize_request`), but not where its chunks are none (`NGX_ABORT` of `ngx_event_pipe`).
   */
  get completed(): boolean {
    if (this.finished) return true
    const { exchange } = this
    if (exchange?.error?.code !== 'ERR_UPSTREAM_TRUNCATED') return false
    return exchange.broken === undefined || !isMalformed(exchange.broken.cause)
  }

  /** `$status`: 499 where the client has left before there was one (`ngx_http_terminate_request`). */
  get status(): number {
    const { res } = this
    if (this.finished) return res.statusCode
    const wasSent = res.stream !== undefined || this.#hasSent || this.exchange?.clientGone === true
    if (res.headersSent && wasSent) return res.statusCode
    const error = this.exchange?.error
    return error === undefined || error.code === 'ERR_CLIENT_CLOSED' ? 499 : error.status
  }

  /** Its lines and fields as they were sent; undefined where there is none, and in HTTP/2. */
  get head(): string | undefined {
    const head = (this.res as { readonly _header?: unknown })._header
    return typeof head === 'string' ? head : undefined
  }

  /** Bytes on the wire, from the first of the response to its last. */
  get bytesSent(): number {
    return this.#bytesSent
  }

  /** Bytes that were read between the end of the connection's latest logged response and this one's. */
  get bytesRead(): number {
    return this.#bytesRead
  }

  /** A balancer is done with the request: if it is the last one, and the response is over, that is all. */
  exchangeOver(): void {
    if (this.#responseOver) this.responseOver()
  }

  /** Head first: a response that waited for its turn begins where the one before it ended. */
  #measure(): void {
    if (this.res.stream !== undefined) return
    if (!this.pipelined) {
      const interim = (this.res as Continued)._sent100 === true ? CONTINUE : 0
      this.#sentBefore = this.socket.bytesWritten - interim
      return
    }
    this.res.once('socket', () => {
      this.#sentBefore = this.socket.bytesWritten
      this.connection.handedOver = this.#sentBefore
    })
  }

  #sentUntil(): number {
    const { handedOver } = this.connection
    return handedOver > this.#sentBefore ? handedOver : this.socket.bytesWritten
  }

  get #hasSent(): boolean {
    return !this.#owner.needs.sent || this.#bytesSent > 0
  }

  #wait(earlier: ResponseLog | undefined, teller: Exchange | undefined): void {
    const { res } = this
    if (earlier !== undefined) {
      this.next = earlier.next
      earlier.next = this
      return
    }
    if (teller === undefined) (res as Carrier)[kLog] = this
    else teller.watcher = this
    // The client has left already: there is no event to come.
    if (res.destroyed || res.stream?.destroyed === true) process.nextTick(responseOver, res)
    else if (teller === undefined) res.on('close', onClose)
  }

  /** The response is over. Its request may not be: a tunnel, or one that goes on without its client. */
  responseOver(): void {
    if (this.#written) return
    this.#responseOver = true
    const exchange = exchangeOf(this.res)
    if (exchange === undefined || exchange.isClosed) this.#over(exchange)
    else exchange.watcher = this
  }

  /** What the connection's next request changes is noted now: the line may be made later. */
  #write(exchange: Exchange | undefined): void {
    const { needs } = this.#owner
    this.exchange = exchange
    this.#endedAt = this.#owner.now()
    // In HTTP/2 the bytes are those of all streams; and asked for after the session's end, Node throws.
    if (this.res.stream === undefined) {
      if (needs.sent) this.#bytesSent = Math.max(0, this.#sentUntil() - this.#sentBefore)
      if (needs.received) this.#bytesRead = this.socket.bytesRead - this.connection.read
    }
    this.#owner.write(this)
  }

  #over(exchange: Exchange | undefined): void {
    this.#written = true
    this.#write(exchange)
    for (let log = this.next; log !== undefined; log = log.next) log.#write(exchange)
    if (this.res.stream !== undefined) return
    // For all of them the same: where the next request's bytes begin.
    if (this.#owner.needs.received || this.next !== undefined)
      this.connection.read = this.socket.bytesRead
  }
}

/** One listener for all responses: each knows its log. */
function onClose(this: ServerResponse): void {
  responseOver(this)
}

function responseOver(res: ServerResponse): void {
  logOf(res)?.responseOver()
}
