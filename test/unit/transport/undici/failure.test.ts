import { expect, it } from 'vitest'
import { classifyUndici, isRefusal } from '../../../../src/transport/undici/failure.js'

function error(message: string, code?: string, name = 'Error'): Error {
  return Object.assign(new Error(message), { code, name })
}

it.each([
  [error('', 'UND_ERR_HEADERS_OVERFLOW'), 'invalid_header', 'http_response_header_section_size'],
  [error('', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'), 'invalid_header', 'http_protocol_error'],
  [error('x', undefined, 'HTTPParserError'), 'invalid_header', 'http_protocol_error'],
  [error('bad upgrade', 'UND_ERR_SOCKET'), 'invalid_header', 'http_protocol_error'],
  [error('bad response', 'UND_ERR_SOCKET'), 'invalid_header', 'http_protocol_error'],
  [error('other side closed', 'UND_ERR_SOCKET'), 'error', 'connection_terminated'],
  [error('reset', 'ECONNRESET'), 'error', 'connection_terminated'],
] as const)('%s', (cause, condition, type) => {
  expect(classifyUndici(cause, false)).toEqual({ condition, type })
})

it('before the connection stands', () => {
  expect(classifyUndici(error('', 'ECONNREFUSED'), true).type).toBe('connection_refused')
  expect(classifyUndici(error('closed'), true).type).toBe('connection_refused')
})

it('refusals', () => {
  expect(isRefusal(error('', 'UND_ERR_INVALID_ARG'))).toBe(true)
  expect(isRefusal(error('', 'UND_ERR_NOT_SUPPORTED'))).toBe(true)
  expect(isRefusal(error('', 'UND_ERR_SOCKET'))).toBe(false)
})
