/** What Node's parser lets through in a response's head, and we do not. */
import { STATUS_CODES } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { responseFraming } from '../../message/framing.js'
import type { FailureType } from '../../next-upstream/attempt-result.js'
import type { AttemptTimes } from '../transport.js'

/** Not a reason phrase (RFC 9112 section 4): Node would throw where it is written to the client. */
const BAD_REASON = /[^\t\x20-\x7e\x80-\xff]/

export interface HeadFault {
  readonly type: FailureType
  readonly text: string
}

/** undefined: nothing the matter. */
export function headFault(
  status: number | undefined,
  reason: string | undefined,
  rawHeaders: readonly string[],
  maxHeaders: number,
): HeadFault | undefined {
  const text = reason ?? ''
  const code = status ?? 0
  const badReason = text !== STATUS_CODES[code] && BAD_REASON.test(text)
  if (code < 200 || code > 999 || badReason) {
    return { type: 'http_protocol_error', text: `bad status line: ${String(code)} ${text}` }
  }
  switch (responseFraming(rawHeaders, maxHeaders)) {
    case 'ok':
      return undefined
    case 'conflict':
      return {
        type: 'http_protocol_error',
        text: 'Content-Length or Transfer-Encoding that cannot be',
      }
    case 'too_many_fields':
      return {
        type: 'http_response_header_section_size',
        text: 'more header fields than maxHeaders',
      }
  }
}

/**
 * Have more bytes come than the head and the announced body need? Node says nothing of the beginning of a second
 * response behind the first. What is between fields and values is not known: some room is left for it. Chunked bodies
 * and interim responses are not counted.
 */
export function hasMore(
  { rawHeaders, statusMessage }: IncomingMessage,
  { bytesReceived, responseLength }: AttemptTimes,
  interim: number,
): boolean {
  if (interim > 0) return false
  let head = 'HTTP/1.1 200 \r\n\r\n'.length + (statusMessage?.length ?? 0)
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') return false
    head += name.length + (rawHeaders[i + 1]?.length ?? 0) + USUAL_FIELD
  }
  return bytesReceived > head + responseLength
}

/** `: ` and the end of the line, and as much again in white space. */
const USUAL_FIELD = 8
