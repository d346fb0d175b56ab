/** A request body that is read whole before a peer is asked (nginx `proxy_request_buffering on`). */
import type { AttemptSignal } from '../transport/transport.js'
import { NO_TRAILERS } from './request-body.js'
import type { BodyStream, RequestBody } from './request-body.js'
import { SpooledBody } from './spool-body.js'
import { SpoolQueue } from './spool-queue.js'
import { TempFile } from './temp-file.js'
import type { TempFileOwner } from './temp-file.js'
import { trailerFields } from './trailer-fields.js'

export interface FullBodyOptions {
  /** Bytes kept in memory; the rest goes to a temporary file. nginx `client_body_buffer_size`. */
  readonly bodyBuffer: number
  /** Bytes at most. */
  readonly maxBody: number
  /** Directory of the temporary file; undefined: the system's. */
  readonly tempPath: string | undefined
  /** Called once, before the first byte is read: the client may be waiting for 100 (Continue). */
  readonly onWanted?: (() => void) | undefined
  /**
   * The temporary file could not be read for an attempt. Its sink gets nothing more, not even an end: whoever is told
   * has to give the request up.
   */
  readonly onError: (cause: Error) => void
}

export type FullBodyResult =
  | { readonly kind: 'body'; readonly body: RequestBody }
  /** Over `maxBody`. The rest is read and dropped. */
  | { readonly kind: 'too_large' }
  /** The client left, the stream failed (that is the cause), or the signal said so. */
  | { readonly kind: 'aborted'; readonly cause: Error | undefined }
  /** The temporary file could not be written, or the stream cannot be had as bytes. */
  | { readonly kind: 'failed'; readonly cause: Error }

/** What a request tells of its own end, besides being a stream. */
interface EndedStream extends BodyStream {
  readonly aborted?: boolean
  readonly complete?: boolean
}

const ignore = (): void => undefined

/** Bytes that may wait for the disk before the client has to. */
const WRITE_BYTES = 64 * 1024

/**
 * Reads the whole body. Never rejects. Where no body comes of it, nothing is kept, and the rest is read and dropped, or
 * the next request on the client's connection would never be seen.
 *
 * @param signal its `onAbort` is set while the body is read.
 */
export function readFullBody(
  stream: BodyStream,
  options: FullBodyOptions,
  signal?: AttemptSignal,
): Promise<FullBodyResult> {
  return new Promise((resolve) => {
    new Reading(stream, options, signal, resolve).begin()
  })
}

class Reading implements TempFileOwner {
  readonly #stream: EndedStream
  readonly #options: FullBodyOptions
  readonly #signal: AttemptSignal | undefined
  readonly #resolve: (result: FullBodyResult) => void
  readonly #memory = new SpoolQueue()
  #file: TempFile | undefined
  #received = 0
  #ended = false

  constructor(
    stream: BodyStream,
    options: FullBodyOptions,
    signal: AttemptSignal | undefined,
    resolve: (result: FullBodyResult) => void,
  ) {
    this.#stream = stream
    this.#options = options
    this.#signal = signal
    this.#resolve = resolve
  }

  begin(): void {
    const stream = this.#stream
    if (stream.readableEnded || stream.readableEncoding !== null) {
      this.#finish({ kind: 'failed', cause: new Error('the body has been read, or made text') })
      return
    }
    if (stream.destroyed || this.#signal?.aborted === true) {
      this.#finish({ kind: 'aborted', cause: undefined })
      return
    }
    if (this.#signal !== undefined) this.#signal.onAbort = this.#onAbort
    stream.on('end', this.#onEnd)
    stream.on('error', this.#onGone)
    stream.on('close', this.#onGone)
    stream.on('data', this.#onData)
    this.#options.onWanted?.()
    stream.resume()
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#received += chunk.length
    if (this.#received > this.#options.maxBody) {
      this.#finish({ kind: 'too_large' })
      return
    }
    if (this.#file === undefined && this.#received <= this.#options.bodyBuffer) {
      this.#memory.push(chunk)
      return
    }
    this.#file ??= new TempFile(this, this.#options.tempPath)
    this.#file.append(chunk)
    if (this.#file.queued >= WRITE_BYTES) this.#stream.pause()
  }

  readonly #onEnd = (): void => {
    // HTTP/2: a stream that is reset may look as if it had ended.
    if (this.#stream.aborted === true || this.#stream.complete === false) {
      this.#onGone()
      return
    }
    this.#ended = true
    if (this.#file === undefined || this.#file.written === this.#file.size) this.#complete()
  }

  readonly #onGone = (cause?: Error): void => {
    if (!this.#ended) this.#finish({ kind: 'aborted', cause })
  }

  readonly #onAbort = (): void => {
    this.#finish({ kind: 'aborted', cause: undefined })
  }

  written(): void {
    if (!this.#ended) this.#stream.resume()
    else if (this.#file?.written === this.#file?.size) this.#complete()
  }

  failed(cause: Error): void {
    this.#finish({ kind: 'failed', cause })
  }

  #complete(): void {
    const { rawTrailers = NO_TRAILERS } = this.#stream
    const trailers = rawTrailers.length === 0 ? NO_TRAILERS : trailerFields(rawTrailers)
    const kept = { pieces: this.#memory.takeAll(), file: this.#file, trailers }
    this.#file = undefined
    this.#finish({
      kind: 'body',
      body: new SpooledBody(kept, this.#received, this.#options.onError),
    })
  }

  #finish(result: FullBodyResult): void {
    const stream = this.#stream
    stream.off('data', this.#onData)
    stream.off('end', this.#onEnd)
    stream.off('error', this.#onGone)
    stream.off('close', this.#onGone)
    if (this.#signal?.onAbort === this.#onAbort) this.#signal.onAbort = undefined
    this.#memory.clear()
    this.#file?.close()
    if (result.kind !== 'body' && !stream.destroyed) {
      stream.on('error', ignore)
      stream.resume()
    }
    this.#resolve(result)
  }
}
