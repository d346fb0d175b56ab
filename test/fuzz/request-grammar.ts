/** Requests put together from the grammar's pieces, right ones mostly, and then damaged. */
import fc from 'fast-check'
import { SMUGGLED, chunk } from '../corpus/bytes.js'
import { cuts, mutated, mutations, segmentsOf } from './mutations.js'
import type { Mutation } from './mutations.js'

export interface RequestFuzz {
  readonly messages: readonly string[]
  readonly mutations: readonly Mutation[]
  readonly cuts: readonly number[]
}

/** The bytes of a case, in segments. */
export function requestSegments({ messages, mutations, cuts }: RequestFuzz): string[] {
  return segmentsOf(mutated(messages.join(''), mutations), cuts)
}

const mostly = <T>(usual: readonly T[], odd: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 25, arbitrary: fc.constantFrom(...usual) },
    { weight: 1, arbitrary: fc.constantFrom(...odd) },
  )

const method = mostly(
  ['GET', 'GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'],
  ['CONNECT', 'TRACE', 'get', 'PRI', 'BREW', 'M-SEARCH', 'G\x01T', ''],
)
const target = mostly(
  ['/a', '/b?c=d', '//x/../y', '/%2e%2e/%00', `/${'long/'.repeat(20)}`, '/{a}|"b"'],
  ['*', 'http://other/a', 'http://u@other/', 'other:80', '/a b', '/a#b', '/\\', '/\xe9', '', 'a'],
)
const version = mostly(['HTTP/1.1'], ['HTTP/1.0', 'HTTP/1.2', 'http/1.1', 'HTTP/1.1 ', 'HTTP/'])
const lineEnd = mostly(['\r\n'], ['\n', '\r', '\n\r', '\r\r\n', '\r\n '])
const hostLine = mostly(
  ['Host: site'],
  ['', 'Host: a\r\nHost: b', 'Host: a b', 'Host: u@a', 'Host:'],
)
const fieldLine = mostly(
  [
    ...['X-A: b', 'X-A: c', 'x-b:d', 'X-C: \t e ', 'X-D:', 'Cookie: a=b', 'Accept: */*'],
    ...['Connection: keep-alive', 'Connection: X-A', 'X-Forwarded-For: 9.9.9.9', 'X-E: \x80\xff'],
  ],
  [
    ...[
      'X-A : b',
      ' X-A: b',
      ': b',
      'X-A',
      'X-A: b\r\n c',
      'X-A: b\0',
      'X-A: b\rc',
      'X-A: b\nX-F: g',
    ],
    ...['X\x01: b', 'Connection: close', 'Connection: Host, Content-Length', 'TE: trailers'],
    ...['Expect: 100-continue', 'Expect: x', 'Upgrade: h2c', 'Connection: Upgrade', 'Trailer: X-S'],
    ...['Connection: Upgrade\r\nUpgrade: websocket', 'Keep-Alive: timeout=-1', '__proto__: x'],
    ...[`X-A: ${SMUGGLED}`, `X-L: ${'x'.repeat(3000)}`, 'Content_Length: 38', 'X_Forwarded_For: 9'],
  ],
)

const content = fc.constantFrom(
  'hello',
  '',
  SMUGGLED,
  `${SMUGGLED}${SMUGGLED}`,
  '0\r\n\r\n',
  'x'.repeat(300),
)
/** How a body is said and written: rightly, or so that two readers may differ. */
const framed = content.chain((body) =>
  fc
    .oneof(
      { weight: 10, arbitrary: fc.constantFrom('length', 'chunked', 'chunks', 'trailer') },
      { weight: 4, arbitrary: fc.constantFrom(...Object.keys(ODD_FRAMINGS)) },
    )
    .map((kind) => framing(kind, body)),
)

const CL = 'Content-Length'
const TE = 'Transfer-Encoding'
type Framed = readonly [lines: string, bytes: string]

const ODD_FRAMINGS: Readonly<Record<string, (body: string) => Framed>> = {
  'too short': (body) => [`${CL}: ${Math.max(0, body.length - 3)}\r\n`, body],
  'too long': (body) => [`${CL}: ${body.length + 3}\r\n`, body],
  'CL.TE': (body) => [`${CL}: ${body.length + 5}\r\n${TE}: chunked\r\n`, `0\r\n\r\n${body}`],
  'TE.CL': (body) => [`${TE}: chunked\r\n${CL}: 4\r\n`, chunk(body)],
  twice: (body) => [`${CL}: ${body.length}\r\n${CL}: 0\r\n`, body],
  'a list': (body) => [`${CL}: ${body.length}, ${body.length}\r\n`, body],
  'a sign': (body) => [`${CL}: +${body.length}\r\n`, body],
  'nothing said': (body) => ['', body],
  'gzip, chunked': (body) => [`${TE}: gzip, chunked\r\n`, chunk(body)],
  'chunked, gzip': (body) => [`${TE}: chunked, gzip\r\n`, chunk(body)],
  xchunked: (body) => [`${TE}: xchunked\r\n`, chunk(body)],
  'a space before the colon': (body) => [`${TE} : chunked\r\n`, chunk(body)],
  'a vertical tab': (body) => [`${TE}: \x0bchunked\r\n`, chunk(body)],
  'an extension': (body) => [
    `${TE}: chunked\r\n`,
    chunk(body).replace('\r\n', `;a="${SMUGGLED}"\r\n`),
  ],
  'an extension with LF': (body) => [`${TE}: chunked\r\n`, chunk(body).replace('\r\n', ';a\n\r\n')],
  'a bare LF': (body) => [`${TE}: chunked\r\n`, chunk(body).replace('\r\n', '\n')],
  '0x': (body) => [`${TE}: chunked\r\n`, `0x${chunk(body)}`],
  'a large size': (body) => [`${TE}: chunked\r\n`, `1000000000000000${chunk(body)}`],
  'no last chunk': (body) => [`${TE}: chunked\r\n`, chunk(body).slice(0, -5)],
  'a trailer that frames': (body) => [
    `${TE}: chunked\r\n`,
    chunk(body).replace(/\r\n$/, `${CL}: 38\r\n\r\n`),
  ],
}

function framing(kind: string, body: string): Framed {
  switch (kind) {
    case 'length':
      return [`${CL}: ${body.length}\r\n`, body]
    case 'chunked':
      return [`${TE}: chunked\r\n`, body === '' ? '0\r\n\r\n' : chunk(body)]
    case 'chunks': {
      const half = body.length >> 1
      const parts = [body.slice(0, half), body.slice(half)].filter((part) => part !== '')
      const chunks = parts.map((part) => `${part.length.toString(16).toUpperCase()}\r\n${part}\r\n`)
      return [`${TE}: chunked\r\n`, `${chunks.join('')}0\r\n\r\n`]
    }
    case 'trailer':
      return [`${TE}: chunked\r\nTrailer: X-S\r\n`, `1\r\nx\r\n0\r\nX-S: ${body.length}\r\n\r\n`]
    default:
      return ODD_FRAMINGS[kind]?.(body) ?? ['', '']
  }
}

const message: fc.Arbitrary<string> = fc
  .record({
    method,
    target,
    version,
    end: lineEnd,
    host: hostLine,
    fields: fc.array(fieldLine, { maxLength: 4 }),
    body: fc.oneof(
      { weight: 1, arbitrary: fc.constant<Framed>(['', '']) },
      { weight: 1, arbitrary: framed },
    ),
    framedFirst: fc.boolean(),
  })
  .map(({ method, target, version, end, host, fields, body: [lines, bytes], framedFirst }) => {
    const others = [host, ...fields].filter((line) => line !== '').map((line) => `${line}\r\n`)
    const all = framedFirst ? lines + others.join('') : others.join('') + lines
    return `${method} ${target} ${version}${end}${all}\r\n${bytes}`
  })

export const requestFuzz: fc.Arbitrary<RequestFuzz> = fc.record({
  messages: fc.array(message, { minLength: 1, maxLength: 3 }),
  mutations,
  cuts,
})
