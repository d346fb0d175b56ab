/** undici's errors as values; Node's are named as everywhere. */
import type { FailureClass } from '../http-proxy/failure.js'
import { classify } from '../http-proxy/failure.js'

const MALFORMED: FailureClass = { condition: 'invalid_header', type: 'http_protocol_error' }

const byCode: ReadonlyMap<string, FailureClass> = new Map([
  [
    'UND_ERR_HEADERS_OVERFLOW',
    { condition: 'invalid_header', type: 'http_response_header_section_size' },
  ],
  // The parser gave up, and there had been a length.
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', MALFORMED],
])

/** An error that came before a response's head. */
export function classifyUndici(cause: Error, connecting: boolean): FailureClass {
  const { code = '' } = cause as NodeJS.ErrnoException
  const known = byCode.get(code)
  if (known !== undefined) return known
  if (cause.name === 'HTTPParserError') return MALFORMED
  // The other errors of this code are about closed connections.
  if (code === 'UND_ERR_SOCKET' && cause.message.startsWith('bad ')) return MALFORMED
  return classify(cause, connecting)
}

/** Did undici refuse the request itself? Then nothing of it was sent. */
export function isRefusal({ code }: NodeJS.ErrnoException): boolean {
  return code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED'
}
