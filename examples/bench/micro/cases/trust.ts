/** Who is believed about the client's address. */
import { clientAddress, compileTrust, plainAddress } from '../../../../src/message/trust-proxy.js'
import type { Case } from '../case.js'

const chain = (hops: number): string =>
  ['203.0.113.7', ...Array.from({ length: hops - 1 }, (_, i) => `10.0.0.${i + 1}`)].join(', ')

export function trustCases(): readonly Case[] {
  const trust = compileTrust(['loopback', 'uniquelocal'])
  const lengths = [1, 3, 10].map((hops): Case => {
    const forwardedFor = chain(hops)
    return {
      name: `${hops} addresses in X-Forwarded-For`,
      run: () => clientAddress('127.0.0.1', forwardedFor, trust),
    }
  })
  return [
    { name: 'IPv4 address', run: () => trust('10.1.2.3', 0) },
    { name: 'IPv6 address', run: () => trust('fd00::1:2:3', 0) },
    { name: 'IPv4 address as IPv6', run: () => trust('::ffff:10.1.2.3', 0) },
    { name: 'address made plain', run: () => plainAddress('::ffff:10.1.2.3') },
    ...lengths,
  ]
}
