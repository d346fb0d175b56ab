/** Peers by DNS through dnsmasq, a resolver as people run it. */
import { fromDns, fromSrv } from 'evenkeel/discovery'
import { describe, expect, test } from 'vitest'
import { turns, watchProcess } from '../../helpers/watch-process.js'
import { dnsmasq, noDnsmasq } from './dnsmasq.js'
import { Reader } from './rig.js'

watchProcess()
if (noDnsmasq !== undefined) console.warn(`the tests with dnsmasq are skipped: ${noDnsmasq}`)

describe.skipIf(noDnsmasq !== undefined)('through dnsmasq', () => {
  test('changes are picked up within the TTL; NXDOMAIN and silence are survived', async () => {
    const resolver = await dnsmasq(7)
    const { address } = resolver
    const reader = new Reader((clock) =>
      fromDns('app.test', { servers: [address], clock, timeout: '60s' }),
    )
    await resolver.name({ '127.0.0.2': 'app.test', '127.0.0.3': 'app.test', '::2': 'app.test' })
    expect(await reader.next()).toEqual([
      'http://127.0.0.2:80',
      'http://127.0.0.3:80',
      'http://[::2]:80',
    ])

    await resolver.name({ '127.0.0.4': 'app.test' })
    let next = reader.next()
    reader.clock.advance(6999)
    await turns()
    reader.clock.advance(1)
    expect(await next).toEqual(['http://127.0.0.4:80'])

    await resolver.name({ '127.0.0.5': 'other.test' })
    next = reader.next()
    await reader.pass(7000)
    expect(await next).toBe('ENOTFOUND')

    resolver.pause()
    next = reader.next()
    await reader.pass(2000)
    await reader.pass(60_000)
    expect(await next).toBe('ETIMEOUT')

    resolver.resume()
    await resolver.name({ '127.0.0.6': 'app.test' })
    next = reader.next()
    await reader.pass(2000)
    expect(await next).toEqual(['http://127.0.0.6:80'])
  })

  test('SRV records and their targets', async () => {
    const resolver = await dnsmasq(
      7,
      '--srv-host=_http._tcp.app.test,a.test,8080,10,60',
      '--srv-host=_http._tcp.app.test,b.test,8081,10,20',
      '--srv-host=_http._tcp.app.test,c.test,8082,20,0',
    )
    await resolver.name({ '127.0.0.2': 'a.test', '127.0.0.3': 'b.test', '127.0.0.4': 'c.test' })
    const reader = new Reader((clock) =>
      fromSrv('_http._tcp.app.test', { servers: [resolver.address], clock, timeout: '60s' }),
    )
    expect(await reader.list()).toEqual([
      { url: 'http://127.0.0.2:8080', weight: 60, tier: 0 },
      { url: 'http://127.0.0.3:8081', weight: 20, tier: 0 },
      { url: 'http://127.0.0.4:8082', weight: 1, tier: 1 },
    ])
    await resolver.name({ '127.0.0.5': 'a.test', '127.0.0.3': 'b.test', '127.0.0.4': 'c.test' })
    const next = reader.next()
    await reader.pass(7000)
    expect(await next).toEqual([
      'http://127.0.0.5:8080',
      'http://127.0.0.3:8081',
      'http://127.0.0.4:8082',
    ])
  })
})
