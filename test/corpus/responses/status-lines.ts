/** The status line, and bytes that are no response at all (RFC 9112 section 4). */
import { x } from '../bytes.js'
import { delivered, ended, invalid, response, tooLarge } from '../response-case.js'
import type { ResponseCase, ResponseOutcome } from '../response-case.js'

const HELLO = 'Content-Length: 5\r\n\r\nhello'
const hello = delivered('200 hello')

function line(
  name: string,
  statusLine: string,
  outcomes: ResponseOutcome | readonly ResponseOutcome[],
): ResponseCase {
  return response(name, `${statusLine}\r\n${HELLO}`, outcomes)
}

export const statusLines: readonly ResponseCase[] = [
  line('a plain one', 'HTTP/1.1 200 OK', hello),
  line('an empty reason', 'HTTP/1.1 200 ', hello),
  line('no reason and no space', 'HTTP/1.1 200', [hello, ...invalid]),
  line('another reason', 'HTTP/1.1 200 Fine, thanks', hello),
  line('a reason of 8-bit bytes', 'HTTP/1.1 200 \xe9\xff', hello),
  line('a tab in the reason', 'HTTP/1.1 200 O\tK', hello),
  line('what looks like a field in the reason', 'HTTP/1.1 200 Set-Cookie: a=b', hello),
  line('a reason of 8 kB', `HTTP/1.1 200 ${x(8000)}`, hello),
  line('a reason of 20 kB', `HTTP/1.1 200 ${x(20_000)}`, tooLarge),
  line('a reason of 200 kB', `HTTP/1.1 200 ${x(200_000)}`, tooLarge),
  line('a bare CR in the reason', 'HTTP/1.1 200 O\rK', invalid),
  line('a bare LF in the reason', 'HTTP/1.1 200 O\nK', invalid),
  line('a NUL in the reason', 'HTTP/1.1 200 O\x00K', invalid),
  line('a control character in the reason', 'HTTP/1.1 200 O\x01K', invalid),
  line('DEL in the reason', 'HTTP/1.1 200 O\x7fK', invalid),
  line('an escape in the reason', 'HTTP/1.1 200 \x1b[2J', invalid),

  line('status 20', 'HTTP/1.1 20 OK', invalid),
  line('status 2', 'HTTP/1.1 2 OK', invalid),
  line('status 2000', 'HTTP/1.1 2000 OK', invalid),
  line('status 1000', 'HTTP/1.1 1000 OK', invalid),
  line('status 099', 'HTTP/1.1 099 Low', invalid),
  line('status 000', 'HTTP/1.1 000 None', invalid),
  line('status 0200', 'HTTP/1.1 0200 OK', invalid),
  line('status -200', 'HTTP/1.1 -200 OK', invalid),
  line('status +200', 'HTTP/1.1 +200 OK', invalid),
  line('status 2x0', 'HTTP/1.1 2x0 OK', invalid),
  line('status 200.0', 'HTTP/1.1 200.0 OK', invalid),
  line('status 200OK', 'HTTP/1.1 200OK', invalid),
  line('status of 400 digits', `HTTP/1.1 ${'2'.repeat(400)} OK`, invalid),
  line('status in letters', 'HTTP/1.1 OK 200', invalid),
  line('status of 8-bit digits', 'HTTP/1.1 \xb2\xb0\xb0 OK', invalid),
  line('no status', 'HTTP/1.1', invalid),
  line('no status and a space', 'HTTP/1.1 ', invalid),
  line('status 299', 'HTTP/1.1 299 Odd', delivered('299 hello')),
  line('status 418', "HTTP/1.1 418 I'm a teapot", delivered('418 hello')),
  line('status 599', 'HTTP/1.1 599 Odd', delivered('599 hello')),
  line('status 600', 'HTTP/1.1 600 High', [delivered('600 hello'), ...invalid]),
  line('status 999', 'HTTP/1.1 999 High', [delivered('999 hello'), ...invalid]),

  line('two spaces before the status', 'HTTP/1.1  200 OK', [hello, ...invalid]),
  line('a tab before the status', 'HTTP/1.1\t200 OK', [hello, ...invalid]),
  line('a space before the version', ' HTTP/1.1 200 OK', [hello, ...invalid]),
  line('http/1.1', 'http/1.1 200 OK', invalid),
  line('HTTP/1.2', 'HTTP/1.2 200 OK', [delivered('200 hello', 'either'), ...invalid]),
  line('HTTP/2.0', 'HTTP/2.0 200 OK', [delivered('200 hello', 'retired'), ...invalid]),
  line('HTTP/2', 'HTTP/2 200 OK', invalid),
  line('HTTP/0.9', 'HTTP/0.9 200 OK', [delivered('200 hello', 'retired'), ...invalid]),
  line('HTTP/1', 'HTTP/1 200 OK', invalid),
  line('HTTP/11.1', 'HTTP/11.1 200 OK', invalid),
  line('HTTP 1.1', 'HTTP 1.1 200 OK', invalid),
  line('HTTPS/1.1', 'HTTPS/1.1 200 OK', invalid),
  line('ICY', 'ICY 200 OK', invalid),
  line('RTSP/1.0', 'RTSP/1.0 200 OK', [delivered('200 hello', 'retired'), ...invalid]),
  line('SIP/2.0', 'SIP/2.0 200 OK', invalid),

  response('an empty line before it', `\r\nHTTP/1.1 200 OK\r\n${HELLO}`, [hello, ...invalid]),
  response('a bare LF before it', `\nHTTP/1.1 200 OK\r\n${HELLO}`, [hello, ...invalid]),
  response('a NUL before it', `\x00HTTP/1.1 200 OK\r\n${HELLO}`, invalid),
  response('words before it', `hello HTTP/1.1 200 OK\r\n${HELLO}`, invalid),
  response('bare LFs for all line ends', 'HTTP/1.1 200 OK\nContent-Length: 5\n\nhello', [
    hello,
    ...invalid,
  ]),
  response('bare CRs for all line ends', 'HTTP/1.1 200 OK\rContent-Length: 5\r\rhello', invalid, {
    then: 'fin',
  }),
  // Node's parser takes the second CR for LF.
  response('CR CR behind the status line', `HTTP/1.1 200 OK\r\r${HELLO}`, [hello, ...invalid]),
  response('CR CR LF', `HTTP/1.1 200 OK\r\r\n${HELLO}`, invalid),
  response('HTTP/0.9: a body and no head', '<html>hello</html>', invalid, { then: 'fin' }),
  response('a request', 'GET / HTTP/1.1\r\nHost: site\r\n\r\n', invalid),
  response('a TLS alert', '\x15\x03\x01\x00\x02\x02\x28', invalid, { then: 'fin' }),
  response('HTTP/2 frames', '\x00\x00\x12\x04\x00\x00\x00\x00\x00', invalid, { then: 'fin' }),
  response('SSH', 'SSH-2.0-OpenSSH_9.6\r\n', invalid, { then: 'fin' }),
  response('NULs', '\x00'.repeat(1000), invalid),
  response('8-bit bytes', '\xff'.repeat(1000), invalid),
  response('200 kB without a line end', `HTTP/1.1 200 ${x(200_000)}`, tooLarge),
  response(
    'half a status line, and silence',
    'HTTP/1.1 20',
    [
      {
        alone: '504 connection_read_timeout',
        withSpare: '200 spare GET /case 0',
        connection: 'retired',
      },
    ],
    { then: 'silent' },
  ),
  response(
    'nothing, and silence',
    '',
    [
      {
        alone: '504 connection_read_timeout',
        withSpare: '200 spare GET /case 0',
        connection: 'retired',
      },
    ],
    { then: 'silent' },
  ),
  response('an empty line, and the end', '\r\n', ended, { then: 'fin' }),
]
