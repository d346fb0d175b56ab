/** One attempt through http-proxy-3: from the pool's socket to the response's head, settled once. */
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock, Timer } from '../../clock.js'
import { ResponseArrived } from '../../next-upstream/attempt-result.js'
import type { FailureType, Phase, UpstreamFailure } from '../../next-upstream/attempt-result.js'
import { pairsOf } from '../../message/fields.js'
import type { TransportCondition } from '../../next-upstream/condition.js'
import type { Attempt, AttemptSignal, RequestSink, Settle } from '../transport.js'
import { CONTINUE_TIMEOUT_MS, MOST_INTERIM_RESPONSES } from './limits.js'
import type { AttemptLimits, AttemptTimeouts } from './limits.js'
import { classify, wasRefused } from './failure.js'
import { acceptsSwitch } from '../../message/switching-protocols.js'
import { hasMore, headFault } from './response-head.js'
import { HttpResponse, UpgradeResponse } from './response.js'
import type { ResponseOwner } from './response.js'
import type { Running } from './outgoing.js'
import { ignore, listenTo } from './request-listeners.js'
import type { RequestEvents } from './request-listeners.js'

/** `TLSSocket` as it is; its types leave the property out. */
type HandshakingSocket = Socket & { readonly secureConnecting?: boolean }

/** {@link OutgoingRequest} tells it of the outgoing request before anything of it is sent, and of what comes of it. */
export class HttpProxyAttempt implements RequestSink, ResponseOwner, Running, RequestEvents {
  readonly #attempt: Attempt
  readonly #signal: AttemptSignal
  readonly #timeouts: AttemptTimeouts
  readonly #maxHeaders: number
  readonly #clock: Clock
  readonly #startedAt: number
  readonly #settle: Settle
  #settled = false
  #phase: Phase = 'connect'
  #requestSent = false
  #bodyEnded = false
  #request: ClientRequest | undefined
  #socket: Socket | undefined
  #bytesReadBefore = 0
  #bytesWrittenBefore = 0
  #timer: Timer | undefined
  #sendTimer: Timer | undefined
  #interim = 0
  /** Of a body that waits for 100 (Continue). */
  #attached = false
  /** The response's body is wanted: the peer's silence counts. */
  #reading = false
  readTimedOut = false
  brokenBy: Error | undefined
  #message: IncomingMessage | undefined

  constructor(
    attempt: Attempt,
    signal: AttemptSignal,
    { timeouts, maxHeaders }: AttemptLimits,
    clock: Clock,
    settle: Settle,
  ) {
    this.#attempt = attempt
    this.#signal = signal
    this.#timeouts = timeouts
    this.#maxHeaders = maxHeaders
    this.#clock = clock
    this.#startedAt = clock.now()
    this.#settle = settle
    signal.onAbort = () => {
      this.#abort()
    }
  }

  // ---- what http-proxy-3 calls

  onRequest(request: ClientRequest): void {
    this.#request = request
    // Node would leave out what is over its own limit without a word: all are looked at, and then counted.
    request.maxHeadersCount = 0
    const { body, head } = this.#attempt
    const hasBody = body.framing !== 'none'
    listenTo(request, this, { upgrade: head.upgrade !== undefined, body: hasBody })
    if (hasBody) return
    this.#bodyEnded = true
    request.end()
  }

  /** The request's `error` event; also ends what cannot even be started. */
  onError(cause: Error): void {
    if (this.#settled) {
      // A body that ends with its connection looks whole to Node even if the connection was reset.
      // What is complete already is whole, whatever follows it.
      if (this.#message?.complete === false) this.brokenBy ??= cause
      return
    }
    const { condition, type } = classify(cause, this.#phase === 'connect')
    this.#failWith(condition, type, cause)
  }

  onClose(): void {
    if (this.#settled) return
    const { res } = this.#request as { res?: IncomingMessage | null }
    if (res?.statusCode === 101) this.#unaskedFor(res)
    else this.onError(new Error('the connection was closed'))
  }

  // ---- the body's sink

  onDrain(): void {
    this.#sendTimer?.cancel()
    this.#sendTimer = undefined
    this.#attempt.body.drained()
  }

  write(chunk: Buffer): boolean {
    const request = this.#request
    if (request === undefined || request.destroyed) return true
    if (request.write(chunk)) return true
    this.#sendTimer ??= this.#clock.after(this.#timeouts.send, () => {
      this.#timedOut('send', 'connection_write_timeout')
    })
    return false
  }

  end(rawTrailers: readonly string[]): void {
    this.#bodyEnded = true
    if (rawTrailers.length > 0 && this.#attempt.body.framing === 'chunked') {
      this.#request?.addTrailers(pairsOf(rawTrailers))
    }
    this.#request?.end()
    if (!this.#settled) this.#awaitHead()
  }

  // ---- the way to the head

  onSocket(socket: Socket): void {
    // One that could not even begin to connect (`bind` to an address that is not ours) has its error on its way.
    if (this.#settled || socket.destroyed) return
    this.#socket = socket
    this.#bytesReadBefore = socket.bytesRead
    this.#bytesWrittenBefore = socket.bytesWritten
    this.#attempt.record.reused = this.#request?.reusedSocket === true
    const encrypted = this.#attempt.peer.protocol === 'https:'
    // A pool of the user's may hand out a connection that stands already and is not marked as reused: what is written
    // to it is sent, and must not be taken for unsent.
    if (!socket.connecting && (socket as HandshakingSocket).secureConnecting !== true) {
      this.#connected()
      return
    }
    this.#timer = this.#clock.after(this.#timeouts.connect, () => {
      this.#timedOut(this.#phase, 'connection_timeout')
    })
    if (encrypted) {
      socket.once('connect', () => {
        this.#phase = 'tls'
      })
    }
    socket.once(encrypted ? 'secureConnect' : 'connect', () => {
      this.#connected()
    })
  }

  #connected(): void {
    if (this.#settled) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#attempt.record.connectTime = this.#attempt.record.reused ? 0 : this.#elapsed()
    this.#requestSent = true
    this.#phase = 'send'
    if (this.#bodyEnded) this.#awaitHead()
    else if (this.#attempt.expectContinue) this.#awaitContinue()
    else this.#attempt.body.attach(this)
  }

  /** RFC 9110 section 10.1.1. */
  #awaitContinue(): void {
    this.#timer = this.#clock.after(CONTINUE_TIMEOUT_MS, () => {
      this.#continue()
    })
    this.#request?.once('continue', () => {
      this.#continue()
    })
  }

  #continue(): void {
    if (this.#settled || this.#attached) return
    this.#attached = true
    this.#timer?.cancel()
    this.#timer = undefined
    this.#attempt.body.attach(this)
  }

  /** A flood of them must not keep us busy: each could come in time before the read timeout. */
  onInformation(status: number, rawHeaders: readonly string[]): void {
    if (this.#settled) return
    this.#interim++
    if (this.#interim > MOST_INTERIM_RESPONSES) {
      this.#failWith('invalid_header', 'http_protocol_error', new Error('too many 1xx responses'))
    } else if (status !== 100) {
      this.#signal.informational(status, rawHeaders)
    }
  }

  /** The request is out: from here on the peer's silence counts. */
  #awaitHead(): void {
    if (this.#phase !== 'send') return
    this.#phase = 'header'
    this.#armRead()
  }

  /** One timer for head and body: most responses are over before it would have to be made anew. */
  #armRead(): void {
    this.#timer = this.#clock.after(this.#timeouts.read, () => {
      this.#timer = undefined
      if (!this.#settled) {
        this.#timedOut('header', 'connection_read_timeout')
      } else if (this.#reading) {
        this.readTimedOut = true
        this.abandon()
      }
    })
  }

  onResponse(message: IncomingMessage): void {
    if (this.#settled) {
      message.on('error', ignore)
      message.destroy()
      return
    }
    const { statusCode, statusMessage, rawHeaders } = message
    const fault = headFault(statusCode, statusMessage, rawHeaders, this.#maxHeaders)
    if (fault !== undefined) {
      message.on('error', ignore)
      this.#failWith('invalid_header', fault.type, new Error(fault.text))
      return
    }
    this.#attempt.record.headerTime = this.#elapsed()
    this.#phase = 'body'
    this.#settled = true
    this.#message = message
    const response = new HttpResponse(message, this)
    // From here on the client's leaving is the relay's to tell.
    this.#signal.onAbort = undefined
    this.#settle(new ResponseArrived(response))
  }

  onUpgrade(message: IncomingMessage, socket: Duplex, head: Buffer): void {
    const asked = this.#attempt.head.upgrade
    // RFC 9110 section 7.8: the request has to be complete before.
    const early = this.#settled || !this.#bodyEnded
    if (early || asked === undefined || !acceptsSwitch(asked, message.rawHeaders)) {
      socket.on('error', ignore)
      socket.destroy()
      this.#unaskedFor(message)
      return
    }
    this.#timer?.cancel()
    this.#attempt.record.headerTime = this.#elapsed()
    this.#phase = 'body'
    this.#settled = true
    this.#signal.onAbort = undefined
    // It is a part of what the next connection reads into.
    if (head.length > 0) socket.unshift(Buffer.from(head))
    this.#settle({ kind: 'response', response: new UpgradeResponse(message, socket, this) })
  }

  #unaskedFor({ statusCode }: IncomingMessage): void {
    const what = `unasked-for upgrade, status ${String(statusCode)}`
    this.#failWith('invalid_header', 'http_protocol_error', new Error(what))
  }

  // ---- for the response

  startReading(): void {
    this.#reading = true
    if (this.#timer === undefined) this.#armRead()
    else this.#timer.refresh()
  }

  stopReading(): void {
    this.#reading = false
  }

  bodyBytes(length: number): void {
    this.#attempt.record.responseLength += length
    this.#timer?.refresh()
  }

  bodyWhole(length: number): void {
    const { record } = this.#attempt
    record.responseLength = length
    // The same turn.
    this.bodyOver(record.headerTime)
  }

  bodyOver(time = this.#elapsed()): void {
    const { record, body } = this.#attempt
    record.responseTime = time
    this.#countBytes()
    this.#timer?.cancel()
    this.#sendTimer?.cancel()
    // What came behind the response was not asked for, and would be taken for the next one.
    if (this.#message !== undefined && hasMore(this.#message, record, this.#interim)) this.abandon()
    if (this.#bodyEnded) return
    // The peer has answered without waiting for the whole body: no more of it is sent, and the connection cannot be
    // used again.
    body.detach()
    this.abandon()
  }

  abandon(): void {
    // The socket itself: Node 26 takes a request that is destroyed after its response has arrived for a finished one,
    // and keeps the connection, with whatever is left on it.
    this.#socket?.destroy()
    this.#request?.destroy()
  }

  bodyFailure(
    condition: TransportCondition,
    type: FailureType,
    cause: Error | undefined,
  ): UpstreamFailure {
    return this.#failure(condition, type, cause)
  }

  // ---- ends without a head

  #timedOut(phase: Phase, type: FailureType): void {
    // With the head here, a peer that takes no more of the body is no matter: the response has its own timeout.
    if (this.#settled) return
    this.#phase = phase
    this.#failWith('timeout', type, undefined)
  }

  #abort(): void {
    if (this.#settled) return
    this.#over()
    this.#settle({ kind: 'aborted' })
  }

  #failWith(condition: TransportCondition, type: FailureType, cause: Error | undefined): void {
    if (this.#settled) return
    const failure = this.#failure(condition, type, cause)
    this.#over()
    this.#settle({ kind: 'failure', failure })
  }

  #failure(
    condition: TransportCondition,
    type: FailureType,
    cause: Error | undefined,
  ): UpstreamFailure {
    const socket = this.#socket
    const unread = this.#requestSent && socket !== undefined && wasRefused(cause, socket)
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

  #over(): void {
    this.#settled = true
    this.#timer?.cancel()
    this.#sendTimer?.cancel()
    this.#signal.onAbort = undefined
    this.#attempt.record.responseTime = this.#elapsed()
    this.#countBytes()
    this.#attempt.body.detach()
    this.#request?.destroy()
  }

  #countBytes(): void {
    const socket = this.#socket
    if (socket === undefined) return
    this.#attempt.record.bytesSent = socket.bytesWritten - this.#bytesWrittenBefore
    this.#attempt.record.bytesReceived = socket.bytesRead - this.#bytesReadBefore
  }

  #elapsed(): number {
    return this.#clock.now() - this.#startedAt
  }
}
