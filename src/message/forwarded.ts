/** The head that goes to the peers: the client's fields, the `Host`, and who asked (`X-Forwarded-*`). */
import { createFields, createSetAside, outboundHeaders } from './request-headers.js'
import type { HeaderFields, LiveHeaders, SetAside } from './request-headers.js'
import { clientAddress, plainAddress } from './trust-proxy.js'
import type { Trust } from './trust-proxy.js'

/** What is known of a client request besides its method and target. */
export interface RequestFacts {
  readonly rawHeaders: readonly string[]
  /** `request.headers`: given, what middleware changed there goes out changed. See {@link outboundHeaders}. */
  readonly headers?: LiveHeaders | undefined
  /** `socket.remoteAddress`; undefined on a unix socket, and when the client has gone. */
  readonly remoteAddress: string | undefined
  /** `socket.localPort`. */
  readonly localPort: number | undefined
  /** The client came over TLS. */
  readonly encrypted: boolean
  /** Authority of an absolute-form request target; it wins over `Host` (RFC 9112 section 3.2.2). */
  readonly authority?: string | undefined
}

/** The outbound head, without method and target. */
export interface OutboundHead {
  /**
   * `host` comes first, in lower case. It is missing when every peer is to see its own name (`host: 'peer'`) or the
   * client gave none (HTTP/1.0): then the transport puts the peer's name there, anew for each attempt.
   */
  readonly headers: HeaderFields
  /** What the client asked for: `:authority`, else the authority of the target, else `Host`. */
  readonly clientHost: string | undefined
  /** The client as far as proxies are trusted. undefined on a unix socket without trusted `X-Forwarded-For`. */
  readonly clientAddress: string | undefined
  /** The request must be answered 400: several `Host` lines, or one that is no host. */
  readonly badHost: boolean
}

/**
 * Everything about the outbound fields, computed once a request.
 * @param hostMode option `host`: `'client'`, `'peer'`, or the text itself.
 */
export function buildOutboundHeaders(
  facts: RequestFacts,
  hostMode: 'client' | 'peer' | (string & {}),
  trust: Trust,
): OutboundHead {
  const aside = createSetAside()
  const headers = createFields()
  headers['host'] = '' // holds the first place
  outboundHeaders(facts.rawHeaders, aside, facts.headers, headers)

  const asked = aside.authority ?? facts.authority ?? aside.host
  const clientHost = asked === '' ? undefined : asked
  const host = hostMode === 'client' ? clientHost : hostMode === 'peer' ? undefined : hostMode
  if (host === undefined) delete headers['host']
  else headers['host'] = host

  const address = forwardedHeaders(headers, facts, clientHost, aside, trust)
  const badHost = aside.hostRepeated || (clientHost !== undefined && !isHost(clientHost))
  return { headers, clientHost, clientAddress: address, badHost }
}

/**
 * Adds `X-Forwarded-For`, `-Proto`, `-Host`, `-Port` and `X-Real-IP` to `headers`; returns the client's address.
 *
 * From a peer that is not trusted nothing of the kind is believed, and `Forwarded` (RFC 7239) is not passed on.
 * From one that is, its fields stay, its `Forwarded` too, and only its own address is appended to
 * `X-Forwarded-For`; `X-Real-IP` is always ours. A peer without an address (unix socket) adds nothing to
 * `X-Forwarded-For` and is asked about as `''`: trusted by `true`, by a hop count and by a function only.
 * An IPv4 address is written as such, not as `::ffff:10.0.0.1`.
 */
function forwardedHeaders(
  headers: HeaderFields,
  facts: RequestFacts,
  clientHost: string | undefined,
  incoming: SetAside,
  trust: Trust,
): string | undefined {
  const remote = facts.remoteAddress === undefined ? undefined : plainAddress(facts.remoteAddress)
  const trusted = trust(remote ?? '', 0)
  const scheme = facts.encrypted ? 'https' : 'http'
  if (!trusted) {
    if (remote !== undefined) {
      headers['X-Forwarded-For'] = remote
      headers['X-Real-IP'] = remote
    }
    headers['X-Forwarded-Proto'] = scheme
    if (clientHost !== undefined) headers['X-Forwarded-Host'] = clientHost
    headers['X-Forwarded-Port'] = ownPort(facts)
    return remote
  }

  const address = clientAddress(remote, incoming.forwardedFor, trust)
  const chain = appended(incoming.forwardedFor, remote)
  const host = incoming.forwardedHost ?? clientHost
  if (chain !== undefined) headers['X-Forwarded-For'] = chain
  if (address !== undefined) headers['X-Real-IP'] = address
  headers['X-Forwarded-Proto'] = incoming.forwardedProto ?? scheme
  if (host !== undefined) headers['X-Forwarded-Host'] = host
  headers['X-Forwarded-Port'] =
    incoming.forwardedPort ?? portOf(incoming.forwardedProto) ?? ownPort(facts)
  if (incoming.forwarded !== undefined) headers['Forwarded'] = incoming.forwarded
  return address
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

/** Not a full check of the grammar: what could be taken for something else further on. */
function isHost(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code <= 0x20 || code >= 0x7f) return false
    // " # / < > ? @ \
    if (code === 0x22 || code === 0x23 || code === 0x2f || code === 0x3c) return false
    if (code === 0x3e || code === 0x3f || code === 0x40 || code === 0x5c) return false
  }
  return true
}
