/** The fields of one attempt's request: those of the head, and what belongs to this hop alone. */
import type { PeerAddress } from '../upstream/peer.js'
import type { Attempt } from './transport.js'

/**
 * All others say so when they have no body (RFC 9110 section 8.6): most are about one, and Node would send an empty
 * chunked one.
 */
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'])

/**
 * Name, value, name, value …, with `Host`, framing, and what asks for an upgrade or for 100 (Continue). The head's own
 * list where nothing is to be added.
 */
export function outgoingFields(attempt: Attempt): readonly string[] {
  const { head, body, peer, expectContinue } = attempt
  const { headers, upgrade } = head
  let hasHost = false
  let hasTe = false
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? ''
    if (name.length === 4) hasHost ||= name.toLowerCase() === 'host'
    else if (name.length === 2) hasTe ||= name.toLowerCase() === 'te'
  }
  const isFramed = body.framing === 'none' && BODILESS.has(head.method)
  if (hasHost && isFramed && !hasTe && upgrade === undefined && !expectContinue) return headers
  const fields = hasHost ? headers.slice() : ['Host', hostOf(peer), ...headers]
  if (!isFramed) fields.push(...framingOf(attempt))
  // RFC 9110 section 10.1.4: who sends TE names it here. Otherwise Node writes the field.
  if (hasTe) fields.push('Connection', upgrade === undefined ? 'TE, keep-alive' : 'Upgrade, TE')
  else if (upgrade !== undefined) fields.push('Connection', 'Upgrade')
  if (upgrade !== undefined) fields.push('Upgrade', upgrade)
  if (expectContinue) fields.push('Expect', '100-continue')
  return fields
}

function framingOf({ body }: Attempt): [name: string, value: string] {
  switch (body.framing) {
    case 'known':
      return ['Content-Length', String(body.length)]
    case 'chunked':
      return ['Transfer-Encoding', 'chunked']
    case 'none':
      return ['Content-Length', '0']
  }
}

/** A unix socket has no name of its own: `localhost`, as nginx and Node say. */
export function hostOf({ protocol, hostname, port, name, socketPath }: PeerAddress): string {
  if (socketPath !== undefined) return 'localhost'
  const isDefault = port === (protocol === 'https:' ? 443 : 80)
  if (!isDefault) return name
  return hostname.includes(':') ? `[${hostname}]` : hostname
}
