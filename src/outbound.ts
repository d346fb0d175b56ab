/** What goes out: head and body, computed once and the same for all attempts of a request. */
import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { Exchange } from './exchange.js'
import { buildOutboundHeaders } from './message/forwarded.js'
import { incomingBody } from './message/incoming-body.js'
import type { BodySettings } from './message/incoming-body.js'
import { BufferedBody } from './message/request-body.js'
import type { RequestBody } from './message/request-body.js'
import type { Trust } from './message/trust-proxy.js'
import type { Refusal } from './refusal.js'
import type { RequestHead } from './transport/transport.js'

export interface Outbound {
  readonly head: RequestHead
  readonly body: RequestBody
  /** May be repeated although it was sent. */
  readonly idempotent: boolean
  /** The connection its attempts may go out on. */
  readonly connection: 'any' | 'fresh'
}

export interface OutboundParts {
  readonly trust: Trust
  readonly body: BodySettings
  readonly policy: {
    readonly host: string
    readonly isIdempotent: (req: IncomingMessage) => boolean
    /** A request that may not be repeated never goes out on a kept connection. */
    readonly freshNonIdempotent: boolean
  }
}

const BAD_HOST: Refusal = {
  code: 'ERR_BAD_REQUEST',
  status: 400,
  message: 'the request has several hosts, or one that is none',
}

const BODY_CONSUMED: Refusal = {
  code: 'ERR_BODY_CONSUMED',
  status: 500,
  message:
    'the request body was read before the balancer got it, and nothing is left that could be sent on: mount the ' +
    'balancer before the body parser',
}

export const BODY_TOO_LARGE: Refusal = {
  code: 'ERR_BODY_TOO_LARGE',
  status: 413,
  message: 'the request body is over maxBody',
}

/** @param parsedBody the body where the framework does not leave it in `req.body`; else undefined. */
export function prepareOutbound(
  { trust, body: settings, policy }: OutboundParts,
  x: Exchange,
  parsedBody: unknown,
): Outbound | Refusal {
  const { req } = x
  const { socket } = req
  const facts = {
    rawHeaders: req.rawHeaders,
    headers: req.headers,
    remoteAddress: socket.remoteAddress,
    localPort: socket.localPort,
    encrypted: (socket as Partial<TLSSocket>).encrypted === true,
    authority: authorityOf(x.url),
  }
  const { headers, badHost } = buildOutboundHeaders(facts, policy.host, trust)
  if (badHost) return BAD_HOST
  const idempotent = policy.isIdempotent(req)
  // Once read a body has been sent: of one that may not be sent twice there is nothing to keep.
  const bodySettings = idempotent ? settings : { ...settings, replayBuffer: 0 }
  const body = incomingBody(req, parsedBody, bodySettings, () => {
    x.stop('body_too_large')
  })
  if (body === 'too_large') return BODY_TOO_LARGE
  if (body === 'consumed') return BODY_CONSUMED
  if (body instanceof BufferedBody) dropContentEncoding(headers)
  const repeatable = idempotent && body.repeatable
  return {
    head: { method: x.method, target: x.url, headers },
    body,
    idempotent,
    connection: policy.freshNonIdempotent && !repeatable ? 'fresh' : 'any',
  }
}

/** Of an absolute-form target (RFC 9112 section 3.2.2): it wins over `Host`. */
function authorityOf(target: string): string | undefined {
  if (target.startsWith('/')) return undefined
  return /^https?:\/\/([^/?#]*)/i.exec(target)?.[1]
}

/** A body parser has inflated what it read. */
function dropContentEncoding(headers: Record<string, unknown>): void {
  for (const name of Object.keys(headers)) {
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- a dictionary without prototype
    if (name.toLowerCase() === 'content-encoding') delete headers[name]
  }
}
