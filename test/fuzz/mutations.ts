/** Damage done to bytes: what a fuzzer does to a message that was right. */
import fc from 'fast-check'

/** Places are given as numbers of any size, and mean the same byte however long the text is. */
export type Mutation =
  | { readonly kind: 'delete' | 'duplicate'; readonly at: number; readonly count: number }
  | { readonly kind: 'insert' | 'replace'; readonly at: number; readonly text: string }
  | { readonly kind: 'truncate'; readonly at: number }

const PIECES = [
  ...[
    '\r',
    '\n',
    '\r\n',
    '\r\n\r\n',
    '\n\n',
    '\n\r',
    '\0',
    ' ',
    '\t',
    '\x0b',
    '\x0c',
    '\x7f',
    '\x85',
  ],
  ...[':', ',', ';', '"', '/', '\\', '#', '?', '*', '-', '+', '0', '1', '5', '9', 'a', 'x', '\xff'],
  ...[
    '0\r\n\r\n',
    '5\r\n',
    'chunked',
    'identity',
    'gzip, ',
    'HTTP/1.1',
    'HTTP/1.0',
    ' HTTP/1.1\r\n',
  ],
  ...['Content-Length: 0\r\n', 'Content-Length: 5\r\n', 'Content-Length: 38\r\n'],
  ...['Transfer-Encoding: chunked\r\n', 'Transfer-Encoding : chunked\r\n', 'Host: evil\r\n'],
  ...['Connection: close\r\n', 'Connection: keep-alive\r\n', ' folded\r\n', 'X: y\r\n'],
  'GET /smuggled HTTP/1.1\r\nHost: site\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
]

const place = fc.nat({ max: 100_000 })
const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...PIECES) },
  { weight: 1, arbitrary: fc.nat({ max: 255 }).map((code) => String.fromCharCode(code)) },
)

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('delete', 'duplicate'),
    at: place,
    count: fc.integer({ min: 1, max: 12 }),
  }),
  fc.record({ kind: fc.constantFrom('insert', 'replace'), at: place, text }),
  fc.record({ kind: fc.constant('truncate'), at: place }),
)

/** None at all often enough: what is right must come through. */
export const mutations: fc.Arbitrary<Mutation[]> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Mutation[]>([]) },
  { weight: 5, arbitrary: fc.array(mutation, { minLength: 1, maxLength: 3 }) },
)

export function mutated(bytes: string, list: readonly Mutation[]): string {
  return list.reduce((before, one) => {
    const at = one.at % (before.length + 1)
    switch (one.kind) {
      case 'delete':
        return before.slice(0, at) + before.slice(at + one.count)
      case 'duplicate':
        return before.slice(0, at + one.count) + before.slice(at)
      case 'insert':
        return before.slice(0, at) + one.text + before.slice(at)
      case 'replace':
        return before.slice(0, at) + one.text + before.slice(at + one.text.length)
      case 'truncate':
        return before.slice(0, at)
    }
  }, bytes)
}

/** Where the bytes are cut into segments. */
export const cuts: fc.Arbitrary<number[]> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<number[]>([]) },
  { weight: 1, arbitrary: fc.array(place, { minLength: 1, maxLength: 3 }) },
)

export function segmentsOf(bytes: string, places: readonly number[]): string[] {
  const at = [0, ...places.map((one) => one % (bytes.length + 1)), bytes.length]
  at.sort((a, b) => a - b)
  return at.slice(1).map((end, i) => bytes.slice(at[i], end))
}
