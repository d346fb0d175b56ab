/** What has made requests fail together, and which setting would have prevented it. Pure. */
import type { AttemptSummary, ErrorCode } from '../errors.js'
import { isPastDeadline } from './attempt-text.js'
import type { BrokenResponse, ExplainedSettings, PeerStanding } from './explanation.js'
import type { Incident, Mechanism } from './incident.js'

/** One of the requests that failed. */
export interface FailedRequest {
  readonly code: ErrorCode
  readonly attempts: readonly AttemptSummary[]
  /** Its response ended early. */
  readonly broken?: BrokenResponse | undefined
  /** How the peers stood when it ended. */
  readonly peers: readonly PeerStanding[]
}

/** An attempt that marked a peer. */
export interface Marking {
  readonly peer: string
  readonly attempt: AttemptSummary
}

const NO_ROOM: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_PEERS_BUSY',
  'ERR_QUEUE_FULL',
  'ERR_QUEUE_TIMEOUT',
  'ERR_OVERLOADED',
])

/** Of one failed request; `markings`: what marked the peers that it could not be given to. */
export function mechanismOf(
  { code, attempts, broken, peers }: FailedRequest,
  markings: readonly Marking[],
): Mechanism {
  if (NO_ROOM.has(code)) return 'connection_limits'
  if (code === 'ERR_UPSTREAM_TRUNCATED')
    return broken?.type === 'connection_read_timeout' ? 'timeouts' : 'dropped_connections'
  const last = attempts.findLast(({ type }) => type !== undefined)
  if (last?.why === 'request_at_fault') return 'request_at_fault'
  if (code !== 'ERR_NO_LIVE_UPSTREAMS' && last !== undefined) return mechanismOfAttempt(last)
  const marked = peers.filter(({ status }) => status === 'ejected')
  if (marked.length === 0)
    return peers.some(({ status }) => status !== 'up') ? 'out_of_service' : 'unknown'
  const found = marked.map((standing) => mechanismOfMark(standing, markings))
  return mostFrequent(found) ?? 'unknown'
}

/** The option whose time was up; undefined: none was. */
export function timeLimitOf(
  { attempts, broken }: FailedRequest,
  settings: ExplainedSettings,
): TimeLimit | undefined {
  const last = attempts.findLast(({ type }) => type !== undefined)
  switch (broken?.type ?? last?.type) {
    case 'connection_write_timeout':
      return 'sendTimeout'
    case 'connection_read_timeout':
      return broken === undefined && last !== undefined && isPastDeadline(last, settings)
        ? 'nextUpstream.timeout'
        : 'readTimeout'
    default:
      return undefined
  }
}

export type TimeLimit = 'readTimeout' | 'sendTimeout' | 'nextUpstream.timeout'

/** The marking itself says more than the reason that the mark was given. */
function mechanismOfMark({ peer, reason }: PeerStanding, markings: readonly Marking[]): Mechanism {
  const marking = markings.findLast((each) => each.peer === peer)
  if (marking !== undefined) return mechanismOfAttempt(marking.attempt)
  switch (reason) {
    case 'status':
      return 'application_errors_mark_peers'
    case 'timeout':
      return 'timeouts'
    case 'invalid_header':
      return 'invalid_responses'
    default:
      return 'unknown'
  }
}

function mechanismOfAttempt({ type, stale, status }: AttemptSummary): Mechanism {
  switch (type) {
    case undefined:
      return status >= 400 ? 'application_errors_mark_peers' : 'unknown'
    case 'connection_refused':
      return 'refused_connections'
    case 'connection_timeout':
    case 'dns_error':
    case 'destination_ip_unroutable':
      return 'unreachable'
    case 'connection_read_timeout':
    case 'connection_write_timeout':
      return 'timeouts'
    case 'connection_terminated':
    case 'http_response_incomplete':
      return stale ? 'stale_keepalive' : 'dropped_connections'
    case 'http_response_header_section_size':
      return 'oversized_headers'
    case 'http_protocol_error':
      return 'invalid_responses'
    case 'tls_protocol_error':
    case 'tls_certificate_error':
    case 'tls_alert_received':
      return 'tls_failures'
    case 'proxy_internal_error':
      return 'own_shortage'
  }
}

/** The first of those that are there most often; undefined of none. */
function mostFrequent<T>(values: readonly T[]): T | undefined {
  const counts = new Map<T, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  let best: T | undefined
  for (const [value, count] of counts)
    if (best === undefined || count > (counts.get(best) ?? 0)) best = value
  return best
}

/** In a few words, for the summary. */
export const MECHANISM_TEXT: Readonly<Record<Mechanism, string>> = {
  application_errors_mark_peers: 'statuses of the application marked the peers',
  refused_connections: 'the peers refused connections',
  unreachable: 'the peers could not be reached',
  timeouts: 'the peers did not answer in time',
  stale_keepalive: 'the peers closed kept-alive connections',
  oversized_headers: 'response heads were larger than bufferSize',
  invalid_responses: 'responses were not HTTP',
  dropped_connections: 'the peers dropped connections without a whole answer',
  tls_failures: 'TLS handshakes with the peers failed',
  request_at_fault: 'requests failed alike at every peer: they are at fault themselves',
  connection_limits: 'there was no room at the peers',
  out_of_service: 'no peer was in service',
  own_shortage: 'this machine ran out of ports, memory or file descriptors',
  unknown: 'no single cause could be made out',
}

/** The setting that would have prevented it; undefined: none would. */
export function preventionOf(
  mechanism: Mechanism,
  settings: ExplainedSettings,
  limit: TimeLimit = 'readTimeout',
  answers: 'none' | 'begun' = 'none',
): Incident['prevention'] {
  const marksEndIt = settings.whenNoneLive === 'fail'
  switch (mechanism) {
    case 'application_errors_mark_peers':
      return settings.nginx
        ? {
            option: 'nextUpstream.on',
            advice:
              "take the http_… statuses out of nextUpstream.on, or leave preset: 'nginx' away: then a status marks nobody",
          }
        : { option: 'failOn', advice: 'leave statuses out of failOn (the default)' }
    case 'stale_keepalive':
      return {
        option: 'keepalive.timeout',
        advice: 'set it below the time after which the peers close idle connections',
      }
    case 'oversized_headers':
      return {
        option: 'bufferSize',
        advice: 'raise it over the largest response head; maxHeaders, where it has many fields',
      }
    case 'timeouts':
      return marksEndIt
        ? NONE_LIVE
        : { option: limit, advice: 'raise it, if the peers are slow and not dead' }
    case 'connection_limits':
      return {
        option: 'queue',
        advice:
          'let requests wait for a place (queue), or raise maxConns, queue.size or maxInFlight',
      }
    case 'refused_connections':
    case 'unreachable':
    case 'dropped_connections':
      if (answers === 'begun') return WHOLE_RESPONSE
      if (marksEndIt) return NONE_LIVE
      return settings.whenNoneLive === 'wait'
        ? {
            option: 'queue.timeout',
            advice: 'raise it over the time for which all peers are away together',
          }
        : {
            option: 'whenNoneLive',
            advice:
              "if all peers are away together for a short time, whenNoneLive: 'wait' with a queue holds requests until one is back",
          }
    case 'tls_failures':
      return {
        option: 'tls',
        advice: 'ca, name, cert and verify have to fit the peers’ certificates',
      }
    case 'invalid_responses':
    case 'request_at_fault':
    case 'out_of_service':
    case 'own_shortage':
    case 'unknown':
      return undefined
  }
}

const WHOLE_RESPONSE: NonNullable<Incident['prevention']> = {
  option: 'wholeResponse',
  advice:
    'raise it over the length of these responses, where they announce one: they are then read whole first, and another peer is asked when one breaks off',
}

const NONE_LIVE: NonNullable<Incident['prevention']> = {
  option: 'whenNoneLive',
  advice: "with 'try' (the default) the least bad of the marked peers is asked in place of a 502",
}
