/**
 * Where a message ends is said once, and plainly, or the message is not passed on: two readers that understand it
 * differently are what request smuggling is made of (RFC 9112 section 11.2). Node refuses most of this by itself, but
 * not where `insecureHTTPParser` or a lenient parser is on.
 */
import { joined } from './fields.js'

/** What a head says about its body. */
export interface Framing {
  /** `Content-Length`, all lines of it joined: a list is no length. */
  contentLength: string | undefined
  /** `Transfer-Encoding`, all lines of it joined. */
  transferEncoding: string | undefined
}

/** `framing`: contradictions, answered 400. `transfer_coding`: one that is not understood, answered 501. */
export type FramingRefusal = 'framing' | 'transfer_coding'

/** `conflict`: nobody can say where it ends. */
export type ResponseFraming = 'ok' | 'conflict' | 'too_many_fields'

/** Is the framing of a request right (RFC 9112 section 6)? undefined: it is. */
export function requestFraming(
  { contentLength, transferEncoding }: Framing,
  httpVersion: string,
): FramingRefusal | undefined {
  if (contentLength !== undefined && !isContentLength(contentLength)) return 'framing'
  if (transferEncoding === undefined) return undefined
  // HTTP/1.0 does not know it, and HTTP/2 forbids it (RFC 9112 section 6.1, RFC 9113 section 8.2.2).
  if (contentLength !== undefined || httpVersion !== '1.1') return 'framing'
  return isChunked(transferEncoding) ? undefined : 'transfer_coding'
}

/** Is the framing of a response right, and has it no more than `maxHeaders` fields? */
export function responseFraming(
  rawHeaders: readonly string[],
  maxHeaders: number,
): ResponseFraming {
  if (rawHeaders.length > 2 * maxHeaders) return 'too_many_fields'
  let contentLength: string | undefined
  let transferEncoding: string | undefined
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    // Their lengths spare most names the lower-casing.
    if (name.length === 14) {
      if (name.toLowerCase() === 'content-length')
        contentLength = joined(contentLength, rawHeaders[i + 1] ?? '')
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      transferEncoding = joined(transferEncoding, rawHeaders[i + 1] ?? '')
    }
  }
  if (contentLength !== undefined)
    return transferEncoding === undefined && isContentLength(contentLength) ? 'ok' : 'conflict'
  return transferEncoding === undefined || isChunked(transferEncoding) ? 'ok' : 'conflict'
}

/** Digits alone, and a number of bytes that we can count to. */
function isContentLength(value: string): boolean {
  let length = 0
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) return false
    length = length * 10 + digit
    if (length > Number.MAX_SAFE_INTEGER) return false
  }
  return value !== ''
}

/** Codings such as `gzip` are for this connection only, and we would have to undo them. Nobody sends them. */
function isChunked(transferEncoding: string): boolean {
  return transferEncoding.length === 7 && transferEncoding.toLowerCase() === 'chunked'
}
