/** What nginx writes into its error log for each way in which an attempt can fail: its own words, from its sources. */
import type { Phase, UpstreamFailure } from '../next-upstream/attempt-result.js'

/** Of nginx's levels those that happen here, the gravest first. */
type ErrorLevel = 'crit' | 'error' | 'warn' | 'info'

export interface ErrorText {
  readonly level: ErrorLevel
  /** ` while connecting to upstream` included. */
  readonly text: string
}

/** `log->action` of `ngx_http_upstream.c`. */
const ACTIONS: Readonly<Record<Phase, string>> = {
  connect: 'connecting to upstream',
  tls: 'SSL handshaking to upstream',
  send: 'sending request to upstream',
  header: 'reading response header from upstream',
  body: 'reading upstream',
}

/** Linux' numbers and texts (`ngx_strerror`): what logs are searched for. */
const ERRNO: Readonly<Record<string, string>> = Object.freeze({
  ENOENT: '2: No such file or directory',
  EACCES: '13: Permission denied',
  ENFILE: '23: Too many open files in system',
  EMFILE: '24: Too many open files',
  EPIPE: '32: Broken pipe',
  EADDRNOTAVAIL: '99: Cannot assign requested address',
  ENETDOWN: '100: Network is down',
  ENETUNREACH: '101: Network is unreachable',
  ECONNABORTED: '103: Software caused connection abort',
  ECONNRESET: '104: Connection reset by peer',
  ETIMEDOUT: '110: Connection timed out',
  ECONNREFUSED: '111: Connection refused',
  EHOSTDOWN: '112: Host is down',
  EHOSTUNREACH: '113: No route to host',
})

/** OpenSSL's numbers of what Node names. */
const X509: Readonly<Record<string, number>> = Object.freeze({
  CERT_NOT_YET_VALID: 9,
  CERT_HAS_EXPIRED: 10,
  DEPTH_ZERO_SELF_SIGNED_CERT: 18,
  SELF_SIGNED_CERT_IN_CHAIN: 19,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 20,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 21,
  CERT_REVOKED: 23,
})

const TIMED_OUT = 'upstream timed out (110: Connection timed out)'
const PREMATURELY = 'upstream prematurely closed connection'

export function whileIn(phase: Phase): string {
  return ` while ${ACTIONS[phase]}`
}

/** @param peer its name, for the lines that have it. */
export function errorTextOf(failure: UpstreamFailure, peer: string): ErrorText {
  const { type, phase, cause } = failure
  switch (type) {
    case 'connection_refused':
      return connectFailed(peer, errnoOf(cause) ?? 'ECONNREFUSED')
    case 'destination_ip_unroutable':
      return connectFailed(peer, errnoOf(cause) ?? 'EHOSTUNREACH')
    case 'connection_timeout':
    case 'connection_read_timeout':
      return error(TIMED_OUT, phase)
    case 'connection_write_timeout':
      return error(TIMED_OUT, 'send')
    case 'connection_terminated':
      return terminated(phase, errnoOf(cause))
    case 'http_response_incomplete':
      return error(incompleteText(cause), phase)
    case 'dns_error':
      // `ngx_http_upstream_resolve_handler`: NXDOMAIN, or that the server did not answer.
      return { level: 'error', text: `${peer} could not be resolved (${dnsReason(cause)})` }
    case 'tls_protocol_error':
    case 'tls_alert_received':
      return error(`SSL_do_handshake() failed${opensslReason(cause)}`, 'tls')
    case 'tls_certificate_error':
      return error(certificateText(cause, peer), 'tls')
    case 'http_response_header_section_size':
      return error(
        phase === 'body' ? 'upstream sent too big trailers' : 'upstream sent too big header',
        phase,
      )
    case 'http_protocol_error':
      return error(
        phase === 'body'
          ? 'upstream sent invalid chunked response'
          : 'upstream sent invalid header',
        phase,
      )
    case 'proxy_internal_error':
      return ourShortage(peer, errnoOf(cause))
  }
}

function error(text: string, phase: Phase): ErrorText {
  return { level: 'error', text: text + whileIn(phase) }
}

/** `ngx_http_upstream_test_connect`; at once, and for a unix socket, `ngx_event_connect_peer`. */
function connectFailed(peer: string, code: string): ErrorText {
  const isLocal = peer.startsWith('unix:')
  const what = isLocal ? `connect() to ${peer} failed` : 'connect() failed'
  const level = isLocal && code !== 'ECONNREFUSED' ? 'crit' : 'error'
  return { level, text: `${what} (${ERRNO[code] ?? code})${whileIn('connect')}` }
}

function terminated(phase: Phase, code: string | undefined): ErrorText {
  const errno = code === undefined ? undefined : ERRNO[code]
  const why = errno === undefined ? '' : ` (${errno})`
  if (phase === 'tls') return error(`peer closed connection in SSL handshake${why}`, phase)
  if (why === '') return error(PREMATURELY, phase === 'send' ? 'header' : phase)
  if (phase === 'connect') return error(`connect() failed${why}`, phase)
  return error(`${phase === 'send' ? 'writev' : 'recv'}() failed${why}`, phase)
}

/** Did the parser, Node's or undici's, give the message up? */
export function isMalformed(cause: Error | undefined): boolean {
  const { code = '', name } = (cause ?? {}) as NodeJS.ErrnoException
  return code.startsWith('HPE_') || name === 'HTTPParserError'
}

/** In the middle of a body (`ngx_http_proxy_chunked_filter`, `ngx_readv_chain`). */
function incompleteText(cause: Error | undefined): string {
  if ((cause as NodeJS.ErrnoException | undefined)?.code === 'HPE_HEADER_OVERFLOW')
    return 'upstream sent too big trailers'
  if (isMalformed(cause)) return 'upstream sent invalid chunked response'
  const errno = ERRNO[errnoOf(cause) ?? '']
  return errno === undefined ? PREMATURELY : `readv() failed (${errno})`
}

/** Files, ports: nothing that a peer could do about. */
function ourShortage(peer: string, code: string | undefined): ErrorText {
  const why = code === undefined ? 'internal error' : (ERRNO[code] ?? code)
  const what = code === 'EMFILE' || code === 'ENFILE' ? 'socket()' : `connect() to ${peer}`
  return { level: 'crit', text: `${what} failed (${why})${whileIn('connect')}` }
}

function errnoOf(cause: Error | undefined): string | undefined {
  const { code, syscall } = (cause ?? {}) as NodeJS.ErrnoException
  // "socket hang up": the end of the connection came, and no reset.
  if (code === 'ECONNRESET' && syscall === undefined) return undefined
  return typeof code === 'string' && /^E[A-Z]{3,20}$/.test(code) ? code : undefined
}

function dnsReason(cause: Error | undefined): string {
  return errnoOf(cause) === 'ENOTFOUND' ? '3: Host not found' : '110: Operation timed out'
}

/** OpenSSL's own text, as far as Node hands it on. */
function opensslReason(cause: Error | undefined): string {
  const found = /error:([\dA-F]{8}):([^:]{0,40}):[^:]{0,80}:([^:]{1,80})/.exec(
    cause?.message.slice(0, 400) ?? '',
  )
  if (found === null) return ''
  return ` (SSL: error:${found[1] ?? ''}:${found[2] ?? ''}::${found[3] ?? ''})`
}

function certificateText(cause: Error | undefined, peer: string): string {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? ''
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `upstream SSL certificate does not match "${peer}"`
  const number = X509[code] ?? 1
  return `upstream SSL certificate verify error: (${String(number)}:${cause?.message ?? code})`
}
