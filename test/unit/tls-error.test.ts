import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FailureType } from '../../src/next-upstream/attempt-result.js'
import { tlsAlertOf, tlsReasonOf } from '../../src/tls-error.js'

function failed(message: string, code?: string): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code })
}

/** As Node 20, 22, 24 and 26 hand them on. */
const line = (reason: string, alert?: number): string =>
  `80FA:error:0A00045C:SSL routines:ssl3_read_bytes:${reason}:../deps/openssl/rec_layer_s3.c:1601:` +
  (alert === undefined ? '\n' : `SSL alert number ${alert}\n`)

describe('tlsAlertOf', () => {
  it.each([
    [line('tlsv13 alert certificate required', 116), 116, 'certificate_required'],
    [`write EPROTO ${line('ssl/tls alert handshake failure', 40)}`, 40, 'handshake_failure'],
    [line('tlsv1 alert unknown ca', 48), 48, 'unknown_ca'],
    [line('reason(1200)', 200), 200, undefined],
  ])('%j', (message, id, name) => {
    expect(tlsAlertOf(failed(message))).toEqual({ id, name })
  })

  it.each([
    undefined,
    failed('read ECONNRESET', 'ECONNRESET'),
    failed(line('wrong version number')),
    failed('SSL alert number 40 was not what came'),
    failed(`${'x'.repeat(1000)}:SSL alert number 40`),
    Object.assign(new Error(), { message: 40 }),
  ])('none, case %#', (cause) => {
    expect(tlsAlertOf(cause)).toBeUndefined()
  })
})

describe('tlsReasonOf', () => {
  it.each<[FailureType, Error | undefined, string | undefined]>([
    ['tls_certificate_error', failed('x', 'CERT_HAS_EXPIRED'), 'CERT_HAS_EXPIRED'],
    [
      'tls_certificate_error',
      failed('Host: 10.0.0.1. is not cert', 'ERR_TLS_CERT_ALTNAME_INVALID'),
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    ['tls_alert_received', failed(line('x', 116), 'EPROTO'), 'certificate_required'],
    ['tls_alert_received', failed(line('x', 116), 'ERR_SSL_X'), 'certificate_required'],
    ['tls_alert_received', failed(line('x', 200)), 'alert_200'],
    // One error, met in two ways.
    [
      'tls_protocol_error',
      failed(`write EPROTO ${line('wrong version number')}`, 'EPROTO'),
      'ERR_SSL_WRONG_VERSION_NUMBER',
    ],
    [
      'tls_protocol_error',
      failed(line('wrong version number'), 'ERR_SSL_WRONG_VERSION_NUMBER'),
      'ERR_SSL_WRONG_VERSION_NUMBER',
    ],
    ['tls_protocol_error', failed('write EPROTO', 'EPROTO'), 'EPROTO'],
    ['tls_protocol_error', failed('x'), undefined],
    ['tls_protocol_error', failed('x', '10.0.0.1:443'), undefined],
    ['tls_protocol_error', failed('x', `E${'X'.repeat(80)}`), undefined],
    ['tls_protocol_error', Object.assign(new Error('x'), { code: 5 }), undefined],
    ['tls_certificate_error', undefined, undefined],
    ['connection_terminated', failed('x', 'ECONNRESET'), undefined],
    ['connection_refused', failed(line('x', 116)), undefined],
  ])('%s, case %#', (type, cause, reason) => {
    expect(tlsReasonOf(type, cause)).toBe(reason)
  })

  it('is one word, whatever the error says, in linear time', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'binary' }).map((reason) => line(reason)),
      fc.nat(999).map((alert) => line('x', alert)),
    )
    const type = fc.constantFrom(
      'tls_certificate_error',
      'tls_alert_received',
      'tls_protocol_error',
    )
    fc.assert(
      fc.property(
        type,
        text,
        fc.oneof(fc.constant('EPROTO'), fc.string()),
        (kind, message, code) => {
          const reason = tlsReasonOf(kind, failed(message, code))
          if (reason !== undefined) expect(reason).toMatch(/^[A-Za-z\d_]{1,90}$/)
        },
      ),
    )
    const start = performance.now()
    for (const part of [':', ':error:', 'a:', ':SSL alert number 4', '\n'])
      tlsReasonOf('tls_protocol_error', failed(part.repeat(500_000), 'EPROTO'))
    expect(performance.now() - start).toBeLessThan(1000)
  })
})
