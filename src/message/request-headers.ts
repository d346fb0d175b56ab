/**
 * What of a request's head is for the next hop, and what was for this connection alone (RFC 9110 section 7.6.1).
 * This runs for every request: one pass over `rawHeaders`, and no patterns.
 */
import { COLON, isPlainOption, joined } from './fields.js'

/** Fields as a transport takes them: no prototype, names in the sender's case and order, repeated fields as arrays. */
export type HeaderFields = Record<string, string | string[]>

/** `request.headers`, as middleware may have left it. */
export type LiveHeaders = Readonly<Record<string, LiveValue | undefined>>

/** Node writes texts; middleware writes numbers too. */
type LiveValue = string | number | readonly string[]

/** Incoming fields that never go out as they came: this hop writes its own in their place. Lines are joined. */
export interface SetAside {
  /** First `Host`. */
  host: string | undefined
  /** More than one `Host` line: to be refused (RFC 9112 section 3.2). */
  hostRepeated: boolean
  /** HTTP/2 `:authority`. */
  authority: string | undefined
  forwarded: string | undefined
  forwardedFor: string | undefined
  forwardedProto: string | undefined
  forwardedHost: string | undefined
  forwardedPort: string | undefined
}

/** What is done with a request field that is not simply kept. */
type Treatment =
  | 'drop'
  | 'connection'
  | 'cookie'
  | 'host'
  | 'authority'
  | 'forwarded'
  | 'forwardedFor'
  | 'forwardedProto'
  | 'forwardedHost'
  | 'forwardedPort'

/** Framing (`content-length` …) is the transport's business; `expect` was answered by the server. */
const REQUEST_TREATMENT: ReadonlyMap<string, Treatment> = new Map<string, Treatment>([
  ['connection', 'connection'],
  ['keep-alive', 'drop'],
  ['proxy-connection', 'drop'],
  ['proxy-authorization', 'drop'],
  ['te', 'drop'],
  ['trailer', 'drop'],
  ['transfer-encoding', 'drop'],
  ['upgrade', 'drop'],
  ['http2-settings', 'drop'],
  ['expect', 'drop'],
  ['content-length', 'drop'],
  ['x-real-ip', 'drop'],
  ['host', 'host'],
  [':authority', 'authority'],
  ['cookie', 'cookie'],
  ['forwarded', 'forwarded'],
  ['x-forwarded-for', 'forwardedFor'],
  ['x-forwarded-proto', 'forwardedProto'],
  ['x-forwarded-host', 'forwardedHost'],
  ['x-forwarded-port', 'forwardedPort'],
])

/** Marks a field in the index that `Connection` had removed. */
const REMOVED = ''

const SMALL_X = 0x78

export function createSetAside(): SetAside {
  return {
    host: undefined,
    hostRepeated: false,
    authority: undefined,
    forwarded: undefined,
    forwardedFor: undefined,
    forwardedProto: undefined,
    forwardedHost: undefined,
    forwardedPort: undefined,
  }
}

/** An object that no field name can harm: `__proto__` is a key like any other. */
export function createFields(): HeaderFields {
  return Object.create(null) as HeaderFields
}

/**
 * The fields of a request that go on to a peer, put into `out`. Hop-by-hop fields, those that `Connection` names,
 * framing and pseudo fields stay behind; `Host` and the forwarded fields go to `aside`, out of `Connection`'s reach,
 * so that a client cannot name them away. Lines of a repeated field are kept apart, but those of `Cookie`, which
 * HTTP/2 splits, are joined. A name with an underscore is kept, unless an application could take it for one of the
 * forwarded fields (`X_Forwarded_For`).
 *
 * With `live` (`request.headers`) middleware has the last word: what it added, changed or deleted is added, changed
 * or deleted here, and of a field that Node reads only the first line of (`Authorization` …) only that line goes on.
 * Hop-by-hop, framing and forwarded fields are not looked up there; a changed `host` is.
 */
export function outboundHeaders(
  rawHeaders: readonly string[],
  aside: SetAside = createSetAside(),
  live?: LiveHeaders,
  out: HeaderFields = createFields(),
): HeaderFields {
  const index = new Map<string, string>() // lower case → name in `out`
  let connection: string | undefined
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    const value = rawHeaders[i + 1] ?? ''
    const field = name.toLowerCase()
    const treatment = REQUEST_TREATMENT.get(field)
    if (treatment === undefined) {
      if (!isPseudoOrDisguised(field)) keep(out, index, name, field, value)
    } else if (treatment === 'cookie') {
      keepCookie(out, index, name, value)
    } else if (treatment === 'connection') {
      connection = joined(connection, value)
    } else if (treatment !== 'drop') {
      setAside(aside, treatment, value)
    }
  }
  if (connection !== undefined) removeNamed(out, index, connection, live)
  if (live !== undefined) applyLive(out, index, aside, live)
  return out
}

function keep(
  out: HeaderFields,
  index: Map<string, string>,
  name: string,
  field: string,
  value: string,
): void {
  const known = index.get(field)
  if (known === undefined) {
    index.set(field, name)
    out[name] = value
    return
  }
  const before = out[known]
  if (typeof before === 'string') out[known] = [before, value]
  else before?.push(value)
}

/** RFC 9113 section 8.2.3. */
function keepCookie(
  out: HeaderFields,
  index: Map<string, string>,
  name: string,
  value: string,
): void {
  const known = index.get('cookie')
  if (known === undefined) keep(out, index, name, 'cookie', value)
  else out[known] = `${String(out[known])}; ${value}`
}

function setAside(
  aside: SetAside,
  treatment: Exclude<Treatment, 'drop' | 'connection' | 'cookie'>,
  value: string,
): void {
  if (treatment === 'host') {
    if (aside.host === undefined) aside.host = value
    else aside.hostRepeated = true
  } else if (treatment === 'authority') {
    aside.authority = value
  } else {
    aside[treatment] = joined(aside[treatment], value)
  }
}

/** `X_Forwarded_For` becomes `HTTP_X_FORWARDED_FOR` in CGI and its heirs, as the real one does. */
function isPseudoOrDisguised(field: string): boolean {
  const first = field.charCodeAt(0)
  if (first === COLON) return true
  return (
    first === SMALL_X && field.includes('_') && REQUEST_TREATMENT.has(field.replaceAll('_', '-'))
  )
}

/** Takes out what `Connection` names, but never what middleware has set. */
function removeNamed(
  out: HeaderFields,
  index: Map<string, string>,
  connection: string,
  live: LiveHeaders | undefined,
): void {
  if (isPlainOption(connection)) return
  for (const option of connection.split(',')) {
    const field = option.trim().toLowerCase()
    const name = index.get(field)
    if (name === undefined || name === REMOVED) continue
    if (live !== undefined && isChanged(out[name], live[field])) continue
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- a dictionary without prototype
    delete out[name]
    index.set(field, REMOVED)
  }
}

function applyLive(
  out: HeaderFields,
  index: Map<string, string>,
  aside: SetAside,
  live: LiveHeaders,
): void {
  for (const [field, name] of index) {
    if (name === REMOVED) continue
    const now = live[field]
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- a dictionary without prototype
    if (now === undefined || typeof now === 'function') delete out[name]
    else if (isChanged(out[name], now)) out[name] = copyOf(now)
  }
  for (const field in live) {
    if (index.get(field) !== undefined || REQUEST_TREATMENT.has(field)) continue
    const now = live[field]
    if (now === undefined || isPseudoOrDisguised(field)) continue
    addLive(out, index, field, now)
  }
  applyLiveHost(aside, live['host'])
}

/** A name that middleware wrote in upper case is the same field all the same. */
function addLive(
  out: HeaderFields,
  index: Map<string, string>,
  name: string,
  now: LiveValue,
): void {
  const field = name.toLowerCase()
  if (field !== name && REQUEST_TREATMENT.has(field)) return
  const known = index.get(field)
  const key = known === undefined || known === REMOVED ? name : known
  index.set(field, key)
  out[key] = copyOf(now)
}

function applyLiveHost(aside: SetAside, now: unknown): void {
  if (typeof now !== 'string' || now === aside.host) return
  aside.host = now
  aside.authority = undefined
}

/**
 * Did middleware put another value there? Node joins or drops lines of a repeated field by its own rules: a value
 * that is not simply our lines joined counts as another. `live.__proto__` is an object: no value at all.
 */
function isChanged(kept: string | string[] | undefined, now: LiveValue | undefined): boolean {
  if (kept === now) return false
  if (now === undefined) return false
  if (typeof now === 'object' && !Array.isArray(now)) return false
  if (kept === undefined) return true
  return linesOf(kept) !== linesOf(now)
}

function linesOf(value: LiveValue): string {
  return typeof value === 'object' ? value.join(', ') : String(value)
}

function copyOf(value: LiveValue): string | string[] {
  return typeof value === 'object' ? value.map(String) : String(value)
}
