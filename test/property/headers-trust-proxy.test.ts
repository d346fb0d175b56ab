import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clientAddress, compileTrust, isValidTrustEntry } from '../../src/message/trust-proxy.js'

type ExpressTrust = (address: string, hop: number) => boolean
interface ProxyAddr {
  (request: object, trust: ExpressTrust): string
  compile(entries: string[]): ExpressTrust
}

// Express's own copy: the behaviour that `trustProxy` promises.
const proxyAddr = createRequire(createRequire(import.meta.url).resolve('express'))(
  'proxy-addr',
) as ProxyAddr

const octet = fc.constantFrom(0, 1, 10, 127, 128, 168, 172, 192, 254, 255)
const v4 = fc.oneof(
  fc.tuple(octet, octet, octet, octet).map((parts) => parts.join('.')),
  fc.ipV4(),
)
const group = fc.constantFrom('0', '1', 'ffff', 'fe80', 'fc00', 'a00', '7f00')
const v6 = fc.oneof(
  fc.array(group, { minLength: 8, maxLength: 8 }).map((groups) => groups.join(':')),
  fc.constantFrom('::', '::1', '::ffff:0:0', '8000::', 'fe80::1', 'fdff::1', '2001:db8::1'),
  v4.map((address) => `::ffff:${address}`),
  // theirs takes a dotted end in a mapped address only
  fc.ipV6().filter((address) => !address.includes('.') || address.startsWith('::ffff:')),
)
const address = fc.oneof(v4, v6)
const mask = fc.nat({ max: 32 }).map((bits) => {
  const value = bits === 0 ? 0 : -1 << (32 - bits)
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.')
})
const network = fc.oneof(
  fc.constantFrom('loopback', 'linklocal', 'uniquelocal'),
  address,
  fc.tuple(v4, fc.nat({ max: 34 })).map(([a, bits]) => `${a}/${bits}`),
  fc.tuple(v6, fc.nat({ max: 130 })).map(([a, bits]) => `${a}/${bits}`),
  fc.tuple(address, fc.oneof(mask, v4)).map(([a, bits]) => `${a}/${bits}`),
)

/** undefined: refused. */
function theirs(entries: string[]): ExpressTrust | undefined {
  try {
    return proxyAddr.compile([...entries])
  } catch {
    return undefined
  }
}

describe('trustProxy against proxy-addr', () => {
  it('takes and refuses the same entries', () => {
    fc.assert(
      fc.property(network, (entry) => {
        expect(isValidTrustEntry(entry)).toBe(theirs([entry]) !== undefined)
      }),
      { numRuns: 3000 },
    )
  })

  it('trusts the same addresses', () => {
    const good = network.filter((entry) => theirs([entry]) !== undefined)
    fc.assert(
      fc.property(fc.array(good, { maxLength: 4 }), fc.array(address), (entries, addresses) => {
        const trust = compileTrust(entries)
        const express = theirs(entries)
        const inside = entries.map((entry) => entry.split('/')[0] ?? '') // the edges of the networks
        for (const each of [...addresses, ...inside, 'junk', '']) {
          expect(`${each} ${trust(each, 0)}`).toBe(`${each} ${express?.(each, 0)}`)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('finds the same client', () => {
    const entry = fc.oneof(
      { weight: 4, arbitrary: address },
      { weight: 1, arbitrary: fc.constantFrom('', 'junk', 'a b', '1.1.1.1:80', '"x"') },
    )
    const header = fc
      .array(entry, { maxLength: 6 })
      .chain((list) => fc.constantFrom(',', ', ', ' , ').map((by) => list.join(by)))
    const chosen = fc.oneof(
      fc.nat({ max: 6 }).map((hops) => ({
        ours: compileTrust(hops),
        express: (_: string, hop: number) => hop < hops,
      })),
      fc.boolean().map((all) => ({ ours: compileTrust(all), express: () => all })),
      fc
        .array(fc.constantFrom('loopback', 'uniquelocal', '128.0.0.0/1', '::/1', '0.0.0.0/1'), {
          maxLength: 3,
        })
        .map((list) => ({ ours: compileTrust(list), express: proxyAddr.compile([...list]) })),
    )
    fc.assert(
      fc.property(address, fc.option(header, { nil: undefined }), chosen, (remote, text, trust) => {
        const request = { socket: { remoteAddress: remote }, headers: { 'x-forwarded-for': text } }
        expect(clientAddress(remote, text, trust.ours)).toBe(proxyAddr(request, trust.express))
      }),
      { numRuns: 3000 },
    )
  })
})
