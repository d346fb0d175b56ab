/** nginx's words for each way to fail. */
import { describe, expect, it } from 'vitest'
import type { FailureType, Phase } from 'evenkeel'
import { errorTextOf } from '../../../src/observe/error-text.js'

function textOf(type: FailureType, phase: Phase, cause?: object, peer = 'a:80'): string {
  const { level, text } = errorTextOf(
    {
      condition: 'error',
      type,
      phase,
      requestSent: false,
      reusedConnection: false,
      responseStarted: false,
      cause: cause && Object.assign(new Error(), cause),
    },
    peer,
  )
  return `${level} ${text}`
}

const HEADER = 'while reading response header from upstream'
const RESET = { code: 'ECONNRESET', syscall: 'read' }

describe('words', () => {
  it.each<[string, string]>([
    [
      textOf('connection_refused', 'connect', { code: 'ECONNREFUSED' }),
      'error connect() failed (111: Connection refused) while connecting to upstream',
    ],
    [
      textOf('connection_refused', 'connect', { code: 'ENOENT' }, 'unix:/s'),
      'crit connect() to unix:/s failed (2: No such file or directory) while connecting to upstream',
    ],
    [
      textOf('destination_ip_unroutable', 'connect'),
      'error connect() failed (113: No route to host) while connecting to upstream',
    ],
    [
      textOf('connection_timeout', 'connect'),
      'error upstream timed out (110: Connection timed out) while connecting to upstream',
    ],
    [
      textOf('connection_timeout', 'tls'),
      'error upstream timed out (110: Connection timed out) while SSL handshaking to upstream',
    ],
    [
      textOf('connection_write_timeout', 'send'),
      'error upstream timed out (110: Connection timed out) while sending request to upstream',
    ],
    [
      textOf('connection_read_timeout', 'header'),
      `error upstream timed out (110: Connection timed out) ${HEADER}`,
    ],
    [
      textOf('connection_read_timeout', 'body'),
      'error upstream timed out (110: Connection timed out) while reading upstream',
    ],
    [
      textOf('connection_terminated', 'header', RESET),
      `error recv() failed (104: Connection reset by peer) ${HEADER}`,
    ],
    [
      textOf('connection_terminated', 'header', { code: 'ECONNRESET' }),
      `error upstream prematurely closed connection ${HEADER}`,
    ],
    [
      textOf('connection_terminated', 'send', { code: 'EPIPE' }),
      'error writev() failed (32: Broken pipe) while sending request to upstream',
    ],
    [
      textOf('connection_terminated', 'tls', RESET),
      'error peer closed connection in SSL handshake (104: Connection reset by peer) while SSL handshaking to upstream',
    ],
    [
      textOf('http_response_incomplete', 'body', RESET),
      'error readv() failed (104: Connection reset by peer) while reading upstream',
    ],
    [
      textOf('http_response_incomplete', 'body', { code: 'HPE_INVALID_CHUNK_SIZE' }),
      'error upstream sent invalid chunked response while reading upstream',
    ],
    [
      textOf('http_response_incomplete', 'body', { code: 'HPE_HEADER_OVERFLOW' }),
      'error upstream sent too big trailers while reading upstream',
    ],
    [
      textOf('http_response_incomplete', 'body'),
      'error upstream prematurely closed connection while reading upstream',
    ],
    [
      textOf('dns_error', 'connect', { code: 'ENOTFOUND' }, 'x.invalid:80'),
      'error x.invalid:80 could not be resolved (3: Host not found)',
    ],
    [
      textOf('tls_protocol_error', 'tls', {
        message: '80AB:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../x.c:1:',
      }),
      'error SSL_do_handshake() failed (SSL: error:0A00010B:SSL routines::wrong version number) while SSL handshaking to upstream',
    ],
    [
      textOf('tls_certificate_error', 'tls', {
        code: 'CERT_HAS_EXPIRED',
        message: 'certificate has expired',
      }),
      'error upstream SSL certificate verify error: (10:certificate has expired) while SSL handshaking to upstream',
    ],
    [
      textOf('tls_certificate_error', 'tls', { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }),
      'error upstream SSL certificate does not match "a:80" while SSL handshaking to upstream',
    ],
    [
      textOf('http_response_header_section_size', 'header'),
      `error upstream sent too big header ${HEADER}`,
    ],
    [textOf('http_protocol_error', 'header'), `error upstream sent invalid header ${HEADER}`],
    [
      textOf('http_protocol_error', 'body'),
      'error upstream sent invalid chunked response while reading upstream',
    ],
    [
      textOf('proxy_internal_error', 'connect', { code: 'EMFILE' }),
      'crit socket() failed (24: Too many open files) while connecting to upstream',
    ],
    [
      textOf('proxy_internal_error', 'connect', { code: 'EADDRNOTAVAIL' }),
      'crit connect() to a:80 failed (99: Cannot assign requested address) while connecting to upstream',
    ],
  ])('%s', (said, expected) => {
    expect(said).toBe(expected)
  })
})
