import { describe, expect, it } from 'vitest'
import {
  acceptsSwitch,
  carriesHttp,
  checkHead,
  switchedTo,
  switchingHeaders,
} from '../../../src/message/switching-protocols.js'

describe('acceptsSwitch', () => {
  it.each([
    ['websocket', ['Upgrade', 'websocket'], 'websocket'],
    ['websocket', ['upgrade', 'WebSocket'], 'WebSocket'],
    ['WEBSOCKET', ['UPGRADE', ' websocket '], 'websocket'],
    ['foo/1, bar/2', ['X', 'y', 'Upgrade', 'bar/2'], 'bar/2'],
    ['foo , bar', ['Upgrade', 'foo', 'Upgrade', 'bar'], 'foo, bar'],
    ['foo, bar', ['Upgrade', 'bar,foo'], 'bar,foo'],
  ])('%s: %j', (asked, rawHeaders, protocol) => {
    expect(switchedTo(asked, rawHeaders)).toBe(protocol)
    expect(acceptsSwitch(asked, rawHeaders)).toBe(true)
  })

  it.each([
    ['websocket', []],
    ['websocket', ['Upgrade', '']],
    ['websocket', ['Upgrade', 'foo']],
    ['websocket', ['Upgrade', 'websocket, foo']],
    ['websocket', ['Upgrade', 'websocket', 'Upgrade', 'foo']],
    ['websocket', ['Upgrade', 'websocket,']],
    ['foo/1', ['Upgrade', 'foo/2']],
    ['foo/1', ['Upgrade', 'foo']],
    ['foo,', ['Upgrade', '']],
    ['', ['Upgrade', '']],
    ['h2c', ['Upgrade', 'h2c']],
    ['H2C, foo', ['Upgrade', 'foo, H2C']],
    ['TLS/1.2', ['Upgrade', 'TLS/1.2']],
    ['HTTP/2.0', ['Upgrade', 'http/2.0']],
  ])('not %j: %j', (asked, rawHeaders) => {
    expect(switchedTo(asked, rawHeaders)).toBeUndefined()
    expect(acceptsSwitch(asked, rawHeaders)).toBe(false)
  })
})

describe('carriesHttp', () => {
  it.each([
    'h2c',
    'h2',
    'H2C',
    'websocket, h2c',
    'HTTP/2.0',
    'TLS/1.3, HTTP/1.1',
    'h3',
    'foo,http',
  ])('%s', (upgrade) => expect(carriesHttp(upgrade)).toBe(true))

  it.each(['websocket', 'h2cx', 'https-not/1', 'foo/http', '', 'tlsx'])('not %j', (upgrade) =>
    expect(carriesHttp(upgrade)).toBe(false),
  )
})

describe('switchingHeaders', () => {
  it('keeps order, case and repeated lines, and says what is switched to', () => {
    const rawHeaders = [
      ...['x-A', '1', 'Connection', 'upgrade, X-Hop', 'X-Hop', 'h', 'Upgrade', 'websocket'],
      ...[
        'Sec-WebSocket-Accept',
        'abc',
        'Set-Cookie',
        'a',
        'Content-Length',
        '3',
        'Set-Cookie',
        'b',
      ],
      ...['Transfer-Encoding', 'chunked', 'Keep-Alive', 'timeout=5', 'Date', 'today'],
    ]
    expect(switchingHeaders(rawHeaders, 'WebSocket')).toEqual([
      ...['x-A', '1', 'Sec-WebSocket-Accept', 'abc', 'Set-Cookie', 'a', 'Set-Cookie', 'b'],
      ...['Date', 'today', 'Connection', 'Upgrade', 'Upgrade', 'WebSocket'],
    ])
  })
})

describe('checkHead', () => {
  it.each([
    ['OK', ['A', 'b']],
    ['', []],
  ])('%j %j', (reason, fields) => expect(() => checkHead(reason, fields)).not.toThrow())

  it.each([
    ['a\x01', []],
    ['a\r\nB: c', []],
    ['OK', ['A b', 'c']],
    ['OK', ['A', 'b\n']],
    ['OK', ['', 'b']],
  ])('not %j %j', (reason, fields) => expect(() => checkHead(reason, fields)).toThrow())
})
