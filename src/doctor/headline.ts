/** The one sentence that says what triggered a group of lost requests, and whom it hit. */
import type { CaseFile } from './case-file.js'
import type { FailureEvent } from './events.js'
import type { Verdict } from './mechanism.js'
import type { DoctorMechanism } from './report.js'

const WORDS: Readonly<Record<DoctorMechanism, readonly [one: string, many: string]>> = {
  application_errors_mark_peers: ['application error', 'application errors'],
  stale_keepalive: ['stale keep-alive connection', 'stale keep-alive connections'],
  oversized_headers: ['oversized header', 'oversized headers'],
  invalid_headers: ['answer that is not HTTP', 'answers that are not HTTP'],
  timeouts: ['timeout', 'timeouts'],
  refused_connections: ['refused connection', 'refused connections'],
  unreachable: ['unreachable server', 'attempts at an unreachable server'],
  peer_crash: ['connection that broke at work', 'connections that broke at work'],
  tls_failures: ['failed TLS handshake', 'failed TLS handshakes'],
  connection_limits: ['limit that was reached', 'times a limit was reached'],
  too_few_idle_connections: ['new connection that failed', 'new connections that failed'],
  unknown: ['failure of unknown kind', 'failures of unknown kind'],
}

/** `2 oversized headers marked both servers of "app"; 340 bystanders were lost in 10.9 s`. */
export function headlineOf(file: CaseFile, verdict: Verdict): string {
  const { lost } = file
  const duration = `${((file.end - file.start) / 1000).toFixed(1)} s`
  const marked = file.marks.peers.filter(({ marks }) => marks.length > 0).length
  const bystanders = lost.bystanders
  const name = file.upstreamName === '' ? '' : ` of "${file.upstreamName}"`
  if (bystanders === 0 && (lost.triggers > 0 || file.refusals === 0 || file.lostSource === 'error'))
    return `${countOf(lost.total, 'request')} lost in ${duration}: ${whatOf(file, verdict)}`
  const victims =
    bystanders > 0
      ? `${countOf(bystanders, 'bystander')} lost in ${duration}`
      : `${countOf(lost.total, 'request')} lost in ${duration}, most of them bystanders`
  if (marked > 0)
    return `${whatOf(file, verdict)}${othersOf(file, verdict)} marked ${groupOf(file, marked)}${name}; ${victims}`
  if (verdict.mechanism === 'unknown')
    return `no server${name} could be asked, and why is not known; ${victims}`
  return `${whatOf(file, verdict)} left no server${name}; ${victims}`
}

function countOf(count: number, word: string): string {
  return `${count.toLocaleString('en')} ${word}${count === 1 ? '' : 's'}`
}

/** `2 application errors (500)`; of those that marked, if there are any. */
function whatOf({ marks, failures, signs }: CaseFile, verdict: Verdict): string {
  const { mechanism, votes } = verdict
  const markers = [...verdict.failures].filter((failure) => marks.markers.has(failure))
  const count = markers.length > 0 ? markers.length : Math.max(votes, 0)
  const [one, many] = WORDS[mechanism]
  if (mechanism === 'connection_limits' && signs.length === 0 && failures.length === 0)
    return 'max_conns'
  if (count === 0) return many
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}${statusesOf(markers)}`
}

/** Servers that were marked for another reason are not put down to this one. */
function othersOf({ marks }: CaseFile, { failures }: Verdict): string {
  const own = [...failures].filter((failure) => marks.markers.has(failure)).length
  const others = marks.markers.size - own
  return own === 0 || others === 0 ? '' : ` and ${countOf(others, 'failure')} of another kind`
}

function statusesOf(markers: readonly FailureEvent[]): string {
  const statuses = [...new Set(markers.map(({ status }) => status))].filter((status) => status > 0)
  return statuses.length === 0 ? '' : ` (${statuses.sort().join(', ')})`
}

function groupOf({ upstream }: CaseFile, marked: number): string {
  const all = upstream?.servers.filter(({ down, isName }) => !down && !isName).length ?? 0
  if (marked === 1) return all === 1 ? 'the only server' : '1 server'
  if (marked === 2 && (all === 2 || all === 0)) return 'both servers'
  return marked === all ? `all ${marked} servers` : `${marked} servers`
}
