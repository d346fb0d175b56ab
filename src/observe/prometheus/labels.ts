/** The values that labels can have: closed sets, so that nothing a client or a peer sends makes a new series. */
import type { AttemptRecord } from '../../attempt-record.js'
import type { ErrorCode } from '../../errors.js'
import type { QueueEvent } from '../../events.js'
import type { FailureType } from '../../next-upstream/attempt-result.js'
import type { AttemptCondition } from '../../next-upstream/condition.js'
import type { Decision, WhyNoNext } from '../../next-upstream/decide.js'
import type { PeerStatus } from '../../upstream/peer.js'
import type { EjectReason, ReturnReason } from '../../upstream/upstream.js'
import type { Mechanism } from '../incident.js'

/** All words of a union, in an order: the compiler sees to it that none is missing. */
function wordsOf<Word extends string>(words: Readonly<Record<Word, true>>): readonly Word[] {
  return Object.keys(words) as Word[]
}

/** RFC 9110 section 9 and RFC 5789; whatever else there is, is `other`. */
export const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'other',
] as const

export const STATUS_CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx', 'other'] as const

/** `failed`: with an answer of our own, or broken off. `aborted`: the client left first. */
export const RESULTS = ['answered', 'failed', 'aborted'] as const

export const CODES = wordsOf<ErrorCode>({
  ERR_CONFIGURATION: true,
  ERR_NO_LIVE_UPSTREAMS: true,
  ERR_PEERS_BUSY: true,
  ERR_QUEUE_FULL: true,
  ERR_QUEUE_TIMEOUT: true,
  ERR_OVERLOADED: true,
  ERR_UPSTREAM_CONNECTION: true,
  ERR_UPSTREAM_TIMEOUT: true,
  ERR_UPSTREAM_INVALID_HEADER: true,
  ERR_UPSTREAM_TRUNCATED: true,
  ERR_CLIENT_CLOSED: true,
  ERR_BODY_TOO_LARGE: true,
  ERR_BODY_CONSUMED: true,
  ERR_BAD_REQUEST: true,
  ERR_CLOSING: true,
  ERR_INTERNAL: true,
}).filter((code) => code !== 'ERR_CONFIGURATION')

const FAILURES = wordsOf<FailureType>({
  connection_refused: true,
  connection_timeout: true,
  connection_terminated: true,
  connection_write_timeout: true,
  connection_read_timeout: true,
  dns_error: true,
  destination_ip_unroutable: true,
  tls_protocol_error: true,
  tls_certificate_error: true,
  tls_alert_received: true,
  http_response_incomplete: true,
  http_response_header_section_size: true,
  http_protocol_error: true,
  proxy_internal_error: true,
})

export const CONDITIONS = wordsOf<AttemptCondition>({
  error: true,
  timeout: true,
  invalid_header: true,
  http_500: true,
  http_502: true,
  http_503: true,
  http_504: true,
  http_403: true,
  http_404: true,
  http_429: true,
})

type Retry = Extract<Decision['do'], 'next' | 'again' | 'wait'>

export const RETRIES = wordsOf<Retry>({ next: true, again: true, wait: true })

export const WHY_NOT = wordsOf<WhyNoNext>({
  not_listed: true,
  non_idempotent: true,
  body_not_replayable: true,
  tries_exhausted: true,
  timeout_exhausted: true,
  no_eligible_peer: true,
  budget_exhausted: true,
  request_at_fault: true,
})

export const STATES = wordsOf<PeerStatus>({
  up: true,
  full: true,
  ejected: true,
  unhealthy: true,
  draining: true,
  down: true,
})

export const EJECT_REASONS = wordsOf<EjectReason>({
  error: true,
  timeout: true,
  invalid_header: true,
  status: true,
  rate: true,
  retry_after: true,
  shared: true,
})

export const RETURN_REASONS = wordsOf<ReturnReason>({
  answered: true,
  probe: true,
  refund: true,
  completed: true,
  time: true,
  shared: true,
})

export const QUEUE_OUTCOMES = wordsOf<QueueEvent['outcome']>({
  joined: true,
  served: true,
  timeout: true,
  full: true,
  left: true,
})

export const MECHANISMS = wordsOf<Mechanism>({
  application_errors_mark_peers: true,
  refused_connections: true,
  unreachable: true,
  timeouts: true,
  stale_keepalive: true,
  oversized_headers: true,
  invalid_responses: true,
  dropped_connections: true,
  tls_failures: true,
  request_at_fault: true,
  connection_limits: true,
  out_of_service: true,
  own_shortage: true,
  unknown: true,
})

/** What an attempt has come to: outcome and reason together. */
export const ENDS: readonly (readonly [outcome: string, reason: string])[] = [
  ...STATUS_CLASSES.map((status) => ['answered', status] as const),
  ...FAILURES.map((type) => ['failed', type] as const),
  ['stale', 'connection_terminated'],
  ['cancelled', 'hedge'],
  ['aborted', 'request_over'],
]

const FIRST_FAILURE = STATUS_CLASSES.length
const STALE = FIRST_FAILURE + FAILURES.length

/** Its place in {@link ENDS}. */
export function endOf(record: AttemptRecord): number {
  const { failure, status } = record
  if (failure !== undefined)
    return record.stale ? STALE : FIRST_FAILURE + placeIn(FAILURES, failure.type)
  if (record.cancelled) return STALE + 1
  return status === 0 ? STALE + 2 : statusClass(status)
}

/** Its place in {@link STATUS_CLASSES}. */
export function statusClass(status: number): number {
  const hundreds = Math.trunc(status / 100)
  return hundreds >= 1 && hundreds <= 5 ? hundreds - 1 : 5
}

/** Its place in {@link METHODS}. */
export function methodClass(method: string): number {
  const place = METHODS.indexOf(method as (typeof METHODS)[number])
  return place < 0 ? METHODS.length - 1 : place
}

/** A word that a plug-in has made up counts as the last one. */
export function placeIn<Word extends string>(words: readonly Word[], word: Word): number {
  const place = words.indexOf(word)
  return place < 0 ? words.length - 1 : place
}
