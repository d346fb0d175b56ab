/** Field lines: names, values, white space, folds, sizes and numbers (RFC 9112 section 5). */
import { fields, GET, POST, SMUGGLED, x } from '../bytes.js'
import { declined, refused, request, served } from '../request-case.js'
import type { RequestCase, RequestOutcome } from '../request-case.js'

const one = served('GET /case')
const LAST_FIELD = 'X-Last: here\r\n'

function field(
  name: string,
  line: string,
  outcomes: RequestOutcome | readonly RequestOutcome[],
  got?: Readonly<Record<string, string | null>>,
): RequestCase {
  const more = got === undefined ? {} : { fields: got }
  return request(name, `${GET}${line}\r\n\r\n`, outcomes, more)
}

/** What cannot be read as one thing only is refused. */
const bad = refused(400)
/** Seen by Node, or by the balancer when it is to be sent on. */
const refusedByAny = [...refused(400), ...declined(400)]

/** A name like any other; written out, it would be no key. */
const PROTO = '__proto__'
/** Refused by whoever counts them; never are some of them lost. */
const tooMany = [...refused(431), ...declined(431)]

export const fieldLines: readonly RequestCase[] = [
  field('no space behind the colon', 'X-A:b', one, { 'x-a': 'b' }),
  field('white space around a value', 'X-A: \t b \t ', one, { 'x-a': 'b' }),
  field('an empty value', 'X-A:', one, { 'x-a': '' }),
  field('a value of spaces', 'X-A:    ', one, { 'x-a': '' }),
  field('a colon in a value', 'X-A: b:c: d', one, { 'x-a': 'b:c: d' }),
  field('a tab in a value', 'X-A: b\tc', one, { 'x-a': 'b\tc' }),
  field('8-bit bytes in a value', 'X-A: \x80\xff\xe9', one, { 'x-a': '\x80\xff\xe9' }),
  field('every token character in a name', "!#$%&'*+-.^_`|~09aZ: b", one, {
    "!#$%&'*+-.^_`|~09az": 'b',
  }),
  field('a field three times', 'X-A: 1\r\nX-B: 2\r\nx-a: 3\r\nX-A: 4', one, {
    'x-a': '1 | 3 | 4',
    'x-b': '2',
  }),
  field('Cookie twice', 'Cookie: a=1\r\nCookie: b=2', one, { cookie: 'a=1; b=2' }),
  field('__proto__', '__proto__: b', one, { [PROTO]: 'b' }),
  field('constructor and toString', 'constructor: b\r\ntoString: c', one, {
    constructor: 'b',
    tostring: 'c',
  }),

  field('a space before the colon', 'X-A : b', bad),
  field('a tab before the colon', 'X-A\t: b', bad),
  field('a space in a name', 'X A: b', bad),
  field('an empty name', ': b', bad),
  field('a name that begins with a colon', ':path: /other', bad),
  field('no colon', 'X-A', bad),
  field('no colon but spaces', 'X-A b c', bad),
  field('a comma in a name', 'X,A: b', bad),
  field('a parenthesis in a name', 'X(A): b', bad),
  field('a slash in a name', 'X/A: b', bad),
  field('an at sign in a name', 'X@A: b', bad),
  field('a quote in a name', '"X-A": b', bad),
  field('braces in a name', '{X-A}: b', bad),
  field('a control character in a name', 'X\x01A: b', bad),
  field('a NUL in a name', 'X\x00A: b', bad),
  field('DEL in a name', 'X\x7fA: b', bad),
  field('an 8-bit byte in a name', 'X\xe9A: b', bad),
  field('a NUL in a value', 'X-A: b\x00c', bad),
  field('a NUL for a value', 'X-A: \x00', bad),
  field('a bare CR in a value', 'X-A: b\rc', bad),
  field('a bare CR before a field', 'X-A: b\rX-B: c', bad),
  field('a bare CR at the end of a value', 'X-A: b\r', bad),
  field('a control character in a value', 'X-A: b\x01c', refusedByAny),
  field('a vertical tab in a value', 'X-A: b\x0bc', refusedByAny),
  field('an escape in a value', 'X-A: \x1b[31m', refusedByAny),
  field('DEL in a value', 'X-A: b\x7fc', refusedByAny),
  field('a control character in Host', 'X-A: b\x02', refusedByAny),

  // RFC 9112 section 5.2: refused, or each fold replaced with spaces.
  field('a folded line', 'X-A: b\r\n c', [...bad, one], { 'x-a': 'b c' }),
  field('a line folded with a tab', 'X-A: b\r\n\tc', [...bad, one], { 'x-a': 'b c' }),
  field('a fold with nothing on it', 'X-A: b\r\n \r\nX-B: c', [...bad, one]),
  field('a fold with a field on it', `X-A: b\r\n ${LAST_FIELD}`, bad.concat(one), {
    'x-last': null,
  }),
  request('a fold before the first field', 'GET /case HTTP/1.1\r\n Host: site\r\n\r\n', bad),
  request('a fold in Host', 'GET /case HTTP/1.1\r\nHost: si\r\n te\r\n\r\n', refusedByAny),
  request(
    'a request behind a fold',
    `${GET}X-A: b\r\n \r\n\r\n${SMUGGLED}`.replace('/smuggled', '/second'),
    [...bad, served('GET /case', 'GET /second')],
  ),

  field('1001 fields, and one more', `${fields(1001)}${LAST_FIELD}X: y`, [one, ...tooMany], {
    'x-last': 'here',
  }),
  field('5000 fields', `${fields(5000)}${LAST_FIELD}X: y`, refused(431)),
  field('a value of 8 kB', `X-A: ${x(8000)}`, one, { 'x-a': x(8000) }),
  field('a value of 20 kB', `X-A: ${x(20_000)}`, refused(431)),
  field('a value of 100 kB', `X-A: ${x(100_000)}`, refused(431)),
  field('a name of 8 kB', `${x(8000)}: b`, one, { [x(8000)]: 'b' }),
  field('a name of 20 kB', `${x(20_000)}: b`, refused(431)),
  field('100 kB of fields', `X-A: ${x(90)}\r\n`.repeat(1000) + 'X: y', refused(431)),
  request('a value of 1 MB', `${GET}X-A: ${x(1_000_000)}\r\n\r\n`, refused(431)),
  request('a value that never ends', `${GET}X-A: ${x(100_000)}`, refused(431)),
  field('1000 lines of one field', 'X-A: b\r\n'.repeat(1000) + 'X: y', [one, ...tooMany], {
    x: 'y',
  }),
  field('1100 cookies', 'Cookie: b\r\n'.repeat(1100) + 'X: y', [one, ...tooMany], { x: 'y' }),
  request(
    'Content-Length behind 1200 fields',
    `${POST}${fields(1200)}Content-Length: 5\r\n\r\nhello`,
    [served('POST /case hello'), ...tooMany],
  ),
  request(
    'Transfer-Encoding behind 1200 fields',
    `${POST}${fields(1200)}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    [served('POST /case hello'), ...tooMany],
  ),
  request(
    'Host behind 1200 fields',
    `GET /case HTTP/1.1\r\n${fields(1200)}Host: site\r\n\r\n`,
    [one, ...tooMany, ...refusedByAny],
    { fields: { host: 'site' } },
  ),
  request('a second Host behind 1200 fields', `${GET}${fields(1200)}Host: evil\r\n\r\n`, [
    ...tooMany,
    ...refusedByAny,
  ]),
]
