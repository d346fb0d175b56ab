/** A response that is read at the peer's own speed, however slow the client is (nginx `proxy_buffering on`). */
import type {
  BodySink,
  UpstreamFailure,
  UpstreamResponse,
} from '../next-upstream/attempt-result.js'
import { Backlog } from './spool-backlog.js'
import type { BacklogOptions, BacklogOwner } from './spool-backlog.js'
import { endBody } from './spool-ending.js'
import type { BodyEnding } from './spool-ending.js'

export interface BufferingOptions extends BacklogOptions {
  /**
   * Called once, before the sink's `end` or `fail`, when the peer's part is over: with undefined when its last byte has
   * come, with the failure when it broke off. Not after `discard`, nor when the disk fails.
   */
  readonly onUpstreamOver: (failure: UpstreamFailure | undefined) => void
}

/**
 * The response with a buffer between peer and client. What the client takes at once passes through untouched; what it
 * does not waits in memory, then in a temporary file, and only when both are full does the peer wait. A peer that
 * breaks off: what has come is delivered first. A disk that fails: the response ends at once with
 * `proxy_internal_error` in phase `body`.
 *
 * A response that is whole already has no peer any more, and one with a tunnel has no body: both come back as they are.
 */
export function bufferedResponse(
  response: UpstreamResponse,
  options: BufferingOptions,
): UpstreamResponse {
  if (response.tunnel !== undefined) return response
  if (response.whole === undefined) return new BufferedResponse(response, options)
  options.onUpstreamOver(undefined)
  return response
}

class BufferedResponse implements UpstreamResponse, BodySink, BacklogOwner {
  readonly status: number
  readonly statusMessage: string
  readonly rawHeaders: readonly string[]
  readonly #response: UpstreamResponse
  readonly #options: BufferingOptions
  #sink: BodySink | undefined
  /** Only for a client that is slow. */
  #backlog: Backlog | undefined
  /** The sink takes more. */
  #open = true
  /** The peer waits. */
  #held = false
  /** How it is to end when all is delivered. */
  #ending: BodyEnding | undefined
  #over = false

  constructor(response: UpstreamResponse, options: BufferingOptions) {
    this.status = response.status
    this.statusMessage = response.statusMessage
    this.rawHeaders = response.rawHeaders
    this.#response = response
    this.#options = options
  }

  // ---- towards the client

  start(sink: BodySink): void {
    this.#sink = sink
    this.#response.start(this)
  }

  resume(): void {
    this.#open = true
    this.moved()
  }

  discard(): void {
    this.#finish()
    this.#response.discard()
  }

  // ---- from the peer

  data(chunk: Buffer): boolean {
    if (this.#over) return true
    if (this.#open && (this.#backlog === undefined || this.#backlog.empty)) {
      this.#give(chunk)
      return true
    }
    const backlog = (this.#backlog ??= new Backlog(this.#options, this))
    backlog.push(chunk)
    this.#held = !backlog.hasRoom
    return !this.#held
  }

  end(rawTrailers: readonly string[]): void {
    this.#upstreamOver({ kind: 'end', rawTrailers }, undefined)
  }

  fail(failure: UpstreamFailure): void {
    this.#upstreamOver({ kind: 'fail', failure }, failure)
  }

  #upstreamOver(ending: BodyEnding, failure: UpstreamFailure | undefined): void {
    if (this.#over) return
    this.#ending = ending
    this.#held = false
    this.#options.onUpstreamOver(failure)
    this.#endWhenEmpty()
  }

  // ---- in between

  moved(): void {
    while (this.#canGive()) {
      const piece = this.#backlog?.take()
      if (piece === undefined) break
      this.#give(piece)
    }
    this.#endWhenEmpty()
    if (!this.#held || this.#backlog?.hasRoom === false) return
    this.#held = false
    this.#response.resume()
  }

  broken(cause: Error): void {
    this.#finish()
    this.#response.discard()
    this.#sink?.fail({
      condition: 'error',
      phase: 'body',
      type: 'proxy_internal_error',
      requestSent: true,
      reusedConnection: false,
      responseStarted: true,
      cause,
    })
  }

  /** A method, because the sink's callbacks change what it reads. */
  #canGive(): boolean {
    return this.#open && !this.#over
  }

  #give(piece: Buffer): void {
    // Before the call: the sink may resume, or discard, from within.
    this.#open = false
    if (this.#sink?.data(piece) !== false) this.#open = true
  }

  #endWhenEmpty(): void {
    const ending = this.#ending
    if (this.#over || ending === undefined || this.#backlog?.empty === false) return
    this.#finish()
    if (this.#sink !== undefined) endBody(this.#sink, ending)
  }

  #finish(): void {
    this.#over = true
    this.#held = false
    this.#backlog?.close()
  }
}
