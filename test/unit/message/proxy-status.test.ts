import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../../src/errors.js'
import { attemptsDetail, proxyErrorOf, proxyStatus } from '../../../src/message/proxy-status.js'

describe('proxyStatus', () => {
  it.each([
    ['evenkeel', {}, 'evenkeel'],
    ['evenkeel', { error: 'connection_refused' }, 'evenkeel; error=connection_refused'],
    ['lb.example:80', { receivedStatus: 502 }, 'lb.example:80; received-status=502'],
    ['our lb', {}, '"our lb"'],
    ['9lb', {}, '"9lb"'],
    ['', {}, '""'],
    ['a"\\b\r\n', {}, '"a\\"\\\\b??"'],
    ['x', { receivedStatus: 1.5 }, 'x'],
    [
      'x',
      { error: 'dns_error', receivedStatus: 503, details: '2 attempts: dns_error, http_503' },
      'x; error=dns_error; received-status=503; details="2 attempts: dns_error, http_503"',
    ],
    [
      'x',
      { error: 'tls_alert_received', alert: { id: 116, name: 'certificate_required' } },
      'x; error=tls_alert_received; alert-message=certificate_required; alert-id=116',
    ],
    [
      'x',
      { error: 'tls_alert_received', alert: { id: 200, name: undefined } },
      'x; error=tls_alert_received; alert-id=200',
    ],
    ['x', { details: 'a "b" \\ c\u00e9\n' }, 'x; details="a \\"b\\" \\\\ c??"'],
  ] as const)('%j %j', (name, parameters, expected) => {
    expect(proxyStatus(name, parameters)).toBe(expected)
  })

  it.each([
    ['connect ECONNREFUSED 10.0.0.1:8080', 'connect ECONNREFUSED (hidden)'],
    ['at [::1]:80, then fe80::1.', 'at (hidden), then (hidden)'],
    ['http://10.0.0.1/x?y', '(hidden)'],
    ['db.internal is down. Really: yes', '(hidden) is down. Really: yes'],
    ['unix:/run/app.sock', '(hidden)'],
    ['/run/app', '(hidden)'],
    ['peer=10.0.0.1', 'peer=(hidden)'],
    ['::', '(hidden)'],
    ['localhost:80', '(hidden)'],
    ['user@host', '(hidden)'],
  ])('hides addresses: %s', (details, expected) => {
    expect(proxyStatus('x', { details })).toBe(`x; details="${expected}"`)
  })

  it('is one structured-field item and shows no address, whatever it is given', () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain(), fc.webUrl())
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), address, fc.string(), (name, inner, text) => {
        const field = proxyStatus(name, { error: 'dns_error', details: `${text} ${inner} ${text}` })
        expect(field).toMatch(
          /^(?:[A-Za-z*][\w!#$%&'*+\-.^`|~:/]*|"(?:[ !#-[\]-~]|\\["\\])*"); error=dns_error; details="(?:[ !#-[\]-~]|\\["\\])*"$/,
        )
        if (!text.includes(inner)) {
          expect(field.slice(field.indexOf('; details='))).not.toContain(` ${inner} `)
        }
      }),
    )
  })

  it('takes linear time', () => {
    const start = performance.now()
    for (const part of ['a', '.', ':', 'a.', '/', '"', ' .']) {
      proxyStatus('x', { details: part.repeat(200_000) })
    }
    expect(performance.now() - start).toBeLessThan(2000)
  })
})

describe('proxyErrorOf', () => {
  it.each([
    ['ERR_CONFIGURATION', 'proxy_configuration_error'],
    ['ERR_NO_LIVE_UPSTREAMS', 'destination_unavailable'],
    ['ERR_PEERS_BUSY', 'connection_limit_reached'],
    ['ERR_QUEUE_FULL', 'connection_limit_reached'],
    ['ERR_QUEUE_TIMEOUT', 'connection_limit_reached'],
    ['ERR_OVERLOADED', 'connection_limit_reached'],
    ['ERR_UPSTREAM_CONNECTION', 'connection_terminated'],
    ['ERR_UPSTREAM_TIMEOUT', 'http_response_timeout'],
    ['ERR_UPSTREAM_INVALID_HEADER', 'http_protocol_error'],
    ['ERR_UPSTREAM_TRUNCATED', 'http_response_incomplete'],
    ['ERR_CLIENT_CLOSED', 'http_request_error'],
    ['ERR_BODY_TOO_LARGE', 'http_request_error'],
    ['ERR_BODY_CONSUMED', 'http_request_error'],
    ['ERR_BAD_REQUEST', 'http_request_error'],
    ['ERR_CLOSING', 'destination_unavailable'],
    ['ERR_INTERNAL', 'proxy_internal_error'],
  ] as [ErrorCode, string][])('%s → %s', (code, expected) => {
    expect(proxyErrorOf(code)).toBe(expected)
    const withFailure = code.startsWith('ERR_UPSTREAM_') ? 'tls_protocol_error' : expected
    expect(proxyErrorOf(code, 'tls_protocol_error')).toBe(withFailure)
  })
})

it.each([
  [[], undefined],
  [['connection_refused in connect'], '1 attempt: connection_refused'],
  [['http_503', 'connection_timeout in connect'], '2 attempts: http_503, connection_timeout'],
  [['10.0.0.1 refused'], '1 attempt: other'],
  [['', 'ok'], '2 attempts: other, ok'],
  [
    ['tls_certificate_error (CERT_HAS_EXPIRED) in tls', 'connection_terminated in header (stale)'],
    '2 attempts: tls_certificate_error (CERT_HAS_EXPIRED), connection_terminated',
  ],
  [['tls_protocol_error (10.0.0.1) in tls'], '1 attempt: tls_protocol_error'],
  [Array.from({ length: 16 }, () => 'ok'), `16 attempts: ${'ok, '.repeat(15)}ok`],
  [
    ['http_503', ...Array.from({ length: 16 }, () => 'ok')],
    `17 attempts: latest: ${'ok, '.repeat(15)}ok`,
  ],
])('attemptsDetail %j', (outcomes, expected) => {
  expect(attemptsDetail(outcomes.map((outcome) => ({ outcome })))).toBe(expected)
})
