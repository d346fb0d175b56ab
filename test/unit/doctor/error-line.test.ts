import { describe, expect, it } from 'vitest'
import { authorityOf, parseErrorLine } from '../../../src/doctor/error-line.js'
import { kindOf } from '../../../src/doctor/error-kind.js'

const REST =
  ', client: 10.1.2.3, server: a.test, request: "GET /x?y HTTP/1.1", upstream: "http://10.0.0.1:80/x?y", host: "a.test"'

describe('a line of an error log', () => {
  it('all of its parts', () => {
    const line = `2026/11/12 10:11:12 [error] 7#8: *99 no live upstreams while connecting to upstream${REST}`
    expect(parseErrorLine(line)).toEqual({
      localTime: Date.UTC(2026, 10, 12, 10, 11, 12),
      level: 'error',
      pid: 7,
      connection: 99,
      kind: 'no_live_upstreams',
      message: 'no live upstreams while connecting to upstream',
      upstream: '10.0.0.1:80',
      method: 'GET',
      path: '/x',
    })
  })

  it('fields are written raw: a client cannot forge one', () => {
    const request = 'GET /" HTTP/1.1'
    const referrer = 'x", upstream: "http://evil/'
    const line = `2026/11/12 10:11:12 [error] 7#8: *9 no live upstreams while connecting to upstream, client: c, server: , request: "${request}", upstream: "http://good/", host: "h", referrer: "${referrer}"`
    expect(parseErrorLine(line)).toMatchObject({ upstream: 'good', path: '/"' })
  })

  it('what is none', () => {
    for (const line of [
      '',
      'x',
      '2026/11/12',
      '2026/11/12 10:11:12 error 1#1: x',
      '\tat foo (bar)',
    ])
      expect(parseErrorLine(line)).toBeUndefined()
    expect(parseErrorLine('2026/11/12 10:11:12 [notice] 1#1: start')?.kind).toBe('other')
  })

  it('who it is about', () => {
    expect(authorityOf('http://unix:/run/a.sock:/x')).toBe('unix:/run/a.sock')
    expect(authorityOf('https://[::1]:80?x')).toBe('[::1]:80')
    expect(authorityOf('')).toBe('')
  })
})

describe('kinds', () => {
  it.each([
    ['connect() failed (111: Connection refused) while connecting to upstream', 'refused'],
    [
      'connect() to unix:/x failed (2: No such file or directory) while connecting to upstream',
      'refused',
    ],
    ['connect() failed (113: No route to host) while connecting to upstream', 'unreachable'],
    [
      'connect() to 10.0.0.1:80 failed (99: Cannot assign requested address) while connecting to upstream',
      'no_local_port',
    ],
    [
      'upstream timed out (110: Connection timed out) while connecting to upstream',
      'connect_timeout',
    ],
    [
      'upstream timed out (110: Connection timed out) while reading response header from upstream',
      'read_timeout',
    ],
    ['upstream timed out (110: Connection timed out) while reading upstream', 'body_timeout'],
    [
      'upstream timed out (110: Connection timed out) while sending request to upstream',
      'send_timeout',
    ],
    [
      'upstream prematurely closed connection while reading response header from upstream',
      'closed',
    ],
    ['upstream prematurely closed connection while reading upstream', 'broken_body'],
    [
      'recv() failed (104: Connection reset by peer) while reading response header from upstream',
      'reset',
    ],
    ['writev() failed (32: Broken pipe) while sending request to upstream', 'reset'],
    ['upstream sent too big header while reading response header from upstream', 'too_big_header'],
    ['upstream sent invalid header while reading response header from upstream', 'invalid_header'],
    ['upstream sent no valid HTTP/1.0 header while reading response header from upstream', 'other'],
    ['SSL_do_handshake() failed (SSL: error:0A000086) while SSL handshaking to upstream', 'tls'],
    [
      'upstream SSL certificate verify error: (18:self-signed certificate) while SSL handshaking to upstream',
      'tls',
    ],
    ['SSL_do_handshake() failed (SSL: error:0A000076) while SSL handshaking', 'other'],
    ['upstream server temporarily disabled while connecting to upstream', 'disabled'],
    ['512 worker_connections are not enough while connecting to upstream', 'worker_connections'],
    ['socket() failed (24: Too many open files) while connecting to upstream', 'too_many_files'],
    ['limiting connections by zone "perip"', 'limit_conn'],
    ['limiting requests, excess: 5.0 by zone "one"', 'limit_req'],
    ['app.internal could not be resolved (3: Host not found)', 'resolver'],
    ['client intended to send too large body', 'other'],
    ['upstream timed out (110: Connection timed out) while proxying upgraded connection', 'other'],
    ['recv() failed (104: Connection reset by peer) while proxying upgraded connection', 'other'],
    [
      'epoll_wait() reported that client prematurely closed connection, so upstream connection is closed too (104: Connection reset by peer) while reading response header from upstream',
      'other',
    ],
    ['upstream sent invalid chunked response while reading upstream', 'broken_body'],
    ['readv() failed (104: Connection reset by peer) while reading upstream', 'broken_body'],
    [
      'upstream sent duplicate header line: "Vary: a", previous value: "Vary: b" while reading response header from upstream',
      'invalid_header',
    ],
    [
      'upstream sent duplicate header line: "Vary: a", previous value: "Vary: b", ignored while reading response header from upstream',
      'other',
    ],
  ])('%s', (message, kind) => {
    expect(kindOf(message)).toBe(kind)
  })
})
