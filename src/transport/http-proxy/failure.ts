/** Node's errors as values: nginx's condition, RFC 9209's type. */
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { FailureType } from '../../next-upstream/attempt-result.js'
import type { TransportCondition } from '../../next-upstream/condition.js'
import { tlsAlertOf } from '../../tls-error.js'

export interface FailureClass {
  readonly condition: TransportCondition
  readonly type: FailureType
}

const error = (type: FailureType): FailureClass => ({ condition: 'error', type })
const timeout = (type: FailureType): FailureClass => ({ condition: 'timeout', type })
const invalid = (type: FailureType): FailureClass => ({ condition: 'invalid_header', type })

const byCode: ReadonlyMap<string, FailureClass> = new Map([
  ['ECONNREFUSED', error('connection_refused')],
  // A unix socket that is not there, or not ours to open.
  ['ENOENT', error('connection_refused')],
  ['EACCES', error('connection_refused')],
  ['ENOTFOUND', error('dns_error')],
  ['EAI_AGAIN', error('dns_error')],
  ['EAI_FAIL', error('dns_error')],
  ['EHOSTUNREACH', error('destination_ip_unroutable')],
  ['ENETUNREACH', error('destination_ip_unroutable')],
  ['EHOSTDOWN', error('destination_ip_unroutable')],
  ['ENETDOWN', error('destination_ip_unroutable')],
  ['ETIMEDOUT', timeout('connection_timeout')],
  ['ECONNRESET', error('connection_terminated')],
  ['EPIPE', error('connection_terminated')],
  ['ECONNABORTED', error('connection_terminated')],
  ['EPROTO', error('tls_protocol_error')],
  // Ours, not the peer's: out of descriptors, ports or memory.
  ['EMFILE', error('proxy_internal_error')],
  ['ENFILE', error('proxy_internal_error')],
  ['ENOBUFS', error('proxy_internal_error')],
  ['ENOMEM', error('proxy_internal_error')],
  ['EADDRNOTAVAIL', error('proxy_internal_error')],
  ['EADDRINUSE', error('proxy_internal_error')],
  ['HPE_HEADER_OVERFLOW', invalid('http_response_header_section_size')],
])

/** Node's names for what OpenSSL's check of a certificate found (`X509_V_ERR_…`), and its own for the host name's. */
const CERTIFICATE =
  /^(?:ERR_TLS_CERT_|CERT_|CRL_|ERROR_IN_C|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|PATH_LENGTH_|INVALID_(?:CA|PURPOSE)$|HOSTNAME_MISMATCH$|UNSPECIFIED$)/

/** Names what an error event of a client request means. `connecting`: it came before the connection stood. */
export function classify(cause: Error, connecting: boolean): FailureClass {
  // Before the codes: the same alert is EPROTO or ERR_SSL_…, as Node met it while it wrote or read.
  if (tlsAlertOf(cause) !== undefined) return error('tls_alert_received')
  const code = (cause as NodeJS.ErrnoException).code ?? ''
  const known = byCode.get(code)
  if (known !== undefined) return known
  if (code.startsWith('HPE_')) return invalid('http_protocol_error')
  if (CERTIFICATE.test(code)) return error('tls_certificate_error')
  if (code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS')) return error('tls_protocol_error')
  // AggregateError of happy eyeballs: every address failed; the first tells how.
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error)
    return classify(cause.errors[0], connecting)
  return error(connecting ? 'connection_refused' : 'connection_terminated')
}

/** What is known of an attempt's connection when it fails. */
export interface FailedConnection {
  /** As `TLSSocket.getProtocol()` tells it; null when it cannot, undefined without TLS. */
  readonly protocol: string | null | undefined
  /** Bytes of all responses that were ever read from it. */
  readonly bytesRead: number
}

/**
 * Alerts by which a server refuses the client's certificate, or the lack of one: handshake_failure, bad_certificate to
 * certificate_unknown, unknown_ca, access_denied, decrypt_error (of its signature), certificate_required.
 */
const REFUSALS: ReadonlySet<number> = new Set([40, 42, 43, 44, 45, 46, 48, 49, 51, 116])

/**
 * In TLS 1.3 the client may write as soon as it has sent its certificate, and the server judges that before it reads
 * on (RFC 8446 sections 2 and 4.4): its refusal comes when the request is on its way, and still says that nobody has
 * read it. Not so in TLS 1.2, where such an alert after the handshake is of a renegotiation in the middle of a request;
 * nor on a connection that has brought a response; nor of a mere reset, which could mean anything.
 */
export function isHandshakeRefusal(
  cause: Error | undefined,
  { protocol, bytesRead }: FailedConnection,
): boolean {
  if (protocol !== 'TLSv1.3' || bytesRead > 0) return false
  const alert = tlsAlertOf(cause)
  return alert !== undefined && REFUSALS.has(alert.id)
}

/** The request was written, and the handshake turns out to have failed: see {@link isHandshakeRefusal}. */
export function wasRefused(cause: Error | undefined, socket: Socket): boolean {
  const protocol = (socket as Partial<TLSSocket>).getProtocol?.()
  return isHandshakeRefusal(cause, { protocol, bytesRead: socket.bytesRead })
}
