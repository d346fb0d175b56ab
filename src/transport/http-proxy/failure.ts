/** Node's errors as values: nginx's condition, RFC 9209's type. */
import type { FailureType } from '../../next-upstream/attempt-result.js'
import type { TransportCondition } from '../../next-upstream/condition.js'

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

const CERTIFICATE =
  /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ALTNAME|HOSTNAME_MISMATCH/

/** Names what an error event of a client request means. `connecting`: it came before the connection stood. */
export function classify(cause: Error, connecting: boolean): FailureClass {
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
