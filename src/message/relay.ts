/** The way of a response to the client. */
import { ServerResponse, validateHeaderName, validateHeaderValue } from 'node:http'
import type { ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type {
  BodySink,
  UpstreamFailure,
  UpstreamResponse,
} from '../next-upstream/attempt-result.js'
import type { AttemptSignal } from '../transport/transport.js'
import { pairsOf } from './fields.js'
import { trailerFields } from './trailer-fields.js'

/** Node's two kinds of responses as far as they are alike; http2's has a stream of its own. */
export type ClientResponse = ServerResponse & {
  readonly stream?: {
    close(code: number): void
    additionalHeaders(headers: Record<string, string | string[]>): void
    readonly destroyed: boolean
    readonly session?: ServerHttp2Session | undefined
  }
}

/** How the relay of a body ended. */
export type RelayOutcome =
  | { readonly kind: 'complete' }
  | { readonly kind: 'truncated'; readonly failure: UpstreamFailure }
  /** The client left. */
  | { readonly kind: 'aborted' }

const COMPLETE: RelayOutcome = { kind: 'complete' }

/** Bytes. A longer body is copied more dearly than it is written beside its head. */
const SMALL = 16 * 1024

const NOTHING = Buffer.alloc(0)

/** RFC 9113 section 7. */
const H2_INTERNAL_ERROR = 2

/**
 * Writes status and header fields: the one guarded place. Throws, with nothing written, when Node refuses what the
 * upstream sent; then the response is as good as an invalid one.
 */
export function writeHead(
  res: ClientResponse,
  response: Pick<UpstreamResponse, 'status' | 'statusMessage'>,
  headers: readonly string[],
): void {
  // For these Node gives the body up before it looks at the fields: with one refused, an error page could have none.
  if (response.status === 204 || response.status === 304) checkFields(headers)
  // Middleware such as compression or on-headers replaces writeHead and expects to find single fields set.
  const plain =
    res.writeHead === ServerResponse.prototype.writeHead && res.getHeaderNames().length === 0
  if (plain) {
    res.writeHead(response.status, response.statusMessage, headers as string[])
    return
  }
  const fields = groupFields(headers)
  const before = [...fields.keys()].map((name) => [name, res.getHeader(name)] as const)
  try {
    for (const [name, value] of fields) {
      const one =
        res.stream !== undefined && Array.isArray(value) && H2_SINGLE.has(name.toLowerCase())
      res.setHeader(name, one ? (value[0] ?? '') : besides(res, name, value))
    }
    if (res.stream === undefined) res.writeHead(response.status, response.statusMessage)
    else res.writeHead(response.status)
  } catch (error) {
    for (const [name, value] of before) {
      if (value === undefined) res.removeHeader(name)
      else res.setHeader(name, value)
    }
    throw error
  }
}

/** What middleware has set gives way to what the peer says, but where both can be meant: cookies, and `Vary`. */
function besides(res: ClientResponse, name: string, value: string | string[]): string | string[] {
  if (name.length !== 10 && name.length !== 4) return value
  const field = name.toLowerCase()
  if (field !== 'set-cookie' && field !== 'vary') return value
  const set = res.getHeader(name)
  if (set === undefined) return value
  const lines = (Array.isArray(set) ? set : [String(set)]).concat(value)
  return field === 'vary' ? lines.join(', ') : lines
}

/** Fields of which Node's http2 writes one line only, and throws at a second. The first is the one that counts. */
const H2_SINGLE: ReadonlySet<string> = new Set(
  (
    'access-control-allow-credentials access-control-max-age access-control-request-method age authorization ' +
    'content-encoding content-language content-length content-location content-md5 content-range content-type date ' +
    'dnt etag expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified ' +
    'location max-forwards proxy-authorization range referer retry-after tk upgrade-insecure-requests user-agent ' +
    'x-content-type-options'
  ).split(' '),
)

function checkFields(headers: readonly string[]): void {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    validateHeaderName(headers[i] ?? '')
    validateHeaderValue(headers[i] ?? '', headers[i + 1] ?? '')
  }
}

function groupFields(headers: readonly string[]): Map<string, string | string[]> {
  const fields = new Map<string, string | string[]>()
  const names = new Map<string, string>()
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const raw = headers[i] ?? ''
    const value = headers[i + 1] ?? ''
    const lower = raw.toLowerCase()
    const name = names.get(lower) ?? raw
    const earlier = fields.get(name)
    names.set(lower, name)
    if (earlier === undefined) fields.set(name, value)
    else if (Array.isArray(earlier)) earlier.push(value)
    else fields.set(name, [earlier, value])
  }
  return fields
}

/** Whose response it is: the relay is told when it is over before its time. */
export interface RelayOwner extends Pick<AttemptSignal, 'onAbort'> {
  /** The client has left, and the response is read to its end all the same. */
  readonly clientGone: boolean
  onClientGone: (() => void) | undefined
  /** Those that have come behind the body; none, most of the time. */
  trailers?: readonly string[] | undefined
  /** Why the body ended early. */
  broken?: UpstreamFailure | undefined
}

/**
 * Sends the body with back-pressure. The outcome comes when the upstream's part is over, or the client has left: at once
 * for a body that is in memory.
 */
export function relayBody(
  res: ClientResponse,
  response: UpstreamResponse,
  owner: RelayOwner,
): RelayOutcome | Promise<RelayOutcome> {
  if (response.whole !== undefined) {
    if (!owner.clientGone) endWith(res, response.whole)
    return COMPLETE
  }
  return new Promise((resolve) => {
    const relay = new Relay(res, response, owner, resolve)
    response.start(relay)
    // Node sends the head with the first bytes of the body. A stream of events may be silent for long.
    process.nextTick(() => {
      relay.flushHead()
    })
  })
}

/** As a text, head and body go out as one piece; middleware is given the bytes. */
function endWith(res: ClientResponse, body: Buffer): void {
  const { end, write } = ServerResponse.prototype
  if (body.length > SMALL || res.end !== end || res.write !== write) {
    res.end(body)
    return
  }
  const text = body.toString('latin1')
  const { socket } = res
  // With a last piece Node's end() writes an empty one behind it, and the two as a list: dearer than one by itself.
  if (socket === null || res.chunkedEncoding || socket.writableLength > 0 || body.length === 0) {
    res.end(text, 'latin1')
    return
  }
  socket.cork()
  res.write(text, 'latin1')
  socket.uncork()
  res.end()
}

class Relay implements BodySink {
  readonly #res: ClientResponse
  readonly #response: UpstreamResponse
  readonly #owner: RelayOwner
  readonly #resolve: (outcome: RelayOutcome) => void
  readonly #flush: (() => void) | undefined
  #written = false
  #waiting = false
  #listening = false

  constructor(
    res: ClientResponse,
    response: UpstreamResponse,
    owner: RelayOwner,
    resolve: (outcome: RelayOutcome) => void,
  ) {
    this.#res = res
    this.#response = response
    this.#owner = owner
    this.#resolve = resolve
    this.#flush = flushOf(res)
    owner.onAbort = () => {
      response.discard()
      resolve({ kind: 'aborted' })
    }
    owner.onClientGone = () => {
      if (this.#waiting) this.#onDrain()
    }
  }

  data(chunk: Buffer): boolean {
    this.#written = true
    if (this.#owner.clientGone) return true
    const room = this.#res.write(chunk)
    this.#flush?.()
    if (room) return true
    this.#waiting = true
    if (!this.#listening) {
      this.#listening = true
      // Once for all: `compression` passes a listener on to its own stream, from which `once` cannot take it back.
      this.#res.on('drain', this.#onDrain)
    }
    return false
  }

  end(rawTrailers: readonly string[]): void {
    this.#written = true
    this.#leave()
    if (rawTrailers.length > 0) this.#owner.trailers = rawTrailers
    if (!this.#owner.clientGone) {
      if (rawTrailers.length > 0) writeTrailers(this.#res, trailerFields(rawTrailers))
      this.#res.end()
    }
    this.#resolve({ kind: 'complete' })
  }

  fail(failure: UpstreamFailure): void {
    this.#written = true
    this.#leave()
    this.#owner.broken = failure
    breakOff(this.#res)
    this.#resolve({ kind: 'truncated', failure })
  }

  flushHead(): void {
    if (this.#written || this.#res.destroyed) return
    if (this.#res.stream !== undefined) this.#res.flushHeaders()
    // Not flushHeaders(): that writes 8-bit characters as UTF-8. Past middleware, which would keep it.
    else ServerResponse.prototype.write.call(this.#res, NOTHING, 'latin1')
  }

  readonly #onDrain = (): void => {
    if (!this.#waiting) return
    this.#waiting = false
    this.#response.resume()
  }

  #leave(): void {
    this.#owner.onAbort = undefined
    this.#owner.onClientGone = undefined
  }
}

/**
 * What middleware such as `compression` holds back is sent at once where the client waits for it: an event that comes
 * with the next one is late.
 */
function flushOf(res: ClientResponse): (() => void) | undefined {
  const { flush } = res as { flush?: unknown }
  if (typeof flush !== 'function') return undefined
  const type = res.getHeader('content-type')
  if (typeof type !== 'string' || !/^text\/event-stream\b/i.test(type)) return undefined
  return () => {
    flush.call(res)
  }
}

/** Trailers go where there is room for them: after a chunked body, or in HTTP/2. Elsewhere Node drops them. */
function writeTrailers(res: ClientResponse, fields: readonly string[]): void {
  try {
    if (res.stream === undefined) res.addTrailers(pairsOf(fields))
    else res.addTrailers(Object.fromEntries(groupFields(fields)))
  } catch {
    // What cannot be written is not: the body is whole without it.
  }
}

/** Ends the client's response so that it cannot be taken for a whole one. */
export function breakOff(res: ClientResponse): void {
  if (res.stream !== undefined) {
    res.stream.close(H2_INTERNAL_ERROR)
    return
  }
  // To HTTP/1.0 the end of the connection is the end of the body: only a reset tells the difference.
  if (res.req.httpVersion === '1.0') resetSocket(res.socket)
  res.destroy()
}

function resetSocket(socket: Socket | null): void {
  // After end() in the same turn a reset fails, and Node never says that the socket is closed.
  if (socket?.writableEnded !== false) return
  try {
    socket.resetAndDestroy()
  } catch {
    // Only TCP has a reset: Node throws for TLS and for a unix socket.
  }
}
