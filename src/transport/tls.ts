/** TLS towards the peers: which name is asked for and checked, how strictly, and with which certificates. */
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { checkServerIdentity, createSecureContext } from 'node:tls'
import type { PeerCertificate, SecureContext, SecureContextOptions } from 'node:tls'
import type { PeerAddress } from '../upstream/peer.js'

/** The `tls` options, resolved. */
export interface PeerTlsSettings extends SecureContextOptions {
  readonly verify: boolean
  readonly name: string | undefined
}

/** What one peer has of its own; what it has not is absent. */
export type OwnTlsSettings = Partial<PeerTlsSettings>

/** Options of `tls.connect` for one peer. */
export interface PeerTlsConnectOptions {
  /** Certificates and keys, read once and not for each connection. */
  readonly secureContext: SecureContext
  readonly rejectUnauthorized: boolean
  readonly servername: string
  readonly checkServerIdentity: (asked: string, certificate: PeerCertificate) => Error | undefined
}

/** The TLS settings of one upstream as they are now: the group's, and over them each peer's own. */
export class UpstreamTls {
  #group: PeerTlsSettings
  /** A peer that is gone still has its settings for what is under way, and takes them with it. */
  readonly #own = new WeakMap<PeerAddress, OwnTlsSettings>()
  #groupContext: SecureContext | undefined
  #options = new WeakMap<PeerAddress, PeerTlsConnectOptions>()

  constructor(group: PeerTlsSettings) {
    this.#group = group
  }

  get group(): PeerTlsSettings {
    return this.#group
  }

  ownOf(peer: PeerAddress): OwnTlsSettings | undefined {
    return this.#own.get(peer)
  }

  replaceGroup(settings: PeerTlsSettings): void {
    this.#group = settings
    this.#groupContext = undefined
    this.#options = new WeakMap()
  }

  replaceOwn(peer: PeerAddress, settings: OwnTlsSettings | undefined): void {
    if (settings === undefined) this.#own.delete(peer)
    else this.#own.set(peer, settings)
    this.#options.delete(peer)
  }

  /** For connections to `peer` from now on. */
  connectOptions(peer: PeerAddress): PeerTlsConnectOptions {
    let options = this.#options.get(peer)
    if (options === undefined) {
      const own = this.#own.get(peer)
      options =
        own === undefined
          ? connectOptions(peer, this.#group, (this.#groupContext ??= contextOf(this.#group)))
          : ownOptions(peer, { ...this.#group, ...own })
      this.#options.set(peer, options)
    }
    return options
  }
}

function ownOptions(peer: PeerAddress, settings: PeerTlsSettings): PeerTlsConnectOptions {
  return connectOptions(peer, settings, contextOf(settings))
}

function contextOf({ verify: _verify, name: _name, ...material }: PeerTlsSettings): SecureContext {
  return createSecureContext(material)
}

/**
 * The name is always set: left out, Node would take it from the request's `Host`, and a client could choose what the
 * peer's certificate is checked against. An address is no server name (RFC 6066 section 3), and neither is the dot at
 * the end of a full domain name; both are checked all the same.
 */
function connectOptions(
  peer: PeerAddress,
  { verify, name = peer.hostname }: PeerTlsSettings,
  secureContext: SecureContext,
): PeerTlsConnectOptions {
  const isAddress = isIP(name) !== 0
  return {
    secureContext,
    rejectUnauthorized: verify,
    servername: isAddress ? '' : name.replace(/\.$/, ''),
    checkServerIdentity: (_asked, certificate) =>
      isAddress ? checkAddress(name, certificate) : checkServerIdentity(name, certificate),
  }
}

/** OpenSSL's own check: Node's takes no IPv6 address for one in some versions (22.23). */
function checkAddress(address: string, { raw }: PeerCertificate): Error | undefined {
  try {
    if (new X509Certificate(raw).checkIP(address) !== undefined) return undefined
  } catch {
    // None at all: a cipher without certificates, where the user allows one.
  }
  const error = new Error(`the certificate is not for the address ${address}`)
  return Object.assign(error, { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
}
