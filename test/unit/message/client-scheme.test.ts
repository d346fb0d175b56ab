import type { IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import { isSecureClient } from '../../../src/message/client-scheme.js'

const request = (encrypted: boolean, headers: Record<string, string>): IncomingMessage =>
  ({ socket: { remoteAddress: '::ffff:10.0.0.1', encrypted }, headers }) as never

test.each([
  [true, {}, true],
  [false, {}, false],
  [false, { 'x-forwarded-proto': 'https' }, true],
  [false, { 'x-forwarded-proto': 'HTTPS , http' }, true],
  [true, { 'x-forwarded-proto': 'http, https' }, false],
  [false, { forwarded: 'for=1.2.3.4;proto=https' }, true],
  [false, { forwarded: 'proto="https";for=_x, proto=http' }, true],
  [false, { forwarded: 'for=1.2.3.4, proto=https' }, false],
  [false, { forwarded: 'xproto=https' }, false],
] as const)('encrypted: %j, from a trusted proxy: %j', (encrypted, headers, secure) => {
  expect(isSecureClient(request(encrypted, headers), (address) => address === '10.0.0.1')).toBe(
    secure,
  )
})

test('nobody else is believed', () => {
  const nobody = (): boolean => false
  expect(isSecureClient(request(false, { 'x-forwarded-proto': 'https' }), nobody)).toBe(false)
  expect(isSecureClient(request(true, { 'x-forwarded-proto': 'http' }), nobody)).toBe(true)
})
