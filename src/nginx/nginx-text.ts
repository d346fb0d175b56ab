/** Texts with nginx's variables, for the options `requestHeaders` and `responseHeaders`. */
import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { RequestContext, ResponseContext } from '../message-options.js'
import { parseLogFormat } from '../observe/log-format.js'

type ReadVariable = (context: RequestContext | ResponseContext) => string

const VARIABLES: ReadonlyMap<string, ReadVariable> = new Map<string, ReadVariable>([
  ['args', ({ request }) => queryOf(request)],
  ['content_length', ({ request }) => request.headers['content-length'] ?? ''],
  ['content_type', ({ request }) => request.headers['content-type'] ?? ''],
  ['document_uri', ({ request }) => pathOf(request)],
  ['host', ({ request }) => hostOf(request)],
  ['https', ({ request }) => (isEncrypted(request) ? 'on' : '')],
  ['is_args', ({ request }) => (queryOf(request) === '' ? '' : '?')],
  ['proxy_add_x_forwarded_for', ({ request }) => forwardedFor(request)],
  ['query_string', ({ request }) => queryOf(request)],
  ['remote_addr', ({ request }) => addressOf(request)],
  ['remote_port', ({ request }) => String(request.socket.remotePort ?? '')],
  ['request_method', ({ request }) => request.method ?? ''],
  ['request_uri', ({ request }) => targetOf(request)],
  ['scheme', ({ request }) => (isEncrypted(request) ? 'https' : 'http')],
  ['server_addr', ({ request }) => request.socket.localAddress ?? ''],
  ['server_port', ({ request }) => String(request.socket.localPort ?? '')],
  ['server_protocol', ({ request }) => `HTTP/${request.httpVersion}`],
  ['status', (context) => ('status' in context ? String(context.status) : '')],
  ['upstream_addr', (context) => ('peer' in context ? context.peer.name : '')],
  ['upstream_status', (context) => ('status' in context ? String(context.status) : '')],
  ['uri', ({ request }) => pathOf(request)],
])

/** Statuses of responses that `add_header` without `always` adds to (`ngx_http_headers_filter`). */
const ADDED_TO: ReadonlySet<number> = new Set([200, 201, 204, 206, 301, 302, 303, 304, 307, 308])

/**
 * A header's value with nginx's variables: `requestHeaders: { set: { 'X-Original': nginxText('$scheme://$host$uri') } }`.
 * Of several texts each makes a line. One that comes out empty is not sent, as in nginx's `proxy_set_header`. The
 * variables are those of the connection and the request as they came: `$remote_addr` is the socket's.
 * Known are `$args`, `$host`, `$remote_addr`, `$request_uri`, `$scheme`, `$uri` …, `$http_NAME`, `$cookie_NAME`,
 * `$arg_NAME`; of a response `$status` and `$upstream_addr` (the last peer), too.
 * @throws {SyntaxError} for a variable that is not known.
 */
export function nginxText(
  ...texts: readonly string[]
): (context: RequestContext | ResponseContext) => string[] {
  const lines = texts.map(compile)
  return (context) => lines.map((read) => read(context)).filter((line) => line !== '')
}

/** As {@link nginxText}, for responses with the statuses that nginx's `add_header` without `always` adds to. */
export function nginxAddHeader(
  ...texts: readonly string[]
): (context: ResponseContext) => string[] | undefined {
  const read = nginxText(...texts)
  return (context) => (ADDED_TO.has(context.status) ? read(context) : undefined)
}

/** The variables in a text that are not known here. */
export function unknownInText(text: string): string[] {
  return parseLogFormat(text).flatMap((part) =>
    'variable' in part && readerOf(part.variable) === undefined ? [part.variable] : [],
  )
}

function compile(text: string): ReadVariable {
  const parts = parseLogFormat(text).map((part) => {
    if ('text' in part) return part.text
    const read = readerOf(part.variable)
    if (read === undefined) throw new SyntaxError(`unknown "${part.variable}" variable`)
    return read
  })
  return (context) =>
    parts.map((part) => (typeof part === 'string' ? part : part(context))).join('')
}

/** As in nginx, variables are known in any case. */
function readerOf(given: string): ReadVariable | undefined {
  const name = given.toLowerCase()
  const plain = VARIABLES.get(name)
  if (plain !== undefined) return plain
  const [, kind = '', rest = ''] = /^(http|cookie|arg)_(.+)$/.exec(name) ?? []
  if (kind === 'http') return ({ request }) => headerOf(request, rest.replaceAll('_', '-'))
  if (kind === 'cookie') return ({ request }) => pairIn(headerOf(request, 'cookie'), rest, /; */)
  return kind === 'arg' ? ({ request }) => pairIn(queryOf(request), rest, /&/) : undefined
}

function headerOf({ headers }: IncomingMessage, name: string): string {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : (value ?? '')
}

/** The first pair of the name, whatever its case. */
function pairIn(text: string, name: string, separator: RegExp): string {
  for (const pair of text.split(separator)) {
    const equals = pair.indexOf('=')
    if (equals === name.length && pair.slice(0, equals).toLowerCase() === name) {
      return pair.slice(equals + 1)
    }
  }
  return ''
}

/** As the client wrote it; Express keeps it where a mount path is taken away. */
function targetOf(request: IncomingMessage): string {
  const { originalUrl } = request as { readonly originalUrl?: unknown }
  return typeof originalUrl === 'string' ? originalUrl : (request.url ?? '/')
}

function pathOf(request: IncomingMessage): string {
  const [path = ''] = targetOf(request).split('?', 1)
  return path
}

function queryOf(request: IncomingMessage): string {
  const target = targetOf(request)
  const mark = target.indexOf('?')
  return mark === -1 ? '' : target.slice(mark + 1)
}

/** Without its port, in small letters (`ngx_http_validate_host`). */
function hostOf(request: IncomingMessage): string {
  return headerOf(request, request.headers.host === undefined ? ':authority' : 'host')
    .replace(/:\d*$/, '')
    .toLowerCase()
}

function isEncrypted({ socket }: IncomingMessage): boolean {
  return (socket as Partial<TLSSocket>).encrypted === true
}

function addressOf({ socket }: IncomingMessage): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '')
}

function forwardedFor(request: IncomingMessage): string {
  const came = headerOf(request, 'x-forwarded-for')
  return came === '' ? addressOf(request) : `${came}, ${addressOf(request)}`
}
