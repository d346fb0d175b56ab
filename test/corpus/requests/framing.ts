/** Content-Length: one, several, and what looks like one (RFC 9112 section 6.3). */
import { CHUNKED, GET, HELLO, POST, SMUGGLED } from '../bytes.js'
import { refused, request, served, servedLast } from '../request-case.js'
import type { RequestCase } from '../request-case.js'

const CL = 'Content-Length'
const hello = served('POST /case hello')

export const framing: readonly RequestCase[] = [
  request('Content-Length, plain', `${POST}${CL}: 5\r\n\r\nhello`, hello),
  request('Content-Length: 0', `${POST}${CL}: 0\r\n\r\n`, served('POST /case')),
  request('Content-Length with leading zeros', `${POST}${CL}: 0005\r\n\r\nhello`, [
    hello,
    ...refused(400),
  ]),
  request('Content-Length with a tab before and spaces behind', `${POST}${CL}:\t5  \r\n\r\nhello`, [
    hello,
    ...refused(400),
  ]),

  request(
    'CL.TE: the chunked body ends before the Content-Length',
    `${POST}${CL}: ${SMUGGLED.length + 5}\r\n${CHUNKED}\r\n0\r\n\r\n${SMUGGLED}`,
    refused(400),
  ),
  request(
    'TE.CL: the Content-Length ends before the chunked body',
    `${POST}${CHUNKED}${CL}: 4\r\n\r\n${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
    refused(400),
  ),
  request(
    'Content-Length: 0 with a chunked body',
    `${POST}${CL}: 0\r\n${CHUNKED}\r\n${HELLO}`,
    refused(400),
  ),
  request(
    'GET with Content-Length and chunked',
    `${GET}${CL}: 5\r\n${CHUNKED}\r\n0\r\n\r\n`,
    refused(400),
  ),
  request(
    'CL.TE in HTTP/1.0',
    `POST /case HTTP/1.0\r\nHost: site\r\n${CL}: 6\r\n${CHUNKED}\r\n0\r\n\r\nX`,
    refused(400),
  ),
  request(
    'Content-Length with a Transfer-Encoding that is none of ours',
    `${POST}${CL}: 5\r\nTransfer-Encoding: gzip\r\n\r\nhello`,
    refused(400, 501),
  ),
  request(
    'Content-Length with an empty Transfer-Encoding',
    `${POST}${CL}: 5\r\nTransfer-Encoding:\r\n\r\nhello`,
    refused(400, 501),
  ),
  request(
    'Content-Length with Transfer-Encoding: identity',
    `${POST}${CL}: 5\r\nTransfer-Encoding: identity\r\n\r\nhello`,
    refused(400, 501),
  ),

  request('two equal Content-Lengths', `${POST}${CL}: 5\r\n${CL}: 5\r\n\r\nhello`, [
    ...refused(400),
    hello,
  ]),
  request(
    'two different Content-Lengths, the longer first',
    `${POST}${CL}: 43\r\n${CL}: 5\r\n\r\nhello${SMUGGLED}`,
    refused(400),
  ),
  request(
    'two different Content-Lengths, the shorter first',
    `${POST}${CL}: 5\r\n${CL}: 43\r\n\r\nhello${SMUGGLED}`,
    refused(400),
  ),
  request(
    'Content-Length: 0 and another one',
    `${POST}${CL}: 0\r\n${CL}: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    refused(400),
  ),
  request(
    'two Content-Lengths in different case',
    `${POST}content-length: 5\r\nCONTENT-LENGTH: 43\r\n\r\nhello${SMUGGLED}`,
    refused(400),
  ),
  request('a list of equal Content-Lengths', `${POST}${CL}: 5, 5\r\n\r\nhello`, [
    ...refused(400),
    hello,
  ]),
  request(
    'a list of different Content-Lengths',
    `${POST}${CL}: 5, 43\r\n\r\nhello${SMUGGLED}`,
    refused(400),
  ),
  request('a list with an empty member', `${POST}${CL}: 5,\r\n\r\nhello`, refused(400)),
  request('a list that begins empty', `${POST}${CL}: ,5\r\n\r\nhello`, refused(400)),

  request('Content-Length: +5', `${POST}${CL}: +5\r\n\r\nhello`, refused(400)),
  request('Content-Length: -5', `${POST}${CL}: -5\r\n\r\nhello`, refused(400)),
  request('Content-Length: -0', `${POST}${CL}: -0\r\n\r\n`, refused(400)),
  request('Content-Length: 0x5', `${POST}${CL}: 0x5\r\n\r\nhello`, refused(400)),
  request('Content-Length: 5.0', `${POST}${CL}: 5.0\r\n\r\nhello`, refused(400)),
  request('Content-Length: 5e0', `${POST}${CL}: 5e0\r\n\r\nhello`, refused(400)),
  request('Content-Length: 1 2', `${POST}${CL}: 1 2\r\n\r\nhello1234567`, refused(400)),
  request('Content-Length: 1_0', `${POST}${CL}: 1_0\r\n\r\nhellohello`, refused(400)),
  request('Content-Length: five', `${POST}${CL}: five\r\n\r\nhello`, refused(400)),
  request('Content-Length: "5"', `${POST}${CL}: "5"\r\n\r\nhello`, refused(400)),
  request('Content-Length: 5;a', `${POST}${CL}: 5;a\r\n\r\nhello`, refused(400)),
  request('Content-Length with nothing', `${POST}${CL}:\r\n\r\n`, refused(400)),
  request('Content-Length of spaces', `${POST}${CL}:   \r\n\r\n`, refused(400)),
  request('Content-Length behind a NUL', `${POST}${CL}: \x005\r\n\r\nhello`, refused(400)),
  request('Content-Length behind a vertical tab', `${POST}${CL}: \x0b5\r\n\r\nhello`, refused(400)),
  request('Content-Length before a form feed', `${POST}${CL}: 5\x0c\r\n\r\nhello`, refused(400)),
  request('Content-Length behind obs-text', `${POST}${CL}: \xa05\r\n\r\nhello`, refused(400)),
  request(
    'Content-Length of 2^64',
    `${POST}${CL}: 18446744073709551616\r\n\r\nhello`,
    refused(400, 413),
  ),
  request(
    'Content-Length of 2^64 + 5',
    `${POST}${CL}: 18446744073709551621\r\n\r\nhello`,
    refused(400, 413),
  ),
  request('Content-Length of 400 digits', `${POST}${CL}: ${'9'.repeat(400)}\r\n\r\nhello`, [
    ...refused(400, 413),
  ]),

  request('a GET with a body', `${GET}${CL}: 5\r\n\r\nhello`, served('GET /case hello')),
  request('bytes beyond the body that are no request', `${POST}${CL}: 5\r\n\r\nhello!!!\r\n\r\n`, [
    { client: '400 closed', upstream: [] },
    { client: '400 closed', upstream: ['POST /case hello'] },
    { client: '200 400 closed', upstream: ['POST /case hello'] },
    { client: '200 closed', upstream: ['POST /case hello'] },
  ]),
  request(
    'an empty line behind the body is skipped',
    `${POST}${CL}: 5\r\n\r\nhello\r\n`,
    served('POST /case hello'),
  ),
  request('HTTP/1.0 with a body', `POST /case HTTP/1.0\r\n${CL}: 5\r\n\r\nhello`, [
    servedLast('POST /case hello'),
  ]),
  request(
    'HTTP/1.0 without Content-Length has no body',
    'POST /case HTTP/1.0\r\nHost: site\r\n\r\n',
    servedLast('POST /case'),
  ),
]
