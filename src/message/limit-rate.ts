/** A response at so many bytes a second (nginx `limit_rate`). */
import type { Clock, Timer } from '../clock.js'
import type {
  BodySink,
  UpstreamFailure,
  UpstreamResponse,
} from '../next-upstream/attempt-result.js'
import { endBody } from './spool-ending.js'
import type { BodyEnding } from './spool-ending.js'

export interface RateLimit {
  /** Bytes of body a second; 0 is no limit. */
  readonly rate: number
  readonly clock: Clock
}

/**
 * The response slowed down, by the arithmetic of nginx's `ngx_http_write_filter`: in the second number n since its
 * start, n × `rate` bytes may have gone out; each piece is followed by a pause as long as it takes at that rate. A
 * longer piece is cut. The peer (or the buffer before it, see `bufferedResponse`) waits meanwhile. nginx counts from the
 * request's beginning and counts the head as well, so that a peer which has taken its time earns its client a burst;
 * here it is the body alone, and its start.
 */
export function limitRate(response: UpstreamResponse, limit: RateLimit): UpstreamResponse {
  if (limit.rate === 0 || response.tunnel !== undefined) return response
  return new LimitedResponse(response, limit)
}

class LimitedResponse implements UpstreamResponse, BodySink {
  readonly status: number
  readonly statusMessage: string
  readonly rawHeaders: readonly string[]
  readonly #response: UpstreamResponse
  readonly #limit: RateLimit
  #startedAt = 0
  #sent = 0
  #sink: BodySink | undefined
  /** Mostly one piece: the sender is asked to wait with the next. */
  #pieces: Buffer[] = []
  #timer: Timer | undefined
  /** The sink takes more. */
  #open = true
  /** The sender waits. */
  #held = false
  #ending: BodyEnding | undefined
  #over = false

  constructor(response: UpstreamResponse, limit: RateLimit) {
    this.status = response.status
    this.statusMessage = response.statusMessage
    this.rawHeaders = response.rawHeaders
    this.#response = response
    this.#limit = limit
  }

  start(sink: BodySink): void {
    this.#sink = sink
    this.#startedAt = this.#limit.clock.now()
    this.#response.start(this)
  }

  resume(): void {
    this.#open = true
    this.#goOn()
  }

  discard(): void {
    this.#finish()
    this.#response.discard()
  }

  data(chunk: Buffer): boolean {
    if (this.#over) return true
    this.#pieces.push(chunk)
    this.#send()
    this.#held = !this.#canSend()
    return !this.#held
  }

  end(rawTrailers: readonly string[]): void {
    this.#upstreamOver({ kind: 'end', rawTrailers })
  }

  fail(failure: UpstreamFailure): void {
    this.#upstreamOver({ kind: 'fail', failure })
  }

  #upstreamOver(ending: BodyEnding): void {
    this.#ending = ending
    this.#endWhenEmpty()
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined
    this.#goOn()
  }

  #goOn(): void {
    this.#send()
    this.#endWhenEmpty()
    if (!this.#held || !this.#canSend()) return
    this.#held = false
    this.#response.resume()
  }

  /** A method, because the sink's callbacks change what it reads. */
  #canSend(): boolean {
    return this.#open && this.#timer === undefined
  }

  #send(): void {
    while (this.#canSend()) {
      const piece = this.#next()
      if (piece === undefined) return
      // Before the call: the sink may resume, or discard, from within.
      this.#open = false
      if (this.#sink?.data(piece) !== false) this.#open = true
    }
  }

  /** What may go out now, with the pause after it begun. */
  #next(): Buffer | undefined {
    const piece = this.#pieces.shift()
    if (piece === undefined) return undefined
    const { rate, clock } = this.#limit
    const elapsed = clock.now() - this.#startedAt
    const allowed = rate * (Math.floor(elapsed / 1000) + 1) - this.#sent
    if (allowed <= 0) {
      // nginx looks again each millisecond, and finds nothing before the second is over.
      this.#pieces.unshift(piece)
      this.#pause(Math.ceil(1000 - (elapsed % 1000)))
      return undefined
    }
    if (piece.length > allowed) this.#pieces.unshift(piece.subarray(allowed))
    const now = piece.length > allowed ? piece.subarray(0, allowed) : piece
    this.#sent += now.length
    const pause = Math.floor((now.length * 1000) / rate)
    if (pause > 0) this.#pause(pause)
    return now
  }

  #pause(ms: number): void {
    this.#timer = this.#limit.clock.after(ms, this.#onTimer)
  }

  /** The end itself is free. */
  #endWhenEmpty(): void {
    const ending = this.#ending
    if (this.#over || ending === undefined || this.#pieces.length > 0) return
    this.#finish()
    if (this.#sink !== undefined) endBody(this.#sink, ending)
  }

  #finish(): void {
    this.#over = true
    this.#held = false
    this.#timer?.cancel()
    this.#timer = undefined
    this.#pieces = []
  }
}
