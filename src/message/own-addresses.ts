/** Which URLs lead to a peer, and so to nowhere for a client. */
import type { IncomingMessage } from 'node:http'
import type { RequestHead } from '../transport/transport.js'
import type { PeerAddress } from '../upstream/peer.js'
import { lineOf } from './response-headers.js'

/** Whoever the peers are at the moment. */
export interface PeerList {
  readonly peers: readonly PeerAddress[]
}

/** What a peer has seen of the request. */
interface Seen {
  readonly request: IncomingMessage
  readonly sent: Pick<RequestHead, 'headers'>
  readonly peer: PeerAddress
}

/** Scheme, if there is one, authority, and all behind it. Control characters, which browsers skip, make it no match. */
// eslint-disable-next-line no-control-regex -- they are what is excluded
const URL_PARTS = /^(?:(https?):)?\/\/([^/?#\\@\x00-\x20\x7f]+)([/?#][^\x00-\x1f\x7f]*)?$/i

export class OwnAddresses {
  readonly #group: PeerList
  /** Whose addresses these are: another list after each change of membership. */
  #peers: readonly PeerAddress[] | undefined
  /** `http://10.0.0.1:8080`. */
  readonly #origins = new Set<string>()

  constructor(group: PeerList) {
    this.#group = group
  }

  /**
   * What follows the authority of a URL that leads to a peer, or to the name that the peer was called by; else
   * undefined. The client's own `Host` is no such name: it leads to us, or wherever the peer wants.
   */
  pathOf(url: string, seen: Seen): string | undefined {
    const [, scheme, authority, rest = ''] = URL_PARTS.exec(url) ?? []
    if (authority === undefined) return undefined
    const protocol = scheme === undefined ? seen.peer.protocol : `${scheme.toLowerCase()}:`
    const origin = originOf(protocol, authority)
    if (origin === undefined) return undefined
    // A peer that has left meanwhile still speaks for itself.
    const own = this.#has(origin) || addressOf(seen.peer) === origin || origin === originSeen(seen)
    return own ? rest : undefined
  }

  #has(origin: string): boolean {
    const { peers } = this.#group
    if (peers !== this.#peers) this.#read(peers)
    return this.#origins.has(origin)
  }

  #read(peers: readonly PeerAddress[]): void {
    this.#peers = peers
    this.#origins.clear()
    for (const peer of peers) {
      const origin = addressOf(peer)
      if (origin !== undefined) this.#origins.add(origin)
    }
  }
}

function addressOf({ protocol, hostname, port, socketPath }: PeerAddress): string | undefined {
  if (socketPath !== undefined) return undefined
  const host = hostname.includes(':') ? `[${hostname}]` : hostname
  return `${protocol}//${host}:${port}`
}

function originSeen({ request, sent, peer }: Seen): string | undefined {
  const host = lineOf(sent.headers, 'host') ?? (peer.socketPath === undefined ? '' : 'localhost')
  return host === '' || isAskedFor(request, host) ? undefined : originOf(peer.protocol, host)
}

/** Is it what the client itself called us? */
function isAskedFor({ headers, url = '' }: IncomingMessage, host: string): boolean {
  const authority = headers[':authority']
  const [, named] = /^https?:\/\/([^/?#]*)/i.exec(url) ?? []
  const wanted = host.toLowerCase()
  return [headers.host, authority, named].some(
    (each) => typeof each === 'string' && each.toLowerCase() === wanted,
  )
}

/** With the port in any case, and names as the URL standard writes them. Undefined: not an authority. */
function originOf(protocol: string, authority: string): string | undefined {
  try {
    const { hostname, port } = new URL(`${protocol}//${authority}`)
    return `${protocol}//${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`
  } catch {
    return undefined
  }
}
