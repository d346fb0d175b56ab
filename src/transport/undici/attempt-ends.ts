/** What every attempt has: its timers and figures, and the ways in which it ends. Settled once. */
import { AsyncResource } from 'node:async_hooks'
import type { Clock, Timer } from '../../clock.js'
import type {
  AttemptResult,
  FailureType,
  Phase,
  UpstreamFailure,
} from '../../next-upstream/attempt-result.js'
import type { TransportCondition } from '../../next-upstream/condition.js'
import type { AttemptLimits } from '../http-proxy/limits.js'
import type { Attempt, AttemptSignal, Settle } from '../transport.js'
import type { PeerConnection } from './connection.js'
import type { PeerPool } from './peer-pool.js'
import type { BodyObserver } from './request-body.js'
import type { ResponseHead } from './response.js'

/** It has nothing to be destroyed with it. */
const MANUAL = { requireManualDestroy: true }

/** What all attempts of a transport have in common. */
export interface AttemptParts extends AttemptLimits {
  /** Bytes of response head at most. */
  readonly maxHeaderSize: number
  readonly clock: Clock
  /** Carries what undici has refused, of which nothing has been sent. */
  standard(attempt: Attempt, signal: AttemptSignal, settle: Settle): void
}

/**
 * An async resource, because undici calls back in the context of whichever request has opened the connection: what users
 * keep in an `AsyncLocalStorage` would be another request's in their hooks and listeners.
 */
export abstract class AttemptEnds extends AsyncResource implements BodyObserver {
  protected readonly parts: AttemptParts
  protected readonly attempt: Attempt
  protected readonly signal: AttemptSignal
  readonly #settle: Settle
  protected readonly pool: PeerPool
  protected readonly startedAt: number
  protected connection: PeerConnection | undefined
  protected phase: Phase = 'connect'
  protected requestSent = false
  protected bodyEnded = false
  protected bytesReadBefore = 0
  protected bytesWrittenBefore = 0
  protected timer: Timer | undefined
  protected sendTimer: Timer | undefined
  protected settled = false
  /** Nothing more is expected of the connection. */
  protected over = false
  protected head: ResponseHead | undefined
  /** The response's body is wanted: the peer's silence counts. */
  protected reading = false

  constructor(
    parts: AttemptParts,
    pool: PeerPool,
    attempt: Attempt,
    signal: AttemptSignal,
    settle: Settle,
  ) {
    super('EVENKEEL_ATTEMPT', MANUAL)
    this.parts = parts
    this.pool = pool
    this.attempt = attempt
    this.signal = signal
    this.#settle = settle
    this.startedAt = parts.clock.now()
  }

  /** The response ends here although more was announced. */
  protected abstract breakOff(
    condition: TransportCondition,
    type: FailureType,
    cause: Error | undefined,
  ): void

  /** The request is out: from here on the peer's silence counts. */
  protected awaitHead(): void {
    if (this.over || this.phase !== 'send') return
    this.phase = 'header'
    this.armRead()
  }

  /** One timer for head and body: most responses are over before it would have to be made anew. */
  protected armRead(): void {
    this.timer = this.parts.clock.after(this.parts.timeouts.read, () => {
      this.timer = undefined
      if (this.head === undefined) this.timedOut('header', 'connection_read_timeout')
      else if (this.reading) this.breakOff('timeout', 'connection_read_timeout', undefined)
    })
  }

  // ---- the request's body

  bodyHeld(): void {
    this.sendTimer ??= this.parts.clock.after(this.parts.timeouts.send, () => {
      this.timedOut('send', 'connection_write_timeout')
    })
  }

  bodyDrained(): void {
    this.sendTimer?.cancel()
    this.sendTimer = undefined
  }

  bodyOver(): void {
    this.bodyEnded = true
    if (this.requestSent) this.awaitHead()
  }

  // ---- ends without a head

  protected timedOut(phase: Phase, type: FailureType): void {
    // With the head here, a peer that takes no more of the body is no matter: the response has its own timeout.
    if (this.head !== undefined) return
    this.phase = phase
    this.failWith('timeout', type, undefined)
  }

  protected abort(): void {
    this.close({ kind: 'aborted' })
  }

  protected failWith(
    condition: TransportCondition,
    type: FailureType,
    cause: Error | undefined,
  ): void {
    if (this.over) return
    this.close({ kind: 'failure', failure: this.failure(condition, type, cause) })
  }

  protected close(result: AttemptResult): void {
    if (this.settled) return
    this.settled = true
    this.signal.onAbort = undefined
    if (!this.over) this.finish()
    this.attempt.body.detach()
    this.connection?.destroy()
    this.settle(result)
  }

  /** As {@link Settle}. */
  protected settle(result: AttemptResult): void {
    this.runInAsyncScope(this.#settle, undefined, result)
  }

  protected failure(
    condition: TransportCondition,
    type: FailureType,
    cause: Error | undefined,
  ): UpstreamFailure {
    const socket = this.connection?.socket
    const unread = this.requestSent && this.connection?.isUnread === true
    return {
      condition,
      phase: unread ? 'tls' : this.phase,
      type,
      requestSent: this.requestSent && !unread,
      reusedConnection: this.attempt.record.reused,
      responseStarted: socket !== undefined && socket.bytesRead > this.bytesReadBefore,
      cause,
    }
  }

  protected finish(): void {
    this.over = true
    this.timer?.cancel()
    this.sendTimer?.cancel()
    const { record } = this.attempt
    record.responseTime = this.elapsed()
    const { connection } = this
    if (connection === undefined) return
    connection.bytesWritten = connection.socket.bytesWritten
    connection.bytesRead = connection.socket.bytesRead
    record.bytesSent = connection.bytesWritten - this.bytesWrittenBefore
    record.bytesReceived = connection.bytesRead - this.bytesReadBefore
  }

  protected elapsed(): number {
    return this.parts.clock.now() - this.startedAt
  }
}
