/** The body of a client's request, wherever it is by now: still on the wire, or in the hands of a body parser. */
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { BalancerError } from '../errors.js'
import type { AttemptSignal } from '../transport/transport.js'
import { readFullBody } from './full-body.js'
import { serializeParsedBody } from './parsed-body.js'
import { BufferedBody, NO_BODY, StreamedBody } from './request-body.js'
import type { BodyStream, ReplayMemory, RequestBody } from './request-body.js'

export interface BodySettings {
  readonly buffering: 'replay' | 'full' | 'off'
  /** Bytes of a body that is read whole, kept in memory at most; the rest goes into a file in `tempPath`. */
  readonly bodyBuffer: number
  readonly tempPath: string | undefined
  /** Bytes of one body kept for a replay; 0 keeps none. */
  readonly replayBuffer: number
  readonly memory: ReplayMemory
  /** Bytes at most. */
  readonly maxBody: number
}

/** Why a body cannot be sent on. */
export type BodyRefusal = 'too_large' | 'consumed' | 'aborted'

/** Whose body it is. */
export interface BodyOwner extends AttemptSignal {
  /** Where the bytes are, if not in `req` itself: behind a request to upgrade. */
  readonly bodyStream: BodyStream | undefined
  /** The body has grown over `maxBody`. */
  bodyTooLarge(): void
  /** The first byte is about to be read: the client may be waiting for 100 (Continue). */
  bodyWanted(): void
  /** It cannot be read again: the disk, or a stream of the user's. */
  bodyFailed(cause: Error): void
}

/** Fields that frameworks add to a request. */
interface Parsed {
  readonly body?: unknown
  readonly rawBody?: unknown
  readonly stream?: { readonly endAfterHeaders?: boolean }
}

/**
 * @param parsed the body as the framework hands it over where it is not `req.body` (Fastify); else undefined.
 */
export function incomingBody(
  req: IncomingMessage,
  parsed: unknown,
  settings: BodySettings,
  owner: BodyOwner,
): RequestBody | BodyRefusal | Promise<RequestBody | BodyRefusal> {
  const length = declaredLength(req)
  if (!hasBody(req, length)) return NO_BODY
  if (length !== undefined && length > settings.maxBody) return 'too_large'
  if (isDecodedStream(parsed)) return decodedBody(parsed, req, settings, owner)
  const stream: BodyStream = owner.bodyStream ?? req
  if (stream.readableDidRead || stream.readableEnded) return readBody(req, parsed, settings.maxBody)
  if (settings.buffering === 'full') return readFully(stream, settings, owner)
  return streamedBody(stream, length, settings, owner)
}

/**
 * A hook has put a stream of its own between the request and its parser, as those that decompress do. The request itself
 * is being read by it.
 */
export function isDecodedStream(parsed: unknown): parsed is Readable {
  return typeof (parsed as { pipe?: unknown } | null | undefined)?.pipe === 'function'
}

function decodedBody(
  stream: Readable,
  req: IncomingMessage,
  settings: BodySettings,
  owner: BodyOwner,
): RequestBody | Promise<RequestBody | BodyRefusal> {
  stream.on('error', (cause) => {
    // A client that has left is told in another way.
    if (req.destroyed && !req.complete) return
    const message = 'the request body cannot be decoded'
    owner.bodyFailed(new BalancerError('ERR_BAD_REQUEST', message, { status: 400, cause }))
  })
  if (settings.buffering === 'full') return readFully(stream, settings, owner)
  return streamedBody(stream, undefined, settings, owner)
}

/** A body that goes out as it comes. */
export function streamedBody(
  stream: BodyStream,
  length: number | undefined,
  { replayBuffer, memory, maxBody }: BodySettings,
  owner: BodyOwner,
): StreamedBody {
  return new StreamedBody(stream, { length, replayBuffer, memory, maxBody, owner })
}

async function readFully(
  stream: BodyStream,
  { bodyBuffer, maxBody, tempPath }: BodySettings,
  owner: BodyOwner,
): Promise<RequestBody | BodyRefusal> {
  const options = {
    bodyBuffer,
    maxBody,
    tempPath,
    onWanted: () => {
      owner.bodyWanted()
    },
    onError: (cause: Error) => {
      owner.bodyFailed(cause)
    },
  }
  const read = await readFullBody(stream, options, owner)
  if (read.kind === 'failed') throw read.cause
  return read.kind === 'body' ? read.body : read.kind
}

/** With both, as a lenient server lets pass, `Transfer-Encoding` stands (RFC 9112 section 6.3). */
function declaredLength(req: IncomingMessage): number | undefined {
  const declared = req.headers['content-length']
  if (declared === undefined || req.headers['transfer-encoding'] !== undefined) return undefined
  return Number(declared)
}

/** RFC 9112 section 6.3: a request without framing has no body. HTTP/2 says it with its first frame. */
function hasBody(req: IncomingMessage, length: number | undefined): boolean {
  if (length !== undefined) return length > 0
  if (req.headers['transfer-encoding'] !== undefined) return true
  return (req as Parsed).stream?.endAfterHeaders === false
}

function readBody(
  req: IncomingMessage,
  parsed: unknown,
  maxBody: number,
): RequestBody | BodyRefusal {
  const { body, rawBody } = req as Parsed
  const bytes = serializeParsedBody(parsed ?? body, req.headers['content-type'], rawBody)
  if (bytes === undefined) return 'consumed'
  return bytes.length > maxBody ? 'too_large' : new BufferedBody(bytes)
}
