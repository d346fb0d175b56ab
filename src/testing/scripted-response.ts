/** The response half of a scripted attempt: a body that flows as the contract of `UpstreamResponse` says. */
import type { Clock, Timer } from '../clock.js'
import type { BodySink, UpstreamResponse } from '../next-upstream/attempt-result.js'
import type { AttemptTimes } from '../transport/transport.js'
import { bodyChunks, bodyFailureOf, flatHeaders } from './outcome.js'
import type { OkOptions } from './outcome.js'

/** How far a scripted response has come. */
export type ResponseState = 'resting' | 'flowing' | 'ended' | 'failed' | 'discarded'

/** What a scripted response needs of its attempt. */
export interface ResponseContext {
  readonly clock: Clock
  readonly startedAt: number
  readonly record: AttemptTimes
  /** The last of it: ended, failed or discarded. Called once. */
  over(): void
}

export class ScriptedResponse implements UpstreamResponse {
  readonly status: number
  readonly statusMessage: string
  readonly rawHeaders: readonly string[]
  state: ResponseState = 'resting'

  readonly #options: Readonly<OkOptions>
  readonly #context: ResponseContext
  readonly #chunks: Buffer[]
  #sink: BodySink | undefined
  #timer: Timer | undefined
  #paused = false
  #pumping = false

  constructor(options: Readonly<OkOptions>, context: ResponseContext) {
    this.status = options.status ?? 200
    this.statusMessage = options.statusMessage ?? ''
    this.rawHeaders = flatHeaders(options.headers)
    this.#options = options
    this.#context = context
    this.#chunks = bodyChunks(options.body)
  }

  /** Throws when called a second time or after `discard`: both break the contract. */
  start(sink: BodySink): void {
    if (this.state === 'discarded') throw new Error('start() after discard()')
    if (this.#sink !== undefined) throw new Error('start() called twice')
    this.#sink = sink
    this.state = 'flowing'
    queueMicrotask(() => this.#schedule())
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    queueMicrotask(() => this.#schedule())
  }

  discard(): void {
    if (this.state !== 'resting' && this.state !== 'flowing') return
    this.#finish('discarded')
  }

  /** The next step now, or after the gap. */
  #schedule(): void {
    if (this.state !== 'flowing' || this.#paused || this.#pumping || this.#timer) return
    const gap = this.#options.gap ?? 0
    if (gap === 0 || this.#chunks.length === 0) return this.#pump()
    this.#timer = this.#context.clock.after(gap, () => {
      this.#timer = undefined
      this.#pump()
    })
  }

  #pump(): void {
    this.#pumping = true
    while (this.#canGoOn()) {
      const chunk = this.#chunks.shift()
      if (chunk === undefined) this.#conclude()
      else this.#deliver(chunk)
      if (this.#options.gap) break
    }
    this.#pumping = false
    this.#schedule()
  }

  /** A method, because the sink's callbacks change what it reads. */
  #canGoOn(): boolean {
    return this.state === 'flowing' && !this.#paused
  }

  #deliver(chunk: Buffer): void {
    const { record } = this.#context
    record.bytesReceived += chunk.length
    record.responseLength += chunk.length
    // Before the call: the sink may resume, or discard, from within.
    this.#paused = true
    const goOn = this.#sink?.data(chunk) ?? true
    if (goOn) this.#paused = false
  }

  #conclude(): void {
    const { failsWith, trailers } = this.#options
    if (failsWith === undefined) {
      this.#finish('ended')
      this.#sink?.end(flatHeaders(trailers))
      return
    }
    const failure = bodyFailureOf({
      reusedConnection: this.#options.reusedConnection ?? false,
      ...failsWith,
    })
    this.#finish('failed')
    this.#sink?.fail(failure)
  }

  #finish(state: 'ended' | 'failed' | 'discarded'): void {
    const { clock, record, startedAt } = this.#context
    this.state = state
    this.#timer?.cancel()
    this.#timer = undefined
    if (state === 'ended') record.responseTime = clock.now() - startedAt
    this.#context.over()
  }
}
