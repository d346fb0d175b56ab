/** The request target on its way to a peer (RFC 9112 section 3.2). */
import { isHost } from './fields.js'

/** A target that goes out in another form than it came in. */
export interface RequestTarget {
  readonly target: string
  /** It wins over `Host`. */
  readonly authority: string
}

/** Why a target is not passed on: 400 for `bad_target`, 405 for `connect`. */
export type TargetRefusal = 'bad_target' | 'connect'

const HTTP = 'http://'
const HTTPS = 'https://'

/**
 * What a peer is asked for: `'as_is'` for the target itself, byte for byte; the origin or asterisk form and the
 * authority where the client wrote an absolute URI (RFC 9112 section 3.2.2), as for a proxy. Nothing is decoded or
 * normalized: what a byte means is for the peer to say.
 *
 * Refused are what no target may hold (control characters, spaces, a fragment), `*` without OPTIONS, an authority with
 * userinfo or none, the absolute form in HTTP/2, where `:authority` has its place, and every other form.
 */
export function requestTarget(
  method: string,
  target: string,
  httpVersion: string,
): 'as_is' | RequestTarget | TargetRefusal {
  if (method === 'CONNECT') return 'connect'
  if (!isTargetText(target)) return 'bad_target'
  if (target.charCodeAt(0) === SLASH) return 'as_is'
  if (target === '*') return method === 'OPTIONS' ? 'as_is' : 'bad_target'
  return httpVersion.charCodeAt(0) === ONE ? fromAbsolute(method, target) : 'bad_target'
}

const SLASH = 0x2f
const ONE = 0x31

function fromAbsolute(method: string, target: string): RequestTarget | 'bad_target' {
  const start = schemeLength(target)
  if (start === 0) return 'bad_target'
  let end = start
  while (end < target.length && !endsAuthority(target.charCodeAt(end))) end++
  const authority = target.slice(start, end)
  if (authority === '' || !isHost(authority)) return 'bad_target'
  const rest = target.slice(end)
  if (rest === '') return { target: method === 'OPTIONS' ? '*' : '/', authority }
  return { target: rest.charCodeAt(0) === SLASH ? rest : `/${rest}`, authority }
}

function schemeLength(target: string): number {
  if (target.slice(0, HTTP.length).toLowerCase() === HTTP) return HTTP.length
  return target.slice(0, HTTPS.length).toLowerCase() === HTTPS ? HTTPS.length : 0
}

/** `/` or `?`; a fragment cannot be there. */
function endsAuthority(code: number): boolean {
  return code === SLASH || code === 0x3f
}

/** Bytes beyond ASCII pass, as in nginx; characters that are no bytes have come from middleware, and cannot be sent. */
function isTargetText(target: string): boolean {
  for (let i = 0; i < target.length; i++) {
    const code = target.charCodeAt(i)
    if (code <= 0x20 || code === 0x23 || code === 0x7f || code > 0xff) return false
  }
  return target.length > 0
}
