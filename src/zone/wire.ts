/**
 * What is said between workers and hub, and how it is read: nothing of a message is believed before it has been looked at,
 * and what does not fit is left out. Clocks differ between processes, so that times go as "ago" and "left", in milliseconds.
 */
import type { Description, Entry, Key, MembershipChange } from './membership.js'
import { NO_CHANGE, SPOTLESS } from './standing.js'
import type { Mark, Standing, StandingChange } from './standing.js'

/** Processes with another version are strangers. */
const VERSION = 1
/** Connection counts go out at most this often. Milliseconds. */
export const COUNTS_EVERY_MS = 50
/** A zone that has more is not shared. */
export const MOST_PEERS = 100_000
const LONGEST_TEXT = 1024
/** 24 days, as all durations. */
const LONGEST = 2 ** 31 - 1

type Json = Readonly<Record<string, unknown>>
type Pairs<T> = readonly (readonly [Key, T])[]

interface Envelope {
  readonly zone: string
  readonly member: string
}

/** From a worker. */
export type Told =
  | (Envelope & {
      readonly kind: 'hello'
      /** Workers of the same configuration have their list of peers in common. */
      readonly config: string
      /** The last changes that it has sent. */
      readonly seq: number
      readonly list: readonly Description[]
    })
  | (Envelope & {
      readonly kind: 'changes'
      readonly seq: number
      readonly standings: Pairs<StandingChange>
      readonly membership: readonly MembershipChange[]
      /** Attempts in flight at this worker. */
      readonly counts: Pairs<number>
    })
  | (Envelope & { readonly kind: 'bye' })

/** From the hub. */
export type Learnt =
  /** There is one: whoever has a zone may say hello. */
  | { readonly kind: 'hub' }
  | (Envelope & {
      readonly kind: 'state'
      /** The worker's changes up to this number are in it. */
      readonly ack: number
      /** This worker does what needs to be done once: it probes. */
      readonly lead: boolean
      /** All that there is: what was known before is void. */
      readonly full: boolean
      readonly standings: Pairs<Standing>
      /** Undefined in a full one: the list is as configured. */
      readonly entries: Pairs<Entry> | undefined
      readonly gone: readonly Key[]
      /** Attempts in flight at all other workers. */
      readonly counts: Pairs<number>
    })

// ---- to be sent

const head = { evenkeel: 'zone', v: VERSION } as const

export function hello({ kind, zone, member, config, seq, list }: Told & { kind: 'hello' }) {
  return { ...head, kind, zone, member, config, seq, list: list.map(packDescription) }
}

export function bye({ zone, member }: Envelope) {
  return { ...head, kind: 'bye', zone, member }
}

export function announcement() {
  return { ...head, kind: 'hub' }
}

export function changes(told: Told & { kind: 'changes' }, now: number) {
  const { kind, zone, member, seq, standings, membership, counts } = told
  return {
    ...head,
    ...{ kind, zone, member, seq },
    standings: standings.map(([key, change]) => [key, packChange(change, now)]),
    membership: membership.map(packMembershipChange),
    counts,
  }
}

export function state(learnt: Learnt & { kind: 'state' }, now: number) {
  const { kind, zone, member, ack, lead, full, standings, entries, gone, counts } = learnt
  return {
    ...head,
    ...{ kind, zone, member, ack, lead, full },
    standings: standings.map(([key, standing]) => [key, packStanding(standing, now)]),
    ...(entries === undefined
      ? {}
      : { entries: entries.map(([key, entry]) => [key, entry.order, ...packDescription(entry)]) }),
    gone,
    counts,
  }
}

function packDescription({ url, parameters }: Description): readonly [string, Json] {
  return [url, parameters]
}

function packMembershipChange(change: MembershipChange): readonly unknown[] {
  switch (change.kind) {
    case 'set':
      return ['set', change.key, ...packDescription(change.description)]
    case 'drop':
      return ['drop', change.key]
    case 'list':
      return ['list', change.list.map(packDescription)]
  }
}

/** Whole milliseconds; JSON has no Infinity. */
const ago = (time: number, now: number): number =>
  time === Number.NEGATIVE_INFINITY
    ? LONGEST
    : Math.min(LONGEST, Math.max(0, Math.round(now - time)))

const packMark = ({ reason, step, until }: Mark, now: number): readonly unknown[] => [
  reason,
  step,
  Math.min(LONGEST, Math.max(0, Math.round(until - now))),
]

function packStanding({ fails, statusFails, failedAt, mark, healthy }: Standing, now: number) {
  return {
    fails,
    statusFails,
    ago: ago(failedAt, now),
    ...(mark === undefined ? {} : { mark: packMark(mark, now) }),
    ...(healthy === undefined ? {} : { healthy }),
  }
}

function packChange(change: StandingChange, now: number) {
  const { cleared, fails, statusFails, since, failedAt, window, mark, healthy } = change
  const times = { since: ago(since, now), ago: ago(failedAt, now) }
  return {
    cleared,
    ...(fails === 0 && statusFails === 0
      ? {}
      : { fails, statusFails, ...times, window: Math.min(window, LONGEST) }),
    ...(mark === undefined ? {} : { mark: mark === 'none' ? mark : packMark(mark, now) }),
    ...(healthy === undefined ? {} : { healthy }),
  }
}

// ---- to be read

/** Undefined: it is no message of a worker to a hub. */
export function readTold(message: unknown, now: number): Told | undefined {
  const { fields, envelope } = open(message) ?? {}
  if (fields === undefined || envelope === undefined) return undefined
  switch (fields['kind']) {
    case 'hello': {
      const list = items(fields['list']).map((each) => readDescription(each))
      const { config, seq } = fields
      if (!isText(config) || !isCount(seq) || list.includes(undefined)) return undefined
      const described = list.filter((each) => each !== undefined)
      return { ...envelope, kind: 'hello', config, seq, list: described }
    }
    case 'changes': {
      const { seq } = fields
      if (!isCount(seq)) return undefined
      return {
        ...envelope,
        kind: 'changes',
        seq,
        standings: pairs(fields['standings'], (value) => readChange(value, now)),
        membership: items(fields['membership'])
          .map((each) => readMembershipChange(each))
          .filter((each) => each !== undefined),
        counts: pairs(fields['counts'], readCount),
      }
    }
    case 'bye':
      return { ...envelope, kind: 'bye' }
    default:
      return undefined
  }
}

/** Undefined: it is no message of a hub to a worker. */
export function readLearnt(message: unknown, now: number): Learnt | undefined {
  const { fields, envelope } = open(message) ?? {}
  if (fields === undefined) return undefined
  if (fields['kind'] === 'hub') return { kind: 'hub' }
  if (fields['kind'] !== 'state' || envelope === undefined) return undefined
  const { ack, lead, full, entries } = fields
  if (!isCount(ack) || typeof lead !== 'boolean' || typeof full !== 'boolean') return undefined
  return {
    ...envelope,
    kind: 'state',
    ack,
    lead,
    full,
    standings: pairs(fields['standings'], (value) => readStanding(value, now)),
    entries: Array.isArray(entries) ? readEntries(entries) : undefined,
    gone: items(fields['gone']).filter(isText),
    counts: pairs(fields['counts'], readCount),
  }
}

function open(message: unknown): { fields: Json; envelope: Envelope | undefined } | undefined {
  if (!isRecord(message) || message['evenkeel'] !== 'zone' || message['v'] !== VERSION)
    return undefined
  const { zone, member } = message
  return {
    fields: message,
    envelope: isText(zone) && isText(member) ? { zone, member } : undefined,
  }
}

function readStanding(value: unknown, now: number): Standing | undefined {
  if (!isRecord(value)) return undefined
  const { fails, statusFails, ago, healthy } = value
  if (!isCount(fails) || !isCount(statusFails) || !isTime(ago)) return undefined
  const mark = value['mark'] === undefined ? undefined : readMark(value['mark'], now)
  const failedAt = ago >= LONGEST ? Number.NEGATIVE_INFINITY : now - ago
  return {
    ...SPOTLESS,
    ...{ fails, statusFails, failedAt, mark },
    healthy: typeof healthy === 'boolean' ? healthy : undefined,
  }
}

function readChange(value: unknown, now: number): StandingChange | undefined {
  if (!isRecord(value) || typeof value['cleared'] !== 'boolean') return undefined
  const { cleared, fails = 0, statusFails = 0, since = 0, ago = 0, window = 0 } = value
  const { mark, healthy } = value
  if (!isInteger(fails) || !isInteger(statusFails)) return undefined
  if (!isTime(since) || !isTime(ago) || !isTime(window)) return undefined
  return {
    ...NO_CHANGE,
    ...{ cleared, fails, statusFails, window },
    ...(fails === 0 && statusFails === 0 ? {} : { since: now - since, failedAt: now - ago }),
    mark: mark === 'none' ? mark : readMark(mark, now),
    healthy: typeof healthy === 'boolean' ? healthy : undefined,
  }
}

function readMark(value: unknown, now: number): Mark | undefined {
  const [reason, step, left] = items(value)
  if (!isText(reason) || (step !== 'connect' && step !== 'answer') || !isTime(left))
    return undefined
  return { reason, step, until: now + left }
}

function readMembershipChange(value: unknown): MembershipChange | undefined {
  const [kind, second, ...rest] = items(value)
  if (kind === 'list') {
    const list = items(second).map((each) => readDescription(each))
    if (!Array.isArray(second) || list.includes(undefined)) return undefined
    return { kind, list: list.filter((each) => each !== undefined) }
  }
  if (!isText(second)) return undefined
  if (kind === 'drop') return { kind, key: second }
  const description = kind === 'set' ? readDescription(rest) : undefined
  return description === undefined ? undefined : { kind: 'set', key: second, description }
}

function readEntries(entries: readonly unknown[]): Pairs<Entry> {
  const read: (readonly [Key, Entry])[] = []
  for (const each of entries.slice(0, MOST_PEERS)) {
    const [key, order, ...rest] = items(each)
    const description = readDescription(rest)
    if (!isText(key) || !isCount(order) || description === undefined) continue
    // The second of the same address has `#2` behind it.
    if (key === description.url || key.startsWith(`${description.url}#`))
      read.push([key, { ...description, order }])
  }
  return read
}

/** What the parameters may be, the options' own rules say; see `config/membership.ts`. */
function readDescription(value: unknown): Description | undefined {
  const [url, parameters] = items(value)
  return isText(url) && isRecord(parameters) ? { url, parameters } : undefined
}

function pairs<T>(value: unknown, read: (value: unknown) => T | undefined): Pairs<T> {
  const found: (readonly [Key, T])[] = []
  for (const each of items(value)) {
    const [key, second] = items(each)
    const read2 = read(second)
    if (isText(key) && read2 !== undefined) found.push([key, read2])
  }
  return found
}

const readCount = (value: unknown): number | undefined => (isCount(value) ? value : undefined)

function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]).slice(0, MOST_PEERS) : []
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= LONGEST_TEXT
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

function isCount(value: unknown): value is number {
  return isInteger(value) && value >= 0
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= LONGEST
}
