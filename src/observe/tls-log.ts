/** nginx's `$ssl_*` of a client's connection, as far as Node knows them. */
import type { PeerCertificate, TLSSocket } from 'node:tls'

/** RFC 4514: characters that mean something in a name. */
const SPECIAL = /[,+"\\<>;]/g

/** A client's connection over TLS, as far as it is asked. */
export type TlsConnection = Pick<
  TLSSocket,
  | 'getProtocol'
  | 'getCipher'
  | 'isSessionReused'
  | 'getPeerCertificate'
  | 'authorized'
  | 'authorizationError'
  | 'alpnProtocol'
> & { readonly servername?: unknown }

export class TlsLog {
  readonly protocol: string | undefined
  readonly cipher: string | undefined
  /** SNI. */
  readonly serverName: string | undefined
  readonly alpn: string | undefined
  readonly sessionReused: boolean
  /** `NONE`, `SUCCESS` or `FAILED:reason`. */
  readonly verify: string
  readonly #certificate: PeerCertificate | undefined

  constructor(socket: TlsConnection) {
    this.protocol = socket.getProtocol() ?? undefined
    this.cipher = (socket.getCipher() as { readonly name?: string } | undefined)?.name
    const { servername, alpnProtocol } = socket
    this.serverName = typeof servername === 'string' ? servername : undefined
    this.alpn = typeof alpnProtocol === 'string' ? alpnProtocol : undefined
    this.sessionReused = socket.isSessionReused()
    const certificate = socket.getPeerCertificate() as PeerCertificate | undefined
    this.#certificate = certificate?.subject === undefined ? undefined : certificate
    this.verify = verifyOf(socket, this.#certificate)
  }

  /** RFC 4514, the last part first, as nginx since 1.11.6. */
  get subject(): string | undefined {
    return this.#certificate && nameOf(this.#certificate.subject)
  }

  get issuer(): string | undefined {
    return this.#certificate && nameOf(this.#certificate.issuer)
  }

  get serial(): string | undefined {
    return this.#certificate?.serialNumber
  }

  /** SHA-1, in lower case without colons. */
  get fingerprint(): string | undefined {
    return this.#certificate?.fingerprint.replaceAll(':', '').toLowerCase()
  }

  get validFrom(): string | undefined {
    return this.#certificate?.valid_from
  }

  get validTo(): string | undefined {
    return this.#certificate?.valid_to
  }
}

function verifyOf(socket: TlsConnection, certificate: PeerCertificate | undefined): string {
  if (certificate === undefined) return 'NONE'
  if (socket.authorized) return 'SUCCESS'
  // In Node's types an Error, in fact its code.
  const error: unknown = socket.authorizationError
  return `FAILED:${error instanceof Error ? error.message : String(error)}`
}

function nameOf(name: PeerCertificate['subject']): string {
  return Object.entries(name as unknown as Record<string, string | string[]>)
    .reverse()
    .flatMap(([key, value]) =>
      [value].flat().map((one) => `${key}=${one.replace(SPECIAL, '\\$&')}`),
    )
    .join(',')
}
