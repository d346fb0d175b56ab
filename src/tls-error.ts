/** What an error of TLS says, in words that a log and a client may have: codes and names, never a message's addresses. */
import type { FailureType } from './next-upstream/attempt-result.js'

/** An alert that the peer sent (RFC 8446 section 6). */
export interface TlsAlert {
  /** Number in the registry "TLS Alerts". */
  readonly id: number
  /** Its description there; undefined for a number that we do not know. */
  readonly name: string | undefined
}

/** The registry "TLS Alerts" of IANA. */
const ALERTS: ReadonlyMap<number, string> = new Map([
  [0, 'close_notify'],
  [10, 'unexpected_message'],
  [20, 'bad_record_mac'],
  [21, 'decryption_failed_RESERVED'],
  [22, 'record_overflow'],
  [30, 'decompression_failure_RESERVED'],
  [40, 'handshake_failure'],
  [41, 'no_certificate_RESERVED'],
  [42, 'bad_certificate'],
  [43, 'unsupported_certificate'],
  [44, 'certificate_revoked'],
  [45, 'certificate_expired'],
  [46, 'certificate_unknown'],
  [47, 'illegal_parameter'],
  [48, 'unknown_ca'],
  [49, 'access_denied'],
  [50, 'decode_error'],
  [51, 'decrypt_error'],
  [52, 'too_many_cids_requested'],
  [60, 'export_restriction_RESERVED'],
  [70, 'protocol_version'],
  [71, 'insufficient_security'],
  [80, 'internal_error'],
  [86, 'inappropriate_fallback'],
  [90, 'user_canceled'],
  [100, 'no_renegotiation_RESERVED'],
  [109, 'missing_extension'],
  [110, 'unsupported_extension'],
  [111, 'certificate_unobtainable_RESERVED'],
  [112, 'unrecognized_name'],
  [113, 'bad_certificate_status_response'],
  [114, 'bad_certificate_hash_value_RESERVED'],
  [115, 'unknown_psk_identity'],
  [116, 'certificate_required'],
  [120, 'no_application_protocol'],
  [121, 'ech_required'],
])

/** OpenSSL adds it to an error that an alert has caused; Node hands the text on in the message, whatever the code. */
const ALERT_NUMBER = /:SSL alert number (\d{1,3})\s*$/

/** The alert that `cause` tells of; undefined when it tells of none. */
export function tlsAlertOf(cause: Error | undefined): TlsAlert | undefined {
  const digits = cause === undefined ? undefined : ALERT_NUMBER.exec(messageOf(cause))?.[1]
  if (digits === undefined) return undefined
  const id = Number(digits)
  return { id, name: ALERTS.get(id) }
}

/** `80AB:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:…`: the sixth field is the reason. */
const OPENSSL_REASON = /:error:[\dA-F]{8}:[^:]{0,40}:[^:]{0,80}:([^:]{1,80}):/
const CODE = /^[A-Z][A-Z\d_]{1,79}$/

/**
 * The exact reason of a failure of TLS: the name of the alert, the code of the certificate's fault, or OpenSSL's
 * reason; undefined for other failures. One word: letters, digits and underscores.
 */
export function tlsReasonOf(type: FailureType, cause: Error | undefined): string | undefined {
  if (cause === undefined || !type.startsWith('tls_')) return undefined
  const alert = tlsAlertOf(cause)
  if (alert !== undefined) return alert.name ?? `alert_${alert.id}`
  const code = (cause as NodeJS.ErrnoException).code
  // Which of the two Node makes of one and the same error depends on whether it met it writing or reading.
  const reason = code === 'EPROTO' ? OPENSSL_REASON.exec(messageOf(cause))?.[1] : undefined
  if (reason !== undefined) return `ERR_SSL_${reason.toUpperCase().replace(/[^A-Z\d]/g, '_')}`
  return typeof code === 'string' && CODE.test(code) ? code : undefined
}

/** Long enough for OpenSSL's line; what a stranger's error holds beyond is not searched. */
function messageOf(cause: Error): string {
  const message: unknown = cause.message
  return typeof message === 'string' ? message.slice(0, 1000) : ''
}
