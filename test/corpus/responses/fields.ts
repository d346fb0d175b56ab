/** Field lines of responses: names, values, folds, sizes, and what they say of the connection. */
import { fields, x } from '../bytes.js'
import { delivered, invalid, response, tooLarge } from '../response-case.js'
import type { ResponseCase, ResponseOutcome } from '../response-case.js'

const END = 'Content-Length: 5\r\n\r\nhello'
const hello = delivered('200 hello')
const retired = delivered('200 hello', 'retired')
const either = delivered('200 hello', 'either')

function field(
  name: string,
  lines: string,
  outcomes: ResponseOutcome | readonly ResponseOutcome[],
  got?: Readonly<Record<string, string | null>>,
): ResponseCase {
  const more = got === undefined ? {} : { fields: got }
  return response(name, `HTTP/1.1 200 OK\r\n${lines}\r\n${END}`, outcomes, more)
}

/** A name like any other; written out, it would be no key. */
const PROTO = '__proto__'

export const responseFields: readonly ResponseCase[] = [
  field('an ordinary one', 'X-A: b', hello, { 'x-a': 'b' }),
  field('an empty value', 'X-A:', hello, { 'x-a': '' }),
  // To give up a connection is always allowed.
  field('white space around a value', 'X-A: \t b \t ', either, { 'x-a': 'b' }),
  field('8-bit bytes and tabs in a value', 'X-A: \x80\t\xff', hello, { 'x-a': '\x80\t\xff' }),
  response(
    '8-bit bytes in a head that goes on before its body',
    [
      'HTTP/1.1 200 OK\r\nX-A: \xe9\xff\r\nTransfer-Encoding: chunked\r\n\r\n',
      '5\r\nhello\r\n0\r\n\r\n',
    ],
    hello,
    { fields: { 'x-a': '\xe9\xff' } },
  ),
  response(
    '8-bit bytes in the head of a 304',
    'HTTP/1.1 304 X\r\nX-A: \xe9\xff\r\n\r\n',
    [delivered('304')],
    { fields: { 'x-a': '\xe9\xff' } },
  ),
  field('odd names', '__proto__: 1\r\nconstructor: 2\r\n~: 3', hello, {
    [PROTO]: '1',
    constructor: '2',
    '~': '3',
  }),
  field('one of them three times', 'X-A: 1\r\nx-a: 2\r\nX-A: 3', hello, { 'x-a': '1 | 2 | 3' }),
  field('Set-Cookie with odd bytes', 'Set-Cookie: a="b,c\xe9"; x=\\y\t;;\r\nSet-Cookie: =', hello, {
    'set-cookie': 'a="b,c\xe9"; x=\\y\t;; | =',
  }),
  field('a Date that is none', 'Date: yesterday', hello, { date: 'yesterday' }),
  field('a Location that is none', 'Location: ://\xe9 <a>', hello, { location: '://\xe9 <a>' }),
  field('a Location with a bare CR', 'Location: /a\rSet-Cookie: evil=1', invalid),
  field('a Location with a bare LF is two fields or none', 'Location: /a\nX-A: b', [
    hello,
    ...invalid,
  ]),
  field('Location twice', 'Location: /a\r\nLocation: /b', hello),
  field('Content-Type twice', 'Content-Type: a/b\r\nContent-Type: c/d', hello),

  field('a space before the colon', 'X-A : b', [...invalid, hello], { 'x-a': 'b' }),
  field('a space in a name', 'X A: b', invalid),
  field('an empty name', ': b', invalid),
  field('a pseudo field', ':status: 500', invalid),
  field('no colon', 'X-A', invalid),
  field('a control character in a name', 'X\x01A: b', invalid),
  field('a NUL in a name', 'X\x00A: b', invalid),
  field('an 8-bit byte in a name', 'X\xe9A: b', invalid),
  field('a parenthesis in a name', 'X(A): b', invalid),
  field('a slash in a name', 'X/A: b', invalid),
  field('a NUL in a value', 'X-A: b\x00c', invalid),
  field('a bare CR in a value', 'X-A: b\rc', invalid),
  field('a bare CR at the end of a value', 'X-A: b\r', invalid),
  field('a control character in a value', 'X-A: b\x01c', invalid),
  field('an escape in a value', 'X-A: \x1b[31m', invalid),
  field('DEL in a value', 'X-A: b\x7fc', invalid),
  field('a folded line', 'X-A: b\r\n c', [...invalid, hello], { 'x-a': 'b c' }),
  field('a line folded with a tab', 'X-A: b\r\n\tc', [...invalid, hello], { 'x-a': 'b c' }),
  field('a fold before the first field', ' X-A: b', invalid),
  field('a fold with a field on it', 'X-A: b\r\n Set-Cookie: evil=1', [...invalid, hello], {
    'set-cookie': null,
  }),

  field('1001 fields, and one more', `${fields(1001)}X-Last: here`, [hello, ...tooLarge], {
    'x-last': 'here',
  }),
  field('5000 fields', fields(5000).trimEnd(), tooLarge),
  field('a value of 8 kB', `X-A: ${x(8000)}`, hello, { 'x-a': x(8000) }),
  field('a value of 20 kB', `X-A: ${x(20_000)}`, tooLarge),
  field('a value of 100 kB', `X-A: ${x(100_000)}`, tooLarge),
  field('a name of 20 kB', `${x(20_000)}: b`, tooLarge),
  field('100 kB of fields', `X-A: ${x(90)}\r\n`.repeat(1000) + 'X: y', tooLarge),
  response('Content-Length behind 1200 fields', `HTTP/1.1 200 OK\r\n${fields(1200)}${END}`, [
    hello,
    ...tooLarge,
  ]),
  response(
    'Connection: close behind 1200 fields',
    `HTTP/1.1 200 OK\r\n${fields(1200)}Connection: close\r\n${END}`,
    [retired, ...tooLarge],
  ),
  response(
    'Set-Cookie behind 1200 fields',
    `HTTP/1.1 200 OK\r\n${fields(1200)}Set-Cookie: a=b\r\n${END}`,
    [hello, ...tooLarge],
    { fields: { 'set-cookie': 'a=b' } },
  ),

  field('Connection: close', 'Connection: close', retired),
  field('Connection: CLOSE', 'Connection: CLOSE', retired),
  field('Connection: keep-alive, close', 'Connection: keep-alive, close', retired),
  field('Connection in two lines', 'Connection: keep-alive\r\nConnection: close', retired),
  response(
    'Connection: close and more bytes',
    `HTTP/1.1 200 OK\r\nConnection: close\r\n${END}evil`,
    retired,
  ),
  response(
    'Connection: close and another response',
    `HTTP/1.1 200 OK\r\nConnection: close\r\n${END}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`,
    retired,
  ),
  field('Connection naming a field', 'Connection: X-A\r\nX-A: b\r\nX-B: c', hello, {
    'x-a': null,
    'x-b': 'c',
  }),
  field('Connection naming Content-Length', 'Connection: content-length', hello),
  field('Connection naming Set-Cookie', 'Connection: Set-Cookie\r\nSet-Cookie: a=b', hello, {
    'set-cookie': null,
  }),
  field('Connection with bad names', 'Connection: ,;, "a", \xff', either),
  field('Connection with 3000 commas', `Connection: ${','.repeat(3000)}`, either),
  field('Proxy-Connection: close', 'Proxy-Connection: close', either, {
    'proxy-connection': null,
  }),
  field('Upgrade in an ordinary response', 'Upgrade: h2c\r\nConnection: Upgrade', either, {
    upgrade: null,
  }),
  field('Upgrade without Connection', 'Upgrade: h2,h2c', hello, { upgrade: null }),
  field('Keep-Alive: timeout=-1', 'Keep-Alive: timeout=-1', either),
  field('Keep-Alive: timeout=99999999999', 'Keep-Alive: timeout=99999999999', hello),
  field('Keep-Alive: timeout=0', 'Keep-Alive: timeout=0', retired),
  field('Keep-Alive: timeout=1e9', 'Keep-Alive: timeout=1e9', either),
  field('Keep-Alive: timeout=0.5', 'Keep-Alive: timeout=0.5', either),
  field('Keep-Alive: timeout=abc', 'Keep-Alive: timeout=abc', hello),
  field('Keep-Alive: timeout=', 'Keep-Alive: timeout=', hello),
  field('Keep-Alive: timeout="5', 'Keep-Alive: timeout="5', either),
  field('Keep-Alive: of 300 digits', `Keep-Alive: timeout=${'9'.repeat(300)}`, hello),
  field('Keep-Alive: max=0', 'Keep-Alive: max=0', either),
  field('Keep-Alive with nothing', 'Keep-Alive:', hello),
  field('Keep-Alive with 3000 commas', `Keep-Alive: ${',;='.repeat(1000)}`, hello),
  field('TE, Trailer and HTTP2-Settings', 'TE: gzip\r\nHTTP2-Settings: AAMA', hello, {
    te: null,
    'http2-settings': null,
  }),
  field('Content-Encoding that is none', 'Content-Encoding: cow', hello, {
    'content-encoding': 'cow',
  }),
  field('a Proxy-Status of the peer', 'Proxy-Status: inner; received-status=200', hello, {
    'proxy-status': 'inner; received-status=200',
  }),
]
