import { describe, expect, test } from 'vitest'
import { cookieValue, hideCookie, setCookieValue } from '../../../src/message/cookie.js'

describe('a cookie in Cookie', () => {
  test.each([
    ['a=1', '1'],
    ['b=2; a=1', '1'],
    ['b=2;a=1;c=3', '1'],
    ['b=2; \t a \t=\t 1 \t; c=3', '1'],
    ['a=1; a=2', '1'],
    ['a="1"', '1'],
    ['a="1', '"1'],
    ['a="', '"'],
    ['a=', ''],
    ['a=   ; b=1', ''],
    ['a=1=2', '1=2'],
    ['xa=2; a=1', '1'],
    ['ab=2; a=1', '1'],
    ['b=a=2; a=1', '1'],
    ['a; a=1', '1'],
    ['a=1;', '1'],
    [';;;a=1', '1'],
    ['\u00ff\u0000\u0001; a=\u00ff', '\u00ff'],
  ])('%j', (header, value) => {
    expect(cookieValue(header, 'a')).toBe(value)
  })

  test.each([undefined, '', 'a', 'A=1', 'b=a=1', 'xa=1', 'ax=1', 'a;=1', 'b=1, a=2', '=a'])(
    'not in %j',
    (header) => {
      expect(cookieValue(header, 'a')).toBeUndefined()
    },
  )

  test('a name is no pattern', () => {
    expect(cookieValue('aXb=1; a.b=2', 'a.b')).toBe('2')
  })

  test('takes no longer than the header is long', () => {
    const hostile = `${'a '.repeat(50_000)}${';'.repeat(50_000)}${' '.repeat(50_000)}`
    expect(cookieValue(hostile, 'a')).toBeUndefined()
  })
})

test.each([
  ['a=1; Path=/; HttpOnly', '1'],
  ['a="1"', '1'],
  [' a = 1 ;x', '1'],
  ['b=1; a=2', undefined],
  ['a', undefined],
  ['', undefined],
])('a cookie in Set-Cookie: %j', (line, value) => {
  expect(setCookieValue(line, 'a')).toBe(value)
})

test.each([
  [['Cookie', 'a=1'], []],
  [
    ['X', 'a=1', 'cookie', 'b=2; a=1; c=3', 'Y', '1'],
    ['X', 'a=1', 'cookie', 'b=2; c=3', 'Y', '1'],
  ],
  [
    ['Cookie', 'a=1; b=2', 'Cookie', 'a=3'],
    ['Cookie', 'b=2'],
  ],
  [
    ['Cookie', 'a=1;b=2;a=3'],
    ['Cookie', 'b=2'],
  ],
  [
    ['Cookie', 'ab=1'],
    ['Cookie', 'ab=1'],
  ],
  [
    ['Cookies', 'a=1'],
    ['Cookies', 'a=1'],
  ],
])('hidden in %j', (fields, left) => {
  const list = [...fields]
  hideCookie(list, 'a')
  expect(list).toEqual(left)
})
