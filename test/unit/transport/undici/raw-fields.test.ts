import { expect, it } from 'vitest'
import { fieldsOf } from '../../../../src/transport/undici/raw-fields.js'

const read = Buffer.from('X-A: b\r\nX-\xe9: \xff\r\nEmpty:\r\n', 'latin1')
const [name, value] = [read.subarray(0, 3), read.subarray(5, 6)]

it.each<[string, Buffer[], string[]]>([
  ['none', [], []],
  ['of one read', [name, value], ['X-A', 'b']],
  [
    '8-bit ones',
    [name, value, read.subarray(8, 11), read.subarray(13, 14)],
    ['X-A', 'b', 'X-\xe9', '\xff'],
  ],
  ['empty ones', [read.subarray(16, 21), read.subarray(22, 22)], ['Empty', '']],
  ['of two reads', [name, Buffer.alloc(70_000, 'x')], ['X-A', 'x'.repeat(70_000)]],
  [
    'one put together elsewhere',
    [name, Buffer.alloc(9000, 'y'), name, value],
    ['X-A', 'y'.repeat(9000), 'X-A', 'b'],
  ],
  ['in another order', [read.subarray(8, 11), value], ['X-\xe9', 'b']],
])('fields: %s', (_, raw, expected) => {
  expect(fieldsOf(raw)).toEqual(expected)
})
