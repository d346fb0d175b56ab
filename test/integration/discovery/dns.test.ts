/** Peers by DNS, over a real resolver and a name server on loopback; time is turned by hand. */
import { ConfigurationError } from 'evenkeel'
import { fromDns, fromSrv } from 'evenkeel/discovery'
import type { DnsOptions, SrvOptions } from 'evenkeel/discovery'
import { describe, expect, test } from 'vitest'
import { dnsServer } from '../../helpers/dns-server.js'
import type { DnsServer } from '../../helpers/dns-server.js'
import { turns, watchProcess } from '../../helpers/watch-process.js'
import { Reader } from './rig.js'

watchProcess()

/** So long that the resolver's own time-outs, which are real time, decide nothing. */
const timeout = '60s'

const at = (server: DnsServer, options: DnsOptions = {}): Reader =>
  new Reader((clock) =>
    fromDns('app.test', { servers: [server.address], port: 8080, timeout, clock, ...options }),
  )
const service = (server: DnsServer, options: SrvOptions = {}): Reader =>
  new Reader((clock) =>
    fromSrv('_http._tcp.app.test', { servers: [server.address], timeout, clock, ...options }),
  )

const url = (address: string): string => `http://${address}:8080`
const v4 = (ttl: number, ...hosts: number[]): { address: string; ttl: number }[] =>
  hosts.map((host) => ({ address: `10.0.0.${host}`, ttl }))

describe('fromDns', () => {
  test('each address is a peer, sorted, both families', async () => {
    const server = await dnsServer()
    const six = ['2001:db8::2', '2001:db8::1'].map((address) => ({ address, ttl: 60 }))
    server.set('app.test', [...v4(60, 3, 1, 2, 1), ...six])
    expect(await at(server).next()).toEqual([
      ...['10.0.0.1', '10.0.0.2', '10.0.0.3'].map(url),
      ...['[2001:db8::1]', '[2001:db8::2]'].map(url),
    ])
    expect(await at(server, { family: 6 }).next()).toHaveLength(2)
    expect(await at(server, { family: 4 }).next()).toHaveLength(3)
  })

  test('a change is picked up when the shortest TTL is over, and not before', async () => {
    const server = await dnsServer()
    server.set('app.test', [...v4(5, 1), ...v4(90, 2)])
    const reader = at(server)
    expect(await reader.next()).toEqual(['10.0.0.1', '10.0.0.2'].map(url))
    server.set('app.test', v4(5, 3))
    const next = reader.next()
    reader.clock.advance(4999)
    await turns()
    expect(server.queries).toHaveLength(2)
    reader.clock.advance(1)
    expect(await next).toEqual([url('10.0.0.3')])
    expect(server.queries).toHaveLength(4)
  })

  test('the same answer in another order is no news', async () => {
    const server = await dnsServer()
    server.set('app.test', v4(6, 1, 2))
    const reader = at(server)
    await reader.next()
    const next = reader.next()
    server.set('app.test', v4(6, 2, 1))
    await reader.pass(6000)
    await server.asked(4)
    server.set('app.test', v4(6, 2))
    await reader.pass(6000)
    expect(await next).toEqual([url('10.0.0.2')])
  })

  test.each([
    ['a TTL of 0', 0, {}, 1000],
    ['a short one', 1, { minTtl: '3s' }, 3000],
    ['a long one', 86_400, {}, 300_000],
    ['a longer one than is asked for', 60, { maxTtl: '10s' }, 10_000],
  ])('%s is bounded', async (_name, ttl, options, pause) => {
    const server = await dnsServer()
    server.set('app.test', v4(ttl, 1))
    const reader = at(server, options)
    await reader.next()
    expect(reader.clock.nextDue).toBe(reader.clock.now() + pause)
  })

  test.each(['NXDOMAIN', 'SERVFAIL', 'REFUSED', 'no records', 'silence'] as const)(
    '%s is reported, the last list stays, and the name is soon asked for again',
    async (trouble) => {
      const server = await dnsServer()
      server.set('app.test', v4(5, 1))
      const reader = at(server, { retry: '700ms' })
      expect(await reader.next()).toEqual([url('10.0.0.1')])
      server.set('app.test', trouble === 'no records' ? [] : trouble)
      for (let i = 0; i < 3; i++) {
        const next = reader.next()
        const asked = server.queries.length
        await reader.pass(i === 0 ? 5000 : 700)
        if (trouble === 'silence') {
          await server.asked(asked + 2)
          await reader.pass(60_000)
        }
        expect(await next).toBe(
          {
            NXDOMAIN: 'ENOTFOUND',
            SERVFAIL: 'ESERVFAIL',
            REFUSED: 'EREFUSED',
            'no records': 'ENODATA',
            silence: 'ETIMEOUT',
          }[trouble],
        )
      }
      server.set('app.test', v4(5, 1, 2))
      const next = reader.next()
      await reader.pass(700)
      expect(await next).toEqual(['10.0.0.1', '10.0.0.2'].map(url))
    },
  )

  test('a name that is not there yet is one from the moment it is', async () => {
    const server = await dnsServer()
    const reader = at(server)
    expect(await reader.next()).toBe('ENOTFOUND')
    server.set('app.test', v4(5, 1))
    const next = reader.next()
    await reader.pass(2000)
    expect(await next).toEqual([url('10.0.0.1')])
  })

  test('a family without records is none; one that cannot be looked up keeps what it had', async () => {
    const server = await dnsServer()
    server.set('app.test', [...v4(5, 1), { address: '2001:db8::1', ttl: 5 }])
    const reader = at(server)
    expect(await reader.next()).toEqual([url('10.0.0.1'), url('[2001:db8::1]')])
    server.set('app.test', v4(5, 2))
    server.set('app.test', 'SERVFAIL', 'AAAA')
    let next = reader.next()
    await reader.pass(5000)
    expect(await next).toEqual([url('10.0.0.2'), url('[2001:db8::1]')])
    expect(await reader.next()).toBe('ESERVFAIL')
    server.set('app.test', 'NXDOMAIN', 'AAAA')
    next = reader.next()
    await reader.pass(2000)
    expect(await next).toEqual([url('10.0.0.2')])
  })

  test('https peers are checked by the name, unless they are told another', async () => {
    const server = await dnsServer()
    server.set('app.test', v4(5, 1))
    const peer = { weight: 3, tls: { ca: 'PEM' } }
    expect(await at(server, { protocol: 'https', peer }).list()).toEqual([
      { url: 'https://10.0.0.1:8080', weight: 3, tls: { name: 'app.test', ca: 'PEM' } },
    ])
    const tls = { name: 'other.test' }
    expect(await at(server, { protocol: 'https', peer: { tls } }).list()).toMatchObject([{ tls }])
  })

  test('its end ends all: the lookup, the timers, those who wait', async () => {
    const server = await dnsServer()
    server.set('app.test', 'silence')
    const reader = at(server)
    const next = reader.next()
    await server.asked(1)
    await reader.end()
    expect(await next).toBe('end')
    await turns()
    expect(reader.clock.pending).toBe(0)
    expect(await reader.next()).toBe('end')

    const stop = new AbortController()
    server.set('app.test', v4(5, 1))
    const other = at(server, { signal: stop.signal })
    await other.next()
    const waiting = other.next()
    stop.abort()
    expect(await waiting).toBe('end')
    expect(other.clock.pending).toBe(0)
    expect(await at(server, { signal: stop.signal }).next()).toBe('end')
  })

  test.each<[string, string, object, RegExp]>([
    ['an address', '10.0.0.1', {}, /name must be a host name, got "10\.0\.0\.1"/],
    ['a URL', 'http://app.test', {}, /name must be a host name/],
    ['nothing', '', {}, /name must be/],
    ['no port', 'app.test', { port: 0 }, /port must be a port/],
    ['an unknown option', 'app.test', { ports: 1 }, /ports is not an option/],
    ['no servers', 'app.test', { servers: [] }, /servers must be a list/],
    ['a name as server', 'app.test', { servers: ['dns.test'] }, /servers must be a list/],
    ['a family', 'app.test', { family: 5 }, /family must be 4 or 6/],
    ['bounds', 'app.test', { minTtl: '10s', maxTtl: '1s' }, /maxTtl must not be less/],
    ['a url', 'app.test', { peer: { url: 'http://a' } }, /peer must have no url/],
    ['a clock', 'app.test', { clock: {} }, /clock must be a clock/],
    ['a signal', 'app.test', { signal: {} }, /signal must be an AbortSignal/],
  ])('%s is refused', (_name, name, options, message) => {
    expect(() => fromDns(name, options)).toThrow(ConfigurationError)
    expect(() => fromDns(name, options)).toThrow(message)
  })

  test('every problem is told at once', () => {
    expect(() => fromDns('', { port: -1, retry: 'soon' })).toThrow(/name .*\nretry .*\nport/)
  })
})

describe('fromSrv', () => {
  const target = (name: string, rest = {}): { target: string; port: number } => ({
    target: `${name}.test`,
    port: 8080,
    ...rest,
  })

  test('priorities become tiers, weights stay, and 0 is the least weight', async () => {
    const server = await dnsServer()
    server.set('_http._tcp.app.test', [
      target('c', { priority: 20, weight: 5 }),
      target('a', { priority: 10, weight: 30, port: 1000 }),
      target('b', { priority: 10, weight: 0 }),
    ])
    server.set('a.test', v4(60, 1, 2))
    server.set('b.test', v4(60, 3))
    server.set('c.test', v4(60, 4))
    expect(await service(server).list()).toEqual([
      { url: 'http://10.0.0.1:1000', weight: 30, tier: 0 },
      { url: 'http://10.0.0.2:1000', weight: 30, tier: 0 },
      { url: url('10.0.0.3'), weight: 1, tier: 0 },
      { url: url('10.0.0.4'), weight: 5, tier: 1 },
    ])
  })

  test('an address that is listed twice is one peer, of the better priority', async () => {
    const server = await dnsServer()
    server.set('_http._tcp.app.test', [
      target('b', { priority: 2, weight: 9 }),
      target('a', { priority: 1, weight: 4 }),
    ])
    server.set('a.test', v4(60, 1))
    server.set('b.test', v4(60, 1))
    expect(await service(server).list()).toEqual([{ url: url('10.0.0.1'), weight: 4, tier: 0 }])
  })

  test('is looked up again by the TTL of its addresses, at the latest after 30 s', async () => {
    const server = await dnsServer()
    server.set('_http._tcp.app.test', [target('a')])
    server.set('a.test', v4(7, 1))
    const reader = service(server, { family: 4 })
    expect(await reader.next()).toEqual([url('10.0.0.1')])
    server.set('_http._tcp.app.test', [target('a', { weight: 2 }), target('b')])
    server.set('b.test', v4(86_400, 2))
    server.set('a.test', v4(86_400, 1))
    const next = reader.next()
    await reader.pass(7000)
    expect(await next).toEqual([url('10.0.0.1'), url('10.0.0.2')])
    expect(reader.clock.nextDue).toBe(reader.clock.now() + 30_000)
  })

  test('a target that cannot be looked up keeps its addresses, and is reported', async () => {
    const server = await dnsServer()
    server.set('_http._tcp.app.test', [target('a'), target('b')])
    server.set('a.test', v4(5, 1))
    server.set('b.test', v4(5, 2))
    const reader = service(server)
    expect(await reader.next()).toEqual(['10.0.0.1', '10.0.0.2'].map(url))
    server.set('a.test', v4(5, 3))
    server.set('b.test', 'NXDOMAIN')
    const next = reader.next()
    await reader.pass(5000)
    expect(await next).toEqual(['10.0.0.3', '10.0.0.2'].map(url))
    expect(await reader.next()).toBe('ENOTFOUND')
  })

  test.each([
    ['NXDOMAIN', 'NXDOMAIN', 'ENOTFOUND'],
    [
      '"decidedly not here"',
      [{ target: '.', port: 0 }],
      '_http._tcp.app.test has no server at all',
    ],
    ['no record', [], 'ENODATA'],
  ] as const)('%s is reported, and the last list stays', async (_name, answer, told) => {
    const server = await dnsServer()
    server.set('_http._tcp.app.test', [target('a')])
    server.set('a.test', v4(5, 1))
    const reader = service(server)
    expect(await reader.next()).toEqual([url('10.0.0.1')])
    server.set('_http._tcp.app.test', answer)
    let next = reader.next()
    await reader.pass(5000)
    expect(await next).toBe(told)
    server.set('_http._tcp.app.test', [target('b')])
    server.set('b.test', v4(5, 2))
    next = reader.next()
    await reader.pass(2000)
    expect(await next).toEqual([url('10.0.0.2')])
  })

  test('certificates are checked by the name that was given, not by that of a target', async () => {
    const server = await dnsServer()
    server.set('_http._tcp.app.test', [target('a')])
    server.set('a.test', v4(5, 1))
    expect(await service(server, { protocol: 'https' }).list()).toMatchObject([
      { url: 'https://10.0.0.1:8080', tls: { name: 'app.test' } },
    ])
  })
})
