/** What goes out: head and body, computed once and the same for all attempts of a request. */
import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { Exchange } from './exchange.js'
import { buildOutboundHeaders } from './message/forwarded.js'
import type { HeadRefusal, HeadSettings, OutboundHead, RequestFacts } from './message/forwarded.js'
import { hideCookie } from './message/cookie.js'
import { HeaderList } from './message/header-list.js'
import { incomingBody, isDecodedStream } from './message/incoming-body.js'
import type { BodyRefusal, BodySettings } from './message/incoming-body.js'
import { localPort } from './message/local-port.js'
import { replacedRequestBody } from './message/replaced-body.js'
import { clientTarget } from './message/request-changes.js'
import type { RequestChanges } from './message/request-changes.js'
import { BufferedBody } from './message/request-body.js'
import type { RequestBody } from './message/request-body.js'
import { requestTarget } from './message/request-target.js'
import type { TargetRefusal } from './message/request-target.js'
import type { Trust } from './message/trust-proxy.js'
import type { UpstreamRequestHead } from './message-options.js'
import { BODY_TOO_LARGE, CLIENT_LEFT } from './refusal.js'
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
  readonly requestChanges: RequestChanges | undefined
  readonly policy: {
    readonly head: HeadSettings
    /** A cookie that peers are not shown; undefined: none. */
    readonly hiddenCookie: string | undefined
    readonly mountPath: 'strip' | 'keep'
    readonly isIdempotent: (req: IncomingMessage, method: string) => boolean
    /** A request that may not be repeated never goes out on a kept connection. */
    readonly freshNonIdempotent: boolean
    /** A peer speaks TLS: it may refuse a request whose body has begun (see `isHandshakeRefusal`). */
    readonly refusable: boolean
  }
}

/** What a request is settled on, and its head with it. */
class Settled implements Outbound, RequestHead {
  readonly method: string
  readonly target: string
  readonly headers: readonly string[]
  readonly upgrade: string | undefined
  readonly body: RequestBody
  readonly idempotent: boolean
  readonly connection: 'any' | 'fresh'

  constructor(
    { headers, upgrade }: Draft,
    { method, target, idempotent }: Changed,
    body: RequestBody,
    freshNonIdempotent: boolean,
  ) {
    this.method = method
    this.target = target
    this.headers = headers
    this.upgrade = upgrade
    this.body = body
    this.idempotent = idempotent
    const repeatable = idempotent && body.repeatable && upgrade === undefined
    this.connection = freshNonIdempotent && !repeatable ? 'fresh' : 'any'
  }

  get head(): RequestHead {
    return this
  }
}

/** What stands when the hook has been called. */
class Changed {
  readonly method: string
  readonly target: string
  readonly idempotent: boolean
  /** The client's, and not one that a hook has put in its place. */
  readonly bodyIsTheirs: boolean

  constructor(method: string, target: string, idempotent: boolean, bodyIsTheirs: boolean) {
    this.method = method
    this.target = target
    this.idempotent = idempotent
    this.bodyIsTheirs = bodyIsTheirs
  }
}

/** The head before anything of the user's has changed it. */
class Draft {
  readonly target: string
  readonly headers: string[]
  readonly upgrade: string | undefined
  readonly trailer: string | undefined

  constructor(target: string, { headers, upgrade, trailer }: OutboundHead, x: Exchange) {
    this.target = target
    this.headers = headers
    // What came by the usual way cannot be given a connection.
    this.upgrade = x.upgrade === undefined ? undefined : upgrade
    this.trailer = trailer
  }
}

/** What the client's head is made of, besides its lines. */
class ClientFacts implements RequestFacts {
  readonly rawHeaders: readonly string[]
  readonly headers: IncomingMessage['headers']
  readonly remoteAddress: string | undefined
  readonly localPort: number | undefined
  readonly encrypted: boolean
  readonly httpVersion: string
  readonly authority: string | undefined
  readonly liveLimit: number

  constructor(req: IncomingMessage, authority: string | undefined) {
    const { socket } = req
    this.rawHeaders = req.rawHeaders
    this.headers = req.headers
    this.remoteAddress = socket.remoteAddress
    this.localPort = localPort(socket)
    this.encrypted = (socket as Partial<TLSSocket>).encrypted === true
    this.httpVersion = req.httpVersion
    this.authority = authority
    this.liveLimit = fieldsRead(req)
  }
}

const bad = (status: number, message: string): Refusal => ({
  code: 'ERR_BAD_REQUEST',
  status,
  message,
  // Where one reader ends a message, another may begin one.
  close: true,
})

const REFUSALS: Readonly<Record<HeadRefusal | TargetRefusal | 'not_http', Refusal>> = {
  bad_host: bad(400, 'the request has several hosts, or one that is none'),
  framing: bad(
    400,
    'the request says in two ways, or in none that can be read, where its body ends',
  ),
  transfer_coding: bad(501, 'the request body has a transfer coding other than chunked'),
  too_many_fields: bad(431, 'the request has more header fields than maxHeaders'),
  bad_target: bad(400, 'the request target cannot be sent on'),
  connect: bad(405, 'CONNECT is for forward proxies'),
  not_http: bad(505, 'the request is not HTTP/1.0, HTTP/1.1 or HTTP/2'),
}

const BODY_CONSUMED: Refusal = {
  code: 'ERR_BODY_CONSUMED',
  status: 500,
  message:
    'the request body was read before the balancer got it, and nothing is left that could be sent on: mount the ' +
    'balancer before the body parser',
}

const BODY_REFUSALS: Readonly<Record<BodyRefusal, Refusal>> = {
  too_large: BODY_TOO_LARGE,
  consumed: BODY_CONSUMED,
  aborted: CLIENT_LEFT,
}

/**
 * @param parsedBody the body where the framework does not leave it in `req.body`; else undefined.
 * @throws whatever a hook of the user's throws, or the disk does.
 */
export function prepareOutbound(
  parts: OutboundParts,
  x: Exchange,
  parsedBody: unknown,
): Outbound | Refusal | Promise<Outbound | Refusal> {
  const draft = draftHead(parts, x)
  if ('code' in draft) return draft
  const { requestChanges } = parts
  if (requestChanges === undefined) return withBody(parts, x, parsedBody, draft)
  const head: UpstreamRequestHead = {
    method: x.method,
    target: draft.target,
    headers: new HeaderList(draft.headers),
    body: undefined,
  }
  const changed = requestChanges.apply(head, { request: x.req, response: x.res })
  if (changed === undefined) return withBody(parts, x, parsedBody, draft, head)
  return changed.then(() => withBody(parts, x, parsedBody, draft, head))
}

function draftHead({ trust, policy }: OutboundParts, x: Exchange): Draft | Refusal {
  const { req } = x
  if (!isHttp(x)) return REFUSALS.not_http
  const url = clientTarget(req, policy.mountPath)
  const form = requestTarget(x.method, url, req.httpVersion)
  if (form === 'bad_target' || form === 'connect') return REFUSALS[form]
  const facts = new ClientFacts(req, form === 'as_is' ? undefined : form.authority)
  const head = buildOutboundHeaders(facts, policy.head, trust)
  x.clientAddress = head.clientAddress
  // Of more than these Node has left some out without a word.
  if (req.rawHeaders.length > facts.liveLimit * 2) return REFUSALS.too_many_fields
  if (head.refusal !== undefined) return REFUSALS[head.refusal]
  if (policy.hiddenCookie !== undefined) hideCookie(head.headers, policy.hiddenCookie)
  return new Draft(form === 'as_is' ? url : form.target, head, x)
}

/** Methods of RTSP alone: Node's parser takes RTSP/1.0 for HTTP/1.0. */
const RTSP: ReadonlySet<string> = new Set(
  'ANNOUNCE DESCRIBE FLUSH GET_PARAMETER PAUSE PLAY RECORD REDIRECT SET_PARAMETER SETUP TEARDOWN'.split(
    ' ',
  ),
)

/** The parser lets HTTP/0.9, HTTP/2.0 and RTSP pass in HTTP/1's clothes. */
function isHttp({ req, res, method }: Exchange): boolean {
  if (res.stream !== undefined) return true
  return (req.httpVersion === '1.1' || req.httpVersion === '1.0') && !RTSP.has(method)
}

/** `server.maxHeadersCount`: what Node reads of a request's fields. HTTP/2 is not cut. */
function fieldsRead({ httpVersionMajor, socket }: IncomingMessage): number {
  if (httpVersionMajor > 1) return Infinity
  const { server } = socket as { server?: { maxHeadersCount?: number | null } }
  const count = server?.maxHeadersCount ?? 1000
  return count === 0 ? Infinity : count
}

function withBody(
  parts: OutboundParts,
  x: Exchange,
  parsedBody: unknown,
  draft: Draft,
  changed?: UpstreamRequestHead,
): Outbound | Refusal | Promise<Outbound | Refusal> {
  const method = changed?.method ?? x.method
  const idempotent = parts.policy.isIdempotent(x.req, method)
  // Once read a body has been sent: of one that may not be sent twice there is nothing to keep, but where a peer may
  // turn out not to have taken it.
  const keeps = idempotent || parts.policy.refusable || parts.body.buffering === 'full'
  const settings = keeps ? parts.body : { ...parts.body, replayBuffer: 0 }
  const body =
    changed?.body === undefined
      ? incomingBody(x.req, parsedBody, settings, x)
      : replacedRequestBody(changed.body, settings, x)
  const bodyIsTheirs = changed?.body === undefined
  // Its coding is gone with the one who read it first.
  if (bodyIsTheirs && isDecodedStream(parsedBody))
    new HeaderList(draft.headers).delete('content-encoding')
  const head = new Changed(method, changed?.target ?? draft.target, idempotent, bodyIsTheirs)
  if (body instanceof Promise) return body.then((read) => outboundOf(parts, draft, head, read))
  return outboundOf(parts, draft, head, body)
}

function outboundOf(
  { policy }: OutboundParts,
  draft: Draft,
  changed: Changed,
  body: RequestBody | BodyRefusal,
): Outbound | Refusal {
  if (typeof body === 'string') return BODY_REFUSALS[body]
  const { headers, trailer } = draft
  // A body parser has inflated what it read.
  if (body instanceof BufferedBody && changed.bodyIsTheirs)
    new HeaderList(headers).delete('content-encoding')
  if (trailer !== undefined && body.framing === 'chunked' && changed.bodyIsTheirs)
    headers.push('Trailer', trailer)
  return new Settled(draft, changed, body, policy.freshNonIdempotent)
}
