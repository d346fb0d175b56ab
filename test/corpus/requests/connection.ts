/** Connection and the fields it names, Upgrade, Expect, Keep-Alive, and who says where a request came from. */
import { CHUNKED, GET, HELLO, POST, SMUGGLED } from '../bytes.js'
import { declined, refused, request, seen, served, servedLast } from '../request-case.js'
import type { RequestCase, RequestOutcome } from '../request-case.js'

const one = served('GET /case')
const bad = [...refused(400), ...declined(400)]

function get(
  name: string,
  lines: string,
  outcomes: RequestOutcome | readonly RequestOutcome[],
  fields?: Readonly<Record<string, string | null>>,
): RequestCase {
  const more = fields === undefined ? {} : { fields }
  return request(name, `${GET}${lines}\r\n\r\n`, outcomes, more)
}

const WS = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
/** The upstream has answered 200 and so has declined; or nobody here upgrades. */
const noUpgrade = [
  one,
  servedLast('GET /case'),
  ...refused(400, 426, 501),
  ...declined(400, 426, 501),
]

/** A name like any other; written out, it would be no key. */
const PROTO = '__proto__'

export const connection: readonly RequestCase[] = [
  get('Connection: close', 'Connection: close', servedLast('GET /case')),
  get('Connection: CLOSE, x', 'Connection: CLOSE, x', servedLast('GET /case')),
  get('Connection twice', 'Connection: x\r\nConnection: close', servedLast('GET /case')),
  get('Connection naming Host', 'Connection: Host, close', servedLast('GET /case'), {
    host: 'site',
  }),
  request(
    'Connection naming Content-Length',
    `${POST}Connection: Content-Length\r\nContent-Length: 5\r\n\r\nhello`,
    served('POST /case hello'),
  ),
  request(
    'Connection naming Transfer-Encoding',
    `${POST}Connection: transfer-encoding\r\n${CHUNKED}\r\n${HELLO}`,
    served('POST /case hello'),
  ),
  get('Connection naming X-Forwarded-For', 'Connection: X-Forwarded-For, X-Real-IP', one, {
    'x-forwarded-for': '127.0.0.1',
    'x-real-ip': '127.0.0.1',
  }),
  get('Connection naming a field of the client', 'Connection: X-A\r\nX-A: 1\r\nX-B: 2', one, {
    'x-a': null,
    'x-b': '2',
  }),
  // RFC 9110 section 7.6.1: what Connection names is for this connection alone, whatever it is.
  get(
    'Connection naming Authorization',
    'Connection: Authorization\r\nAuthorization: Basic eDp5',
    [one, ...bad],
    { authorization: null },
  ),
  get('Connection naming Cookie', 'Connection: cookie\r\nCookie: a=1', [one, ...bad], {
    cookie: null,
  }),
  get('Connection naming itself', 'Connection: Connection, keep-alive', one),
  get('Connection with bad names', 'Connection: ;, "a", \xff,,,', [one, ...bad]),
  get('Connection with nothing', 'Connection:', one),
  get('Connection with commas', `Connection: ${','.repeat(5000)}`, one),
  get('Connection with 2000 names', `Connection: ${'a,'.repeat(2000)}X-A\r\nX-A: 1`, one, {
    'x-a': null,
  }),
  get('Connection naming __proto__', 'Connection: __proto__, constructor\r\n__proto__: 1', one, {
    [PROTO]: null,
  }),
  // No field of any standard; Node's parser takes it for Connection.
  get('Proxy-Connection', 'Proxy-Connection: close', [one, servedLast('GET /case')], {
    'proxy-connection': null,
  }),
  get('Keep-Alive', 'Connection: keep-alive\r\nKeep-Alive: timeout=99999999999, max=-1', one, {
    'keep-alive': null,
  }),
  get('TE and Trailer', 'TE: trailers, deflate;q=0.5\r\nConnection: TE', one),
  get('Proxy-Authorization', 'Proxy-Authorization: Basic eDp5', one, {
    'proxy-authorization': null,
  }),

  get(
    'forwarded fields of a stranger',
    'X-Forwarded-For: 9.9.9.9\r\nX-Real-IP: 9.9.9.9\r\nForwarded: for=9.9.9.9',
    one,
    { 'x-forwarded-for': '127.0.0.1', 'x-real-ip': '127.0.0.1', forwarded: null },
  ),
  get(
    'forwarded fields in disguise',
    'X_Forwarded_For: 9.9.9.9\r\nX-Forwarded_Proto: https\r\nx_real_ip: 9.9.9.9',
    one,
    { x_forwarded_for: null, 'x-forwarded_proto': null, x_real_ip: null },
  ),

  get(
    'Upgrade: h2c',
    `Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__`,
    noUpgrade,
    {
      upgrade: null,
      'http2-settings': null,
    },
  ),
  get('Upgrade without Connection', 'Upgrade: websocket', one, { upgrade: null }),
  get('Connection: Upgrade without Upgrade', 'Connection: Upgrade', [one, ...bad]),
  get('Upgrade with nothing', 'Connection: Upgrade\r\nUpgrade:', [one, ...noUpgrade]),
  get('Upgrade twice', 'Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c', noUpgrade),
  get(
    'a WebSocket that the upstream declines',
    `Connection: Upgrade\r\nUpgrade: websocket\r\n${WS}`,
    [...noUpgrade],
  ),
  get('an Upgrade that is no token', 'Connection: Upgrade\r\nUpgrade: "x"/\xff', noUpgrade),
  request(
    'Upgrade with a request behind it',
    `${GET}Connection: Upgrade\r\nUpgrade: websocket\r\n${WS}\r\n\r\n${SMUGGLED}`.replace(
      '/smuggled',
      '/second',
    ),
    [
      ...noUpgrade,
      served('GET /case', 'GET /second'),
      seen('200 200 closed', ['GET /case', 'GET /second']),
    ],
  ),
  request(
    'Upgrade with a body',
    `${POST}Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello`,
    [
      served('POST /case hello'),
      servedLast('POST /case hello'),
      ...refused(400, 426, 501),
      ...declined(400, 426, 501),
    ],
  ),
  request(
    'Upgrade in HTTP/1.0',
    `GET /case HTTP/1.0\r\nHost: site\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${WS}\r\n\r\n`,
    [servedLast('GET /case'), ...refused(400, 426, 501)],
  ),

  request(
    'Expect: 100-continue with the body behind it',
    `${POST}Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello`,
    [seen('100 200 kept', ['POST /case hello']), served('POST /case hello')],
  ),
  request(
    'Expect: 100-Continue in another case, chunked',
    `${POST}Expect: 100-Continue\r\n${CHUNKED}\r\n${HELLO}`,
    [seen('100 200 kept', ['POST /case hello']), served('POST /case hello')],
  ),
  request('Expect: 100-continue without a body', `${GET}Expect: 100-continue\r\n\r\n`, [
    seen('100 200 kept', ['GET /case']),
    one,
  ]),
  // RFC 9110 section 10.1.1: to be ignored there.
  request(
    'Expect: 100-continue in HTTP/1.0',
    'POST /case HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello',
    servedLast('POST /case hello'),
  ),
  get('an expectation that nobody meets', 'Expect: 200-ok', [
    ...declined(417),
    ...refused(417),
    one,
  ]),
  get('two expectations', 'Expect: 100-continue, x=y', [
    ...declined(417),
    ...refused(417),
    one,
    seen('100 200 kept', ['GET /case']),
  ]),
  get('an empty expectation', 'Expect:', [...declined(417), ...refused(417), one]),
  request(
    'an expectation that nobody meets, and a body that could be a request',
    `${POST}Expect: x\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    [...declined(417), ...refused(417), served(`POST /case ${SMUGGLED.trimEnd()}`)],
  ),
]
