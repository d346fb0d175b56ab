/**
 * What of a request's head is for the next hop, and what was for this connection alone (RFC 9110 section 7.6.1).
 * This runs for every request: one pass over `rawHeaders`, and no patterns.
 */
import { hasMember, isPlainOption, joined } from './fields.js'
import type { Framing } from './framing.js'
import { isPseudoOrDisguised, TREATMENTS } from './request-fields.js'
import type { ForwardedName, Treatment } from './request-fields.js'
import { RequestLines } from './request-lines.js'
import type { LiveHeaders } from './request-lines.js'

/** An incoming forwarded field: its lines joined, and where in `lines` it has its place. */
export interface ForwardedLine {
  value: string
  readonly at: number
}

export type ForwardedLines = Partial<Record<ForwardedName, ForwardedLine>>

/** A request's head, sorted. */
export class RequestHeaders implements Framing {
  /** What goes on. `Host` and the forwarded fields are there to be replaced. */
  readonly lines: RequestLines
  /** First `Host`. */
  host: string | undefined = undefined
  /** More than one `Host` line: to be refused (RFC 9112 section 3.2). */
  hostRepeated = false
  /** The place of `Host`; 0: it has none. */
  hostAt = 0
  /** HTTP/2 `:authority`, or the `host` that middleware has put into its or `Host`'s place. */
  authority: string | undefined = undefined
  connection: string | undefined = undefined
  /** `TE: trailers` has been kept. */
  te = false
  contentLength: string | undefined = undefined
  transferEncoding: string | undefined = undefined
  upgrade: string | undefined = undefined
  trailer: string | undefined = undefined
  /** undefined: none of them came, as in most requests. */
  forwarded: ForwardedLines | undefined = undefined

  constructor(lines: RequestLines) {
    this.lines = lines
  }
}

/** What Node makes `request.headers` of, at most, in lines: its `parser.maxHeaderPairs` is 2000 texts. */
const LIVE_LIMIT = 1000

/**
 * Sorts the fields of a request. Hop-by-hop fields, those that `Connection` names, framing and pseudo fields stay
 * behind; `Host` and the forwarded fields are out of `Connection`'s reach, so that a client cannot name them away.
 * Order, case and repeated lines stay as they are, but the lines of `Cookie`, which HTTP/2 splits, are joined (RFC
 * 9113 section 8.2.3). A name with an underscore is kept, unless an application could take it for one of the
 * forwarded fields (`X_Forwarded_For`). Of `TE` `trailers` is left: it asks everyone on the way (RFC 9110 section
 * 6.5.1).
 *
 * With `live` (`request.headers`) middleware has the last word: what it added, changed or deleted is added, changed
 * or deleted here, and of a field that Node reads only the first line of (`Authorization` …) only that line goes on.
 * Hop-by-hop, framing and forwarded fields are not looked up there; a changed `host` is.
 * @param liveLimit lines of `rawHeaders` that `live` was made of.
 */
export function readRequestHeaders(
  rawHeaders: readonly string[],
  live?: LiveHeaders,
  liveLimit = LIVE_LIMIT,
): RequestHeaders {
  return (live && readUntouched(rawHeaders, live)) ?? readTouched(rawHeaders, live, liveLimit)
}

/**
 * Most requests have no field twice, and no middleware has changed one: then every line is its field's value in `live`,
 * and there is nothing else in there. No index is needed for these. undefined: it is not so.
 */
function readUntouched(
  rawHeaders: readonly string[],
  live: LiveHeaders,
): RequestHeaders | undefined {
  const lines = new RequestLines(Number.POSITIVE_INFINITY, 'untouched')
  const head = new RequestHeaders(lines)
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    const value = rawHeaders[i + 1] ?? ''
    const field = name.toLowerCase()
    if (live[field] !== value) return undefined
    const treatment = TREATMENTS.get(field)
    if (treatment === undefined) {
      if (!isPseudoOrDisguised(field)) lines.reserve(name, value)
    } else if (treatment === 'cookie') {
      lines.reserve(name, value)
    } else if (treatment !== 'drop') {
      setAside(head, treatment, name, value)
    }
  }
  let fields = rawHeaders.length / 2
  for (const _field in live) fields--
  const namesFields = head.connection !== undefined && !isPlainOption(head.connection)
  return fields === 0 && !namesFields ? head : undefined
}

function readTouched(
  rawHeaders: readonly string[],
  live: LiveHeaders | undefined,
  liveLimit: number,
): RequestHeaders {
  const lines = new RequestLines(2 * liveLimit)
  const head = new RequestHeaders(lines)
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    const value = rawHeaders[i + 1] ?? ''
    const field = name.toLowerCase()
    const treatment = TREATMENTS.get(field)
    if (treatment === undefined) {
      if (!isPseudoOrDisguised(field)) lines.keep(name, field, value, i)
    } else if (treatment === 'cookie') {
      lines.keepCookie(name, value, i)
    } else if (treatment !== 'drop') {
      setAside(head, treatment, name, value)
    }
  }
  if (head.connection !== undefined) lines.removeNamed(head.connection, live)
  if (live !== undefined) {
    lines.applyLive(live)
    applyLiveHost(head, live['host'])
  }
  return head
}

function setAside(
  head: RequestHeaders,
  treatment: Exclude<Treatment, 'drop' | 'cookie'>,
  name: string,
  value: string,
): void {
  switch (treatment) {
    case 'host':
      if (head.host === undefined) head.host = value
      else head.hostRepeated = true
      if (head.hostAt === 0) head.hostAt = head.lines.reserve(name, value)
      return
    case 'authority':
      head.authority = value
      // Pseudo fields come before all others.
      if (head.hostAt === 0) head.hostAt = head.lines.reserve('Host', value)
      return
    case 'te':
      if (head.te || !hasMember(value, 'trailers')) return
      head.te = true
      head.lines.reserve(name, 'trailers')
      return
    case 'connection':
    case 'trailer':
    case 'upgrade':
    case 'contentLength':
    case 'transferEncoding':
      head[treatment] = joined(head[treatment], value)
      return
    default:
      setForwardedAside(head, treatment, name, value)
  }
}

function setForwardedAside(
  head: RequestHeaders,
  which: ForwardedName,
  name: string,
  value: string,
): void {
  head.forwarded ??= {}
  const before = head.forwarded[which]
  if (before === undefined) head.forwarded[which] = { value, at: head.lines.reserve(name, value) }
  else before.value = joined(before.value, value)
}

function applyLiveHost(head: RequestHeaders, now: unknown): void {
  if (typeof now === 'string' && now !== head.host) head.authority = now
}
