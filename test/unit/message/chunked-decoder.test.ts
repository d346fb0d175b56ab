import { describe, expect, it } from 'vitest'
import { ChunkedDecoder } from '../../../src/message/chunked-decoder.js'

interface Read {
  readonly body: string
  /** Bytes that belong to the body. */
  readonly length: number
  readonly decoder: ChunkedDecoder
}

/** Reads in pieces of `size` bytes. */
function read(text: string, size = text.length): Read {
  const bytes = Buffer.from(text, 'latin1')
  const decoder = new ChunkedDecoder()
  let body = ''
  let length = 0
  for (let i = 0; i < bytes.length; i += size) {
    length += decoder.read(bytes.subarray(i, i + size), (data) => (body += data.toString('latin1')))
  }
  return { body, length, decoder }
}

describe('ChunkedDecoder', () => {
  const whole =
    '000000000000000A;name="v"\r\n0123456789\r\n3 \r\nabc\r\n000\r\nX-Sum: 1 \r\nx-sum:\r\n\r\n'

  it.each([1, 2, 3, 7, 1000])('reads pieces of %d bytes', (size) => {
    const { body, length, decoder } = read(whole, size)
    expect(body).toBe('0123456789abc')
    expect(length).toBe(whole.length)
    expect(decoder.done).toBe(true)
    expect(decoder.rawTrailers).toEqual(['X-Sum', '1', 'x-sum', ''])
  })

  it.each([1, 1000])('leaves what follows (pieces of %d)', (size) => {
    const { body, length, decoder } = read('3\r\nabc\r\n0\r\n\r\n0\r\n\r\nGET /', size)
    expect(body).toBe('abc')
    expect(length).toBe(13)
    expect(decoder.done).toBe(true)
  })

  it('an empty body', () => {
    expect(read('0\r\n\r\nrest')).toMatchObject({ body: '', length: 5 })
  })

  it('is not done before the last line', () => {
    expect(read('3\r\nabc\r\n0\r\n').decoder.done).toBe(false)
  })

  it.each([
    ['no size', '\r\nabc'],
    ['a size that is none', 'xyz\r\n'],
    ['a signed size', '+3\r\nabc\r\n'],
    ['a size with a prefix', '0x3\r\nabc\r\n'],
    ['a size beyond all numbers', '10000000000000\r\n'],
    ['two sizes', '3 4\r\nabc\r\n'],
    ['a bare LF behind the size', '3\nabc\r\n0\r\n\r\n'],
    ['a bare LF behind the chunk', '3\r\nabc\n0\r\n\r\n'],
    ['a bare CR in an extension', '3;a\rb\r\nabc\r\n0\r\n\r\n'],
    ['a chunk longer than its size', '3\r\nabcd\r\n0\r\n\r\n'],
    ['a line without end', `3;${'x'.repeat(20_000)}`],
    ['a trailer without a name', '0\r\n: x\r\n\r\n'],
    ['a trailer without a colon', '0\r\nfoo\r\n\r\n'],
    ['a folded trailer', '0\r\nA: b\r\n c\r\n\r\n'],
    ['a control character in a trailer', '0\r\nA: b\x00\r\n\r\n'],
    ['trailers without end', `0\r\n${'A: bcdefgh\r\n'.repeat(2000)}\r\n`],
  ])('refuses %s', (_, text) => {
    expect(() => read(text)).toThrow()
    expect(() => read(text, 1)).toThrow()
  })

  it('a bare CR is data as any other inside a chunk', () => {
    expect(read('3\r\n\r\n\r\r\n0\r\n\r\n').body).toBe('\r\n\r')
  })
})
