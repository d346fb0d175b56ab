/** Handlers of ours as Fastify's route handlers; Fastify itself is not needed. */
import type { IncomingMessage, ServerResponse } from 'node:http'

/** The parts of a Fastify request and reply that are used. */
export interface FastifyLikeRequest {
  readonly raw: IncomingMessage
  readonly body?: unknown
}

export interface FastifyLikeReply {
  readonly raw: ServerResponse
  hijack(): unknown
  getHeaders(): Readonly<Record<string, number | string | string[] | undefined>>
}

/** A route handler. Headers that hooks have set on the reply are sent too. */
export type FastifyHandler = (request: FastifyLikeRequest, reply: FastifyLikeReply) => Promise<void>

/** `handle` calls back when the response is over. `body` is what a content type parser has made, if one has. */
export function fastifyHandler(
  handle: (req: IncomingMessage, res: ServerResponse, body: unknown, over: () => void) => void,
): FastifyHandler {
  return async (request, reply) => {
    // From here on Fastify leaves the response to us; what its hooks have set must not be lost.
    reply.hijack()
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) reply.raw.setHeader(name, value)
    }
    await new Promise<void>((resolve) => {
      handle(request.raw, reply.raw, bodyOf(request), resolve)
    })
  }
}

/** A pass-through content type parser hands over the stream itself: then nothing has been read. */
function bodyOf({ raw, body }: FastifyLikeRequest): unknown {
  return body === raw ? undefined : body
}
