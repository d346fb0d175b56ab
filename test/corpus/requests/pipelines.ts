/** Several requests on one connection, and connections that end early. */
import { CHUNKED, GET, HEAD, HELLO, POST, SMUGGLED, length, x } from '../bytes.js'
import { begun, dropped, refused, request, seen, served, servedLast } from '../request-case.js'
import type { RequestCase, RequestOutcome } from '../request-case.js'

const SECOND = 'GET /second HTTP/1.1\r\nHost: site\r\n\r\n'
const BAD = 'GET /second HTTP/1.1\r\nHost : site\r\n\r\n'

/** Node answers what is no request at once, be the one before answered or not; that one may be lost by it. */
const firstThenRefused = (first: string): RequestOutcome[] => [
  seen('200 400 closed', [first]),
  seen('400 closed', [first]),
  seen('400 closed'),
  begun('400 closed', first.split(' ').slice(0, 2).join(' ')),
]

/** The client has gone: what it had asked for may have been carried already. */
const gone = (...upstream: string[]): RequestOutcome[] => [
  dropped,
  seen('closed', upstream),
  begun('closed', 'GET /case'),
]

/** Each is answered in its place, whichever came to the upstream first. */
const inAnyOrder = (first: string): RequestOutcome[] => [
  served(first, 'GET /second'),
  served('GET /second', first),
]

/** An interim response comes before the head of its own response, never behind it. */
const inOrderWith100 = (client: string): RequestOutcome[] => [
  seen(client, ['POST /case hello', 'PUT /second hello']),
  seen(client, ['PUT /second hello', 'POST /case hello']),
]

const incomplete = [...refused(400), dropped]
const cutBody: RequestOutcome[] = [begun('400 closed', 'POST /case'), begun('closed', 'POST /case')]

export const pipelines: readonly RequestCase[] = [
  request('good and good', `${GET}\r\n${SECOND}`, served('GET /case', 'GET /second')),
  request('a body and good', POST + length('hello') + SECOND, inAnyOrder('POST /case hello')),
  request('a chunked body and good', `${POST}${CHUNKED}\r\n${HELLO}${SECOND}`, [
    ...inAnyOrder('POST /case hello'),
  ]),
  // RFC 9112 section 9.3.2: only what is safe may be carried at the same time as what follows it.
  request(
    'what is not safe is carried before what is behind it',
    POST + length('hello') + SECOND,
    served('POST /case hello', 'GET /second'),
  ),
  request('HEAD and good', `${HEAD}\r\n${SECOND}`, served('HEAD /case', 'GET /second'), {
    heads: [0],
  }),
  request(
    'twenty good ones',
    `${GET}\r\n`.repeat(20),
    served(...Array.from({ length: 20 }, () => 'GET /case')),
  ),
  request('good, and an empty line between', `${GET}\r\n\r\n${SECOND}`, [
    served('GET /case', 'GET /second'),
  ]),
  request(
    'good, and one that expects 100',
    // The first takes longer: it needs a new connection to the peer.
    `${POST}${length('hello')}PUT /second HTTP/1.1\r\nHost: site\r\nExpect: 100-continue\r\n${length('hello')}`,
    [...inOrderWith100('200 100 200 kept'), ...inOrderWith100('200 200 kept')],
  ),
  request('good and bad', `${GET}\r\n${BAD}`, firstThenRefused('GET /case')),
  request('a body and bad', POST + length('hello') + BAD, firstThenRefused('POST /case hello')),
  request('bad and good', `GET /case HTTP/1.1\r\nHost : site\r\n\r\n${SECOND}`, refused(400)),
  request('a bad framing and good', `${POST}Content-Length: 5x\r\n\r\nhello${SECOND}`, [
    ...refused(400),
  ]),
  request('good with Connection: close and good', `${GET}Connection: close\r\n\r\n${SECOND}`, [
    servedLast('GET /case'),
    // Node says of what comes behind it that it is no request.
    seen('400 closed', ['GET /case']),
    seen('400 closed'),
    begun('400 closed', 'GET /case'),
  ]),
  request('two Hosts and good', `${GET}Host: evil\r\n\r\n${SECOND}`, [
    seen('400 200 kept', ['GET /second']),
    ...refused(400),
  ]),
  request('good and garbage', `${GET}\r\n\x00\x01\x02`, firstThenRefused('GET /case')),
  request(
    'a request in pieces',
    ['GE', 'T /ca', 'se HT', 'TP/1.1\r', '\nHost:', ' site\r\n\r', '\n'],
    [served('GET /case')],
  ),
  request(
    'two requests, cut in the middle of the second',
    [`${GET}\r\n${SECOND.slice(0, 20)}`, SECOND.slice(20)],
    [served('GET /case', 'GET /second')],
  ),
  request(
    'a body in pieces',
    [POST, 'Content-Length: 5\r\n\r\nhe', 'l', 'lo'],
    [served('POST /case hello')],
  ),
  request(
    'a body of 1 MB and a request behind it',
    POST + length(x(1_000_000)) + SECOND,
    inAnyOrder(`POST /case ${x(1_000_000)}`),
  ),

  request('nothing, and the end', '', dropped, { then: 'fin' }),
  request('an empty line, and the end', '\r\n', dropped, { then: 'fin' }),
  request('half a method, and the end', 'GE', incomplete, { then: 'fin' }),
  request('half a request line, and the end', 'GET /case HT', incomplete, { then: 'fin' }),
  request('half a head, and the end', 'GET /case HTTP/1.1\r\nHost: si', incomplete, {
    then: 'fin',
  }),
  request('a head without its empty line, and the end', GET, incomplete, { then: 'fin' }),
  request('half a body, and the end', `${POST}Content-Length: 50\r\n\r\nhello`, cutBody, {
    then: 'fin',
  }),
  request('no body, and the end', `${POST}Content-Length: 50\r\n\r\n`, cutBody, { then: 'fin' }),
  request(
    'half a body that is a request, and the end',
    `${POST}Content-Length: 999\r\n\r\n${SMUGGLED}`,
    [...cutBody],
    { then: 'fin' },
  ),
  request('half a chunk, and the end', `${POST}${CHUNKED}\r\n5\r\nhe`, cutBody, { then: 'fin' }),
  request('half a chunk size, and the end', `${POST}${CHUNKED}\r\n5`, cutBody, { then: 'fin' }),
  request('no last chunk, and the end', `${POST}${CHUNKED}\r\n5\r\nhello\r\n`, cutBody, {
    then: 'fin',
  }),
  request('half a last chunk, and the end', `${POST}${CHUNKED}\r\n5\r\nhello\r\n0\r\n`, cutBody, {
    then: 'fin',
  }),
  request('half a trailer, and the end', `${POST}${CHUNKED}\r\n0\r\nX-Sum: 1`, cutBody, {
    then: 'fin',
  }),
  request('half a head, and a reset', 'GET /case HTTP/1.1\r\nHost: si', dropped, { then: 'reset' }),
  request('half a body, and a reset', `${POST}Content-Length: 50\r\n\r\nhello`, cutBody, {
    then: 'reset',
  }),
  request('half a chunk, and a reset', `${POST}${CHUNKED}\r\n5\r\nhe`, cutBody, { then: 'reset' }),
  request(
    'a whole request, and a reset',
    `${GET}\r\n`,
    [...gone('GET /case'), seen('200 closed', ['GET /case'])],
    {
      then: 'reset',
    },
  ),
  // To a server of Node a client that has sent its last has gone.
  request(
    'a whole request, and the end',
    `${GET}\r\n`,
    [...gone('GET /case'), seen('200 closed', ['GET /case'])],
    {
      then: 'fin',
    },
  ),
]
