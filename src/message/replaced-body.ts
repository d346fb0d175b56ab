/** Request bodies that a hook has put in the place of the client's own. */
import type { IncomingMessage } from 'node:http'
import { pipeline, Transform } from 'node:stream'
import type { Readable } from 'node:stream'
import type { UpstreamRequestHead } from '../message-options.js'
import type { RequestSink } from '../transport/transport.js'
import { ChangeError } from './change-error.js'
import { streamedBody } from './incoming-body.js'
import type { BodyOwner, BodySettings } from './incoming-body.js'
import type { ClientResponse } from './relay.js'
import { BufferedBody, NO_BODY } from './request-body.js'
import type { RequestBody } from './request-body.js'

/** Whose body was replaced. The exchange is one. */
export interface ReplacedBodyOwner extends BodyOwner {
  readonly req: IncomingMessage
  readonly res: ClientResponse
}

/**
 * The body to send in place of the client's, which is read and dropped. A stream that breaks is told to the owner
 * (`bodyFailed`), once, and is never taken for a whole one.
 */
export function replacedRequestBody(
  body: Exclude<UpstreamRequestHead['body'], undefined>,
  settings: BodySettings,
  owner: ReplacedBodyOwner,
): RequestBody {
  if (body === owner.req) return streamedBody(owner.req, undefined, settings, owner)
  if (body === null || typeof body === 'string' || body instanceof Uint8Array) {
    dropBody(owner.req)
    return body === null ? NO_BODY : new BufferedBody(bytesOf(body))
  }
  return new StreamReplacement(body, settings, owner)
}

/** Text or bytes as bytes, without a copy of these. */
export function bytesOf(chunk: string | Uint8Array): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk)
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
}

/**
 * Ends a stream of the user's when the client has its answer: it may well read from the client's request, and would
 * take that and its connection with it.
 */
export function destroyAfter(stream: Readable, req: IncomingMessage, res: ClientResponse): void {
  stream.on('error', () => undefined)
  const destroy = (): void => {
    if (stream !== req) stream.destroy()
    dropBody(req)
  }
  if (res.writableFinished || res.destroyed || res.stream?.destroyed === true) destroy()
  else res.once('close', destroy)
}

/** What the client still sends is read, or its next request would never be seen. */
function dropBody(req: IncomingMessage): void {
  if (!req.readableEnded && !req.destroyed) req.resume()
}

/** Whatever a stream brings, as bytes; the ends and errors of both are one. */
function toBytes(): Transform {
  return new Transform({
    writableObjectMode: true,
    transform(chunk: unknown, _encoding, done) {
      if (typeof chunk === 'string' || chunk instanceof Uint8Array) done(null, bytesOf(chunk))
      else done(new ChangeError('onUpstreamRequest', 'a stream must bring texts or bytes', chunk))
    },
  })
}

class StreamReplacement implements RequestBody {
  readonly framing = 'chunked'
  readonly length = 0
  readonly repeatable = false
  readonly #stream: Readable
  readonly #body: RequestBody
  readonly #owner: ReplacedBodyOwner
  #attached = false
  #released = false
  #over = false

  constructor(stream: Readable, settings: BodySettings, owner: ReplacedBodyOwner) {
    this.#stream = stream
    this.#owner = owner
    const bytes = toBytes()
    // The limit is for what clients send.
    this.#body = streamedBody(bytes, undefined, { ...settings, maxBody: Infinity }, owner)
    pipeline(stream, bytes, (error) => {
      if (this.#over) return
      this.#over = true
      if (error) owner.bodyFailed(error)
      else dropBody(owner.req)
    })
  }

  get replayable(): boolean {
    return this.#body.replayable
  }

  attach(sink: RequestSink): void {
    this.#attached = true
    this.#body.attach(sink)
  }

  drained(): void {
    this.#body.drained()
  }

  detach(): void {
    this.#attached = false
    this.#body.detach()
    if (this.#released) this.#end()
  }

  release(): void {
    this.#released = true
    this.#body.release()
    if (!this.#attached) this.#end()
  }

  #end(): void {
    if (this.#over) return
    this.#over = true
    destroyAfter(this.#stream, this.#owner.req, this.#owner.res)
  }
}
