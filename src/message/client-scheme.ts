/** Did the client come over TLS? Asked of the connection, or of a proxy in front that is trusted. */
import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { plainAddress } from './trust-proxy.js'
import type { Trust } from './trust-proxy.js'

/** As Express has it (`req.secure`): what a trusted proxy says, else what the connection is. */
export function isSecureClient({ socket, headers }: IncomingMessage, trust: Trust): boolean {
  const { remoteAddress } = socket
  const said = protoOf(headers)
  if (
    said === undefined ||
    !trust(remoteAddress === undefined ? '' : plainAddress(remoteAddress), 0)
  )
    return (socket as Partial<TLSSocket>).encrypted === true
  return said === 'https'
}

/** The first of several is what the client used. */
function protoOf(headers: IncomingMessage['headers']): string | undefined {
  const said = headers['x-forwarded-proto'] ?? protoOfForwarded(headers.forwarded)
  if (typeof said !== 'string') return undefined
  const comma = said.indexOf(',')
  return (comma === -1 ? said : said.slice(0, comma)).trim().toLowerCase()
}

/** RFC 7239 section 5.4. */
function protoOfForwarded(forwarded: string | undefined): string | undefined {
  if (forwarded === undefined) return undefined
  return /^[^,]*?(?:^|[;\s])proto="?([a-z]+)/i.exec(forwarded)?.[1]
}
