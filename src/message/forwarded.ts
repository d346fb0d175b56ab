/** The head that goes to the peers: the client's fields, the `Host`, and who asked (`X-Forwarded-*`). */
import { COLON, hasMember, isHost } from './fields.js'
import { chainOf, forwardedElement, forwardedFromChain } from './forwarded-field.js'
import { requestFraming } from './framing.js'
import { readRequestHeaders } from './request-headers.js'
import type { ForwardedLine, ForwardedLines, RequestHeaders } from './request-headers.js'
import type { LiveHeaders, RequestLines } from './request-lines.js'
import { carriesHttp } from './switching-protocols.js'
import { clientAddress, plainAddress } from './trust-proxy.js'
import type { Trust } from './trust-proxy.js'
import { appendVia, viaValue } from './via.js'

/** What is known of a client request besides its method and target. */
export interface RequestFacts {
  readonly rawHeaders: readonly string[]
  /** `request.headers`: given, what middleware changed there goes out changed. See {@link readRequestHeaders}. */
  readonly headers?: LiveHeaders | undefined
  /**
   * Lines of `rawHeaders` that Node has made `headers` of: the server's `maxHeadersCount` (0 is Infinity). Default
   * 1000, which is Node's.
   */
  readonly liveLimit?: number
  /** `socket.remoteAddress`; undefined on a unix socket, and when the client has gone. */
  readonly remoteAddress: string | undefined
  /** `socket.localPort`. */
  readonly localPort: number | undefined
  /** The client came over TLS. */
  readonly encrypted: boolean
  /** `request.httpVersion`. */
  readonly httpVersion: string
  /** Authority of an absolute-form request target; it wins over `Host` (RFC 9112 section 3.2.2). */
  readonly authority?: string | undefined
}

/** What the options say about the outbound fields. */
export interface HeadSettings {
  /** `'client'`, `'peer'`, or the text itself. */
  readonly host: 'client' | 'peer' | (string & {})
  readonly forwarded: 'x-forwarded' | 'forwarded' | 'both' | 'none'
  /** Our name in `Via`; undefined: none is written. */
  readonly via: string | undefined
  /** Fields that a request may have. */
  readonly maxHeaders: number
}

/** Why a request is not passed on. 400; 501 for `transfer_coding`, 431 for `too_many_fields`. */
export type HeadRefusal = 'bad_host' | 'framing' | 'transfer_coding' | 'too_many_fields'

/**
 * The outbound head, without method and target. Of a class, as most things that are made for each request: V8 moves
 * object literals that have once lived long into its old space for good, and what they hold with them.
 */
export class OutboundHead {
  /**
   * Name, value, name, value …: in the client's order and case. `Host` is missing when every peer is to see its own
   * name (`host: 'peer'`) or the client gave none (HTTP/1.0): then the transport writes the peer's name.
   */
  readonly headers: string[]
  /** What the client asked for: `:authority`, else the authority of the target, else `Host`. */
  readonly clientHost: string | undefined
  /** The client as far as proxies are trusted. undefined on a unix socket without trusted `X-Forwarded-For`. */
  readonly clientAddress: string | undefined
  /** `Upgrade`, where the client wants it (RFC 9110 section 7.8); never from HTTP/1.0, never `h2c`. */
  readonly upgrade: string | undefined
  /** `Trailer`, to be sent if the body goes out chunked. */
  readonly trailer: string | undefined
  readonly refusal: HeadRefusal | undefined

  constructor(
    headers: string[],
    clientHost: string | undefined,
    clientAddress: string | undefined,
    upgrade: string | undefined,
    trailer: string | undefined,
    refusal: HeadRefusal | undefined,
  ) {
    this.headers = headers
    this.clientHost = clientHost
    this.clientAddress = clientAddress
    this.upgrade = upgrade
    this.trailer = trailer
    this.refusal = refusal
  }
}

/** Everything about the outbound fields, computed once a request. */
export function buildOutboundHeaders(
  facts: RequestFacts,
  settings: HeadSettings,
  trust: Trust,
): OutboundHead {
  const { rawHeaders, httpVersion } = facts
  if (rawHeaders.length > 2 * settings.maxHeaders && isTooMany(rawHeaders, settings.maxHeaders))
    return TOO_MANY_FIELDS
  const incoming = readRequestHeaders(rawHeaders, facts.headers, facts.liveLimit)
  const { lines } = incoming

  const asked = incoming.authority ?? facts.authority ?? incoming.host
  const clientHost = asked === '' ? undefined : asked
  const host = outboundHost(settings.host, clientHost)
  if (incoming.hostAt !== 0) lines.fill(incoming.hostAt, host)
  const clientAddress = writeForwarded(incoming, facts, clientHost, settings.forwarded, trust)
  const headers = lines.finished()
  if (incoming.hostAt === 0 && host !== undefined) headers.unshift('Host', host)
  if (settings.via !== undefined) appendVia(headers, viaValue(httpVersion, settings.via))

  const upgrade = incoming.upgrade === undefined ? undefined : upgradeOf(incoming, httpVersion)
  const refusal = isBadHost(incoming, asked) ? 'bad_host' : requestFraming(incoming, httpVersion)
  return new OutboundHead(headers, clientHost, clientAddress, upgrade, incoming.trailer, refusal)
}

const NONE = undefined
const TOO_MANY_FIELDS = new OutboundHead([], NONE, NONE, NONE, NONE, 'too_many_fields')

/** HTTP/2's pseudo fields are no fields. */
function isTooMany(rawHeaders: readonly string[], limit: number): boolean {
  let fields = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.charCodeAt(0) !== COLON) fields++
  }
  return fields > limit
}

/** Several, or one that is none, even where another is asked for (RFC 9112 section 3.2). */
function isBadHost({ host, hostRepeated }: RequestHeaders, asked: string | undefined): boolean {
  if (hostRepeated || (asked !== undefined && !isHost(asked))) return true
  return host !== undefined && host !== asked && !isHost(host)
}

function outboundHost(
  option: HeadSettings['host'],
  clientHost: string | undefined,
): string | undefined {
  if (option === 'client') return clientHost
  return option === 'peer' ? undefined : option
}

/** `h2c` and its like are not passed on: a peer that agreed would speak HTTP past all of our checks (h2c smuggling). */
function upgradeOf(
  { upgrade, connection }: RequestHeaders,
  httpVersion: string,
): string | undefined {
  if (httpVersion !== '1.1' || connection === undefined || !hasMember(connection, 'upgrade'))
    return undefined
  return upgrade === undefined || upgrade === '' || carriesHttp(upgrade) ? undefined : upgrade
}

/**
 * Writes `X-Forwarded-For`, `-Proto`, `-Host`, `-Port` and `X-Real-IP`, and `Forwarded` (RFC 7239), as `which` says;
 * returns the client's address.
 *
 * From a peer that is not trusted nothing of the kind is believed, or passed on. From one that is, its fields stay
 * (those, too, that `which` does not write), and only this hop is appended; `X-Real-IP` is ours where it is written. Where it
 * sends one of `X-Forwarded-For` and `Forwarded`, the other begins with what that says. A peer without an address (unix
 * socket) adds nothing to `X-Forwarded-For` and is asked about as `''`: trusted by `true`, by a hop count and by a
 * function only. An IPv4 address is written as such, not as `::ffff:10.0.0.1`.
 */
function writeForwarded(
  { lines, forwarded }: RequestHeaders,
  facts: RequestFacts,
  clientHost: string | undefined,
  which: HeadSettings['forwarded'],
  trust: Trust,
): string | undefined {
  const remote = facts.remoteAddress === undefined ? undefined : plainAddress(facts.remoteAddress)
  const proto = facts.encrypted ? 'https' : 'http'
  // What was not sent need not be believed.
  const trusted = forwarded !== undefined && trust(remote ?? '', 0)
  const believed = trusted ? forwarded : NOTHING
  const sentChain = believed.forwardedFor?.value ?? ''
  const sentForwarded = believed.forwarded?.value ?? ''
  const chain = sentChain === '' ? chainOf(sentForwarded) : sentChain
  const client = trusted ? clientAddress(remote, chain, trust) : remote
  const sent = forwarded ?? NOTHING

  if (which === 'forwarded' || which === 'none') {
    for (const name of X_FORWARDED) leave(lines, sent[name], trusted)
  } else {
    const sentProto = believed.forwardedProto?.value
    const sentPort = believed.forwardedPort?.value ?? portOf(sentProto)
    const host = believed.forwardedHost?.value ?? clientHost
    put(lines, sent.forwardedFor, 'X-Forwarded-For', appended(chain, remote))
    put(lines, sent.realIp, 'X-Real-IP', client)
    put(lines, sent.forwardedProto, 'X-Forwarded-Proto', sentProto ?? proto)
    put(lines, sent.forwardedHost, 'X-Forwarded-Host', host)
    put(lines, sent.forwardedPort, 'X-Forwarded-Port', sentPort ?? ownPort(facts))
  }
  if (which === 'x-forwarded' || which === 'none') {
    leave(lines, sent.forwarded, trusted)
  } else {
    const before = sentForwarded === '' ? converted(believed) : sentForwarded
    const own = forwardedElement(remote, proto, clientHost)
    put(lines, sent.forwarded, 'Forwarded', before === '' ? own : `${before}, ${own}`)
  }
  return client
}

const NOTHING: ForwardedLines = {}

const X_FORWARDED = [
  'forwardedFor',
  'forwardedProto',
  'forwardedHost',
  'forwardedPort',
  'realIp',
] as const

/** In the place of an incoming one, else at the end. */
function put(
  lines: RequestLines,
  sent: ForwardedLine | undefined,
  name: string,
  value: string | undefined,
): void {
  if (sent !== undefined) lines.fill(sent.at, value)
  else if (value !== undefined) lines.reserve(name, value)
}

/** A field that we do not write: a trusted peer's goes on. */
function leave(lines: RequestLines, sent: ForwardedLine | undefined, trusted: boolean): void {
  if (sent !== undefined) lines.fill(sent.at, trusted ? sent.value : undefined)
}

/** `X-Forwarded-*` as `Forwarded`. */
function converted({ forwardedFor, forwardedProto, forwardedHost }: ForwardedLines): string {
  if (forwardedFor === undefined) return ''
  return forwardedFromChain(forwardedFor.value, forwardedProto?.value, forwardedHost?.value)
}

function appended(chain: string | undefined, remote: string | undefined): string | undefined {
  if (chain === undefined || chain === '') return remote
  return remote === undefined ? chain : `${chain}, ${remote}`
}

function ownPort(facts: RequestFacts): string {
  return String(facts.localPort ?? (facts.encrypted ? 443 : 80))
}

/** A proxy in front that names the scheme and no port: our own port would belong to another scheme. */
function portOf(proto: string | undefined): string | undefined {
  return proto === 'https' ? '443' : proto === 'http' ? '80' : undefined
}
