/** Responses as the library's values: one that is in memory, and one that flows. */
import type {
  BodySink,
  UpstreamFailure,
  UpstreamResponse,
} from '../../next-upstream/attempt-result.js'

export class ResponseHead {
  readonly status: number
  readonly statusMessage: string
  readonly rawHeaders: readonly string[]

  constructor(status: number, statusMessage: string, rawHeaders: readonly string[]) {
    this.status = status
    this.statusMessage = statusMessage
    this.rawHeaders = rawHeaders
  }
}

const NO_TRAILERS: readonly string[] = []

/** What a response that is in memory needs of its attempt. */
export interface WholeOwner {
  /** Bytes of the body have found their taker. */
  taken(length: number): void
  /** Nobody wants it. Its connection is given up, as is that of any response that is left (nginx does so, too). */
  dropped(): void
}

/** Head and body have come at once, and without trailers. Its connection is free already. */
export class WholeResponse implements UpstreamResponse {
  readonly status: number
  readonly statusMessage: string
  readonly rawHeaders: readonly string[]
  readonly isWhole = true
  readonly #body: Buffer
  readonly #owner: WholeOwner
  #taken = false

  constructor(
    { status, statusMessage, rawHeaders }: ResponseHead,
    body: Buffer,
    owner: WholeOwner,
  ) {
    this.status = status
    this.statusMessage = statusMessage
    this.rawHeaders = rawHeaders
    this.#body = body
    this.#owner = owner
  }

  /** Its bytes count when it is asked for: of a response that is dropped nobody has read any (`$upstream_response_length`). */
  get whole(): Buffer {
    if (!this.#taken) {
      this.#taken = true
      this.#owner.taken(this.#body.length)
    }
    return this.#body
  }

  start(sink: BodySink): void {
    const { whole } = this
    if (whole.length > 0) sink.data(whole)
    sink.end(NO_TRAILERS)
  }

  resume(): void {
    // Everything was handed over at once.
  }

  discard(): void {
    if (this.#taken) return
    this.#taken = true
    this.#owner.dropped()
  }
}

/** What a response that flows needs of its attempt. */
export interface ResponseOwner extends Pick<WholeOwner, 'taken'> {
  /** The read timeout runs, from now. */
  startReading(): void
  /** A slow client is not a slow peer: no read timeout while we do not read. */
  stopReading(): void
  /** Lets the parser go on that was told to rest. */
  letFlow(): void
  /** Destroys the connection; the body is not wanted. */
  giveUp(): void
}

export class FlowingResponse implements UpstreamResponse {
  readonly status: number
  readonly statusMessage: string
  readonly rawHeaders: readonly string[]
  readonly #owner: ResponseOwner
  /** What came before it was wanted. */
  readonly #held: Buffer[]
  #sink: BodySink | undefined
  /** The sink has asked for a pause. */
  #paused = false
  /** How it ends, once that is known. */
  #ending: readonly string[] | UpstreamFailure | undefined
  #over = false

  constructor(
    { status, statusMessage, rawHeaders }: ResponseHead,
    held: Buffer[],
    owner: ResponseOwner,
  ) {
    this.status = status
    this.statusMessage = statusMessage
    this.rawHeaders = rawHeaders
    this.#held = held
    this.#owner = owner
  }

  start(sink: BodySink): void {
    if (this.#over) return
    this.#sink = sink
    if (this.#ending === undefined) this.#owner.startReading()
    this.#flow()
  }

  resume(): void {
    if (this.#over) return
    this.#paused = false
    if (this.#ending === undefined) this.#owner.startReading()
    this.#flow()
  }

  discard(): void {
    if (this.#over) return
    this.#over = true
    this.#owner.giveUp()
  }

  // ---- for the attempt

  /** Returns false when nothing more is wanted for now. */
  data(chunk: Buffer): boolean {
    if (this.#over) return true
    if (this.#sink === undefined || this.#paused || this.#held.length > 0) {
      this.#held.push(chunk)
      return false
    }
    return this.#give(this.#sink, chunk)
  }

  end(rawTrailers: readonly string[]): void {
    this.#ending ??= rawTrailers
    if (!this.#paused) this.#flow()
  }

  /** What is held is lost with the rest. */
  fail(failure: UpstreamFailure): void {
    if (this.#over || this.#ending !== undefined) return
    this.#ending = failure
    this.#held.length = 0
    this.#flow()
  }

  #give(sink: BodySink, chunk: Buffer): boolean {
    this.#owner.taken(chunk.length)
    if (sink.data(chunk)) return true
    this.#paused = true
    this.#owner.stopReading()
    return false
  }

  #flow(): void {
    const sink = this.#sink
    if (sink === undefined || this.#over) return
    let chunk = this.#held.shift()
    while (chunk !== undefined) {
      if (!this.#give(sink, chunk)) return
      chunk = this.#held.shift()
    }
    if (this.#ending === undefined) {
      this.#owner.letFlow()
      return
    }
    this.#over = true
    if ('condition' in this.#ending) sink.fail(this.#ending)
    else sink.end(this.#ending)
  }
}
