/** From what is known of a group of lost requests to why they were lost. */
import { keepsAlive, mostFrequent } from './case-file.js'
import type { CaseFile } from './case-file.js'
import { closedConnections } from './closed-connections.js'
import type { FailureEvent } from './events.js'
import type { Confidence, DoctorMechanism } from './report.js'

export interface Verdict {
  readonly mechanism: DoctorMechanism
  readonly confidence: Confidence
  /** How many attempts say so, and which; limits and disabled servers are no attempts. */
  readonly votes: number
  readonly failures: ReadonlySet<FailureEvent>
  readonly because: readonly string[]
  readonly contributing: readonly DoctorMechanism[]
}

type Ballot = Map<DoctorMechanism, number>

const NONE: ReadonlySet<FailureEvent> = new Set()

/** The mechanism that most of the failed attempts show; the limits of nginx itself come first, for they cause others. */
export function mechanismOf(file: CaseFile): Verdict {
  const because: string[] = []
  const limited = limits(file, because)
  const ballot: Ballot = new Map()
  const closed = closedConnections(file)
  const kinds = new Map(
    file.failures.map((failure) => [
      failure,
      mechanismOfFailure(failure, closed.mechanism, file, limited),
    ]),
  )
  for (const kind of kinds.values()) vote(ballot, kind)
  const hidden = hiddenStatuses(file)
  if (hidden > 0) {
    vote(ballot, 'application_errors_mark_peers', hidden)
    because.push(
      `${hidden} times a server was "temporarily disabled" without an error of the connection: for the status of its answer.`,
    )
  }
  vote(ballot, 'connection_limits', limited)
  vote(ballot, 'unreachable', file.signs.filter(({ kind }) => kind === 'resolver').length)
  tooFewIdle(file, ballot, because)
  const [first, ...others] = [...ballot]
    .filter(([mechanism, votes]) => votes > 0 && mechanism !== 'unknown')
    .sort(([, a], [, b]) => b - a)
  if (first === undefined) return withoutFailures(file, ballot)
  const [mechanism, votes] = first
  if (mechanism === closed.mechanism) because.push(...closed.because)
  because.push(...reasons(mechanism, file))
  return {
    mechanism,
    confidence: mechanism === closed.mechanism ? closed.confidence : confidenceOf(mechanism, file),
    votes,
    failures: new Set(file.failures.filter((failure) => kinds.get(failure) === mechanism)),
    because,
    contributing: others.map(([name]) => name),
  }
}

function vote(ballot: Ballot, mechanism: DoctorMechanism, votes = 1): void {
  ballot.set(mechanism, (ballot.get(mechanism) ?? 0) + votes)
}

function mechanismOfFailure(
  failure: FailureEvent,
  closed: DoctorMechanism,
  file: CaseFile,
  limited: number,
): DoctorMechanism {
  switch (failure.kind) {
    case 'status':
      return 'application_errors_mark_peers'
    case 'refused':
      return 'refused_connections'
    case 'unreachable':
      return 'unreachable'
    case 'no_local_port':
      return 'connection_limits'
    case 'connect_timeout':
    case 'send_timeout':
    case 'read_timeout':
    case 'timeout':
      return 'timeouts'
    case 'closed':
    case 'reset':
      return closed
    case 'too_big_header':
      return 'oversized_headers'
    case 'invalid_header':
      return 'invalid_headers'
    case 'tls':
      return 'tls_failures'
    case 'error':
      // A guess from times is nothing beside a limit that the error log tells of.
      return limited > 0 ? 'unknown' : mechanismOfError(failure, closed, file)
  }
}

/** A 502 about which only the access log speaks. */
function mechanismOfError(
  failure: FailureEvent,
  closed: DoctorMechanism,
  file: CaseFile,
): DoctorMechanism {
  if (!failure.certain)
    return file.knows.errorLog && lists(file, 'http_502')
      ? 'application_errors_mark_peers'
      : 'unknown'
  if (failure.connectTime === NEVER_CONNECTED) return 'refused_connections'
  return failure.connectTime >= 0 ? closed : 'unknown'
}

const NEVER_CONNECTED = -1

/** Servers that were disabled for a status, where the access log does not show statuses (the level must be `warn`). */
function hiddenStatuses(file: CaseFile): number {
  if (file.failures.some(({ kind }) => kind === 'status')) return 0
  const disabled = file.signs.filter(({ kind }) => kind === 'disabled').length
  return Math.max(0, disabled - file.failures.filter(({ source }) => source === 'error').length)
}

function limits(file: CaseFile, because: string[]): number {
  const count = (kind: string): number => file.signs.filter((sign) => sign.kind === kind).length
  const reached = [
    [count('worker_connections'), 'worker_connections are not enough'],
    [count('too_many_files'), 'too many open files'],
    [count('limit_conn'), 'limiting connections'],
    [count('limit_req'), 'limiting requests'],
  ] as const
  for (const [times, text] of reached) if (times > 0) because.push(`"${text}": ${times} times.`)
  return reached.reduce((sum, [times]) => sum + times, 0)
}

/** Local ports run out, or connecting takes too long, because nearly every request has a connection of its own. */
function tooFewIdle(file: CaseFile, ballot: Ballot, because: string[]): void {
  const { upstream } = file
  if (upstream === undefined || (upstream.keepalive >= FEW && keepsAlive(file))) return
  const connecting = file.failures.filter(
    ({ kind, peer }) =>
      kind === 'no_local_port' ||
      (kind === 'connect_timeout' && file.served.byPeer(peer, file.start, file.end) > 0),
  ).length
  if (connecting === 0) return
  const kept = keepsAlive(file) ? String(upstream.keepalive) : 'no'
  because.push(
    `The configuration keeps ${kept} idle connections, so that nearly every request opens one.`,
  )
  vote(ballot, 'too_few_idle_connections', connecting / 2)
}

/** Idle connections; fewer are used up by an ordinary burst. */
const FEW = 16

const lists = ({ proxies }: CaseFile, word: string): boolean =>
  proxies.some(({ nextUpstream }) => nextUpstream.includes(word))

const STATUSES = ['http_500', 'http_502', 'http_503', 'http_504', 'http_429']

function withoutFailures(file: CaseFile, ballot: Ballot): Verdict {
  const unknown = {
    mechanism: 'unknown',
    confidence: 'low',
    votes: ballot.get('unknown') ?? 0,
    failures: NONE,
    contributing: [],
  } as const
  const refused = file.lost.bystanders > 0 || file.refusals > 0
  if (!refused) return { ...unknown, because: [whyUnknown(file)] }
  if (file.upstream?.servers.some(({ maxConns }) => maxConns > 0) === true)
    return {
      mechanism: 'connection_limits',
      confidence: 'medium',
      votes: 0,
      failures: NONE,
      because: ['No attempt had failed, and the servers have max_conns: all of them were full.'],
      contributing: [],
    }
  if (file.upstream?.servers.every(({ down }) => down) === true)
    return {
      ...unknown,
      because: ['Every server of this upstream is `down` in the configuration.'],
    }
  const listed = STATUSES.some((word) => lists(file, word))
  if (file.knows.errorLog && !file.knows.attempts && listed)
    return {
      mechanism: 'application_errors_mark_peers',
      confidence: 'medium',
      votes: 0,
      failures: NONE,
      because: [
        'The error log has no failed connection before it, so the servers were marked for what the error log does not have: the statuses that proxy_next_upstream lists.',
      ],
      contributing: [],
    }
  if (file.knows.errorLog && !file.knows.attempts && !file.hasConf && file.refusals > 0)
    return {
      mechanism: 'application_errors_mark_peers',
      confidence: 'low',
      votes: 0,
      failures: NONE,
      because: [
        'The error log has no failed connection before it. Unless the servers are `down` or have reached `max_conns`, they were marked for what it does not have: the statuses that proxy_next_upstream lists. The configuration would say.',
      ],
      contributing: [],
    }
  return { ...unknown, because: ['What marked the servers is not in the logs.', whyUnknown(file)] }
}

function whyUnknown({ knows, withoutUpstream }: CaseFile): string {
  if (withoutUpstream)
    return 'No upstream was concerned: nginx answered by itself (`return`, a limit, a name that could not be resolved).'
  if (!knows.errorLog) return 'The error log would say more.'
  if (!knows.attempts) return 'The access log does not have $upstream_addr and $upstream_status.'
  return 'The error log has nothing about them. Is its level lower than `error`, or is it another file?'
}

function confidenceOf(mechanism: DoctorMechanism, file: CaseFile): Confidence {
  const { failures, knows } = file
  if (mechanism === 'application_errors_mark_peers')
    return failures.some(({ kind }) => kind === 'status') ? 'high' : 'medium'
  if (mechanism === 'too_few_idle_connections') return 'medium'
  if (
    mechanism === 'timeouts' &&
    failures.some(({ kind, certain }) => kind === 'timeout' && certain)
  )
    return 'high'
  return knows.errorLog ? 'high' : 'medium'
}

function reasons(mechanism: DoctorMechanism, file: CaseFile): string[] {
  switch (mechanism) {
    case 'application_errors_mark_peers':
      return statusReasons(file)
    case 'timeouts':
      return timeoutReasons(file)
    default:
      return []
  }
}

function statusReasons(file: CaseFile): string[] {
  const thrown = file.failures.filter(({ kind }) => kind === 'status').length
  if (thrown === 0) return []
  return [
    '$upstream_status has an answer of the application that was given up for the next server: `proxy_next_upstream` lists its status, and so it counts as a failure of the server.',
  ]
}

/** One URL that is slow, or a server that hangs? */
function timeoutReasons(file: CaseFile): string[] {
  const timeouts = file.failures.filter(({ kind }) => kind.includes('timeout'))
  const reasons: string[] = []
  const top = mostFrequent(timeouts.map(({ path }) => path))
  if (
    top !== undefined &&
    top.value !== '' &&
    top.count >= 2 &&
    top.count >= timeouts.length * 0.8
  ) {
    const served = file.served.ofPath(top.value)
    if (served < top.count)
      reasons.push(`All of them wait for ${top.value}: that URL is slow, not a server.`)
  }
  for (const peer of new Set(timeouts.map((failure) => failure.peer))) {
    const count = timeouts.filter((failure) => failure.peer === peer).length
    const served = file.served.byPeer(peer, file.start, file.end)
    if (served === 0 && count > 1 && reasons.length === 0)
      reasons.push(`${peer} answered nothing else meanwhile: it hangs.`)
  }
  const connecting = timeouts.filter(({ kind }) => kind === 'connect_timeout').length
  if (connecting > 0)
    reasons.push(`${connecting} of them while connecting: nobody took the connection.`)
  return reasons
}
