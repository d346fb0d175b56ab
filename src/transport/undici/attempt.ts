/** One attempt through undici: the handler of its dispatch, from the connection to the last byte. Settled once. */
import type { Clock, Timer } from '../../clock.js'
import type {
  AttemptResult,
  FailureType,
  Phase,
  UpstreamFailure,
} from '../../next-upstream/attempt-result.js'
import type { TransportCondition } from '../../next-upstream/condition.js'
import { MOST_INTERIM_RESPONSES } from '../http-proxy/limits.js'
import type { AttemptLimits } from '../http-proxy/limits.js'
import { headFault } from '../http-proxy/response-head.js'
import { outgoingFields } from '../outgoing-fields.js'
import type { Attempt, AttemptSignal, Settle } from '../transport.js'
import type { ControlledHandler, Controller, RawHandler } from './client.js'
import type { Occupant, PeerConnection } from './connection.js'
import { classifyUndici, isRefusal } from './failure.js'
import type { PeerPool } from './peer-pool.js'
import { fieldsOf } from './raw-fields.js'
import { RequestBodyStream } from './request-body.js'
import type { BodyObserver } from './request-body.js'
import { FlowingResponse, WholeResponse } from './response.js'
import type { ResponseHead, ResponseOwner } from './response.js'

/** What all attempts of a transport have in common. */
export interface AttemptParts extends AttemptLimits {
  /** Bytes of response head at most. */
  readonly maxHeaderSize: number
  readonly clock: Clock
  /** Carries what undici has refused, of which nothing has been sent. */
  standard(attempt: Attempt, signal: AttemptSignal, settle: Settle): void
}

const NO_FIELDS: readonly string[] = []
const NOTHING = Buffer.alloc(0)

/** Came in pieces, and undici has read it as UTF-8. */
const NOT_ASCII = /[^\0-\x7f]/

export class UndiciAttempt implements RawHandler, Occupant, BodyObserver, ResponseOwner {
  readonly #parts: AttemptParts
  readonly #attempt: Attempt
  readonly #signal: AttemptSignal
  readonly #settle: Settle
  readonly #pool: PeerPool
  readonly #startedAt: number
  #connection: PeerConnection | undefined
  #phase: Phase = 'connect'
  #requestSent = false
  #bodyEnded = false
  #bytesReadBefore = 0
  #bytesWrittenBefore = 0
  #timer: Timer | undefined
  #sendTimer: Timer | undefined
  #interim = 0
  #dispatching = false
  #refused = false
  #head: ResponseHead | undefined
  /** Of the body, until the attempt is settled. */
  #early: Buffer[] | undefined
  #trailers: readonly string[] | undefined
  #settled = false
  /** Nothing more is expected of the connection. */
  #over = false
  #response: FlowingResponse | undefined
  #reading = false
  /** The parser may be told to rest. */
  #mayRest = true
  /** Lets the parser go on, if it rests. */
  #resumeParser: (() => void) | undefined

  constructor(
    parts: AttemptParts,
    pool: PeerPool,
    attempt: Attempt,
    signal: AttemptSignal,
    settle: Settle,
  ) {
    this.#parts = parts
    this.#pool = pool
    this.#attempt = attempt
    this.#signal = signal
    this.#settle = settle
    this.#startedAt = parts.clock.now()
  }

  begin(): void {
    this.#signal.onAbort = () => {
      this.#abort()
    }
    const kept = this.#attempt.connection === 'any' ? this.#pool.take(this) : undefined
    if (kept !== undefined) {
      this.#connection = kept
      this.#attempt.record.reused = true
      this.#attempt.record.connectTime = 0
      this.#dispatch(kept)
      return
    }
    this.#attempt.record.reused = false
    this.#timer = this.#parts.clock.after(this.#parts.timeouts.connect, () => {
      this.#timedOut(this.#phase, 'connection_timeout')
    })
    this.#connection = this.#pool.open(this)
  }

  // ---- the connection

  get awaitsHead(): boolean {
    return this.#requestSent && this.#head === undefined
  }

  continued(): void {
    if (!this.#over) this.#onInformation(100, NO_FIELDS)
  }

  headTooLong(): void {
    const cause = new Error('a response head of more than bufferSize')
    this.#failWith('invalid_header', 'http_response_header_section_size', cause)
  }

  get hasHead(): boolean {
    return this.#head !== undefined
  }

  handshaking(): void {
    this.#phase = 'tls'
  }

  connected(): void {
    if (this.#over || this.#connection === undefined) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#attempt.record.connectTime = this.#elapsed()
    this.#dispatch(this.#connection)
  }

  notConnected(cause: Error): void {
    this.onError(cause)
  }

  /** The parser may rest for the client's sake, and undici 7 would throw where it then looks for the body's end. */
  peerEnded(): void {
    this.#mayRest = false
    this.resumeParser()
  }

  #dispatch(connection: PeerConnection): void {
    const { socket } = connection
    this.#phase = 'send'
    this.#bytesReadBefore = socket.bytesRead
    this.#bytesWrittenBefore = socket.bytesWritten
    const { head, body } = this.#attempt
    const isPlain = body.framing === 'none' && this.#pool.writesHost
    if (body.framing === 'none') this.#bodyEnded = true
    this.#dispatching = true
    connection.client.dispatch(
      {
        path: head.target,
        method: head.method,
        headers: isPlain ? head.headers : outgoingFields(this.#attempt),
        body: body.framing === 'none' ? null : new RequestBodyStream(body, this),
        reset: false,
        blocking: false,
      },
      this,
    )
    this.#dispatching = false
    if (this.#refused) this.#passOn(connection)
  }

  /** As if nothing had been tried. */
  #passOn(connection: PeerConnection): void {
    this.#over = true
    this.#settled = true
    this.#attempt.record.connectTime = -1
    this.#pool.giveBack(connection, undefined)
    this.#parts.standard(this.#attempt, this.#signal, this.#settle)
  }

  // ---- the request's body

  bodyHeld(): void {
    this.#sendTimer ??= this.#parts.clock.after(this.#parts.timeouts.send, () => {
      this.#timedOut('send', 'connection_write_timeout')
    })
  }

  bodyDrained(): void {
    this.#sendTimer?.cancel()
    this.#sendTimer = undefined
  }

  bodyEnded(): void {
    this.#bodyEnded = true
    if (this.#requestSent) this.#awaitHead()
  }

  // ---- what undici calls

  onConnect(): void {
    this.#requestSent = true
    this.#connection?.expectHead()
    if (this.#bodyEnded) this.#awaitHead()
  }

  onHeaders(
    status: number,
    raw: readonly Buffer[],
    resume: (() => void) | undefined,
    reason: string,
  ): boolean {
    if (this.#over) return true
    const rawHeaders = fieldsOf(raw)
    if (status < 200 && status >= 100) {
      this.#onInformation(status, rawHeaders)
      return true
    }
    const statusMessage = this.#connection?.reason ?? (NOT_ASCII.test(reason) ? '' : reason)
    if (reason.length > this.#parts.maxHeaderSize) {
      this.headTooLong()
      return true
    }
    const fault = headFault(
      { statusCode: status, statusMessage, rawHeaders },
      this.#parts.maxHeaders,
    )
    if (fault !== undefined) {
      this.#failWith('invalid_header', fault.type, new Error(fault.text))
      return true
    }
    this.#attempt.record.headerTime = this.#elapsed()
    this.#phase = 'body'
    this.#resumeParser = resume
    this.#head = { status, statusMessage, rawHeaders }
    // All that was read at once is parsed by then: most responses are complete.
    process.nextTick(arrived, this)
    return true
  }

  onData(chunk: Buffer): boolean {
    // A parser that is woken at the end of its connection begins with nothing.
    if (this.#over || chunk.length === 0) return true
    this.#attempt.record.responseLength += chunk.length
    this.#timer?.refresh()
    if (this.#response !== undefined) return this.#response.data(chunk) || !this.#mayRest
    if (this.#early === undefined) this.#early = [chunk]
    else this.#early.push(chunk)
    return true
  }

  onComplete(rawTrailers: readonly Buffer[] | null): void {
    if (this.#over) return
    this.#complete(
      rawTrailers === null || rawTrailers.length === 0 ? NO_FIELDS : fieldsOf(rawTrailers),
    )
    if (this.#settled) process.nextTick(ended, this)
  }

  onError(error: Error): void {
    if (this.#over) return
    const cause = this.#connection?.whyClosed(error) ?? error
    if (this.#dispatching && isRefusal(cause)) {
      this.#refused = true
    } else if (this.#head === undefined) {
      const { condition, type } = classifyUndici(cause, this.#phase === 'connect')
      this.#failWith(condition, type, cause)
    } else if (this.#isBodiless(this.#head.status)) {
      // undici 7 waits for the body that the length of a 304 tells of.
      this.#complete(NO_FIELDS)
      if (this.#settled) this.deliverEnd()
    } else {
      this.#breakOff('error', 'http_response_incomplete', cause)
    }
  }

  // ---- from the head to the end

  /** What has come with the head is all here. */
  deliver(): void {
    if (this.#settled || this.#head === undefined) return
    this.#settled = true
    // From here on the client's leaving is the relay's to tell.
    this.#signal.onAbort = undefined
    const held = this.#early ?? []
    this.#early = undefined
    const trailers = this.#trailers
    if (trailers !== undefined) this.#giveBack()
    if (trailers?.length === 0) {
      const body = held.length < 2 ? (held[0] ?? NOTHING) : Buffer.concat(held)
      this.#settle({ kind: 'response', response: new WholeResponse(this.#head, body) })
      return
    }
    const response = new FlowingResponse(this.#head, held, this)
    this.#response = response
    if (trailers !== undefined) response.end(trailers)
    this.#settle({ kind: 'response', response })
  }

  deliverEnd(): void {
    this.#giveBack()
    this.#response?.end(this.#trailers ?? NO_FIELDS)
  }

  #complete(trailers: readonly string[]): void {
    this.#trailers = trailers
    this.#finish()
    // The peer has answered without waiting for the whole body: undici closes the connection.
    if (!this.#bodyEnded) this.#attempt.body.detach()
  }

  /** By now undici has closed it, if it must not be used again: for what came behind the response, for example. */
  #giveBack(): void {
    const connection = this.#connection
    if (connection === undefined) return
    this.#connection = undefined
    if (this.#bodyEnded) this.#pool.giveBack(connection, this.#head?.rawHeaders)
    else connection.destroy()
  }

  #isBodiless(status: number): boolean {
    return status === 204 || status === 304 || this.#attempt.head.method === 'HEAD'
  }

  #onInformation(status: number, rawHeaders: readonly string[]): void {
    this.#interim++
    if (status === 101) {
      const cause = new Error('unasked-for upgrade, status 101')
      this.#failWith('invalid_header', 'http_protocol_error', cause)
    } else if (this.#interim > MOST_INTERIM_RESPONSES) {
      this.#failWith('invalid_header', 'http_protocol_error', new Error('too many 1xx responses'))
    } else if (status !== 100) {
      this.#signal.informational(status, rawHeaders)
    }
  }

  /** The request is out: from here on the peer's silence counts. */
  #awaitHead(): void {
    if (this.#over || this.#phase !== 'send') return
    this.#phase = 'header'
    this.#armRead()
  }

  /** One timer for head and body: most responses are over before it would have to be made anew. */
  #armRead(): void {
    this.#timer = this.#parts.clock.after(this.#parts.timeouts.read, () => {
      this.#timer = undefined
      if (this.#head === undefined) this.#timedOut('header', 'connection_read_timeout')
      else if (this.#reading) this.#breakOff('timeout', 'connection_read_timeout', undefined)
    })
  }

  // ---- for the response

  startReading(): void {
    if (this.#over) return
    this.#reading = true
    if (this.#timer === undefined) this.#armRead()
    else this.#timer.refresh()
  }

  stopReading(): void {
    this.#reading = false
  }

  letFlow(): void {
    if (this.#over) return
    // undici's parsers share their memory: none may be woken while another one is at work.
    process.nextTick(wake, this)
  }

  resumeParser(): void {
    this.#resumeParser?.()
  }

  giveUp(): void {
    if (this.#over) return
    this.#finish()
    if (!this.#bodyEnded) this.#attempt.body.detach()
    this.#connection?.destroy()
  }

  // ---- other ends

  #breakOff(condition: TransportCondition, type: FailureType, cause: Error | undefined): void {
    if (this.#over) return
    const failure = this.#failure(condition, type, cause)
    this.giveUp()
    this.deliver()
    this.#response?.fail(failure)
  }

  #timedOut(phase: Phase, type: FailureType): void {
    // With the head here, a peer that takes no more of the body is no matter: the response has its own timeout.
    if (this.#head !== undefined) return
    this.#phase = phase
    this.#failWith('timeout', type, undefined)
  }

  #abort(): void {
    this.#close({ kind: 'aborted' })
  }

  #failWith(condition: TransportCondition, type: FailureType, cause: Error | undefined): void {
    if (this.#over) return
    this.#close({ kind: 'failure', failure: this.#failure(condition, type, cause) })
  }

  #close(result: AttemptResult): void {
    if (this.#settled) return
    this.#settled = true
    this.#signal.onAbort = undefined
    if (!this.#over) this.#finish()
    this.#attempt.body.detach()
    this.#connection?.destroy()
    this.#settle(result)
  }

  #failure(
    condition: TransportCondition,
    type: FailureType,
    cause: Error | undefined,
  ): UpstreamFailure {
    const socket = this.#connection?.socket
    const unread = this.#requestSent && this.#connection?.isUnread === true
    return {
      condition,
      phase: unread ? 'tls' : this.#phase,
      type,
      requestSent: this.#requestSent && !unread,
      reusedConnection: this.#attempt.record.reused,
      responseStarted: socket !== undefined && socket.bytesRead > this.#bytesReadBefore,
      cause,
    }
  }

  #finish(): void {
    this.#over = true
    this.#timer?.cancel()
    this.#sendTimer?.cancel()
    const { record } = this.#attempt
    record.responseTime = this.#elapsed()
    const socket = this.#connection?.socket
    if (socket === undefined) return
    record.bytesSent = socket.bytesWritten - this.#bytesWrittenBefore
    record.bytesReceived = socket.bytesRead - this.#bytesReadBefore
  }

  #elapsed(): number {
    return this.#parts.clock.now() - this.#startedAt
  }
}

/** undici 8: the same, with a controller in place of return values. */
export class ControlledAttempt extends UndiciAttempt implements ControlledHandler {
  #controller: Controller | undefined

  onRequestStart(): void {
    this.onConnect()
  }

  onResponseStart(controller: Controller, status: number, _fields: object, reason: string): void {
    this.#controller = controller
    if (!this.onHeaders(status, controller.rawHeaders ?? [], undefined, reason)) controller.pause()
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (!this.onData(chunk)) controller.pause()
  }

  onResponseEnd(controller: Controller): void {
    this.onComplete(controller.rawTrailers)
  }

  onResponseError(_controller: Controller | null, cause: Error): void {
    this.onError(cause)
  }

  override resumeParser(): void {
    this.#controller?.resume()
  }
}

function arrived(attempt: UndiciAttempt): void {
  attempt.deliver()
}

function ended(attempt: UndiciAttempt): void {
  attempt.deliverEnd()
}

function wake(attempt: UndiciAttempt): void {
  attempt.resumeParser()
}
