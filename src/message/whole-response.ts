/** Short responses are read whole before any of it is sent: a peer that dies in the middle costs a try, not an answer. */
import { ResponseArrived } from '../next-upstream/attempt-result.js'
import type {
  AttemptResult,
  BodySink,
  UpstreamFailure,
  UpstreamResponse,
} from '../next-upstream/attempt-result.js'
import type { AttemptSignal } from '../transport/transport.js'

/** A response whose body is in memory. */
class WholeResponse implements UpstreamResponse {
  readonly status: number
  readonly statusMessage: string
  readonly rawHeaders: readonly string[]
  readonly isWhole = true
  readonly whole: Buffer

  constructor(response: UpstreamResponse, whole: Buffer) {
    this.status = response.status
    this.statusMessage = response.statusMessage
    this.rawHeaders = response.rawHeaders
    this.whole = whole
  }

  start(sink: BodySink): void {
    sink.data(this.whole)
    sink.end([])
  }

  resume(): void {
    // Everything was handed over at once.
  }

  discard(): void {
    // The connection was given back when the body was complete.
  }
}

/**
 * The length that a response announces, when it is to be read whole: at most `limit` bytes, and at least one. A
 * response of unknown length may be a stream of events, and goes on at once.
 */
export function wholeLength(response: UpstreamResponse, method: string, limit: number): number {
  if (limit === 0 || method === 'HEAD' || response.status === 204 || response.status === 304)
    return 0
  const { rawHeaders } = response
  let length = 0
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    // `Trailer` announces more than a length tells.
    if (name.length === 7 && name.toLowerCase() === 'trailer') return 0
    if (name.length === 14 && name.toLowerCase() === 'content-length')
      length = Number(rawHeaders[i + 1])
  }
  return length <= limit ? length : 0
}

/** Reads the body; `settle` is given the response with it, or what became of the attempt instead. */
export function readWhole(
  response: UpstreamResponse,
  length: number,
  signal: AttemptSignal,
  settle: (result: AttemptResult) => void,
): void {
  response.start(new WholeReader(response, length, signal, settle))
}

class WholeReader implements BodySink {
  readonly #response: UpstreamResponse
  readonly #length: number
  readonly #signal: AttemptSignal
  readonly #settle: (result: AttemptResult) => void
  #first: Buffer | undefined
  #more: Buffer[] | undefined

  constructor(
    response: UpstreamResponse,
    length: number,
    signal: AttemptSignal,
    settle: (result: AttemptResult) => void,
  ) {
    this.#response = response
    this.#length = length
    this.#signal = signal
    this.#settle = settle
    signal.onAbort = () => {
      response.discard()
      settle({ kind: 'aborted' })
    }
  }

  data(chunk: Buffer): boolean {
    if (this.#first === undefined) this.#first = chunk
    else (this.#more ??= [this.#first]).push(chunk)
    return true
  }

  end(): void {
    this.#signal.onAbort = undefined
    const whole =
      this.#more === undefined
        ? (this.#first ?? Buffer.alloc(0))
        : Buffer.concat(this.#more, this.#length)
    this.#settle(new ResponseArrived(new WholeResponse(this.#response, whole)))
  }

  fail(failure: UpstreamFailure): void {
    this.#signal.onAbort = undefined
    this.#settle({ kind: 'failure', failure })
  }
}
