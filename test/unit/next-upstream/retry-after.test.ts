import { describe, expect, it, test } from 'vitest'
import { retryAfterOf } from '../../../src/next-upstream/retry-after.js'

const at = 'Sun, 06 Nov 1994 08:49:37 GMT'

describe('Retry-After in seconds', () => {
  it.each([
    ['0', 0],
    ['1', 1000],
    ['120', 120_000],
    [' 7\t', 7000],
    ['9999999999', 9_999_999_999_000],
  ])('%j is %i ms', (value, ms) => {
    expect(retryAfterOf(['Retry-After', value])).toBe(ms)
  })

  it.each([
    '',
    '-1',
    '+1',
    '1.5',
    '1e3',
    '0x10',
    '１２',
    '1 2',
    '1,2',
    '10s',
    '99999999999999999999',
    'Infinity',
    'NaN',
    'soon',
    '\0',
  ])('%j says nothing', (value) => {
    expect(retryAfterOf(['Retry-After', value, 'Date', at])).toBe(0)
  })
})

describe('Retry-After as a date', () => {
  it.each([
    'Sun, 06 Nov 1994 08:50:07 GMT',
    'Sunday, 06-Nov-94 08:50:07 GMT',
    'Sun Nov  6 08:50:07 1994',
  ])('%s is measured against the Date of the response', (value) => {
    expect(retryAfterOf(['date', at, 'RETRY-AFTER', value])).toBe(30_000)
  })

  it.each([
    ['of the past', ['Retry-After', 'Sun, 06 Nov 1994 08:49:36 GMT', 'Date', at]],
    ['without a Date', ['Retry-After', 'Sun, 06 Nov 1994 08:50:07 GMT']],
    ['with a Date that is none', ['Retry-After', 'Sun, 06 Nov 1994 08:50:07 GMT', 'Date', 'now']],
    ['in a zone of its own', ['Retry-After', 'Sun, 06 Nov 1994 08:50:07 CET', 'Date', at]],
    ['that does not exist', ['Retry-After', 'Sun, 99 Nov 1994 08:50:07 GMT', 'Date', at]],
    ['of another form', ['Retry-After', '1994-11-06T08:50:07Z', 'Date', at]],
  ])('%s says nothing', (_what, fields) => {
    expect(retryAfterOf(fields)).toBe(0)
  })
})

test('two of them say nothing', () => {
  expect(retryAfterOf(['Retry-After', '1', 'retry-after', '1'])).toBe(0)
})

test('none says nothing', () => {
  expect(retryAfterOf([])).toBe(0)
  expect(retryAfterOf(['X-Retry-Aft', '5', 'Content-Type', 'Retry-After'])).toBe(0)
})
