import { describe, expect, it } from 'vitest'
import { classify, isHandshakeRefusal } from '../../../../src/transport/http-proxy/failure.js'

function failed(code: string | undefined, message = 'x'): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code })
}

const alert = (id: number): string =>
  `1:error:0A00045C:SSL routines:ssl3_read_bytes:an alert:rec_layer_s3.c:1601:SSL alert number ${id}\n`

describe('classify', () => {
  it.each([
    'CERT_HAS_EXPIRED',
    'CERT_NOT_YET_VALID',
    'CERT_REVOKED',
    'CERT_UNTRUSTED',
    'CERT_REJECTED',
    'CERT_SIGNATURE_FAILURE',
    'CERT_CHAIN_TOO_LONG',
    'CRL_HAS_EXPIRED',
    'ERROR_IN_CERT_NOT_AFTER_FIELD',
    'UNABLE_TO_GET_ISSUER_CERT',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'UNABLE_TO_GET_CRL',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'PATH_LENGTH_EXCEEDED',
    'INVALID_CA',
    'INVALID_PURPOSE',
    'HOSTNAME_MISMATCH',
    'UNSPECIFIED',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'ERR_TLS_CERT_ALTNAME_FORMAT',
  ])('%s is an error of the certificate', (code) => {
    expect(classify(failed(code), true)).toEqual({
      condition: 'error',
      type: 'tls_certificate_error',
    })
  })

  it.each([
    'EPROTO',
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
    'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE',
    undefined,
  ])('%s with an alert is the alert', (code) => {
    for (const id of [40, 42, 48, 70, 112, 116, 255])
      expect(classify(failed(code, alert(id)), false).type).toBe('tls_alert_received')
  })

  it.each([
    ['EPROTO', 'error', 'tls_protocol_error'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'error', 'tls_protocol_error'],
    ['ERR_SSL_BAD_ECC_CERT', 'error', 'tls_protocol_error'],
    ['ERR_TLS_HANDSHAKE_TIMEOUT', 'error', 'tls_protocol_error'],
    ['ECONNRESET', 'error', 'connection_terminated'],
    ['ECONNREFUSED', 'error', 'connection_refused'],
    ['EADDRNOTAVAIL', 'error', 'proxy_internal_error'],
    ['ETIMEDOUT', 'timeout', 'connection_timeout'],
    ['HPE_INVALID_CONSTANT', 'invalid_header', 'http_protocol_error'],
    ['HPE_HEADER_OVERFLOW', 'invalid_header', 'http_response_header_section_size'],
    ['ENOTFOUND', 'error', 'dns_error'],
  ])('%s is %s, %s', (code, condition, type) => {
    expect(classify(failed(code), false)).toEqual({ condition, type })
  })

  it('an error without a name is told by when it came', () => {
    expect(classify(failed(undefined), true).type).toBe('connection_refused')
    expect(classify(failed(undefined), false).type).toBe('connection_terminated')
    expect(classify(failed('WHATEVER'), true).type).toBe('connection_refused')
  })

  it('of several addresses the first tells', () => {
    const both = new AggregateError([failed('EHOSTUNREACH'), failed('ECONNREFUSED')])
    expect(classify(both, true).type).toBe('destination_ip_unroutable')
  })
})

describe('isHandshakeRefusal', () => {
  const fresh = { protocol: 'TLSv1.3', bytesRead: 0 } as const
  const ABOUT_THE_CLIENT = [40, 42, 43, 44, 45, 46, 48, 49, 51, 116]

  it.each(Array.from({ length: 256 }, (_, id) => id))('alert %i', (id) => {
    expect(isHandshakeRefusal(failed('EPROTO', alert(id)), fresh)).toBe(
      ABOUT_THE_CLIENT.includes(id),
    )
  })

  it.each([
    ['TLS 1.2: it could be of a renegotiation', { ...fresh, protocol: 'TLSv1.2' }],
    ['no TLS', { ...fresh, protocol: undefined }],
    ['a version that is not known any more', { ...fresh, protocol: null }],
    ['a byte of a response has come', { ...fresh, bytesRead: 1 }],
  ])('not with %s', (_why, connection) => {
    expect(isHandshakeRefusal(failed('x', alert(116)), connection)).toBe(false)
  })

  it.each([undefined, failed('ECONNRESET'), failed('EPIPE'), failed('EPROTO')])(
    'not without an alert, case %#',
    (cause) => {
      expect(isHandshakeRefusal(cause, fresh)).toBe(false)
    },
  )
})
