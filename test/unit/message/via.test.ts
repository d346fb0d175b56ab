import { describe, expect, it } from 'vitest'
import { appendVia, viaValue } from '../../../src/message/via.js'

describe('viaValue', () => {
  it.each([
    ['1.0', '1.0 lb'],
    ['1.1', '1.1 lb'],
    ['2.0', '2 lb'],
    ['2', '2 lb'],
  ])('HTTP/%s → %s', (version, expected) => {
    expect(viaValue(version, 'lb')).toBe(expected)
  })
})

describe('appendVia', () => {
  it.each([
    [[], ['Via', '1.1 lb']],
    [
      ['A', '1', 'viA', '1.0 x', 'B', '2'],
      ['A', '1', 'viA', '1.0 x, 1.1 lb', 'B', '2'],
    ],
    [
      ['Via', 'x', 'via', 'y', 'Vib', 'z'],
      ['Via', 'x', 'via', 'y, 1.1 lb', 'Vib', 'z'],
    ],
    [
      ['Via', ''],
      ['Via', '1.1 lb'],
    ],
  ])('%j → %j', (fields, expected) => {
    appendVia(fields, '1.1 lb')
    expect(fields).toEqual(expected)
  })
})
