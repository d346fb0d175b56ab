/** `Proxy-Status` (RFC 9209): what went wrong, in words for the client and without inner addresses. */
import type { AttemptSummary, ErrorCode } from '../errors.js'
import type { FailureType } from '../next-upstream/attempt-result.js'
import type { TlsAlert } from '../tls-error.js'

/** The proxy error types of RFC 9209 that we use. */
export type ProxyError =
  | FailureType
  | 'destination_unavailable'
  | 'connection_limit_reached'
  | 'http_request_error'
  | 'http_response_timeout'
  | 'proxy_configuration_error'

export interface ProxyStatusParameters {
  readonly error?: ProxyError | undefined
  /** With `tls_alert_received`: which one (RFC 9209 section 2.3.16). */
  readonly alert?: TlsAlert | undefined
  /** Free text. Whatever could be an address, a host name with a dot or a path is hidden. */
  readonly details?: string | undefined
  /** Status that the peer gave. */
  readonly receivedStatus?: number | undefined
}

const ERROR_OF_CODE: Readonly<Record<ErrorCode, ProxyError>> = {
  ERR_CONFIGURATION: 'proxy_configuration_error',
  ERR_NO_LIVE_UPSTREAMS: 'destination_unavailable',
  ERR_PEERS_BUSY: 'connection_limit_reached',
  ERR_QUEUE_FULL: 'connection_limit_reached',
  ERR_QUEUE_TIMEOUT: 'connection_limit_reached',
  ERR_OVERLOADED: 'connection_limit_reached',
  ERR_UPSTREAM_CONNECTION: 'connection_terminated',
  ERR_UPSTREAM_TIMEOUT: 'http_response_timeout',
  ERR_UPSTREAM_INVALID_HEADER: 'http_protocol_error',
  ERR_UPSTREAM_TRUNCATED: 'http_response_incomplete',
  ERR_CLIENT_CLOSED: 'http_request_error',
  ERR_BODY_TOO_LARGE: 'http_request_error',
  ERR_BODY_CONSUMED: 'http_request_error',
  ERR_BAD_REQUEST: 'http_request_error',
  ERR_CLOSING: 'destination_unavailable',
  ERR_INTERNAL: 'proxy_internal_error',
}

const TOKEN = /^[A-Za-z*][A-Za-z0-9!#$%&'*+\-.^_`|~:/]*$/
const UNPRINTABLE = /[^\x20-\x7e]/g
const WORD = /[^\s,;"()=]+/g
/** A dot, colon, at sign … in a word; at its end it is the sentence's. A slash is telling anywhere. */
const ADDRESS_LIKE = /[.:@[\]\\%][^]|\//
/** Its name, and the exact reason where one is told right after it. */
const OUTCOME = /^[a-z][a-z0-9_]*(?: \([A-Za-z0-9_]+\))?/
/** A field is no place for hundreds of peers. */
const LISTED_ATTEMPTS = 16

/** `evenkeel; error=connection_refused; details="2 attempts: connection_refused, connection_timeout"` */
export function proxyStatus(name: string, parameters: ProxyStatusParameters): string {
  const { error, alert, details, receivedStatus } = parameters
  let field = TOKEN.test(name) ? name : quoted(name)
  if (error !== undefined) field += `; error=${error}`
  if (alert?.name !== undefined) field += `; alert-message=${alert.name}`
  if (alert !== undefined) field += `; alert-id=${alert.id}`
  if (receivedStatus !== undefined && Number.isInteger(receivedStatus)) {
    field += `; received-status=${receivedStatus}`
  }
  if (details !== undefined) field += `; details=${quoted(hideAddresses(details))}`
  return field
}

/**
 * The error type of an error; for those of an upstream the last attempt's failure, where there is one, says it
 * better than the code.
 */
export function proxyErrorOf(code: ErrorCode, failure?: FailureType): ProxyError {
  if (failure !== undefined && code.startsWith('ERR_UPSTREAM_')) return failure
  return ERROR_OF_CODE[code]
}

/**
 * `2 attempts: tls_certificate_error (CERT_HAS_EXPIRED), http_503`, the latest 16; undefined when none was made. Names
 * no peer.
 */
export function attemptsDetail(
  attempts: readonly Pick<AttemptSummary, 'outcome'>[],
): string | undefined {
  if (attempts.length === 0) return undefined
  const outcomes = attempts
    .slice(-LISTED_ATTEMPTS)
    .map(({ outcome }) => OUTCOME.exec(outcome)?.[0] ?? 'other')
  const more = attempts.length > LISTED_ATTEMPTS ? 'latest: ' : ''
  return `${attempts.length} attempt${attempts.length === 1 ? '' : 's'}: ${more}${outcomes.join(', ')}`
}

function hideAddresses(text: string): string {
  return text.replace(WORD, (word) => (ADDRESS_LIKE.test(word) ? '(hidden)' : word))
}

/** sf-string (RFC 8941 section 3.3.3). */
function quoted(text: string): string {
  return `"${text.replace(UNPRINTABLE, '?').replace(/["\\]/g, '\\$&')}"`
}
