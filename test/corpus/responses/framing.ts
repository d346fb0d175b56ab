/** Where the body of a response ends (RFC 9112 section 6.3). */
import { SMUGGLED, x } from '../bytes.js'
import { brokenOff, delivered, failed, invalid, response } from '../response-case.js'
import type { ResponseCase, ResponseOutcome } from '../response-case.js'

const OK = 'HTTP/1.1 200 OK\r\n'
const CL = 'Content-Length'
const TE = 'Transfer-Encoding'
const HELLO = '5\r\nhello\r\n0\r\n\r\n'
const hello = delivered('200 hello')
const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'
/** Short enough to have been read whole before anything of it was sent. */
const short = failed('http_response_incomplete')

/** A Content-Length of any kind before `hello`. */
function announced(
  name: string,
  lines: string,
  outcomes: ResponseOutcome | readonly ResponseOutcome[],
): ResponseCase {
  return response(name, `${OK}${lines}\r\n\r\nhello`, outcomes)
}

export const responseFraming: readonly ResponseCase[] = [
  announced('Content-Length, plain', `${CL}: 5`, hello),
  announced('leading zeros', `${CL}: 0005`, [hello, ...invalid]),
  announced('white space around it', `${CL}: \t 5  `, [
    delivered('200 hello', 'either'),
    ...invalid,
  ]),
  response('Content-Length: 0', `${OK}${CL}: 0\r\n\r\n`, delivered('200')),
  // RFC 9112 section 6.3: one value said twice may be taken; two values never.
  announced('two equal ones', `${CL}: 5\r\n${CL}: 5`, [hello, ...invalid]),
  announced('two different ones', `${CL}: 5\r\n${CL}: 4`, invalid),
  announced('two different ones, the shorter first', `${CL}: 4\r\n${CL}: 5`, invalid),
  announced('0 and another', `${CL}: 0\r\n${CL}: 5`, invalid),
  announced('a list of equal ones', `${CL}: 5, 5`, [hello, ...invalid]),
  announced('a list of different ones', `${CL}: 5, 4`, invalid),
  announced('+5', `${CL}: +5`, invalid),
  announced('-5', `${CL}: -5`, invalid),
  announced('0x5', `${CL}: 0x5`, invalid),
  announced('5.0', `${CL}: 5.0`, invalid),
  announced('5 5', `${CL}: 5 5`, invalid),
  announced('five', `${CL}: five`, invalid),
  announced('"5"', `${CL}: "5"`, invalid),
  announced('nothing', `${CL}:`, invalid),
  announced('2^64 + 5', `${CL}: 18446744073709551621`, invalid),
  announced('400 digits', `${CL}: ${'9'.repeat(400)}`, invalid),
  announced('a vertical tab before it', `${CL}: \x0b5`, invalid),
  announced('a NUL behind it', `${CL}: 5\x00`, invalid),
  announced('a fold before it', `${CL}:\r\n 5`, [hello, ...invalid]),
  announced('a fold in it', `${CL}: 5\r\n 5`, invalid),

  response('a body shorter than announced, and the end', `${OK}${CL}: 6\r\n\r\nhello`, short, {
    then: 'fin',
  }),
  response(
    'a body shorter than announced, and a reset',
    `${OK}${CL}: 6\r\n\r\nhello`,
    [...failed('http_response_incomplete', 'connection_terminated')],
    { then: 'reset' },
  ),
  response(
    'a body shorter than announced, and silence',
    `${OK}${CL}: 6\r\n\r\nhello`,
    [...failed('connection_read_timeout')],
    { then: 'silent' },
  ),
  response('no body though announced, and the end', `${OK}${CL}: 6\r\n\r\n`, short, {
    then: 'fin',
  }),
  response(
    'much less than announced, and the end',
    `${OK}${CL}: 1000000\r\n\r\nhello`,
    [brokenOff(200)],
    { then: 'fin', prefixOf: 'hello' },
  ),
  response(
    'much less than announced, and a reset',
    `${OK}${CL}: 1000000\r\n\r\nhello`,
    [brokenOff(200)],
    { then: 'reset', prefixOf: 'hello' },
  ),
  response(
    'much less than announced, and silence',
    `${OK}${CL}: 1000000\r\n\r\nhello`,
    [brokenOff(200)],
    { then: 'silent', prefixOf: 'hello' },
  ),
  response(
    'much less than announced to HTTP/1.0, and the end',
    `${OK}${CL}: 1000000\r\n\r\nhello`,
    [brokenOff(200)],
    { then: 'fin', prefixOf: 'hello', asked: 'GET in HTTP/1.0' },
  ),
  response(
    '2^53 + 1 announced, and the end',
    `${OK}${CL}: 9007199254740993\r\n\r\nhello`,
    [brokenOff(200), ...invalid],
    { then: 'fin', prefixOf: 'hello' },
  ),
  response('a body longer than announced', `${OK}${CL}: 5\r\n\r\nhello, evil`, [
    delivered('200 hello', 'retired'),
  ]),
  response(
    'a body longer than announced, in pieces',
    [`${OK}${CL}: 5\r\n\r\nhel`, 'lo, ', 'evil'],
    [delivered('200 hello', 'retired')],
  ),
  response('a body where none was announced', `${OK}${CL}: 0\r\n\r\nevil`, [
    delivered('200', 'retired'),
  ]),
  response('an empty line behind the body', `${OK}${CL}: 5\r\n\r\nhello\r\n`, [
    delivered('200 hello', 'either'),
  ]),
  response('a response behind the response', `${OK}${CL}: 5\r\n\r\nhello${EVIL}`, [
    delivered('200 hello', 'retired'),
  ]),
  response(
    'a response behind the response, later',
    [`${OK}${CL}: 5\r\n\r\nhello`, EVIL],
    [delivered('200 hello', 'retired')],
  ),
  response('half a response behind the response', `${OK}${CL}: 5\r\n\r\nhelloHTTP/1.1 2`, [
    delivered('200 hello', 'retired'),
  ]),
  response('a hundred responses', `${OK}${CL}: 5\r\n\r\nhello${EVIL.repeat(100)}`, [
    delivered('200 hello', 'retired'),
  ]),
  response('a response behind a chunked one', `${OK}${TE}: chunked\r\n\r\n${HELLO}${EVIL}`, [
    delivered('200 hello', 'retired'),
  ]),
  response(
    'an interim response behind the response',
    `${OK}${CL}: 5\r\n\r\nhelloHTTP/1.1 100 Continue\r\n\r\n`,
    [delivered('200 hello', 'retired')],
  ),
  response('a request behind the response', `${OK}${CL}: 5\r\n\r\nhello${SMUGGLED}`, [
    delivered('200 hello', 'retired'),
  ]),

  response('framed by the end', `${OK}\r\nhello`, delivered('200 hello', 'retired'), {
    then: 'fin',
  }),
  response('framed by the end, and empty', `${OK}\r\n`, delivered('200', 'retired'), {
    then: 'fin',
  }),
  response(
    'framed by the end, in HTTP/1.0',
    'HTTP/1.0 200 OK\r\n\r\nhello',
    [delivered('200 hello', 'retired')],
    { then: 'fin' },
  ),
  response(
    'framed by the end, with a response in it',
    `${OK}\r\n${EVIL}`,
    [delivered(`200 ${EVIL}`, 'retired')],
    { then: 'fin' },
  ),
  response('framed by the end, to HTTP/1.0', `${OK}\r\nhello`, delivered('200 hello', 'retired'), {
    then: 'fin',
    asked: 'GET in HTTP/1.0',
  }),
  response('framed by the end, and a reset', `${OK}\r\nhello`, brokenOff(200), {
    then: 'reset',
    prefixOf: 'hello',
  }),
  response('framed by the end, and a reset, to HTTP/1.0', `${OK}\r\nhello`, brokenOff(200), {
    then: 'reset',
    prefixOf: 'hello',
    asked: 'GET in HTTP/1.0',
  }),
  response('framed by the end, and silence', `${OK}\r\nhello`, brokenOff(200), {
    then: 'silent',
    prefixOf: 'hello',
  }),
  response('HTTP/1.0 with Content-Length', `HTTP/1.0 200 OK\r\n${CL}: 5\r\n\r\nhello`, [
    delivered('200 hello', 'retired'),
  ]),
  response(
    'HTTP/1.0 with Content-Length and keep-alive',
    `HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n${CL}: 5\r\n\r\nhello`,
    delivered('200 hello', 'either'),
  ),

  response('Content-Length and chunked', `${OK}${CL}: 5\r\n${TE}: chunked\r\n\r\n${HELLO}`, [
    ...invalid,
    delivered('200 hello', 'retired'),
  ]),
  response('chunked and Content-Length', `${OK}${TE}: chunked\r\n${CL}: 3\r\n\r\n${HELLO}`, [
    ...invalid,
    delivered('200 hello', 'retired'),
  ]),
  response(
    'a long Content-Length and chunked, a response inside',
    `${OK}${CL}: ${HELLO.length + EVIL.length}\r\n${TE}: chunked\r\n\r\n${HELLO}${EVIL}`,
    [...invalid, delivered('200 hello', 'retired')],
  ),
  response(
    'a long body',
    `${OK}${CL}: 200000\r\n\r\n${x(200_000)}`,
    delivered(`200 ${x(200_000)}`),
  ),
  response('a body of 65536 bytes', `${OK}${CL}: 65536\r\n\r\n${x(65_536)}`, [
    delivered(`200 ${x(65_536)}`),
  ]),
  response('each byte by itself', Array.from(`${OK}${CL}: 5\r\n\r\nhello`), hello),
]
