import { describe, expect, it } from 'vitest'
import { requestFraming, responseFraming } from '../../../src/message/framing.js'

/** Values of `Content-Length`, and whether a message may have them. */
const LENGTHS: [string, boolean][] = [
  ['0', true],
  ['5', true],
  ['0005', true],
  ['9007199254740991', true],
  ['00009007199254740991', true],
  ['9007199254740992', false],
  ['9'.repeat(400), false],
  ['', false],
  ['+5', false],
  ['-5', false],
  ['5 ', false],
  ['5.0', false],
  ['0x5', false],
  ['1e1', false],
  ['5,5', false],
  ['5, 5', false],
  ['5;', false],
  ['5:', false],
  ['٥', false],
]

describe('requestFraming', () => {
  const check = (contentLength?: string, transferEncoding?: string, version = '1.1') =>
    requestFraming({ contentLength, transferEncoding }, version)

  it.each(LENGTHS)('Content-Length: %j', (length, good) => {
    for (const version of ['1.0', '1.1', '2.0']) {
      expect(check(length, undefined, version)).toBe(good ? undefined : 'framing')
    }
  })

  it.each([
    [undefined, undefined, '1.1', undefined],
    [undefined, 'chunked', '1.1', undefined],
    [undefined, 'Chunked', '1.1', undefined],
    [undefined, 'chunked', '1.0', 'framing'],
    [undefined, 'gzip', '1.0', 'framing'],
    [undefined, 'chunked', '2.0', 'framing'],
    ['5', 'chunked', '1.1', 'framing'],
    ['5', 'identity', '1.1', 'framing'],
    ['0', '', '1.1', 'framing'],
    [undefined, 'gzip, chunked', '1.1', 'transfer_coding'],
    [undefined, 'chunked, chunked', '1.1', 'transfer_coding'],
    [undefined, 'chunked ', '1.1', 'transfer_coding'],
    [undefined, '\x0bchunked', '1.1', 'transfer_coding'],
    [undefined, 'chunked;q=1', '1.1', 'transfer_coding'],
    [undefined, 'xchunke', '1.1', 'transfer_coding'],
    [undefined, 'identity', '1.1', 'transfer_coding'],
    [undefined, '', '1.1', 'transfer_coding'],
  ])('length %s, coding %j in HTTP/%s: %s', (length, coding, version, expected) => {
    expect(check(length, coding, version)).toBe(expected)
  })
})

describe('responseFraming', () => {
  it.each(LENGTHS)('Content-Length: %j', (length, good) => {
    const raw = ['Date', 'd', 'content-LENGTH', length]
    expect(responseFraming(raw, 100)).toBe(good ? 'ok' : 'conflict')
  })

  it.each([
    [[], 'ok'],
    [['Transfer-Encoding', 'CHUNKED'], 'ok'],
    [['X-Content-Lengt', '1', 'Content-Lengths', 'x', 'Content-Length', '5'], 'ok'],
    [['Content-Length', '5', 'Content-Length', '5'], 'conflict'],
    [['Content-Length', '5', 'content-length', '6'], 'conflict'],
    [['Content-Length', '5', 'Transfer-Encoding', 'chunked'], 'conflict'],
    [['transfer-encoding', 'chunked', 'A', '1', 'Content-Length', '5'], 'conflict'],
    [['Transfer-Encoding', 'gzip'], 'conflict'],
    [['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'], 'conflict'],
    [['Transfer-Encoding', ''], 'conflict'],
  ])('%j: %s', (raw, expected) => {
    expect(responseFraming(raw, 100)).toBe(expected)
  })

  it('counts the fields', () => {
    const raw = ['A', '1', 'B', '2', 'C', '3']
    expect(responseFraming(raw, 3)).toBe('ok')
    expect(responseFraming(raw, 2)).toBe('too_many_fields')
  })
})
