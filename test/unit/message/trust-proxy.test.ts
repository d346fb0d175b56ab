import { describe, expect, it } from 'vitest'
import {
  clientAddress,
  compileTrust,
  isValidTrustEntry,
  plainAddress,
} from '../../../src/message/trust-proxy.js'
import type { TrustProxy } from '../../../src/options.js'

const trusts = (option: TrustProxy, address: string, hop = 0) => compileTrust(option)(address, hop)

describe('compileTrust', () => {
  it.each([
    [true, '203.0.113.9', true],
    [false, '127.0.0.1', false],
    [[], '127.0.0.1', false],
    ['loopback', '127.0.0.1', true],
    ['loopback', '127.255.0.3', true],
    ['loopback', '128.0.0.1', false],
    ['loopback', '::1', true],
    ['loopback', '::2', false],
    ['loopback', '::ffff:127.0.0.1', true],
    ['loopback', '::ffff:7f00:1', true],
    ['linklocal', '169.254.3.4', true],
    ['linklocal', 'fe80::1', true],
    ['linklocal', 'fe80::1%eth0', true],
    ['fe80::1', 'fe80::1%eth0.100', true],
    ['linklocal', 'febf:ffff::', true],
    ['linklocal', 'fec0::1', false],
    ['uniquelocal', '10.255.255.255', true],
    ['uniquelocal', '172.31.255.255', true],
    ['uniquelocal', '172.32.0.0', false],
    ['uniquelocal', '192.168.1.1', true],
    ['uniquelocal', 'fdff::1', true],
    ['uniquelocal', 'fe00::1', false],
    [' loopback ,  10.1.2.3', '10.1.2.3', true],
    [['loopback', '10.1.2.3'], '10.1.2.4', false],
    [['10.0.0.0/8, 192.0.2.0/24', '::1'], '192.0.2.77', true],
    ['10.1.2.3/16', '10.1.255.1', true],
    ['10.1.2.3/16', '10.2.0.1', false],
    ['10.1.2.3/255.255.0.0', '10.1.255.1', true],
    ['10.1.2.3/255.255.0.0', '10.2.0.1', false],
    ['10.1.2.3/255.255.255.255', '10.1.2.3', true],
    ['128.0.0.0/1', '255.0.0.1', true],
    ['128.0.0.0/1', '127.0.0.1', false],
    ['::ffff:10.0.0.1', '10.0.0.1', true],
    ['10.0.0.1', '::ffff:10.0.0.1', true],
    ['::ffff:10.0.0.0/104', '10.200.0.1', true],
    ['::ffff:10.0.0.0/104', '11.0.0.1', false],
    // proxy-addr CVE-2026-90711: a wide IPv6 network does not trust IPv4
    ['::/1', '11.0.0.1', false],
    ['::/1', '::ffff:11.0.0.1', false],
    ['::/1', '::1', true],
    ['::ffff:0:0/95', '11.0.0.1', false],
    ['::ffff:0:0/95', '::fffe:0:1', false],
    ['::ffff:0:0/96', '11.0.0.1', true],
    ['::ffff:0:0/96', '::1', false],
    ['8000::/1', '11.0.0.1', false],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['2001:db8:0:0:0:0:1.2.3.4', '2001:db8::102:304', true],
    ['loopback', '', false],
    ['loopback', 'localhost', false],
    ['loopback', '127.1', false],
    ['loopback', '0x7f.0.0.1', false],
  ] as [TrustProxy, string, boolean][])('%j: %s → %j', (option, address, expected) => {
    expect(trusts(option, address)).toBe(expected)
  })

  it('counts hops', () => {
    expect([0, 1, 2].map((hop) => trusts(2, '203.0.113.9', hop))).toEqual([true, true, false])
    expect(trusts(0, '127.0.0.1')).toBe(false)
  })

  it('takes a function as it is', () => {
    const own = (address: string, hop: number) => address === 'x' && hop === 1
    expect(compileTrust(own)).toBe(own)
  })

  it('throws for what is no address', () => {
    expect(() => compileTrust('loopback, nonsense')).toThrow(
      new TypeError('invalid address or network: nonsense'),
    )
  })
})

describe('isValidTrustEntry', () => {
  it.each([
    'loopback',
    '10.0.0.1',
    '::1',
    '10.0.0.0/8',
    'fe80::/10',
    '::1/128',
    '10.0.0.0/255.0.0.0',
    ' ::1 , linklocal',
  ])('takes %s', (text) => expect(isValidTrustEntry(text)).toBe(true))

  it.each([
    '',
    'Loopback',
    'localhost',
    '10.0.0',
    '10.0.0.0/',
    '10.0.0.0/0',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/8.0',
    '10.0.0.0/255.0.255.0',
    '10.0.0.0/0.0.0.0',
    '10.0.0.0/0.0.0.255',
    '::/0',
    '::1/129',
    '::1/255.0.0.0',
    '/8',
    '10.0.0.1,',
    'a/8',
    '10.0.0.1:80',
    '10.0.0.0/ffff::',
    'unix:',
    'constructor',
    '__proto__',
  ])('refuses %j', (text) => expect(isValidTrustEntry(text)).toBe(false))
})

describe('clientAddress', () => {
  it.each([
    [false, undefined, '10.0.0.1'],
    [false, '1.1.1.1', '10.0.0.1'],
    [true, '1.1.1.1, 2.2.2.2', '1.1.1.1'],
    [true, undefined, '10.0.0.1'],
    [true, '', '10.0.0.1'],
    [true, ' , ,', '10.0.0.1'],
    [true, ',1.1.1.1,,2.2.2.2,', '1.1.1.1'],
    [1, '1.1.1.1, 2.2.2.2', '2.2.2.2'],
    [2, '1.1.1.1, 2.2.2.2', '1.1.1.1'],
    [9, '1.1.1.1, 2.2.2.2', '1.1.1.1'],
    ['10.0.0.0/8', '1.1.1.1, 2.2.2.2, 10.9.9.9', '2.2.2.2'],
    ['10.0.0.0/8', '10.1.1.1,\t10.9.9.9', '10.1.1.1'],
    ['10.0.0.0/8', '1.1.1.1, junk', 'junk'],
    ['192.168.0.0/16', '1.1.1.1', '10.0.0.1'],
  ] as [TrustProxy, string | undefined, string][])('%j %j → %s', (option, header, expected) => {
    expect(clientAddress('10.0.0.1', header, compileTrust(option))).toBe(expected)
  })

  it('starts from a peer without address', () => {
    expect(clientAddress(undefined, '1.1.1.1', compileTrust(true))).toBe('1.1.1.1')
    expect(clientAddress(undefined, '1.1.1.1', compileTrust('loopback'))).toBeUndefined()
  })
})

it.each([
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['::ffff:a00:1', '::ffff:a00:1'],
  ['10.0.0.1', '10.0.0.1'],
  ['::1', '::1'],
])('plainAddress(%s) → %s', (address, expected) => {
  expect(plainAddress(address)).toBe(expected)
})
