/** Where a peer listens, from the forms that nginx's `server` directive and `proxy_pass` take. */
import { isIPv6 } from 'node:net'
import type { PeerAddress } from '../upstream/peer.js'

/** `sun_path` holds 108 bytes on Linux and 104 on macOS, the closing NUL included. */
const LONGEST_SOCKET_PATH = process.platform === 'linux' ? 107 : 103

/**
 * The address of `http://host:port`, `https://host:port`, `host:port`, `unix:/path` or `http://unix:/path`,
 * or the rule that the text breaks.
 */
export function parsePeerAddress(text: string): PeerAddress | string {
  // URL would drop tabs and newlines without a word, and read a backslash as a slash.
  if (/\p{Cc}/u.test(text)) return 'must not contain control characters'
  const [, scheme, rest = ''] = /^(?:([a-z][a-z\d+.-]*):\/\/)?(.*)$/is.exec(text) ?? []
  const protocol = scheme === undefined ? 'http:' : `${scheme.toLowerCase()}:`
  if (protocol !== 'http:' && protocol !== 'https:') {
    return 'must begin with http://, https:// or unix:'
  }
  if (/^unix:/i.test(rest)) return parseSocket(rest.slice('unix:'.length), protocol, scheme)
  return parseHostAndPort(rest, protocol)
}

function parseSocket(
  path: string,
  protocol: PeerAddress['protocol'],
  scheme: string | undefined,
): PeerAddress | string {
  if (protocol === 'https:') return 'must not be https: on a unix socket'
  if (!/^\/./.test(path)) return 'must have an absolute path after unix:'
  // In the URL form nginx ends the socket's path at a colon, and a URI follows.
  if (scheme !== undefined && path.includes(':')) return 'must have no path after the socket'
  if (Buffer.byteLength(path) > LONGEST_SOCKET_PATH) {
    return `must have a socket path of at most ${LONGEST_SOCKET_PATH} bytes`
  }
  return Object.freeze({ protocol, hostname: '', port: 0, socketPath: path, name: `unix:${path}` })
}

function parseHostAndPort(text: string, protocol: PeerAddress['protocol']): PeerAddress | string {
  const [, authority = '', tail = ''] = /^([^/\\?#]*)(.*)$/s.exec(text) ?? []
  const broken = brokenRule(authority, tail)
  if (broken !== undefined) return broken
  const [, host = '', colon, digits = ''] = /^(\[[^\]]*\]|[^:[]*)(:(.*))?$/s.exec(authority) ?? []
  const port = colon === undefined ? defaultPort(protocol) : parsePort(digits)
  if (port === undefined) return 'must have a port from 1 to 65535'
  const hostname = parseHost(host)
  if (hostname === undefined) return 'must have a valid host name or address'
  return Object.freeze({
    protocol,
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port,
    socketPath: undefined,
    name: `${hostname}:${port}`,
  })
}

/** What is not a matter of host or port. */
function brokenRule(authority: string, tail: string): string | undefined {
  if (`${authority}${tail}`.includes('@')) return 'must have no credentials'
  if (tail.includes('?')) return 'must have no query'
  if (tail.includes('#')) return 'must have no fragment'
  if (tail !== '' && tail !== '/') return 'must have no path'
  if (isIPv6(authority)) return 'must have brackets around an IPv6 address'
  return undefined
}

function defaultPort(protocol: PeerAddress['protocol']): number {
  return protocol === 'https:' ? 443 : 80
}

function parsePort(digits: string): number | undefined {
  if (!/^\d{1,5}$/.test(digits)) return undefined
  const port = Number(digits)
  return port >= 1 && port <= 65_535 ? port : undefined
}

/** In the normal form of the URL standard: lower case, punycode, an IPv6 address shortened and in brackets. */
function parseHost(host: string): string | undefined {
  if (host === '' || host.includes('%')) return undefined
  let hostname: string
  try {
    hostname = new URL(`http://${host}`).hostname
  } catch {
    return undefined
  }
  return hostname.startsWith('[') || isHostname(hostname) ? hostname : undefined
}

/** RFC 1123, and the underscore that container platforms use. */
function isHostname(name: string): boolean {
  const bare = name.replace(/\.$/, '')
  const label = /^[a-z\d_]([a-z\d_-]{0,61}[a-z\d_])?$/
  return bare.length <= 253 && bare.split('.').every((part) => label.test(part))
}
