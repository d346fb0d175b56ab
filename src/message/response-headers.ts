/** What of a response's head is for the client, and what it says about its connection (RFC 9110 section 7.6.1). */
import { COLON, hasMember, isPlainOption, joined } from './fields.js'

/** `proxy-authenticate` is not among them: in practice it is meant for the client. */
const RESPONSE_HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

/** No peer keeps an idle connection longer than this, whatever it says. One day. */
const LONGEST_KEEP_ALIVE = 86_400_000

/**
 * The fields of a response that go on to the client: name, value, name, value … Without hop-by-hop fields, those
 * that `Connection` names, and pseudo fields. `Content-Length` stays, even if `Connection` names it.
 * @param trailer `Trailer` stays where trailers can be passed on.
 */
export function responseHeaders(rawHeaders: readonly string[], trailer: 'keep' | 'drop'): string[] {
  // Not a literal: V8 would move one that has once lived long into its old space for good.
  const out = rawHeaders.slice(0, 0)
  let connection: string | undefined
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    const value = rawHeaders[i + 1] ?? ''
    if (mayBeHopByHop(name)) {
      const field = name.toLowerCase()
      if (field === 'connection') connection = joined(connection, value)
      if (RESPONSE_HOP_BY_HOP.has(field) && (trailer === 'drop' || field !== 'trailer')) continue
    }
    if (name.charCodeAt(0) !== COLON) out.push(name, value)
  }
  if (connection === undefined || isPlainOption(connection)) return out
  return withoutNamed(out, connection)
}

/** The same list, or a copy without the lines of a field, whose name is given in lower case. */
export function withoutField(
  rawHeaders: readonly string[],
  field: string | undefined,
): readonly string[] {
  if (field === undefined || lineOf(rawHeaders, field) === undefined) return rawHeaders
  const out: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (name.toLowerCase() !== field) out.push(name, rawHeaders[i + 1] ?? '')
  }
  return out
}

/** The first line of a field, whose name is given in lower case. */
export function lineOf(rawHeaders: readonly string[], field: string): string | undefined {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (name.length === field.length && name.toLowerCase() === field) return rawHeaders[i + 1]
  }
  return undefined
}

/**
 * What a response says about its connection: milliseconds that the peer keeps it when idle (`Keep-Alive: timeout=5`),
 * 0 if it announced to close it, undefined if it said nothing of use.
 */
export function keepAliveHint(rawHeaders: readonly string[]): number | undefined {
  let hint: number | undefined
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (name.length !== 10) continue
    const field = name.toLowerCase()
    if (field === 'connection') {
      if (hasMember(rawHeaders[i + 1] ?? '', 'close')) return 0
    } else if (field === 'keep-alive') {
      const timeout = timeoutOf(rawHeaders[i + 1] ?? '')
      if (timeout !== undefined && (hint === undefined || timeout < hint)) hint = timeout
    }
  }
  return hint
}

/** A quick look that spares most names the lower-casing: the lengths of the hop-by-hop fields of a response. */
function mayBeHopByHop(name: string): boolean {
  switch (name.length) {
    case 2:
    case 7:
    case 10:
    case 14:
    case 16:
    case 17:
      return true
    default:
      return false
  }
}

function withoutNamed(fields: readonly string[], connection: string): string[] {
  const named = new Set<string>()
  for (const option of connection.split(',')) named.add(option.trim().toLowerCase())
  named.delete('content-length')
  const out: string[] = []
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] ?? ''
    if (!named.has(name.toLowerCase())) out.push(name, fields[i + 1] ?? '')
  }
  return out
}

/** `timeout=5, max=100`: milliseconds. Junk is no hint; fractions are cut off. */
function timeoutOf(value: string): number | undefined {
  for (const parameter of value.split(/[,;]/)) {
    const equals = parameter.indexOf('=')
    if (equals === -1 || parameter.slice(0, equals).trim().toLowerCase() !== 'timeout') continue
    const text = parameter.slice(equals + 1).trim()
    const seconds = parseInt(text.startsWith('"') ? text.slice(1) : text, 10)
    if (Number.isNaN(seconds) || seconds < 0) continue
    return Math.min(seconds * 1000, LONGEST_KEEP_ALIVE)
  }
  return undefined
}
