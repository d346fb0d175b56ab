/** Responses put together from the grammar's pieces, right ones mostly, and then damaged. */
import fc from 'fast-check'
import { chunk } from '../corpus/bytes.js'
import { cuts, mutated, mutations, segmentsOf } from './mutations.js'
import type { Mutation } from './mutations.js'

export interface ResponseFuzz {
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly messages: readonly string[]
  readonly mutations: readonly Mutation[]
  readonly cuts: readonly number[]
  readonly then: 'open' | 'fin' | 'reset'
}

/** Stands in a body for the number of its case. */
const OWN = 'tttttttt'

/** The bytes of a case, in segments, with its number in them. */
export function responseSegments(test: ResponseFuzz, number: number): string[] {
  const own = String(number).padStart(OWN.length, '0')
  const bytes = mutated(test.messages.join(''), test.mutations).replaceAll(OWN, own)
  return segmentsOf(bytes, test.cuts)
}

const mostly = <T>(usual: readonly T[], odd: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 25, arbitrary: fc.constantFrom(...usual) },
    { weight: 1, arbitrary: fc.constantFrom(...odd) },
  )

const statusLine = mostly(
  [
    ...['HTTP/1.1 200 OK', 'HTTP/1.1 200 OK', 'HTTP/1.1 404 Not Found', 'HTTP/1.1 200 '],
    ...['HTTP/1.1 500 Oops', 'HTTP/1.1 299 \xe9', 'HTTP/1.1 204 None', 'HTTP/1.1 304 Same'],
  ],
  [
    ...[
      'HTTP/1.0 200 OK',
      'HTTP/1.1 200',
      'HTTP/1.1 099 Low',
      'HTTP/1.1 1000 High',
      'HTTP/1.1 20 OK',
    ],
    ...['HTTP/1.1 200 O\x01K', 'HTTP/1.1 200 O\rK', 'http/1.1 200 OK', 'HTTP/2.0 200 OK', ''],
    ...[
      'HTTP/1.1 101 Switching Protocols',
      'HTTP/1.1 100 Continue',
      'HTTP/1.1 503 Busy',
      'ICY 200',
    ],
  ],
)
const lineEnd = mostly(['\r\n'], ['\n', '\r', '\n\r', '\r\r\n'])
const fieldLine = mostly(
  [
    ...['X-A: b', 'X-A: c', 'x-b:d', 'X-C: \t e ', 'X-D:', 'Set-Cookie: a="\xe9"', 'Date: never'],
    ...['Connection: keep-alive', 'Connection: X-A', 'Keep-Alive: timeout=60', 'Location: /a b'],
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
    ...['X\x01: b', 'Connection: close', 'Connection: Content-Length', 'Upgrade: h2c', 'X-A: \x01'],
    ...[
      'Keep-Alive: timeout=-1',
      'Trailer: X-S',
      'Proxy-Connection: close',
      `X-L: ${'x'.repeat(3000)}`,
    ],
  ],
)

const CL = 'Content-Length'
const TE = 'Transfer-Encoding'
type Framed = readonly [lines: string, bytes: string]

const FRAMINGS: Readonly<Record<string, (body: string) => Framed>> = {
  length: (body) => [`${CL}: ${body.length}\r\n`, body],
  chunked: (body) => [`${TE}: chunked\r\n`, chunk(body)],
  chunks: (body) => [`${TE}: chunked\r\n`, `4\r\n${body.slice(0, 4)}\r\n${chunk(body.slice(4))}`],
  trailer: (body) => [
    `${TE}: chunked\r\nTrailer: X-S\r\n`,
    chunk(body).replace(/\r\n$/, 'X-S: 1\r\n\r\n'),
  ],
  'by the end': (body) => ['', body],
}
const ODD_FRAMINGS: Readonly<Record<string, (body: string) => Framed>> = {
  'too short': (body) => [`${CL}: ${body.length - 3}\r\n`, body],
  'too long': (body) => [`${CL}: ${body.length + 3}\r\n`, body],
  'much too long': (body) => [`${CL}: 100000\r\n`, body],
  'CL.TE': (body) => [`${CL}: ${body.length}\r\n${TE}: chunked\r\n`, chunk(body)],
  twice: (body) => [`${CL}: ${body.length}\r\n${CL}: 0\r\n`, body],
  'a list': (body) => [`${CL}: ${body.length}, ${body.length}\r\n`, body],
  'a sign': (body) => [`${CL}: +${body.length}\r\n`, body],
  'an extension': (body) => [`${TE}: chunked\r\n`, chunk(body).replace('\r\n', ';a="b"\r\n')],
  'a bare LF': (body) => [`${TE}: chunked\r\n`, chunk(body).replace('\r\n', '\n')],
  '0x': (body) => [`${TE}: chunked\r\n`, `0x${chunk(body)}`],
  'no last chunk': (body) => [`${TE}: chunked\r\n`, chunk(body).slice(0, -5)],
  'a trailer that frames': (body) => [
    `${TE}: chunked\r\n`,
    chunk(body).replace(/\r\n$/, `${CL}: 38\r\n\r\n`),
  ],
}

const ALL = { ...FRAMINGS, ...ODD_FRAMINGS }
const content = fc.constantFrom(
  `hello ${OWN}`,
  `HTTP/1.1 200 OK\r\n${CL}: 8\r\n\r\n${OWN}`,
  `${OWN}${'x'.repeat(3000)}`,
)
const framed: fc.Arbitrary<Framed> = fc
  .tuple(
    fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(...Object.keys(FRAMINGS)) },
      { weight: 2, arbitrary: fc.constantFrom(...Object.keys(ODD_FRAMINGS)) },
    ),
    content,
  )
  .map(([kind, body]) => ALL[kind]?.(body) ?? ['', ''])

const message: fc.Arbitrary<string> = fc
  .record({
    statusLine,
    end: lineEnd,
    fields: fc.array(fieldLine, { maxLength: 4 }),
    body: framed,
    framedFirst: fc.boolean(),
  })
  .map(({ statusLine, end, fields, body: [lines, bytes], framedFirst }) => {
    const others = fields.map((line) => `${line}\r\n`).join('')
    return `${statusLine}${end}${framedFirst ? lines + others : others + lines}\r\n${bytes}`
  })

const interim = fc.constantFrom(
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
  'HTTP/1.1 102 Processing\r\nX-A: b\r\n\r\n',
)

export const responseFuzz: fc.Arbitrary<ResponseFuzz> = fc.record({
  method: fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'POST'),
  messages: fc
    .tuple(
      fc.oneof(
        { weight: 4, arbitrary: fc.constant<string[]>([]) },
        { weight: 1, arbitrary: fc.array(interim, { maxLength: 3 }) },
      ),
      fc.oneof(
        { weight: 5, arbitrary: message.map((one) => [one]) },
        { weight: 1, arbitrary: fc.array(message, { maxLength: 3 }) },
      ),
    )
    .map(([before, after]) => [...before, ...after]),
  mutations,
  cuts,
  then: fc.constantFrom('open', 'fin', 'reset'),
})
