/** Was anybody harmed who need not have been? A pure function of what was recorded. */
import type { Attempt } from './balancer-under-test.js'
import type { Answered } from './client.js'

/** A span of time in which a peer could not serve: see `Absence` of the peers. */
interface Span {
  readonly from: number
  readonly until: number
}

export interface Evidence {
  readonly answered: readonly Answered[]
  readonly trail: (id: string) => readonly Attempt[]
  readonly peers: readonly {
    readonly name: string
    readonly absences: readonly (Span & { gone: number })[]
  }[]
  /** `done <id>` and `garbled <id>`: every POST that any peer carried out. */
  readonly executions: readonly string[]
  /** Moments at which the process of clients, edge and balancer itself stood still. */
  readonly standstills: readonly Span[]
  /** How long the balancer holds a request while no peer is there, in ms: 0 unless `whenNoneLive: 'wait'`. */
  readonly patience: number
}

/**
 * - `served`: the right answer, whole. For a broken URL: its real 500, or a failure that is told as one.
 * - `wrong`: passed off as a good answer, with a body that is not the upstream's or not all of it.
 * - `unjust`: failed although a peer could have answered.
 * - `lost`: a POST that had been sent to a peer when that peer crashed or hung. It must not be repeated.
 * - `outage`: failed while no peer was there (for longer than the balancer's patience).
 * - `standstill`: failed when the whole machine stood still under clients and balancer.
 */
export type Judgement = 'served' | 'wrong' | 'unjust' | 'lost' | 'outage' | 'standstill'

export interface Verdict extends Readonly<Record<Judgement, number>> {
  readonly requests: number
  readonly posts: number
  /** Requests for a broken URL. */
  readonly poison: number
  /** Of the unjust failures, those of requests for something else. */
  readonly bystanders: number
  /** Requests with more than one attempt. */
  readonly retried: number
  /** POSTs carried out more than once, by whatever peers. */
  readonly runTwice: number
  /** Requests sent while every peer was certainly gone. */
  readonly duringOutage: number
  /** Those of them that were served. */
  readonly duringOutageServed: number
  /** The first few that were not served and not excused, in words. */
  readonly complaints: readonly string[]
}

const COMPLAINTS = 8
/** The phases in which the peer may have had something of the request. */
const SENT: ReadonlySet<string | undefined> = new Set(['send', 'header', 'body'])
/** After a standstill overdue timers run before the sockets are read: it excuses failures for a moment longer. */
const AFTER_STANDSTILL = 1_500

export function judge(evidence: Evidence): Verdict {
  const { answered, trail } = evidence
  const ran = countExecutions(evidence.executions)
  const garbled = evidence.executions.filter((line) => line.startsWith('garbled ')).length
  const counts: Record<Judgement, number> = {
    served: 0,
    wrong: garbled,
    unjust: 0,
    lost: 0,
    outage: 0,
    standstill: 0,
  }
  const complaints: string[] = garbled > 0 ? [`${garbled} POSTs reached an upstream garbled`] : []
  const outages = allGone(evidence)
  let bystanders = 0
  let duringOutage = 0
  let duringOutageServed = 0
  for (const record of answered) {
    const judgement = judgeOne(record, evidence, ran)
    counts[judgement]++
    if (judgement === 'unjust' && record.poison === undefined) bystanders++
    if (judgement === 'wrong' || judgement === 'unjust')
      complaints.push(complaint(judgement, record, trail))
    if (!outages.some(({ from, until }) => record.sentAt > from && record.sentAt < until)) continue
    duringOutage++
    if (judgement === 'served') duringOutageServed++
  }
  const runTwice = [...ran].filter(([, times]) => times > 1).map(([id]) => id)
  complaints.push(...runTwice.map((id) => `run twice: ${id} ${describe(trail(id))}`))
  return {
    ...counts,
    requests: answered.length,
    posts: answered.filter(({ method }) => method === 'POST').length,
    poison: answered.filter(({ poison }) => poison !== undefined).length,
    bystanders,
    retried: answered.filter(({ id }) => trail(id).length > 1).length,
    runTwice: runTwice.length,
    duringOutage,
    duringOutageServed,
    complaints: complaints.slice(0, COMPLAINTS),
  }
}

/** What the user saw, without asking whose fault it was. */
export function look(record: Answered): 'served' | 'wrong' | 'failed' {
  const { poison, status, response, bodyRight } = record
  // The application's own 500, with its own body: the real answer, and the only one there is.
  if (poison === '500') return status === 500 && bodyRight ? 'served' : 'failed'
  const passedOffAsGood = status < 400 && response === 'complete'
  if (passedOffAsGood && !bodyRight) return 'wrong'
  // No peer has an answer to these: an honest failure is the right one.
  if (poison !== undefined) return 'served'
  return passedOffAsGood && status === 200 ? 'served' : 'failed'
}

function judgeOne(
  record: Answered,
  evidence: Evidence,
  ran: ReadonlyMap<string, number>,
): Judgement {
  const seen = look(record)
  if (seen === 'served') {
    // An answer to a POST that no upstream has carried out would be an invention.
    return record.method === 'POST' && !ran.has(record.id) ? 'wrong' : 'served'
  }
  if (seen === 'wrong') return 'wrong'
  if (wasLost(record, evidence)) return 'lost'
  if (outageOf(record, evidence)) return 'outage'
  const stood = evidence.standstills.some(({ from, until }) =>
    overlaps(record, { from, until: until + AFTER_STANDSTILL }),
  )
  return stood ? 'standstill' : 'unjust'
}

/** Only a POST, only when it had got beyond connecting, and only when *that* peer was hit while the POST lived. */
function wasLost(record: Answered, { trail, peers }: Evidence): boolean {
  if (record.method !== 'POST') return false
  const attempt = trail(record.id).at(-1)
  if (attempt === undefined || !SENT.has(attempt.phase)) return false
  const peer = peers.find(({ name }) => name === attempt.peer)
  return peer?.absences.some((absence) => overlaps(record, absence)) ?? false
}

/** At some moment of the request's life no peer was there, for longer than the balancer waits. */
function outageOf(record: Answered, { peers, patience }: Evidence): boolean {
  return common(peers.map(({ absences }) => absences)).some((span) => {
    const within = Math.min(span.until, record.endedAt) - Math.max(span.from, record.sentAt)
    return within > 0 && within > patience - 50
  })
}

/** The times in which every peer was certainly gone. */
function allGone({ peers }: Evidence): Span[] {
  return common(
    peers.map(({ absences }) => absences.map(({ gone, until }) => ({ from: gone, until }))),
  )
}

/** What all of these lists of spans have in common. */
function common(lists: readonly (readonly Span[])[]): Span[] {
  return lists.slice(1).reduce<Span[]>(
    (left, right) =>
      left
        .flatMap((a) =>
          right.map((b) => ({
            from: Math.max(a.from, b.from),
            until: Math.min(a.until, b.until),
          })),
        )
        .filter(({ from, until }) => from < until),
    [...(lists[0] ?? [])],
  )
}

function overlaps({ sentAt, endedAt }: Answered, { from, until }: Span): boolean {
  return sentAt < until && endedAt > from
}

function countExecutions(lines: readonly string[]): Map<string, number> {
  const times = new Map<string, number>()
  for (const line of lines) {
    const id = line.slice(line.indexOf(' ') + 1)
    times.set(id, (times.get(id) ?? 0) + 1)
  }
  return times
}

function complaint(judgement: string, record: Answered, trail: Evidence['trail']): string {
  const { id, method, poison, status, response, error, sentAt, endedAt } = record
  const url = poison === undefined ? '' : ` /poison/${poison}`
  const took = `${(endedAt - sentAt).toFixed(0)} ms`
  const seen = `status ${status}, response ${response}${error === undefined ? '' : ` (${error})`}`
  return `${judgement}: ${method}${url} ${id}: ${seen} after ${took}; ${describe(trail(id))}`
}

function describe(attempts: readonly Attempt[]): string {
  return `attempts: ${attempts.map(({ peer, outcome }) => `${peer} ${outcome}`).join(', ') || 'none'}`
}
