/** Transfer-Encoding of responses, chunks and trailers (RFC 9112 sections 6.1 and 7.1). */
import { fields, x } from '../bytes.js'
import { brokenOff, delivered, failed, invalid, response } from '../response-case.js'
import type { ResponseCase, ResponseOutcome } from '../response-case.js'

const OK = 'HTTP/1.1 200 OK\r\n'
const TE = 'Transfer-Encoding'
const HELLO = '5\r\nhello\r\n0\r\n\r\n'
const hello = delivered('200 hello')
/** The head was right and may have gone already. */
const broken = [brokenOff(200), ...failed('http_protocol_error', 'http_response_incomplete')]

function coded(
  name: string,
  lines: string,
  outcomes: ResponseOutcome | readonly ResponseOutcome[],
): ResponseCase {
  return response(name, `${OK}${lines}\r\n\r\n${HELLO}`, outcomes, { then: 'fin' })
}

/** As nginx has it: what is no `chunked`, and nothing else, is refused. */
const unknown = invalid

export const responseCodings: readonly ResponseCase[] = [
  response('chunked', `${OK}${TE}: chunked\r\n\r\n${HELLO}`, hello),
  response('Chunked, in another case', `${OK}${TE}: CHUNKED\r\n\r\n${HELLO}`, hello),
  response('no space before it', `${OK}${TE}:chunked\r\n\r\n${HELLO}`, hello),
  response('a tab before it', `${OK}${TE}:\tchunked\r\n\r\n${HELLO}`, hello),
  response(
    'an underscore in the name is another field',
    `${OK}Transfer_Encoding: chunked\r\n\r\n${HELLO}`,
    [delivered(`200 ${HELLO.trimEnd()}`, 'retired')],
    { then: 'fin' },
  ),
  // Nobody has asked for these (`TE`), and they would have to be undone.
  coded('gzip, chunked', `${TE}: gzip, chunked`, unknown),
  coded('gzip and chunked in two lines', `${TE}: gzip\r\n${TE}: chunked`, unknown),
  coded('identity, chunked', `${TE}: identity, chunked`, unknown),
  coded('an unknown coding, chunked', `${TE}: cow, chunked`, unknown),
  coded('chunked, gzip', `${TE}: chunked, gzip`, unknown),
  coded('chunked, identity', `${TE}: chunked, identity`, unknown),
  coded('chunked, chunked', `${TE}: chunked, chunked`, unknown),
  coded('chunked in two lines', `${TE}: chunked\r\n${TE}: chunked`, unknown),
  coded('gzip alone', `${TE}: gzip`, unknown),
  coded('identity alone', `${TE}: identity`, [
    ...unknown,
    delivered(`200 ${HELLO.trimEnd()}`, 'retired'),
  ]),
  coded('xchunked', `${TE}: xchunked`, unknown),
  coded('chunkedx', `${TE}: chunkedx`, unknown),
  coded('chunked;q=1', `${TE}: chunked;q=1`, unknown),
  coded('"chunked"', `${TE}: "chunked"`, unknown),
  coded('chunked and something behind a space', `${TE}: chunked x`, unknown),
  coded('a vertical tab before it', `${TE}: \x0bchunked`, unknown),
  coded('a form feed behind it', `${TE}: chunked\x0c`, unknown),
  coded('a NUL behind it', `${TE}: chunked\x00`, unknown),
  coded('a non-breaking space before it', `${TE}: \xa0chunked`, unknown),
  coded('a bare CR before it', `${TE}: \rchunked`, unknown),
  coded('a space before the colon', `${TE} : chunked`, [
    ...unknown,
    delivered('200 hello', 'retired'),
  ]),
  coded('a NUL in the name', `Transfer\x00-Encoding: chunked`, unknown),
  coded('a fold before it', `${TE}:\r\n chunked`, [...unknown, delivered('200 hello', 'retired')]),
  coded('a fold behind it', `${TE}: chunked\r\n , gzip`, unknown),
  coded('an empty member behind it', `${TE}: chunked,`, [
    ...unknown,
    delivered('200 hello', 'retired'),
  ]),
  coded('nothing', `${TE}:`, [...unknown, delivered(`200 ${HELLO.trimEnd()}`, 'retired')]),
  response(
    'chunked in HTTP/1.0',
    `HTTP/1.0 200 OK\r\n${TE}: chunked\r\n\r\n${HELLO}`,
    [...unknown, delivered('200 hello', 'retired')],
    { then: 'fin' },
  ),
  response('chunked to HTTP/1.0', `${OK}${TE}: chunked\r\n\r\n${HELLO}`, hello, {
    asked: 'GET in HTTP/1.0',
  }),
]

function body(
  name: string,
  bytes: string | readonly string[],
  outcomes: ResponseOutcome | readonly ResponseOutcome[],
  more: Parameters<typeof response>[3] = {},
): ResponseCase {
  const [first = '', ...rest] = [bytes].flat()
  return response(name, [`${OK}${TE}: chunked\r\n\r\n${first}`, ...rest], outcomes, {
    then: 'fin',
    prefixOf: 'hello, evil',
    ...more,
  })
}

const END = '\r\nhello\r\n0\r\n\r\n'
const late = delivered('200 hello', 'retired')

export const responseChunks: readonly ResponseCase[] = [
  body('several chunks', '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n', hello, { then: 'open' }),
  body('several chunks, in pieces', ['2\r\nh', 'e\r', '\n3\r\nllo', '\r\n0\r\n', '\r\n'], hello, {
    then: 'open',
  }),
  body('no chunks but the last', '0\r\n\r\n', delivered('200'), { then: 'open' }),
  body('leading zeros', `0005${END}`, [late, ...broken]),
  body('0x5', `0x5${END}`, broken),
  body('-5', `-5${END}`, broken),
  body('+5', `+5${END}`, broken),
  body('a space before the size', ` 5${END}`, broken),
  body('a space behind the size', `5 ${END}`, [late, ...broken]),
  body('an underscore', `0_5${END}`, broken),
  body('no hex', `g${END}`, broken),
  body('no size', END, broken),
  body('2^64 + 5', `10000000000000005${END}`, broken),
  body('2^64 - 1', `ffffffffffffffff${END}`, broken, { prefixOf: END.slice(2) }),
  body('2^63', `8000000000000000${END}`, broken, { prefixOf: END.slice(2) }),
  body('300 digits', `${'f'.repeat(300)}${END}`, broken),
  body('an extension', `5;a=b${END}`, late),
  body('an extension in quotes', `5;a="b;\\"c"${END}`, [late, ...broken]),
  body('an extension with a bare CR', `5;a=\rb${END}`, broken),
  body('an extension with a bare LF', `5;a=b\n\r\nhello\r\n0\r\n\r\n`, broken),
  body('an extension with a NUL', `5;a=\x00${END}`, broken),
  body('an extension of 100 kB', `5;${x(100_000)}${END}`, [late, ...broken]),
  body('a bare LF behind the size', '5\nhello\r\n0\r\n\r\n', broken),
  body('a bare CR behind the size', '5\rhello\r\n0\r\n\r\n', broken),
  body('no CRLF behind a chunk', '5\r\nhello0\r\n\r\n', broken),
  body('a bare LF behind a chunk', '5\r\nhello\n0\r\n\r\n', broken),
  body('other bytes behind a chunk', '5\r\nhello, evil\r\n0\r\n\r\n', broken),
  body('nonsense for the second chunk', '5\r\nhello\r\nnonsense\r\n', broken),
  body('bare LFs at the end', '5\r\nhello\r\n0\n\n', broken),
  body('bytes behind the end', '5\r\nhello\r\n0\r\n\r\nevil', late, { then: 'open' }),
  body('the end twice', '5\r\nhello\r\n0\r\n\r\n0\r\n\r\n', late, { then: 'open' }),
  body('no last chunk, and the end', '5\r\nhello\r\n', broken),
  body('no last chunk, and a reset', '5\r\nhello\r\n', broken, { then: 'reset' }),
  body('no last chunk, and silence', '5\r\nhello\r\n', brokenOff(200), { then: 'silent' }),
  body('half a chunk, and the end', '5\r\nhel', broken),
  body('half a chunk, and a reset', '5\r\nhel', broken, { then: 'reset' }),
  body('half a chunk size, and the end', '5', broken),
  body('half the last chunk, and the end', '5\r\nhello\r\n0\r\n', broken),
  body('half a CRLF at the end, and the end', '5\r\nhello\r\n0\r\n\r', broken),
  body('half a trailer, and the end', '5\r\nhello\r\n0\r\nX-Sum: 1', broken),
  body('no chunk, and the end', '', broken),
  body('no chunk, and silence', '', brokenOff(200), { then: 'silent' }),
  body('no chunk, and the end, to HTTP/1.0', '', broken, { asked: 'GET in HTTP/1.0' }),
  body('no last chunk, and the end, to HTTP/1.0', '5\r\nhello\r\n', broken, {
    asked: 'GET in HTTP/1.0',
  }),

  body('a trailer', '5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n', hello, { then: 'open' }),
  body('Content-Length as a trailer', '5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n', [
    late,
    hello,
    ...broken,
  ]),
  body('Transfer-Encoding as a trailer', `5\r\nhello\r\n0\r\n${TE}: chunked\r\n\r\n`, [
    late,
    hello,
    ...broken,
  ]),
  body('Set-Cookie as a trailer', '5\r\nhello\r\n0\r\nSet-Cookie: a=b\r\n\r\n', late, {
    fields: { 'set-cookie': null },
  }),
  body('a trailer without a colon', '5\r\nhello\r\n0\r\nno colon\r\n\r\n', broken),
  body('a trailer with a NUL', '5\r\nhello\r\n0\r\nX-Sum: \x00\r\n\r\n', broken),
  body('a trailer with a control character', '5\r\nhello\r\n0\r\nX-Sum: \x01\r\n\r\n', [
    late,
    ...broken,
  ]),
  body('a trailer with a bare CR', '5\r\nhello\r\n0\r\nX-Sum: a\rb\r\n\r\n', broken),
  body('a trailer of 100 kB', `5\r\nhello\r\n0\r\nX-Sum: ${x(100_000)}\r\n\r\n`, [
    ...broken,
    ...failed('http_response_header_section_size'),
  ]),
  body('2000 trailers', `5\r\nhello\r\n0\r\n${fields(2000)}\r\n`, [
    late,
    ...broken,
    ...failed('http_response_header_section_size'),
  ]),
  body('a response as a trailer', '5\r\nhello\r\n0\r\nHTTP/1.1 200 OK\r\n\r\n', broken),
  response(
    'a trailer that was announced',
    `${OK}Trailer: X-Sum\r\n${TE}: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n`,
    hello,
  ),
]
