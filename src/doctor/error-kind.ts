/** What a message of nginx's error log says, as one word. */

export type ErrorKind =
  | 'no_live_upstreams'
  | 'refused'
  | 'unreachable'
  | 'no_local_port'
  | 'connect_timeout'
  | 'send_timeout'
  | 'read_timeout'
  | 'body_timeout'
  | 'closed'
  | 'reset'
  | 'too_big_header'
  | 'invalid_header'
  | 'tls'
  | 'disabled'
  | 'worker_connections'
  | 'too_many_files'
  | 'limit_conn'
  | 'limit_req'
  | 'resolver'
  | 'broken_body'
  | 'other'

/** Messages of ngx_http_upstream.c, ngx_connection.c, ngx_event_accept.c, and the limit modules. */
export function kindOf(message: string): ErrorKind {
  if (message.startsWith('no live upstreams')) return 'no_live_upstreams'
  if (message.startsWith('upstream server temporarily disabled')) return 'disabled'
  if (message.includes('worker_connections are not enough')) return 'worker_connections'
  if (message.includes('worker_connections exceed')) return 'worker_connections'
  // EMFILE and ENFILE.
  if (message.includes('(24: ') || message.includes('(23: ')) return 'too_many_files'
  if (message.startsWith('limiting connections')) return 'limit_conn'
  if (message.startsWith('limiting requests')) return 'limit_req'
  if (message.includes('could not be resolved')) return 'resolver'
  return message.includes('upstream') ? upstreamKind(message) : 'other'
}

function upstreamKind(message: string): ErrorKind {
  // The client's fault, whatever the errno.
  if (message.includes('client prematurely closed connection')) return 'other'
  if (isTls(message)) return 'tls'
  if (!ATTEMPT.test(message)) return laterKind(message)
  if (message.startsWith('upstream sent too big header')) return 'too_big_header'
  if (/^upstream sent (?:invalid|no valid|duplicate|unsupported|"|unexpected)/.test(message))
    return isPassedOn(message) ? 'other' : 'invalid_header'
  if (message.startsWith('upstream timed out')) return timeoutKind(message)
  if (message.startsWith('upstream prematurely closed')) return 'closed'
  const errno = /\((\d{1,3}): /.exec(message)?.[1]
  if (message.startsWith('connect() ')) return connectKind(errno)
  switch (errno) {
    case '104': // ECONNRESET
    case '32': // EPIPE: the peer had closed already when the request was written
      return 'reset'
    case '110':
      return timeoutKind(message)
    case '111':
      return 'refused'
    case '113':
    case '101':
      return 'unreachable'
    default:
      return 'other'
  }
}

/** While there is no answer yet: only then an attempt can fail. */
const ATTEMPT =
  /while (?:connecting to|SSL handshaking to|sending request to|reading response header from) upstream/

/** In the body, or in a connection that has been upgraded: WebSockets that are idle, or whose server goes. */
function laterKind(message: string): ErrorKind {
  if (!message.includes('while reading upstream')) return 'other'
  return message.includes('(110: ') ? 'body_timeout' : 'broken_body'
}

/** An answer in HTTP/0.9; a second field of which nginx takes the first. */
function isPassedOn(message: string): boolean {
  return (
    message.startsWith('upstream sent no valid HTTP/1.0') ||
    (message.startsWith('upstream sent duplicate') && message.includes(', ignored'))
  )
}

function isTls(message: string): boolean {
  return (
    message.includes('SSL handshaking to upstream') ||
    message.startsWith('upstream SSL certificate')
  )
}

function timeoutKind(message: string): ErrorKind {
  if (message.includes('while connecting to upstream')) return 'connect_timeout'
  return message.includes('while sending request') ? 'send_timeout' : 'read_timeout'
}

function connectKind(errno: string | undefined): ErrorKind {
  switch (errno) {
    case '99': // EADDRNOTAVAIL
    case '11': // EAGAIN: the queue of a unix socket is full
    case '98':
      return 'no_local_port'
    case '110':
      return 'connect_timeout'
    case '101':
    case '113':
    case '112':
      return 'unreachable'
    case '104':
      return 'reset'
    case '2': // a unix socket that nobody has made
      return 'refused'
    default:
      return 'refused'
  }
}
