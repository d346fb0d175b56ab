/** One attempt through http-proxy-3: from the pool's socket to the response's head, settled once. */
import { STATUS_CODES } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../clock.js'
import type {
  AttemptResult,
  FailureType,
  Phase,
  UpstreamFailure,
} from '../../next-upstream/attempt-result.js'
import type { TransportCondition } from '../../next-upstream/condition.js'
import type { Attempt, AttemptSignal, RequestSink } from '../transport.js'
import { classify } from './failure.js'
import { HttpResponse } from './response.js'
import type { ResponseOwner } from './response.js'

/** Milliseconds. */
export interface AttemptTimeouts {
  readonly connect: number
  readonly send: number
  readonly read: number
}

/** `TLSSocket` as it is; its types leave the property out. */
type HandshakingSocket = Socket & { readonly secureConnecting?: boolean }

/** Not a reason phrase (RFC 9112 section 4): Node would throw where it is written to the client. */
const BAD_REASON = /[^\t\x20-\x7e\x80-\xff]/

/**
 * Handed to http-proxy-3 as its `buffer`: {@link HttpProxyAttempt.pipe} is called with the outgoing request before
 * anything of it is sent, which gives us the request, the body's timing and every event without a listener on `req`
 * or `res`.
 */
export class HttpProxyAttempt implements RequestSink, ResponseOwner {
  readonly #attempt: Attempt
  readonly #signal: AttemptSignal
  readonly #timeouts: AttemptTimeouts
  readonly #clock: Clock
  readonly #startedAt: number
  readonly #settle: (result: AttemptResult) => void
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
  /** The response's body is wanted: the peer's silence counts. */
  #reading = false
  readTimedOut = false
  brokenBy: Error | undefined
  #message: IncomingMessage | undefined

  constructor(
    attempt: Attempt,
    signal: AttemptSignal,
    timeouts: AttemptTimeouts,
    clock: Clock,
    settle: (result: AttemptResult) => void,
  ) {
    this.#attempt = attempt
    this.#signal = signal
    this.#timeouts = timeouts
    this.#clock = clock
    this.#startedAt = clock.now()
    this.#settle = settle
    signal.onAbort = () => {
      this.#abort()
    }
  }

  // ---- what http-proxy-3 calls

  /** The request is made and nothing of it is sent. */
  pipe(request: ClientRequest): void {
    this.#request = request
    request.on('socket', (socket) => {
      this.#onSocket(socket)
    })
    request.on('response', (message) => {
      this.#onResponse(message)
    })
    // Without a listener Node destroys the connection without a word. We asked for no upgrade.
    request.on('upgrade', (message, socket) => {
      socket.destroy()
      this.#failWith(
        'invalid_header',
        'http_protocol_error',
        new Error(`unasked-for upgrade, status ${String(message.statusCode)}`),
      )
    })
    request.on('close', () => {
      if (!this.#settled) this.onError(new Error('the connection was closed'))
    })
    const { body } = this.#attempt
    if (body.framing === 'none') {
      this.#bodyEnded = true
      request.end()
      return
    }
    request.on('drain', () => {
      this.#sendTimer?.cancel()
      this.#sendTimer = undefined
      body.drained()
    })
    if (body.framing === 'known') {
      request.setHeader('content-length', body.length)
    } else {
      request.setHeader('transfer-encoding', 'chunked')
    }
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

  // ---- the body's sink

  write(chunk: Buffer): boolean {
    const request = this.#request
    if (request === undefined || request.destroyed) return true
    if (request.write(chunk)) return true
    this.#sendTimer ??= this.#clock.after(this.#timeouts.send, () => {
      this.#timedOut('send', 'connection_write_timeout')
    })
    return false
  }

  end(): void {
    this.#bodyEnded = true
    this.#request?.end()
    if (!this.#settled) this.#awaitHead()
  }

  // ---- the way to the head

  #onSocket(socket: Socket): void {
    if (this.#settled) return
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
    else this.#attempt.body.attach(this)
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

  #onResponse(message: IncomingMessage): void {
    if (this.#settled) {
      message.on('error', () => undefined)
      message.destroy()
      return
    }
    const status = message.statusCode ?? 0
    const reason = message.statusMessage ?? ''
    if (
      status < 200 ||
      status > 999 ||
      (reason !== STATUS_CODES[status] && BAD_REASON.test(reason))
    ) {
      message.on('error', () => undefined)
      this.#failWith(
        'invalid_header',
        'http_protocol_error',
        new Error(`bad status line: ${String(status)} ${reason}`),
      )
      return
    }
    this.#attempt.record.headerTime = this.#elapsed()
    this.#phase = 'body'
    this.#settled = true
    this.#message = message
    const response = new HttpResponse(message, this)
    // From here on the client's leaving is the relay's to tell.
    this.#signal.onAbort = undefined
    this.#settle({ kind: 'response', response })
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

  bodyOver(): void {
    const { record, body } = this.#attempt
    record.responseTime = this.#elapsed()
    this.#countBytes()
    this.#timer?.cancel()
    this.#sendTimer?.cancel()
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
    return {
      condition,
      phase: this.#phase,
      type,
      requestSent: this.#requestSent,
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
