/** Statuses with rules of their own: interim ones, 101, 204, 205, 304, and answers to HEAD. */
import { carrier } from '../../helpers/carrier.js'
import { x } from '../bytes.js'
import { delivered, ended, failedForGood, invalid, response, tooLarge } from '../response-case.js'
import type { ResponseCase } from '../response-case.js'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'
const hello = delivered('200 hello')
const interim = (status: number, fields = ''): string => `HTTP/1.1 ${status} Wait\r\n${fields}\r\n`
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\n'
const none = delivered('204')
const notModified = delivered('304')
/** undici takes no chances with a length that belongs to no body. */
const withLength = carrier === 'undici' ? 'retired' : 'kept'
const noHead = delivered('200')
const lateHead = delivered('200', 'retired')

export const statuses: readonly ResponseCase[] = [
  response('100 before it', interim(100) + OK, hello),
  response('102 before it', interim(102) + OK, hello),
  response('103 before it', interim(103, 'Link: </a.css>; rel=preload\r\n') + OK, hello),
  response('199 before it', interim(199) + OK, hello),
  response(
    '100, 102, 103 and 100 before it',
    [100, 102, 103, 100].map((s) => interim(s)).join('') + OK,
    [hello],
  ),
  response('each in a piece of its own', [interim(100), interim(103), OK], hello),
  response('200 times 100', interim(100).repeat(200) + OK, [hello, ...invalid, ...tooLarge]),
  response('10,000 times 102', interim(102).repeat(10_000) + OK, [hello, ...invalid, ...tooLarge]),
  response(
    '10,000 times 103 with a field',
    interim(103, `Link: <${x(100)}>\r\n`).repeat(10_000) + OK,
    [hello, ...invalid, ...tooLarge],
  ),
  response('103 with a field of 8 kB', interim(103, `Link: <${x(8000)}>\r\n`) + OK, hello),
  response('103 with a field of 100 kB', interim(103, `Link: <${x(100_000)}>\r\n`) + OK, tooLarge),
  response('103 with a control character', interim(103, 'Link: \x01\r\n') + OK, [
    hello,
    ...invalid,
  ]),
  response('103 with a bare CR', interim(103, 'Link: a\rb\r\n') + OK, invalid),
  response('103 that names a body', interim(103, 'Content-Length: 5\r\n') + OK, [
    hello,
    ...invalid,
  ]),
  response('100 with a body', `${interim(100, 'Content-Length: 5\r\n')}evil!${OK}`, invalid),
  response('103 that is chunked', interim(103, 'Transfer-Encoding: chunked\r\n') + OK, [
    hello,
    ...invalid,
  ]),
  response('103 with Connection: close', interim(103, 'Connection: close\r\n') + OK, [
    delivered('200 hello', 'either'),
    // To Node's parser nothing may follow.
    ...invalid,
  ]),
  response('103 with Set-Cookie', interim(103, 'Set-Cookie: a=b\r\n') + OK, hello, {
    fields: { 'set-cookie': null },
  }),
  response('100 and the end', interim(100), ended, { then: 'fin' }),
  response('103 and a reset', interim(103), ended, { then: 'reset' }),
  response(
    '103 and silence',
    interim(103),
    [
      {
        alone: '504 connection_read_timeout',
        withSpare: '200 spare GET /case 0',
        connection: 'retired',
      },
    ],
    { then: 'silent' },
  ),
  response('100 and what is no response', `${interim(100)}evil`, invalid, { then: 'fin' }),
  response('a bad status behind 100', `${interim(100)}HTTP/1.1 099 Low\r\n\r\n`, invalid),
  response('100 to a POST', interim(100) + OK, hello, { asked: 'POST' }),

  response('101 that nobody asked for', `${SWITCH}\r\n`, invalid),
  response(
    '101 with Upgrade',
    `${SWITCH}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    invalid,
  ),
  response('101 with bytes behind it', `${SWITCH}Connection: Upgrade\r\nUpgrade: x\r\n\r\nevil`, [
    ...invalid,
  ]),
  response('101 before an ordinary response', `${SWITCH}\r\n${OK}`, invalid),
  response('101 behind 100', `${interim(100)}${SWITCH}Upgrade: x\r\n\r\n`, invalid),
  response(
    '101 to HEAD',
    `${SWITCH}Connection: Upgrade\r\nUpgrade: x\r\n\r\n`,
    [
      { alone: '502 http_protocol_error', withSpare: '200', connection: 'retired' },
      { alone: '502', withSpare: '200', connection: 'retired' },
    ],
    { asked: 'HEAD' },
  ),
  response(
    '101 to a POST',
    `${SWITCH}Connection: Upgrade\r\nUpgrade: x\r\n\r\n`,
    [...failedForGood('http_protocol_error')],
    { asked: 'POST' },
  ),

  response('204', 'HTTP/1.1 204 No Content\r\n\r\n', none),
  // RFC 9110 section 8.6: no Content-Length in a 204.
  response(
    '204 with Content-Length: 0',
    'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
    none,
    {
      fields: { 'content-length': null },
    },
  ),
  response(
    '204 with Content-Length and no body',
    'HTTP/1.1 204 None\r\nContent-Length: 5\r\n\r\n',
    [delivered('204', withLength), ...invalid],
    { fields: { 'content-length': null } },
  ),
  response(
    '204 with a body',
    'HTTP/1.1 204 None\r\nContent-Length: 5\r\n\r\nevil!',
    [delivered('204', 'retired'), ...invalid],
    { fields: { 'content-length': null } },
  ),
  response('204 with a body that is a response', `HTTP/1.1 204 None\r\n\r\n${OK}`, [
    delivered('204', 'retired'),
  ]),
  response(
    '204 that is chunked',
    'HTTP/1.1 204 None\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    [delivered('204', 'retired'), ...invalid],
    { fields: { 'transfer-encoding': null } },
  ),
  response('205', 'HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n', delivered('205')),
  response('304', 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n', notModified),
  response('304 with Content-Length', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', [
    delivered('304', withLength),
  ]),
  response('304 with a body', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nevil!', [
    delivered('304', 'retired'),
  ]),
  response(
    '304 with two Content-Lengths',
    'HTTP/1.1 304 X\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n',
    [...invalid],
  ),
  response('304 that is chunked', 'HTTP/1.1 304 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', [
    delivered('304', 'retired'),
    ...invalid,
  ]),

  response('HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', noHead, {
    asked: 'HEAD',
    fields: { 'content-length': '5' },
  }),
  response('HEAD without framing', 'HTTP/1.1 200 OK\r\n\r\n', delivered('200', 'either'), {
    asked: 'HEAD',
  }),
  response('HEAD, chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', noHead, {
    asked: 'HEAD',
  }),
  response('HEAD with a body', OK, lateHead, { asked: 'HEAD' }),
  response(
    'HEAD with a chunked body',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    [lateHead],
    { asked: 'HEAD' },
  ),
  response('HEAD with a body that is a response', `HTTP/1.1 200 OK\r\n\r\n${OK}`, lateHead, {
    asked: 'HEAD',
  }),
  response(
    'HEAD with a body that comes later',
    ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 'evil!'],
    [lateHead],
    { asked: 'HEAD' },
  ),
  response(
    'HEAD with an immense Content-Length',
    'HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n',
    [noHead],
    { asked: 'HEAD', fields: { 'content-length': '999999999999' } },
  ),
]
