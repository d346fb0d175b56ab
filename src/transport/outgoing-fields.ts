/** The fields of one attempt's request: those of the head, and what belongs to this hop alone. */
import type { Peer } from '../upstream/peer.js'
import type { Attempt } from './transport.js'

/**
 * All others say so when they have no body (RFC 9110 section 8.6): most are about one, and Node would send an empty
 * chunked one.
 */
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'])

/** Name, value, name, value …, with `Host`, framing, and what asks for an upgrade or for 100 (Continue). */
export function outgoingFields({ head, body, peer, expectContinue }: Attempt): string[] {
  const fields = head.headers.slice()
  let hasHost = false
  let hasTe = false
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? ''
    if (name.length === 4) hasHost ||= name.toLowerCase() === 'host'
    else if (name.length === 2) hasTe ||= name.toLowerCase() === 'te'
  }
  if (!hasHost) fields.unshift('Host', hostOf(peer))
  if (body.framing === 'known') fields.push('Content-Length', String(body.length))
  else if (body.framing === 'chunked') fields.push('Transfer-Encoding', 'chunked')
  else if (!BODILESS.has(head.method)) fields.push('Content-Length', '0')
  // RFC 9110 section 10.1.4: who sends TE names it here. Otherwise Node writes the field.
  if (hasTe)
    fields.push('Connection', head.upgrade === undefined ? 'TE, keep-alive' : 'Upgrade, TE')
  else if (head.upgrade !== undefined) fields.push('Connection', 'Upgrade')
  if (head.upgrade !== undefined) fields.push('Upgrade', head.upgrade)
  if (expectContinue) fields.push('Expect', '100-continue')
  return fields
}

/** A unix socket has no name of its own: `localhost`, as nginx and Node say. */
export function hostOf({ protocol, hostname, port, name, socketPath }: Peer): string {
  if (socketPath !== undefined) return 'localhost'
  const isDefault = port === (protocol === 'https:' ? 443 : 80)
  if (!isDefault) return name
  return hostname.includes(':') ? `[${hostname}]` : hostname
}
