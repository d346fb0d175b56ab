/** Request bodies as replayable sources: sent on as they come, their beginning kept for a next upstream. */
import type { Readable } from 'node:stream'
import type { RequestSink, RequestSource } from '../transport/transport.js'
import type { BodyOwner } from './incoming-body.js'
import { trailerFields } from './trailer-fields.js'

/** What the request handler needs beyond what an attempt needs. */
export interface RequestBody extends RequestSource {
  /** The next attempt could still have the whole body. */
  readonly replayable: boolean
  /** Whether it will still be replayable once sent is already known: nothing, or short enough to be kept. */
  readonly repeatable: boolean
  /** No attempt will follow: what was kept is given back. */
  release(): void
}

export const NO_TRAILERS: readonly string[] = []

/** No body. One object for all. */
export const NO_BODY: RequestBody = {
  framing: 'none',
  length: 0,
  replayable: true,
  repeatable: true,
  attach: (sink) => {
    sink.end(NO_TRAILERS)
  },
  drained: () => undefined,
  detach: () => undefined,
  release: () => undefined,
}

/** A body that is in memory already, as a body parser leaves it. */
export class BufferedBody implements RequestBody {
  readonly framing = 'known'
  readonly length: number
  readonly replayable = true
  readonly repeatable = true
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.length = bytes.length
  }

  attach(sink: RequestSink): void {
    sink.write(this.#bytes)
    sink.end(NO_TRAILERS)
  }

  drained(): void {
    // Everything was handed over at once.
  }

  detach(): void {
    // Nothing runs between two attempts.
  }

  release(): void {
    // Not ours to give back.
  }
}

/** Bytes that all requests together may keep for replays. */
export class ReplayMemory {
  #left: number

  constructor(bytes: number) {
    this.#left = bytes
  }

  take(bytes: number): boolean {
    if (bytes > this.#left) return false
    this.#left -= bytes
    return true
  }

  give(bytes: number): void {
    this.#left += bytes
  }
}

export interface StreamedBodyOptions {
  /** Declared length in bytes; undefined for a chunked body. */
  readonly length: number | undefined
  /** Bytes of this body kept at most; 0 keeps nothing. */
  readonly replayBuffer: number
  readonly memory: ReplayMemory
  /** Bytes at most. */
  readonly maxBody: number
  readonly owner: Pick<BodyOwner, 'bodyTooLarge' | 'bodyWanted'>
}

/** What a client's request and a stream of the user's have in common. */
export interface BodyStream extends Readable {
  /** Of HTTP/2: a stream that was reset ends in Node like a whole one, but for this. */
  readonly aborted?: boolean
  readonly rawTrailers?: readonly string[]
}

/** A body on its way from the client. Flows only while an attempt takes it: back-pressure reaches the client. */
export class StreamedBody implements RequestBody {
  readonly framing: 'known' | 'chunked'
  readonly length: number
  readonly repeatable: boolean
  readonly #stream: BodyStream
  readonly #options: StreamedBodyOptions
  #sink: RequestSink | undefined
  #kept: Buffer[] = []
  #keptBytes = 0
  #keeping: boolean
  #received = 0
  #trailers = NO_TRAILERS
  #listening = false
  #ended = false

  constructor(stream: BodyStream, options: StreamedBodyOptions) {
    this.#stream = stream
    this.#options = options
    this.framing = options.length === undefined ? 'chunked' : 'known'
    this.length = options.length ?? 0
    // A body known to be too long is not kept from its first byte on: nobody pays for half a copy.
    this.#keeping = options.replayBuffer > 0 && this.length <= options.replayBuffer
    this.repeatable = this.#keeping && options.length !== undefined && this.#reserve(options.length)
  }

  /** Nothing has been handed out that is not kept. */
  get replayable(): boolean {
    return this.#keeping || this.#received === 0
  }

  attach(sink: RequestSink): void {
    this.#sink = sink
    let room = true
    for (const chunk of this.#kept) room = sink.write(chunk) && room
    if (this.#ended) {
      this.#sink = undefined
      sink.end(this.#trailers)
      return
    }
    this.#listen()
    if (room) this.#stream.resume()
  }

  drained(): void {
    if (this.#sink !== undefined) this.#stream.resume()
  }

  detach(): void {
    this.#sink = undefined
    if (!this.#ended && this.#listening) this.#stream.pause()
  }

  release(): void {
    this.#keeping = false
    this.#kept = []
    this.#options.memory.give(this.#reserved)
    this.#reserved = 0
    // The client may still be sending to an attempt that has answered early: that goes on. Without one, the rest is
    // read and dropped, or the next request on the client's connection would never be seen.
    if (this.#ended || this.#sink !== undefined) return
    if (this.#listening) this.#unlisten()
    this.#stream.resume()
  }

  #reserved = 0

  /** Takes from the common memory. */
  #reserve(bytes: number): boolean {
    if (!this.#options.memory.take(bytes)) return false
    this.#reserved += bytes
    return true
  }

  #listen(): void {
    if (this.#listening) return
    this.#listening = true
    this.#stream.on('data', this.#onData)
    this.#stream.on('end', this.#onEnd)
    this.#options.owner.bodyWanted()
  }

  #unlisten(): void {
    this.#stream.off('data', this.#onData)
    this.#stream.off('end', this.#onEnd)
  }

  readonly #onEnd = (): void => {
    // The client has left, which the response tells. What has come is not the whole body.
    if (this.#stream.aborted === true) return
    this.#ended = true
    this.#unlisten()
    const { rawTrailers } = this.#stream
    if (rawTrailers !== undefined && rawTrailers.length > 0) {
      this.#trailers = trailerFields(rawTrailers)
    }
    const sink = this.#sink
    this.#sink = undefined
    sink?.end(this.#trailers)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#received += chunk.length
    if (this.#received > this.#options.maxBody) {
      const first = this.#received - chunk.length <= this.#options.maxBody
      if (first) this.#options.owner.bodyTooLarge()
      return
    }
    if (this.#keeping) this.#keep(chunk)
    if (this.#sink !== undefined && !this.#sink.write(chunk)) this.#stream.pause()
  }

  #keep(chunk: Buffer): void {
    const bytes = this.#keptBytes + chunk.length
    const room =
      bytes <= this.#options.replayBuffer &&
      (bytes <= this.#reserved || this.#reserve(bytes - this.#reserved))
    if (room) {
      this.#kept.push(chunk)
      this.#keptBytes = bytes
      return
    }
    this.#keeping = false
    this.#kept = []
    this.#options.memory.give(this.#reserved)
    this.#reserved = 0
  }
}
