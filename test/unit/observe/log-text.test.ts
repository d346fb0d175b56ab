/** How values, times and targets look in log lines. */
import { describe, expect, it } from 'vitest'
import { escapeDefault, escapeJson, escapeNone } from '../../../src/observe/log-escape.js'
import { LogTimes, seconds } from '../../../src/observe/log-times.js'
import {
  argument,
  argumentsOf,
  normalisedUri,
  requestUri,
} from '../../../src/observe/request-uri.js'

describe('escape', () => {
  it.each([
    ['default', escapeDefault, 'a"b\\c\n\x7f\xe9~', String.raw`a\x22b\x5Cc\x0A\x7F\xE9~`],
    [
      'json',
      escapeJson,
      'a"b\\c\n\r\t\b\f\x01\x1f\x7f',
      String.raw`a\"b\\c\n\r\t\b\f\u0001\u001F` + '\x7f',
    ],
    ['json of UTF-8', escapeJson, '\xc3\xa9', 'é'],
    ['json of what is no UTF-8', escapeJson, 'a\xff', 'a\ufffd'],
    ['none', escapeNone, 'a"\n\xc3\xa9', 'a"\né'],
  ])('%s', (_, escape, value, expected) => {
    expect(escape(value, 'bytes')).toBe(expected)
  })

  it('texts of options are written as their UTF-8', () => {
    expect(escapeDefault('ü', 'text')).toBe(String.raw`\xC3\xBC`)
    expect(escapeJson('ü"', 'text')).toBe(String.raw`ü\"`)
  })
})

describe('times', () => {
  it.each([
    [0, '0.000'],
    [-5, '0.000'],
    [12.4, '0.012'],
    [999.6, '1.000'],
    [61_002, '61.002'],
  ])('seconds(%d)', (ms, text) => {
    expect(seconds(ms)).toBe(text)
  })

  it('are read once a turn, and made once a second', () => {
    let wall = Date.UTC(2026, 10, 21, 10, 0, 0, 123)
    let reads = 0
    const times = new LogTimes({ now: () => 1 }, () => (reads++, wall))
    const first = times.iso8601
    expect(first).toMatch(/^2026-11-2\dT\d\d:\d\d:00[+-]\d\d:\d\d$/)
    expect(times.local).toMatch(/^2\d\/Nov\/2026:\d\d:\d\d:00 [+-]\d{4}$/)
    expect(times.error).toMatch(/^2026\/11\/2\d \d\d:\d\d:00$/)
    expect(times.msec).toBe('1795255200.123')
    expect(new Date(first).getTime()).toBe(Math.floor(wall / 1000) * 1000)
    expect(reads).toBe(1)
    wall += 1000
    expect(times.iso8601).toBe(first)
    times.expire()
    expect(times.iso8601).not.toBe(first)
  })
})

describe('targets', () => {
  it.each([
    ['/a/b?x=1', '/a/b'],
    ['/a//b/./c/../d/', '/a/b/d/'],
    ['/a/..', '/'],
    ['/a/%2e%2e/b%2Fc', '/b/c'],
    ['/%C3%A9%20', '/\xc3\xa9 '],
    ['/a%3Fb?c', '/a?b'],
    ['/..', '/..'],
    ['/%00', '/%00'],
    ['/%zz', '/%zz'],
    ['/.hidden', '/.hidden'],
    ['http://h:1/p/?q', '/p/'],
    ['*', '*'],
  ])('the URI of %s', (target, uri) => {
    expect(normalisedUri(target)).toBe(uri)
  })

  it('an absolute target has a path, if only /', () => {
    expect(requestUri('http://h?x')).toBe('/?x')
  })

  it.each([
    ['a', '1'],
    ['b', ''],
    ['c', undefined],
  ])('argument %s', (name, value) => {
    expect(argument('/x?xa=0&A=1&b=&c&a=2#a=3', name)).toBe(value)
  })

  it('no arguments', () => {
    expect(argumentsOf('/x?')).toBeUndefined()
    expect(argumentsOf('/x?a#b')).toBe('a')
  })
})
