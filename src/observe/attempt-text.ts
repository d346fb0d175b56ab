/** One attempt in words. */
import type { AttemptSummary } from '../errors.js'
import type { WhyNoNext } from '../next-upstream/decide.js'
import type { BrokenResponse, ExplainedSettings } from './explanation.js'

/** `850 ms`, `3.4 s`, `2 min`. */
export function ms(milliseconds: number): string {
  if (milliseconds < 1000) return `${String(Math.round(milliseconds))} ms`
  if (milliseconds < 120_000) return `${String(Math.round(milliseconds / 100) / 10)} s`
  return `${String(Math.round(milliseconds / 60_000))} min`
}

export function attemptText(attempt: AttemptSummary, settings: ExplainedSettings): string {
  const { peer, duration, headerTime } = attempt
  if (attempt.cancelled) return `${peer} was given up: another peer was faster`
  if (attempt.type === undefined) {
    if (attempt.status === 0) return `${peer} had not answered when the request was given up`
    return `${peer} answered ${String(attempt.status)} after ${ms(headerTime < 0 ? duration : headerTime)}`
  }
  const code = (attempt.cause as NodeJS.ErrnoException | undefined)?.code
  const exact = code === undefined ? '' : ` (${code})`
  const marked = attempt.marked ? '; it was marked for that' : ''
  return `${peer} ${failureText(attempt, attempt.type, settings)} after ${ms(duration)}${exact}${marked}`
}

/**
 * Was it `nextUpstream.timeout` that has ended it? `readTimeout` begins when the request is out: what was given up
 * sooner was not given up by that.
 */
export function isPastDeadline(
  { type, phase, duration, why }: AttemptSummary,
  { nginx, nextTimeout, readTimeout }: ExplainedSettings,
): boolean {
  if (nginx || nextTimeout === 0 || type !== 'connection_read_timeout' || phase === 'body')
    return false
  return why === 'timeout_exhausted' || duration < readTimeout - 1
}

/** What the attempt that was answered came to in the end. */
export function brokenText(
  { responseLength }: AttemptSummary,
  { type, code }: BrokenResponse,
  { readTimeout }: ExplainedSettings,
): string {
  const after = `after ${String(responseLength)} bytes of the body`
  if (type === 'connection_read_timeout')
    return `, and sent no more for readTimeout (${ms(readTimeout)}) ${after}`
  return `, and broke the response off ${after}${code === undefined ? '' : ` (${code})`}`
}

function failureText(
  attempt: AttemptSummary,
  type: NonNullable<AttemptSummary['type']>,
  settings: ExplainedSettings,
): string {
  const { phase, stale, outcome } = attempt
  switch (type) {
    case 'connection_refused':
      return 'refused the connection'
    case 'connection_timeout':
      return `did not take the connection within connectTimeout (${ms(settings.connectTimeout)})`
    case 'connection_terminated':
      if (stale) return 'had closed the kept-alive connection'
      if (phase === 'connect' || phase === 'tls') return 'broke the connection off as it was made'
      return phase === 'send'
        ? 'closed the connection while the request was being sent'
        : 'closed the connection before it had answered'
    case 'connection_write_timeout':
      return `took no more of the request for sendTimeout (${ms(settings.sendTimeout)})`
    case 'connection_read_timeout':
      if (phase === 'body')
        return `sent no more of the body for readTimeout (${ms(settings.readTimeout)})`
      if (isPastDeadline(attempt, settings))
        return `had not ${phase === 'connect' ? 'taken the connection' : 'answered'} when nextUpstream.timeout (${ms(settings.nextTimeout)} for all of it) was over,`
      return `had not answered within readTimeout (${ms(settings.readTimeout)})`
    case 'dns_error':
      return 'has a name that could not be resolved'
    case 'destination_ip_unroutable':
      return 'cannot be reached from here'
    case 'tls_protocol_error':
    case 'tls_certificate_error':
    case 'tls_alert_received':
      return `failed in the TLS handshake: ${outcome}`
    case 'http_response_incomplete':
      return 'closed the connection in the middle of its response'
    case 'http_response_header_section_size':
      return `sent a response head over bufferSize (${String(settings.bufferSize)} bytes) or maxHeaders`
    case 'http_protocol_error':
      return 'sent something that is not HTTP'
    case 'proxy_internal_error':
      return 'could not be asked for want of ports, memory or file descriptors here'
  }
}

export function whyText(
  why: WhyNoNext,
  { condition, status }: AttemptSummary,
  method: string,
  settings: ExplainedSettings,
): string {
  switch (why) {
    case 'not_listed':
      return `nextUpstream.on does not list ${condition ?? String(status)}`
    case 'non_idempotent':
      return `the request had been sent, and a ${method} may not be done twice (nextUpstream.nonIdempotent, idempotent)`
    case 'body_not_replayable':
      return 'more of the body had gone out than is kept for another try (replayBuffer)'
    case 'tries_exhausted':
      return `nextUpstream.tries allows ${String(settings.tries)}`
    case 'timeout_exhausted':
      return `nextUpstream.timeout (${ms(settings.nextTimeout)}) had passed`
    case 'no_eligible_peer':
      return 'there was no other peer that could be asked'
    case 'budget_exhausted':
      return 'too large a share of the requests of late were retries already (retryBudget)'
    case 'request_at_fault':
      return 'it failed in the same way at two peers that serve other requests: the request is at fault'
  }
}
