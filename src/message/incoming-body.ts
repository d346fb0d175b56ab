/** The body of a client's request, wherever it is by now: still on the wire, or in the hands of a body parser. */
import type { IncomingMessage } from 'node:http'
import { serializeParsedBody } from './parsed-body.js'
import { BufferedBody, NO_BODY, StreamedBody } from './request-body.js'
import type { ReplayMemory, RequestBody } from './request-body.js'

export interface BodySettings {
  /** Bytes of one body kept for a replay; 0 keeps none. */
  readonly replayBuffer: number
  readonly memory: ReplayMemory
  /** Bytes at most. */
  readonly maxBody: number
}

/** Why a body cannot be sent on. */
export type BodyRefusal = 'too_large' | 'consumed'

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
  onTooLarge: () => void,
): RequestBody | BodyRefusal {
  const length = declaredLength(req)
  if (!hasBody(req, length)) return NO_BODY
  if (length !== undefined && length > settings.maxBody) return 'too_large'
  if (!req.readableDidRead && !req.readableEnded) {
    return new StreamedBody(req, { ...settings, length, onTooLarge })
  }
  return readBody(req, parsed, settings.maxBody)
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
