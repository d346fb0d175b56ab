/** Variables of the request and of the connection it came on. */
import type { ResponseLog } from '../response-log.js'
import { argument, argumentsOf, authorityOf, normalisedUri, requestUri } from '../request-uri.js'
import { cookieOf } from './field-values.js'
import { bytes, number, plain, unicode } from './variable.js'
import type { LogVariable, VariableFamily, VariableTable } from './variable.js'

const uri = bytes(({ target }) => normalisedUri(target))
const args = bytes(({ target }) => argumentsOf(target))
const remoteAddress = plain((log) => addressOf(log))
// A unix socket has none, and nginx shows nothing.
const remotePort = plain(({ connection }) => textOf(connection.remotePort))

export const REQUEST_VARIABLES: VariableTable = {
  remote_addr: remoteAddress,
  remote_port: remotePort,
  realip_remote_addr: remoteAddress,
  realip_remote_port: remotePort,
  remote_user: bytes(({ req }) => basicUser(req.headers.authorization)),
  request: bytes(({ method, target, req }) => `${method} ${target} HTTP/${req.httpVersion}`),
  request_method: bytes(({ method }) => method),
  request_uri: bytes(({ target }) => requestUri(target)),
  uri,
  document_uri: uri,
  args,
  query_string: args,
  is_args: plain(({ target }) => (argumentsOf(target) === undefined ? '' : '?')),
  server_protocol: plain(({ req }) => `HTTP/${req.httpVersion}`),
  scheme: plain(({ connection }) => (connection.encrypted ? 'https' : 'http')),
  https: plain(({ connection }) => (connection.encrypted ? 'on' : '')),
  host: bytes((log) => hostOf(log)),
  content_length: bytes(({ req }) => req.headers['content-length']),
  content_type: bytes(({ req }) => req.headers['content-type']),
  request_length: number(requestLength, 'received'),
  request_id: plain((_, { newRequestId }) => newRequestId()),
  proxy_add_x_forwarded_for: bytes((log) => {
    const before = valueOf(log, 'x-forwarded-for')
    const address = addressOf(log)
    return before === undefined || before === '' ? address : `${before}, ${address}`
  }),
  connection: number(({ connection }) => String(connection.number)),
  connection_requests: number((log) => String(log.number)),
  pipe: plain(({ pipelined }) => (pipelined ? 'p' : '.')),
  server_addr: plain(({ connection }) => connection.localAddress ?? 'unix:', 'addresses'),
  server_port: plain(({ connection }) => textOf(connection.localPort), 'addresses'),
  server_name: unicode((_, { serverName }) => serverName),
  hostname: unicode((_, { hostname }) => hostname),
  pid: number(() => String(process.pid)),
}

/** `$request` in parts: to look through each of them is cheaper than to put them together for that. */
export const REQUEST_LINE: readonly (LogVariable | string)[] = [
  bytes(({ method }) => method),
  ' ',
  bytes(({ target }) => target),
  ' HTTP/',
  plain(({ req }) => req.httpVersion),
]

/** `$http_NAME`: nginx leaves fields with `_` in their names out (`underscores_in_headers off`). */
export const requestField: VariableFamily = (name): LogVariable => {
  const field = name.replaceAll('_', '-')
  return bytes((log) => valueOf(log, field))
}

export const requestCookie: VariableFamily = (name): LogVariable =>
  bytes(({ req }) => cookieOf(req.headers.cookie, name))

export const requestArgument: VariableFamily = (name): LogVariable =>
  bytes(({ target }) => argument(target, name))

function addressOf({ connection }: ResponseLog): string {
  return connection.remoteAddress ?? 'unix:'
}

/** The field's value; that of several joined, as Node has done it. */
function valueOf({ req }: ResponseLog, field: string): string | undefined {
  const value = req.headers[field]
  if (value !== undefined) return typeof value === 'string' ? value : value.join(', ')
  // HTTP/2 says it in its own way (`ngx_http_v2_construct_host_header`).
  return field === 'host' ? authority(req.headers) : undefined
}

function authority(headers: ResponseLog['req']['headers']): string | undefined {
  const value = headers[':authority']
  return typeof value === 'string' ? value : undefined
}

/** `$host`: of the target or of `Host`, in lower case, without port and last dot (`ngx_http_validate_host`). */
function hostOf(log: ResponseLog): string {
  const given = authorityOf(log.target) ?? valueOf(log, 'host') ?? ''
  const end = given.startsWith('[') ? given.indexOf(']') + 1 : given.indexOf(':')
  const host = end <= 0 ? given : given.slice(0, end)
  return (host.endsWith('.') ? host.slice(0, -1) : host).toLowerCase()
}

/** RFC 7617, as strictly as `ngx_http_auth_basic_user`; undefined for anything else. */
function basicUser(authorization: string | undefined): string | undefined {
  if (authorization === undefined || !/^basic /i.test(authorization)) return undefined
  const encoded = authorization.slice('basic '.length).trimStart()
  const [digits = ''] = encoded.split('=', 1)
  if (!/^[A-Za-z\d+/]+$/.test(digits) || digits.length % 4 === 1) return undefined
  const decoded = Buffer.from(digits, 'base64').toString('latin1')
  const colon = decoded.indexOf(':')
  return colon < 1 ? undefined : decoded.slice(0, colon)
}

/**
 * Head and body. Node keeps no count of a head's bytes: it is taken to be written as usual, `Name: value`. A chunked body
 * is what was read from the connection besides.
 */
function requestLength(log: ResponseLog): string {
  const { req } = log
  const head = headLength(log)
  const announced = req.headers['content-length']
  if (announced === undefined && req.headers['transfer-encoding'] === undefined) return String(head)
  if (announced !== undefined && req.complete) return String(head + Number(announced))
  return String(Math.max(head, log.bytesRead))
}

function headLength({ req, method, target }: ResponseLog): number {
  // Both spaces, the version and the line's end; and the empty line.
  let length = method.length + target.length + ' HTTP/1.1'.length + 5
  for (let i = 0; i + 1 < req.rawHeaders.length; i += 2)
    length += (req.rawHeaders[i]?.length ?? 0) + (req.rawHeaders[i + 1]?.length ?? 0) + 4
  return length
}

function textOf(port: number | undefined): string {
  return port === undefined ? '' : String(port)
}
