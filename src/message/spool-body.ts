/** A request body that is here already, as it is sent to one peer after another. */
import type { RequestSink } from '../transport/transport.js'
import type { RequestBody } from './request-body.js'
import type { TempFile } from './temp-file.js'

const READ_BYTES = 64 * 1024

/** The body's beginning in memory, its rest in a file that has been written to its end. */
export interface Kept {
  readonly pieces: readonly Buffer[]
  readonly file: TempFile | undefined
  readonly trailers: readonly string[]
}

export class SpooledBody implements RequestBody {
  readonly framing: 'known' | 'chunked'
  readonly length: number
  readonly replayable = true
  readonly repeatable = true
  readonly #kept: Kept
  readonly #onError: (cause: Error) => void
  #sink: RequestSink | undefined
  /** Counts the attachments: what was read for one is not for the next. */
  #run = 0
  /** Pieces of memory, and then bytes of the file, that this attachment has had. */
  #pieces = 0
  #position = 0
  /** The sink has asked for a pause. */
  #full = false
  #reading = false
  #released = false
  #closed = false

  constructor(kept: Kept, length: number, onError: (cause: Error) => void) {
    // RFC 9112 section 7.1.2: only a chunked message has a place for trailers.
    this.framing = kept.trailers.length === 0 ? 'known' : 'chunked'
    this.length = this.framing === 'known' ? length : 0
    this.#kept = kept
    this.#onError = onError
  }

  attach(sink: RequestSink): void {
    this.#sink = sink
    this.#run++
    this.#pieces = 0
    this.#position = 0
    this.#full = false
    this.#reading = false
    this.#send()
  }

  drained(): void {
    this.#full = false
    this.#send()
  }

  detach(): void {
    this.#sink = undefined
    this.#run++
    this.#closeIfDone()
  }

  /** A peer that has answered early may still be taking the body: then the file is closed after it. */
  release(): void {
    this.#released = true
    this.#closeIfDone()
  }

  #closeIfDone(): void {
    if (!this.#released || this.#sink !== undefined) return
    this.#closed = true
    this.#kept.file?.close()
  }

  #send(): void {
    while (this.#canSend()) {
      const piece = this.#kept.pieces[this.#pieces]
      if (piece === undefined) {
        this.#sendRest()
        return
      }
      this.#pieces++
      this.#give(piece)
    }
  }

  /** A method, because the sink's callbacks change what it reads. */
  #canSend(): boolean {
    return this.#sink !== undefined && !this.#full && !this.#reading
  }

  #give(piece: Buffer): void {
    const run = this.#run
    // Before the call: the sink may have drained, or be detached, from within.
    this.#full = true
    if (this.#sink?.write(piece) !== false && run === this.#run) this.#full = false
  }

  #sendRest(): void {
    const { file, trailers } = this.#kept
    const left = (file?.size ?? 0) - this.#position
    if (file !== undefined && left > 0) {
      this.#read(file, Math.min(left, READ_BYTES))
      return
    }
    const sink = this.#sink
    this.#sink = undefined
    sink?.end(trailers)
    this.#closeIfDone()
  }

  #read(file: TempFile, length: number): void {
    const run = this.#run
    this.#reading = true
    const done = (result: Buffer | Error): void => {
      if (run !== this.#run) return
      this.#reading = false
      if (result instanceof Error) {
        this.detach()
        this.#onError(result)
        return
      }
      this.#position += length
      this.#give(result)
      this.#send()
    }
    // Nobody may attach it now. Who does is told, and does not wait for a file that will never speak again.
    if (this.#closed) process.nextTick(done, new Error('the body has been released'))
    else file.read(this.#position, length, done)
  }
}
