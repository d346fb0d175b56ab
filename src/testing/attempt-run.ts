/** One attempt of a scripted transport, while it runs and as it is remembered. */
import type { Clock, Timer } from '../clock.js'
import type { AttemptResult } from '../next-upstream/attempt-result.js'
import type { Attempt, AttemptSignal, RequestHead } from '../transport/transport.js'
import type { Outcome } from './outcome.js'
import { RecordingSink } from './recording-sink.js'
import type { RequestBodyOptions } from './recording-sink.js'
import { ScriptedResponse } from './scripted-response.js'
import type { ResponseState } from './scripted-response.js'

/** An attempt as it was made. */
export interface RecordedAttempt {
  readonly attempt: Attempt
  /** The peer's `name`. */
  readonly peer: string
  readonly head: RequestHead
  readonly connection: 'any' | 'fresh'
  /** Bytes of request body taken so far. */
  readonly bodyLength: number
  /** Request body taken so far; empty with `requestBody: 'count'` or `'ignore'`. */
  readonly body: Buffer
  /** The request body came to its end. */
  readonly bodyComplete: boolean
  /** How it came out; `pending` until it has. */
  readonly result: AttemptResult['kind'] | 'pending'
  /** The state of the response's body; undefined when there was no response. */
  readonly response: ResponseState | undefined
}

export class AttemptRun implements RecordedAttempt {
  readonly peer: string
  readonly head: RequestHead
  readonly connection: 'any' | 'fresh'
  readonly startedAt: number
  readonly sink: RecordingSink
  result: AttemptResult['kind'] | 'pending' = 'pending'
  scripted: ScriptedResponse | undefined

  readonly #clock: Clock
  readonly #settle: (result: AttemptResult) => void
  readonly #signal: AttemptSignal
  #timer: Timer | undefined

  constructor(
    readonly attempt: Attempt,
    signal: AttemptSignal,
    clock: Clock,
    body: RequestBodyOptions,
    settle: (result: AttemptResult) => void,
  ) {
    this.peer = attempt.peer.name
    this.head = attempt.head
    this.connection = attempt.connection
    this.startedAt = clock.now()
    this.sink = new RecordingSink(attempt, body)
    this.#clock = clock
    this.#signal = signal
    this.#settle = settle
    signal.onAbort = () => this.abort()
  }

  get bodyLength(): number {
    return this.sink.length
  }

  get body(): Buffer {
    return this.sink.bytes
  }

  get bodyComplete(): boolean {
    return this.sink.ended
  }

  get response(): ResponseState | undefined {
    return this.scripted?.state
  }

  get inFlight(): boolean {
    if (this.scripted !== undefined)
      return this.scripted.state === 'resting' || this.scripted.state === 'flowing'
    return this.result === 'pending'
  }

  abort(): void {
    if (this.result === 'pending') this.#finish({ kind: 'aborted' })
    else this.scripted?.discard()
  }

  play(outcome: Outcome): void {
    if (this.result !== 'pending') return
    switch (outcome.kind) {
      case 'hangs':
        return this.sink.take()
      case 'fails':
        return this.#playFailure(outcome)
      case 'ok':
        this.sink.take(
          outcome.options.early === true ? undefined : () => this.#respondLater(outcome),
        )
        if (outcome.options.early === true) this.#respondLater(outcome)
        return
      default:
        return outcome satisfies never
    }
  }

  #playFailure({ failure, delay }: Extract<Outcome, { kind: 'fails' }>): void {
    const fail = (): void => this.#later(delay, () => this.#finish({ kind: 'failure', failure }))
    if (!failure.requestSent) return fail()
    this.attempt.record.reused = failure.reusedConnection
    if (failure.phase !== 'send') return this.sink.take(fail)
    this.sink.take()
    fail()
  }

  #respondLater({ options }: Extract<Outcome, { kind: 'ok' }>): void {
    this.#later(options.delay ?? 0, () => {
      const { record } = this.attempt
      record.connectTime = 0
      record.headerTime = this.#clock.now() - this.startedAt
      record.reused = options.reusedConnection ?? false
      const response = new ScriptedResponse(options, {
        clock: this.#clock,
        startedAt: this.startedAt,
        record,
        over: () => this.#release(),
      })
      this.scripted = response
      this.#finish({ kind: 'response', response })
    })
  }

  #later(ms: number, run: () => void): void {
    const unlessOver = (): void => {
      if (this.result === 'pending') run()
    }
    if (ms === 0) queueMicrotask(unlessOver)
    else this.#timer = this.#clock.after(ms, unlessOver)
  }

  #finish(result: AttemptResult): void {
    this.result = result.kind
    this.#timer?.cancel()
    if (result.kind !== 'response') this.#release()
    this.#settle(result)
  }

  /** The attempt is over, its response's body included. */
  #release(): void {
    this.sink.leave()
    this.#signal.onAbort = undefined
  }
}
