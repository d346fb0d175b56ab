/** Chunked bodies that are none, odd ones that are, and trailers (RFC 9112 section 7.1). */
import { CHUNKED, POST, SMUGGLED, x } from '../bytes.js'
import { begun, refused, request, served } from '../request-case.js'
import type { RequestCase, RequestOutcome } from '../request-case.js'

const hello = served('POST /case hello')

/** The head is right, and has perhaps gone to the peer before the body turned out to be wrong. */
const broken = (...statuses: number[]): RequestOutcome[] =>
  [...statuses, 0].map((status) =>
    begun(status === 0 ? 'closed' : `${status} closed`, 'POST /case'),
  )

function body(
  name: string,
  bytes: string,
  outcomes: RequestOutcome | readonly RequestOutcome[],
  more: Parameters<typeof request>[3] = {},
): RequestCase {
  return request(name, `${POST}${CHUNKED}\r\n${bytes}`, outcomes, more)
}

const END = '\r\nhello\r\n0\r\n\r\n'

export const chunks: readonly RequestCase[] = [
  body('an empty body', '0\r\n\r\n', served('POST /case')),
  body('several chunks', '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n', hello),
  body('leading zeros in a chunk size', `0000000000000005${END}`, [hello, ...broken(400)]),
  body('the last chunk as 000', '5\r\nhello\r\n000\r\n\r\n', [hello, ...broken(400)]),
  body('upper and lower case hex', `A\r\nhellohello\r\na\r\nhellohello\r\n0\r\n\r\n`, [
    served('POST /case hellohellohellohello'),
  ]),
  body('a request as the body', `26\r\n${SMUGGLED}\r\n0\r\n\r\n`, [
    served(`POST /case ${SMUGGLED.trimEnd()}`),
  ]),

  body('a size with 0x', `0x5${END}`, broken(400)),
  body('a negative size', `-5${END}`, broken(400)),
  body('a size with a plus', `+5${END}`, broken(400)),
  body('a size behind a space', ` 5${END}`, broken(400)),
  body('a size behind a tab', `\t5${END}`, broken(400)),
  body('a size before a space', `5 ${END}`, [hello, ...broken(400)]),
  body('a size before a tab', `5\t${END}`, [hello, ...broken(400)]),
  body('a size with an underscore', `0_5${END}`, broken(400)),
  body('a size with a comma', `5,5${END}`, broken(400)),
  body('a size with a point', `5.0${END}`, broken(400)),
  body('a size that is no hex', `g${END}`, broken(400)),
  body('a size with a NUL', `5\x00${END}`, broken(400)),
  body('no size', END, broken(400)),
  body('no size but an extension', `;a=b${END}`, broken(400)),
  body('a size of 2^64 + 5', `10000000000000005${END}`, broken(400, 413)),
  body('a size of 2^64', `10000000000000000\r\n${SMUGGLED}`, broken(400, 413)),
  body('a size of 2^64 - 1', `ffffffffffffffff\r\n${SMUGGLED}`, broken(400, 413), { then: 'fin' }),
  body('a size of 2^63', `8000000000000000\r\n${SMUGGLED}`, broken(400, 413), { then: 'fin' }),
  body('a size of 2^32 + 5', `100000005${END}`, broken(400, 413), { then: 'fin' }),
  body('a size of 300 digits', `${'f'.repeat(300)}${END}`, broken(400, 413)),

  body('an extension', `5;a=b${END}`, hello),
  body('an extension without a value', `5;a${END}`, hello),
  body('an extension with quotes', `5;a="b;c\\"d"${END}`, [hello, ...broken(400)]),
  body('an extension with spaces around', `5 ; a = b${END}`, [hello, ...broken(400)]),
  body('an extension with CRLF in quotes', `5;a="\r\n${SMUGGLED}"\r\nhello\r\n0\r\n\r\n`, [
    ...broken(400),
  ]),
  body('an extension with a bare CR', `5;a=\rb${END}`, broken(400)),
  body('an extension with a bare LF', `5;a=b\n\r\nhello\r\n0\r\n\r\n`, broken(400)),
  body('an extension that ends with a bare LF', `5;a\nhello\r\n0\r\n\r\n`, broken(400)),
  body('an extension with a NUL', `5;a=\x00${END}`, broken(400)),
  body('an extension with a request in it', `5;a=b\n0\n\n${SMUGGLED}${END}`, broken(400)),
  body('an extension of 100 kB', `5;${x(100_000)}${END}`, broken(400, 413)),
  body('20 kB of extensions in many chunks', `1;${x(40)}\r\nx\r\n`.repeat(500) + '0\r\n\r\n', [
    ...broken(400, 413),
    served(`POST /case ${x(500)}`),
  ]),

  body('a size line that ends with a bare LF', '5\nhello\r\n0\r\n\r\n', broken(400)),
  body('a size line that ends with CR alone', '5\rhello\r\n0\r\n\r\n', broken(400)),
  body('no CRLF behind a chunk', '5\r\nhello0\r\n\r\n', broken(400)),
  body('a bare LF behind a chunk', '5\r\nhello\n0\r\n\r\n', broken(400)),
  body('other bytes behind a chunk', '5\r\nhelloXX0\r\n\r\n', broken(400)),
  body('a chunk longer than its size', '5\r\nhello!\r\n0\r\n\r\n', broken(400)),
  body('a chunk shorter than its size', `6\r\nhello\r\n0\r\n\r\n`, broken(400)),
  body('the last line ends with a bare LF', '5\r\nhello\r\n0\r\n\n', [...broken(400), hello]),
  body('the last chunk ends with bare LFs', '5\r\nhello\r\n0\n\n', broken(400)),
  body('the end comes twice', '5\r\nhello\r\n0\r\n\r\n0\r\n\r\n', [
    { client: '400 closed', upstream: [] },
    { client: '400 closed', upstream: ['POST /case hello'] },
    begun('400 closed', 'POST /case'),
    { client: '200 400 closed', upstream: ['POST /case hello'] },
  ]),

  body('a trailer', '5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n', hello),
  body('a trailer of 8-bit bytes', '5\r\nhello\r\n0\r\nX-Sum: \xff\xfe\r\n\r\n', hello),
  body('Content-Length as a trailer', '5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n', [
    hello,
    ...broken(400),
  ]),
  body('Transfer-Encoding as a trailer', `5\r\nhello\r\n0\r\n${CHUNKED}\r\n`, [
    hello,
    ...broken(400),
  ]),
  body('Host as a trailer', '5\r\nhello\r\n0\r\nHost: evil\r\n\r\n', [hello, ...broken(400)], {
    fields: { host: 'site' },
  }),
  body(
    'Authorization as a trailer is no field of the head',
    '5\r\nhello\r\n0\r\nAuthorization: Basic eDp5\r\n\r\n',
    [hello, ...broken(400)],
    { fields: { authorization: null } },
  ),
  body(
    'X-Forwarded-For as a trailer is no field of the head',
    '5\r\nhello\r\n0\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n',
    [hello, ...broken(400)],
    { fields: { 'x-forwarded-for': '127.0.0.1' } },
  ),
  body('a trailer without a colon', '5\r\nhello\r\n0\r\nno colon\r\n\r\n', broken(400)),
  body('a trailer with a space before the colon', '5\r\nhello\r\n0\r\nX-Sum : 1\r\n\r\n', [
    ...broken(400),
  ]),
  body('a trailer with a NUL', '5\r\nhello\r\n0\r\nX-Sum: \x00\r\n\r\n', broken(400)),
  body('a trailer with a control character', '5\r\nhello\r\n0\r\nX-Sum: \x01\r\n\r\n', [
    ...broken(400),
  ]),
  body('a trailer with a bare CR', '5\r\nhello\r\n0\r\nX-Sum: a\rb\r\n\r\n', broken(400)),
  body('a folded trailer', '5\r\nhello\r\n0\r\nX-Sum: a\r\n b\r\n\r\n', [...broken(400), hello]),
  body('a trailer of 100 kB', `5\r\nhello\r\n0\r\nX-Sum: ${x(100_000)}\r\n\r\n`, [
    ...broken(400, 413, 431),
  ]),
  body(
    '100 kB of trailers',
    `5\r\nhello\r\n0\r\n${'X-Sum: 1\r\n'.repeat(10_000)}\r\n`,
    broken(400, 413, 431),
  ),
  body('a request as a trailer', `5\r\nhello\r\n0\r\n${SMUGGLED}`, broken(400)),
  request(
    'a trailer that was announced',
    `${POST}Trailer: X-Sum\r\n${CHUNKED}\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n`,
    hello,
  ),
  request(
    'a forbidden trailer that was announced',
    `${POST}Trailer: Content-Length, Host\r\n${CHUNKED}\r\n5\r\nhello\r\n0\r\nHost: evil\r\n\r\n`,
    [hello, ...broken(400)],
    { fields: { host: 'site' } },
  ),
  ...refusedEarly(),
]

/** A body that is wrong from its first byte, in segments of its own. */
function refusedEarly(): RequestCase[] {
  return [
    request(
      'a bad chunk size in a segment of its own',
      [`${POST}${CHUNKED}\r\n`, 'zz\r\n'],
      broken(400),
    ),
    request(
      'each byte in a segment of its own',
      Array.from(`${POST}${CHUNKED}\r\n5;a=b\r\nhello\r\n0\r\n\r\n`),
      hello,
    ),
    request(
      'a bad head in a segment of its own',
      [POST, 'Content-Length: x\r\n', '\r\n'],
      [...refused(400)],
    ),
  ]
}
