/** What is done with which field of a request. */
import { COLON } from './fields.js'

/** Fields that never go out as they came: this hop writes its own in their place. */
export type ForwardedName =
  'forwarded' | 'forwardedFor' | 'forwardedProto' | 'forwardedHost' | 'forwardedPort' | 'realIp'

/** What is done with a field that is not simply kept. */
export type Treatment =
  | 'drop'
  | 'connection'
  | 'te'
  | 'trailer'
  | 'upgrade'
  | 'contentLength'
  | 'transferEncoding'
  | 'host'
  | 'authority'
  | 'cookie'
  | ForwardedName

/** By names in lower case. Framing is the transport's business; `Expect` is answered by the server. */
export const TREATMENTS: ReadonlyMap<string, Treatment> = new Map<string, Treatment>([
  ['connection', 'connection'],
  ['keep-alive', 'drop'],
  ['proxy-connection', 'drop'],
  ['proxy-authorization', 'drop'],
  ['http2-settings', 'drop'],
  ['expect', 'drop'],
  ['te', 'te'],
  ['trailer', 'trailer'],
  ['upgrade', 'upgrade'],
  ['content-length', 'contentLength'],
  ['transfer-encoding', 'transferEncoding'],
  ['host', 'host'],
  [':authority', 'authority'],
  ['cookie', 'cookie'],
  ['forwarded', 'forwarded'],
  ['x-forwarded-for', 'forwardedFor'],
  ['x-forwarded-proto', 'forwardedProto'],
  ['x-forwarded-host', 'forwardedHost'],
  ['x-forwarded-port', 'forwardedPort'],
  ['x-real-ip', 'realIp'],
])

const SMALL_X = 0x78

/** Is it one that middleware's `request.headers` have no say in? */
export function isSetAside(field: string): boolean {
  const treatment = TREATMENTS.get(field)
  return treatment !== undefined ? treatment !== 'cookie' : isPseudoOrDisguised(field)
}

/** `X_Forwarded_For` becomes `HTTP_X_FORWARDED_FOR` in CGI and its heirs, as the real one does. */
export function isPseudoOrDisguised(field: string): boolean {
  const first = field.charCodeAt(0)
  if (first === COLON) return true
  return first === SMALL_X && field.includes('_') && TREATMENTS.has(field.replaceAll('_', '-'))
}

/**
 * Of a repeated one Node gives middleware the first line alone (`IncomingMessage`'s `matchKnownFields`); those that
 * make sense in a request.
 */
export const FIRST_LINE_COUNTS: ReadonlySet<string> = new Set([
  ...['authorization', 'content-type', 'from', 'if-modified-since', 'if-unmodified-since'],
  ...['max-forwards', 'referer', 'user-agent', 'age', 'etag', 'expires', 'last-modified'],
  ...['location', 'retry-after', 'server'],
])
