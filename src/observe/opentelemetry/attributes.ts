/** OpenTelemetry's semantic conventions for HTTP client spans (stable), and a few of our own. */
import { SpanStatusCode } from '@opentelemetry/api'
import type { Attributes, Span } from '@opentelemetry/api'
import type { AttemptRecord } from '../../attempt-record.js'
import type { BalancerError } from '../../errors.js'
import type { Attempt } from '../../transport/transport.js'
import { fullUrl } from './url.js'
import type { SecretParameters } from './url.js'

/** "Known" to the conventions: RFC 9110 section 9, PATCH (RFC 5789) and QUERY. */
const KNOWN_METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
  'QUERY',
])

const SERVER_ERROR = 500

/** The method, and no path: names have to be few. */
export function spanName(method: string): string {
  return KNOWN_METHODS.has(method) ? method : 'HTTP'
}

/** All that a sampler may want to know. `number`: of the attempt, 1 for the first. */
export function startAttributes(
  { peer, head }: Attempt,
  upstream: string,
  number: number,
  secrets: SecretParameters,
): Attributes {
  const isKnown = KNOWN_METHODS.has(head.method)
  const attributes: Attributes = {
    'http.request.method': isKnown ? head.method : '_OTHER',
    'server.address': peer.socketPath ?? peer.hostname,
    'url.full': fullUrl(peer, head.target, secrets),
    'url.scheme': peer.protocol === 'https:' ? 'https' : 'http',
    'network.protocol.version': '1.1',
    'evenkeel.upstream': upstream,
    'evenkeel.attempt.number': number,
  }
  if (peer.socketPath === undefined) attributes['server.port'] = peer.port
  if (!isKnown) attributes['http.request.method_original'] = head.method
  if (number > 1) attributes['http.request.resend_count'] = number - 1
  return attributes
}

/** What has come of it. `error`: how the request ended, where it ended with this attempt. */
export function describeEnd(
  span: Span,
  record: AttemptRecord,
  error: BalancerError | undefined,
): void {
  const { failure, status, reused } = record
  span.setAttribute('evenkeel.connection.reused', reused)
  span.setAttribute('evenkeel.attempt.outcome', record.cancelled ? 'cancelled' : record.outcome)
  if (failure !== undefined) {
    fail(span, failure.type, record.outcome)
    return
  }
  if (status > 0) span.setAttribute('http.response.status_code', status)
  if (error?.code === 'ERR_UPSTREAM_TRUNCATED')
    fail(span, 'http_response_incomplete', error.message)
  // 4xx is the client's business, and no failure of the peer: the conventions let us know better.
  else if (status >= SERVER_ERROR) fail(span, String(status), undefined)
}

/** A description only where the status code does not say it. */
function fail(span: Span, type: string, message: string | undefined): void {
  span.setAttribute('error.type', type)
  const code = SpanStatusCode.ERROR
  span.setStatus(message === undefined ? { code } : { code, message })
}
