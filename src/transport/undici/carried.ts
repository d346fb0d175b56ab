/** What undici can carry as it is to be sent; the rest goes through the default transport. */
import type { Attempt } from '../transport.js'

const SLASH = 0x2f

/** Without a body undici sends these as {@link outgoingFields} would: with `Content-Length: 0`, or without. */
const BODILESS: ReadonlySet<string> = new Set([
  ...['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'],
  ...['POST', 'PUT', 'PATCH', 'QUERY', 'PROPFIND', 'PROPPATCH'],
])

/**
 * Not: upgrades; bodies of unknown length, which may have trailers; those that wait for 100 (Continue); request targets
 * that are no path; `TE`, which `Connection` has to name (RFC 9110 section 10.1.4) and undici writes that field itself.
 */
export function isCarried({ head, body, expectContinue }: Attempt): boolean {
  if (head.upgrade !== undefined || expectContinue || body.framing === 'chunked') return false
  if (head.target.charCodeAt(0) !== SLASH) return false
  if (body.framing === 'none' && !BODILESS.has(head.method)) return false
  return !hasTe(head.headers)
}

function hasTe(fields: readonly string[]): boolean {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? ''
    if (name.length === 2 && name.toLowerCase() === 'te') return true
  }
  return false
}
