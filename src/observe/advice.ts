/** What can be done about a request that ended with an answer of our own. */
import type { AttemptSummary } from '../errors.js'
import { isPastDeadline, ms } from './attempt-text.js'
import type { ExplanationFacts } from './explanation.js'

/** The most likely first; empty where there is nothing the matter. */
export function adviceOf(facts: ExplanationFacts): string[] {
  const { code, attempts, settings } = facts
  switch (code) {
    case undefined:
    case 'ERR_CLIENT_CLOSED':
    case 'ERR_CLOSING':
    case 'ERR_CONFIGURATION':
      return []
    case 'ERR_NO_LIVE_UPSTREAMS':
      return ofNobody(facts)
    case 'ERR_PEERS_BUSY':
      return [
        'raise maxConns, add peers, or let requests wait for a place: queue: { size, timeout }',
      ]
    case 'ERR_QUEUE_FULL':
      return ['raise queue.size or maxConns, or add peers']
    case 'ERR_QUEUE_TIMEOUT':
      return [
        `no place became free within ${waitLimit(facts)}: the peers are too slow or too few for the load`,
      ]
    case 'ERR_OVERLOADED':
      return ['raise maxInFlight, or leave adaptiveConcurrency out, if the peers can bear more']
    case 'ERR_UPSTREAM_CONNECTION':
    case 'ERR_UPSTREAM_TIMEOUT':
    case 'ERR_UPSTREAM_INVALID_HEADER': {
      const last = attempts.findLast(({ type }) => type !== undefined)
      return last === undefined ? [] : [...ofFailure(last, facts), ...ofWhy(last)]
    }
    case 'ERR_UPSTREAM_TRUNCATED':
      if (facts.broken?.type === 'connection_read_timeout')
        return [
          `either ${facts.broken.peer} hangs, or it pauses in mid-response for longer than readTimeout (${ms(settings.readTimeout)})`,
        ]
      return [
        'the peer ended in mid-response: look for a crash, an out-of-memory kill or a timeout of its own; what has begun cannot be tried again',
      ]
    case 'ERR_BODY_TOO_LARGE':
      return ['raise maxBody, if such bodies are wanted']
    case 'ERR_BODY_CONSUMED':
      return ['mount the balancer before the body parser, or let the parser keep the body']
    case 'ERR_BAD_REQUEST':
      return ['the client has to send it otherwise: the message says what is wrong']
    case 'ERR_INTERNAL':
      return ['a plug-in, a hook or the library has thrown: see the error’s cause']
  }
}

/** The limit that has ended the wait, with its value. */
function waitLimit({ duration, settings }: ExplanationFacts): string {
  const { nextTimeout, queueTimeout } = settings
  return nextTimeout > 0 && duration >= nextTimeout - 1
    ? `nextUpstream.timeout (${ms(nextTimeout)})`
    : `queue.timeout (${ms(queueTimeout)})`
}

function ofNobody(facts: ExplanationFacts): string[] {
  const { peers, settings, waited } = facts
  const told = peers.filter(({ status }) => status === 'down' || status === 'draining')
  const unhealthy = peers.filter(({ status }) => status === 'unhealthy')
  const marked = peers.filter(({ status }) => status === 'ejected')
  const advice: string[] = []
  if (marked.some(({ reason }) => reason === 'status'))
    advice.push(
      `answers of the application have marked peers: take ${statusesOf(settings)} out of ${settings.nginx ? 'nextUpstream.on' : 'failOn'}`,
    )
  if (marked.length > 0 && settings.whenNoneLive === 'fail')
    advice.push(
      "whenNoneLive is 'fail', as in nginx: with 'try', the default, the least bad of the marked peers is asked",
    )
  else if (marked.length > 0 && settings.whenNoneLive === 'try')
    advice.push(
      'every marked peer was tried for this request, or is down, draining or full as well',
    )
  else if (marked.length > 0 && waited > 0)
    advice.push(
      `none of the marked peers was back within ${waitLimit(facts)}: look at what they were marked for; where they are away for longer than that, raise it`,
    )
  if (unhealthy.length > 0)
    advice.push(
      `the health check fails at ${names(unhealthy)}: look there, or at healthCheck itself`,
    )
  if (told.length > 0) advice.push(`${names(told)}: put back into service by whoever took it out`)
  if (advice.length === 0)
    advice.push('no peer is in service: add peers, or look at what discovery brings')
  return advice
}

function statusesOf({ nginx, on, failOn }: ExplanationFacts['settings']): string {
  const statuses = (nginx ? on : failOn).filter((condition) => condition.startsWith('http_'))
  return statuses.length === 0 ? 'the statuses' : statuses.join(', ')
}

function names(peers: readonly { readonly peer: string }[]): string {
  const [first, second, third] = peers
  const listed = [first, second, third].flatMap((peer) => (peer === undefined ? [] : [peer.peer]))
  return peers.length > 3
    ? `${listed.join(', ')} and ${String(peers.length - 3)} more`
    : listed.join(', ')
}

function ofFailure(attempt: AttemptSummary, facts: ExplanationFacts): string[] {
  const { type, peer, stale, outcome } = attempt
  switch (type) {
    case undefined:
      return []
    case 'connection_refused':
      return [`nothing listens at ${peer}, or its accept queue is full: is the process running?`]
    case 'connection_timeout':
    case 'destination_ip_unroutable':
      return [`${peer} cannot be reached: firewall, route, or a machine that is off`]
    case 'dns_error':
      return [`the name of ${peer} is not in the DNS, or the resolver does not answer`]
    case 'connection_read_timeout':
      if (isPastDeadline(attempt, facts.settings)) return [ofDeadline(attempt, facts)]
      return [
        `either ${facts.path} takes longer than readTimeout (${ms(facts.settings.readTimeout)}), or ${peer} hangs`,
      ]
    case 'connection_write_timeout':
      return [`${peer} does not read the request: it may hang`]
    case 'connection_terminated':
      if (stale)
        return [`${peer} closes idle connections: set keepalive.timeout below its own limit`]
      return [
        `${peer} drops the connection: a crash, a restart, or a limit of its own at ${facts.path}`,
      ]
    case 'http_response_incomplete':
      return [`${peer} breaks off at ${facts.path}: a crash, or a limit of its own`]
    case 'http_response_header_section_size':
      return [
        'raise bufferSize (nginx proxy_buffer_size), or maxHeaders where the fields are many, or make the response’s head smaller: often it is cookies',
      ]
    case 'http_protocol_error':
      return [`does ${peer} speak HTTP on that port, and not TLS or something else?`]
    case 'tls_protocol_error':
      if (outcome.includes('ERR_SSL_WRONG_VERSION_NUMBER'))
        return [`does ${peer} speak TLS on that port? If it speaks plain HTTP, its URL is http://`]
      return [`look at tls (ca, name, verify, cert) and at the certificate of ${peer}`]
    case 'tls_certificate_error':
    case 'tls_alert_received':
      return [`look at tls (ca, name, verify, cert) and at the certificate of ${peer}`]
    case 'proxy_internal_error':
      return ['raise the limit of open files or the range of local ports of this machine']
  }
}

function ofDeadline({ peer, phase }: AttemptSummary, { path, settings }: ExplanationFacts): string {
  const limit = `nextUpstream.timeout (${ms(settings.nextTimeout)})`
  return phase === 'connect'
    ? `either ${limit} left too little time, or ${peer} cannot be reached: firewall, route, or a machine that is off`
    : `either ${path} takes longer than ${limit} in all attempts and the queue together, or ${peer} hangs`
}

function ofWhy({ why }: AttemptSummary): string[] {
  if (why === 'non_idempotent')
    return ['where the application can bear it twice, say so: idempotent: (request) => …']
  if (why === 'body_not_replayable') return ['raise replayBuffer for larger bodies']
  return []
}
