/** Lines of nginx's error log, and of ours, which has the same words. */
import { pathOf, targetOf } from './access-reader.js'
import { kindOf } from './error-kind.js'
import type { ErrorKind } from './error-kind.js'
import { parseErrorTime } from './times.js'

/** One line. Texts are bytes, as latin1. */
export interface ErrorLine {
  /** Milliseconds since 1970 of a clock that shows the log's local time. */
  readonly localTime: number
  readonly level: string
  readonly pid: number
  /** The number of the client's connection (`*1234`); 0 if there is none. */
  readonly connection: number
  readonly kind: ErrorKind
  readonly message: string
  /** The address of the peer, or the upstream's name; empty if there is none. */
  readonly upstream: string
  readonly method: string
  /** Without its query. */
  readonly path: string
}

const HEAD =
  /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[([a-z]{2,9})\] (\d{1,10})#(\d{1,10}): (?:\*(\d{1,18}) )?/

/** The line taken apart, or undefined for what is not one (the rest of a line with a break in it, say). */
export function parseErrorLine(line: string): ErrorLine | undefined {
  const head = HEAD.exec(line)
  if (head === null) return undefined
  const text = line.slice(head[0].length)
  const client = text.indexOf(', client: ')
  const message = client < 0 ? text : text.slice(0, client)
  const kind = kindOf(message)
  const concerns = kind !== 'other' || text.includes(', upstream: "')
  const request = concerns ? quoted(text, 'request') : ''
  const space = request.indexOf(' ')
  return {
    localTime: parseErrorTime(line),
    level: head[1] ?? '',
    pid: Number(head[2]),
    connection: Number(head[4] ?? 0),
    kind,
    message: message.length > 300 ? `${message.slice(0, 300)}…` : message,
    upstream: concerns ? authorityOf(quoted(text, 'upstream')) : '',
    method: space > 0 && space < 20 ? request.slice(0, space) : '',
    path: request === '' ? '' : pathOf(targetOf(request)),
  }
}

/**
 * nginx writes these raw (`ngx_http_log_error_handler`), so a quote within does not end it: the next field does. A field
 * is looked for after those that come before it, so that a client cannot forge it in what comes later.
 */
function quoted(text: string, field: string): string {
  const label = `, ${field}: "`
  const at = text.indexOf(label)
  if (at < 0) return ''
  const begin = at + label.length
  const end = FOLLOWERS.map((follower) => text.indexOf(follower, begin))
    .filter((found) => found >= 0)
    .reduce((least, found) => Math.min(least, found), Infinity)
  if (end !== Infinity) return text.slice(begin, end)
  return text.slice(begin, text.endsWith('"') && text.length > begin ? -1 : undefined)
}

const FOLLOWERS = ['", subrequest: "', '", upstream: "', '", host: "', '", referrer: "']

/** `http://10.0.0.1:80/path` → `10.0.0.1:80`; `http://unix:/path:/uri` → `unix:/path`. */
export function authorityOf(url: string): string {
  const begin = url.indexOf('://')
  const rest = begin < 0 ? url : url.slice(begin + 3)
  if (rest.startsWith('unix:')) {
    const colon = rest.indexOf(':', 5)
    return colon < 0 ? rest : rest.slice(0, colon)
  }
  const slash = rest.search(/[/?]/)
  return slash < 0 ? rest : rest.slice(0, slash)
}
