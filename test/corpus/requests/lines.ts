/** The request line, versions, line endings, and what is no HTTP at all (RFC 9112 sections 2.2 and 3). */
import { GET, SMUGGLED, x } from '../bytes.js'
import { declined, dropped, refused, request, seen, served, servedLast } from '../request-case.js'
import type { RequestCase } from '../request-case.js'

const HOST = 'Host: site\r\n\r\n'
const one = served('GET /case')
const unknownVersion = [...refused(400, 501, 505), ...declined(400, 501, 505)]
const h2 = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
/** A ClientHello as a browser begins it. */
const CLIENT_HELLO = `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${'\x8f\x01'.repeat(16)}\x20`
const PROXY2 =
  '\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x7f\x00\x00\x01\x7f\x00\x00\x01\xc0\x00\x00\x50'

export const lines: readonly RequestCase[] = [
  request('a plain GET', `${GET}\r\n`, one),
  request('an empty line before the request', `\r\n${GET}\r\n`, one),
  request('several empty lines before the request', `\r\n\r\n\r\n${GET}\r\n`, [
    one,
    ...refused(400),
  ]),
  request('bare LFs before the request', `\n\n${GET}\r\n`, [one, ...refused(400)]),
  request('a space before the request', ` ${GET}\r\n`, refused(400)),
  request('a NUL before the request', `\x00${GET}\r\n`, refused(400)),
  request('a byte order mark before the request', `\xef\xbb\xbf${GET}\r\n`, refused(400)),
  request('bare LFs for all line ends', 'GET /case HTTP/1.1\nHost: site\n\n', [
    one,
    ...refused(400),
  ]),
  request('a bare LF behind the request line', `GET /case HTTP/1.1\n${HOST}`, [
    one,
    ...refused(400),
  ]),
  request('a bare LF behind a field', 'GET /case HTTP/1.1\r\nHost: site\nX-A: b\r\n\r\n', [
    one,
    ...refused(400),
  ]),
  request('a bare LF for the empty line', `${GET}\n`, [one, ...refused(400)]),
  request('a bare CR for a line end', 'GET /case HTTP/1.1\rHost: site\r\n\r\n', refused(400)),
  request('bare CRs for all line ends', 'GET /case HTTP/1.1\rHost: site\r\r', refused(400)),
  request('LF CR for CR LF', 'GET /case HTTP/1.1\n\rHost: site\n\r\n\r', refused(400)),
  request('CR CR LF', 'GET /case HTTP/1.1\r\r\nHost: site\r\r\n\r\r\n', refused(400)),
  request('CR LF LF for the empty line', `${GET}X-A: b\r\n\n`, [one, ...refused(400)]),
  request('a CR in the empty line', `${GET}\r\r\n`, refused(400)),

  request('HTTP/1.0 without Host', 'GET /case HTTP/1.0\r\n\r\n', servedLast('GET /case')),
  request('HTTP/1.0 with keep-alive', 'GET /case HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', one),
  request('HTTP/0.9', 'GET /case\r\n', [...unknownVersion, dropped], { then: 'fin' }),
  request('HTTP/0.9 with fields', `GET /case\r\n${HOST}`, unknownVersion),
  request('HTTP/0.9 in words', `GET /case HTTP/0.9\r\n${HOST}`, unknownVersion),
  // Whatever the minor version, 1.x is for a reader of 1.1 to read (RFC 9110 section 2.5); few do.
  request('HTTP/1.2', `GET /case HTTP/1.2\r\n${HOST}`, [one, ...unknownVersion]),
  request('HTTP/1.9', `GET /case HTTP/1.9\r\n${HOST}`, [one, ...unknownVersion]),
  request('HTTP/2.0', `GET /case HTTP/2.0\r\n${HOST}`, unknownVersion),
  request('HTTP/3.0', `GET /case HTTP/3.0\r\n${HOST}`, unknownVersion),
  request('HTTP/1', `GET /case HTTP/1\r\n${HOST}`, unknownVersion),
  request('HTTP/1.', `GET /case HTTP/1.\r\n${HOST}`, unknownVersion),
  request('HTTP/1.10', `GET /case HTTP/1.10\r\n${HOST}`, unknownVersion),
  request('HTTP/01.1', `GET /case HTTP/01.1\r\n${HOST}`, unknownVersion),
  request('HTTP/1,1', `GET /case HTTP/1,1\r\n${HOST}`, unknownVersion),
  request('HTTP/-1.1', `GET /case HTTP/-1.1\r\n${HOST}`, unknownVersion),
  request('http/1.1', `GET /case http/1.1\r\n${HOST}`, unknownVersion),
  request('HTTPS/1.1', `GET /case HTTPS/1.1\r\n${HOST}`, unknownVersion),
  request('ICE/1.0', `GET /case ICE/1.0\r\n${HOST}`, unknownVersion),
  request('RTSP/1.0', `DESCRIBE /case RTSP/1.0\r\n${HOST}`, unknownVersion),
  request('a space behind the version', `GET /case HTTP/1.1 \r\n${HOST}`, [one, ...refused(400)]),
  request('a tab behind the version', `GET /case HTTP/1.1\t\r\n${HOST}`, [one, ...refused(400)]),
  request('words behind the version', `GET /case HTTP/1.1 HTTP/1.1\r\n${HOST}`, refused(400)),
  request('no version behind the target', `GET /case \r\n${HOST}`, unknownVersion),
  request('two spaces before the target', `GET  /case HTTP/1.1\r\n${HOST}`, [one, ...refused(400)]),
  request('two spaces before the version', `GET /case  HTTP/1.1\r\n${HOST}`, [
    one,
    ...refused(400),
  ]),
  request('a tab before the target', `GET\t/case HTTP/1.1\r\n${HOST}`, [one, ...refused(400)]),
  request('a tab before the version', `GET /case\tHTTP/1.1\r\n${HOST}`, [one, ...refused(400)]),
  request('no target', `GET HTTP/1.1\r\n${HOST}`, refused(400)),
  request('no target and two spaces', `GET  HTTP/1.1\r\n${HOST}`, refused(400)),
  request('no method', ` /case HTTP/1.1\r\n${HOST}`, refused(400)),
  request('only spaces', '   \r\n\r\n', refused(400)),

  // RFC 9110 section 9.1: methods are case-sensitive, and an unknown one is 501; Node says 400.
  request('get', `get /case HTTP/1.1\r\n${HOST}`, refused(400, 501)),
  request('an unknown method', `BREW /case HTTP/1.1\r\n${HOST}`, refused(400, 501)),
  request('a method that goes on', `GETX /case HTTP/1.1\r\n${HOST}`, refused(400, 501)),
  request('a method with a control character', `GE\x01T /case HTTP/1.1\r\n${HOST}`, refused(400)),
  request('a method with 8-bit bytes', `G\xcbT /case HTTP/1.1\r\n${HOST}`, refused(400)),
  request('a method with a colon', `GET: /case HTTP/1.1\r\n${HOST}`, refused(400)),
  request('a method of 100 kB', `${x(100_000)} /case HTTP/1.1\r\n${HOST}`, refused(400, 431, 501)),
  request('M-SEARCH', `M-SEARCH /case HTTP/1.1\r\n${HOST}`, served('M-SEARCH /case')),
  request('PROPFIND', `PROPFIND /case HTTP/1.1\r\n${HOST}`, served('PROPFIND /case')),
  request('TRACE', `TRACE /case HTTP/1.1\r\n${HOST}`, [
    served('TRACE /case'),
    seen('405 kept'),
    seen('501 kept'),
  ]),

  request('the preface of HTTP/2', h2, [...unknownVersion, dropped]),
  request('the preface of HTTP/2 behind a request', `${GET}\r\n${h2}`, [
    seen('200 400 closed', ['GET /case']),
    seen('200 closed', ['GET /case']),
    seen('400 closed', ['GET /case']),
    seen('400 closed'),
  ]),
  request('a TLS ClientHello', CLIENT_HELLO, [...refused(400), dropped]),
  request('an SSLv2 ClientHello', '\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10', [
    ...refused(400),
    dropped,
  ]),
  request(
    'a PROXY line before the request',
    `PROXY TCP4 9.9.9.9 127.0.0.1 40000 80\r\n${GET}\r\n`,
    refused(400),
  ),
  request('a PROXY UNKNOWN line', `PROXY UNKNOWN\r\n${GET}\r\n`, refused(400)),
  request('a binary PROXY header', `${PROXY2}${GET}\r\n`, refused(400)),
  request('SMTP', 'EHLO site\r\n', refused(400)),
  request('SSH', 'SSH-2.0-OpenSSH_9.6\r\n', refused(400)),
  request('a response', `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n${SMUGGLED}`, refused(400)),
  request('NULs', '\x00'.repeat(100), refused(400)),
  request('8-bit bytes', '\xff'.repeat(1000), refused(400)),
  request('100 kB without a line end', x(100_000), refused(400, 431, 501)),
  request('100 kB of empty lines, then a request', `${'\r\n'.repeat(50_000)}${GET}\r\n`, [
    one,
    ...refused(400, 431),
  ]),
]
