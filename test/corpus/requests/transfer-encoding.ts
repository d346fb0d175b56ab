/** Transfer-Encoding in all the ways in which two readers may differ about it (RFC 9112 sections 6.1 and 7). */
import { CHUNKED, HELLO, POST, SMUGGLED } from '../bytes.js'
import { declined, refused, request, served, servedLast } from '../request-case.js'
import type { RequestCase, RequestOutcome } from '../request-case.js'

const TE = 'Transfer-Encoding'
const hello = served('POST /case hello')
const notOurs = [...refused(400, 501), ...declined(400, 501)]

/** A value, `hello` in chunks, and a request that is none to who reads the chunks. */
function coded(
  name: string,
  line: string,
  outcomes: RequestOutcome | readonly RequestOutcome[],
): RequestCase {
  return request(name, `${POST}${line}\r\n\r\n${HELLO}`, outcomes)
}

export const transferEncoding: readonly RequestCase[] = [
  coded('chunked', `${TE}: chunked`, hello),
  coded('Chunked, in another case', `${TE}: cHuNkEd`, hello),
  coded('the field in another case', 'tRANSFER-eNCODING: chunked', hello),
  coded('a tab before chunked', `${TE}:\tchunked`, hello),
  // Legal; a tab behind it is more than Node's parser knows of.
  coded('spaces and tabs around chunked', `${TE}: \t chunked \t `, [hello, ...refused(400)]),
  coded('no space before chunked', `${TE}:chunked`, hello),

  // What is coded besides must be undone, or said to the peer: nobody here can do the one, nor does the other.
  coded('gzip, chunked', `${TE}: gzip, chunked`, notOurs),
  coded('gzip and chunked in two lines', `${TE}: gzip\r\n${TE}: chunked`, notOurs),
  coded('deflate, chunked', `${TE}: deflate, chunked`, notOurs),
  coded('identity, chunked', `${TE}: identity, chunked`, notOurs),
  coded('an unknown coding, chunked', `${TE}: cow, chunked`, notOurs),
  coded('chunked, gzip', `${TE}: chunked, gzip`, refused(400, 501)),
  coded('chunked, identity', `${TE}: chunked, identity`, refused(400, 501)),
  coded('chunked and then identity in a line', `${TE}: chunked\r\n${TE}: identity`, [
    ...refused(400, 501),
  ]),
  coded('chunked, chunked', `${TE}: chunked, chunked`, refused(400, 501)),
  coded('chunked in two lines', `${TE}: chunked\r\n${TE}: chunked`, refused(400, 501)),
  coded('chunked, with a Transfer-Encoding that is empty', `${TE}:\r\n${TE}: chunked`, [
    ...notOurs,
    hello,
  ]),
  coded('gzip alone', `${TE}: gzip`, refused(400, 501)),
  coded('identity alone', `${TE}: identity`, refused(400, 501)),
  coded('nothing', `${TE}:`, refused(400, 501)),
  coded('xchunked', `${TE}: xchunked`, refused(400, 501)),
  coded('chunkedx', `${TE}: chunkedx`, refused(400, 501)),
  coded('chunke', `${TE}: chunke`, refused(400, 501)),
  coded('chunked and something behind a space', `${TE}: chunked identity`, refused(400, 501)),
  coded('something before chunked and a space', `${TE}: identity chunked`, refused(400, 501)),
  coded('"chunked"', `${TE}: "chunked"`, refused(400, 501)),
  coded("'chunked'", `${TE}: 'chunked'`, refused(400, 501)),
  coded('chunked;q=1', `${TE}: chunked;q=1`, refused(400, 501)),
  coded('chunked with a parameter', `${TE}: chunked;a=b`, refused(400, 501)),
  // An empty member of a list counts for nothing (RFC 9110 section 5.6.1).
  coded('chunked and a comma', `${TE}: chunked,`, [...notOurs, hello]),
  coded('a comma and chunked', `${TE}: , chunked`, [...notOurs, hello]),
  coded('a vertical tab before chunked', `${TE}: \x0bchunked`, refused(400, 501)),
  coded('a form feed before chunked', `${TE}: \x0cchunked`, refused(400, 501)),
  coded('a vertical tab behind chunked', `${TE}: chunked\x0b`, refused(400, 501)),
  coded('a NUL behind chunked', `${TE}: chunked\x00`, refused(400, 501)),
  coded('NEL behind chunked', `${TE}: chunked\x85`, refused(400, 501)),
  coded('a non-breaking space before chunked', `${TE}: \xa0chunked`, refused(400, 501)),
  coded('a bare CR before chunked', `${TE}: \rchunked`, refused(400, 501)),
  coded('chunked on a folded line', `${TE}:\r\n chunked`, [...notOurs, hello]),
  coded('a fold behind chunked', `${TE}: chunked\r\n , identity`, refused(400, 501)),

  coded('a space before the colon', `${TE} : chunked`, refused(400)),
  coded('a tab before the colon', `${TE}\t: chunked`, refused(400)),
  coded('a vertical tab before the colon', `${TE}\x0b: chunked`, refused(400)),
  coded('a NUL in the name', `Transfer\x00-Encoding: chunked`, refused(400)),
  coded('a space before the name', ` ${TE}: chunked`, refused(400)),
  request(
    'an underscore in the name is another field',
    `${POST}Transfer_Encoding: chunked\r\n\r\n`,
    served('POST /case'),
  ),
  request('X: behind a bare LF is not Transfer-Encoding', `${POST}X: y\n${CHUNKED}\r\n${HELLO}`, [
    ...refused(400),
    hello,
  ]),
  request('chunked in HTTP/1.0', `POST /case HTTP/1.0\r\nHost: site\r\n${CHUNKED}\r\n${HELLO}`, [
    ...refused(400, 501),
    servedLast('POST /case hello'),
  ]),
  request(
    'chunked in HTTP/1.0 with keep-alive, and a request behind it',
    `POST /case HTTP/1.0\r\nHost: site\r\nConnection: keep-alive\r\n${CHUNKED}\r\n${HELLO}${SMUGGLED}`,
    [
      ...refused(400, 501),
      servedLast('POST /case hello'),
      // To a reader of HTTP/1.0 as it once was there is no chunked: then all of it is no body.
      { client: '200 400 closed', upstream: ['POST /case hello'] },
    ],
  ),
]
