/** A balancer whose peers are discovered, with requests. */
import type { DiscoveryEvent, PeerList } from 'evenkeel'
import { createBalancer } from 'evenkeel'
import { fromDns, peerSource, startingWith } from 'evenkeel/discovery'
import type { Publish } from 'evenkeel/discovery'
import { fakeClock, respond } from 'evenkeel/testing'
import { describe, expect, test } from 'vitest'
import { ask, keepAliveAgent } from '../../helpers/clients.js'
import { dnsServer } from '../../helpers/dns-server.js'
import { serve, upstream } from '../../helpers/serve.js'
import type { Served } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { until } from './rig.js'

watchProcess()

/** What the source of `served` has brought, short. */
function told({ balancer }: Pick<Served, 'balancer'>): string[] {
  const events: string[] = []
  balancer.on('discovery', (event) => events.push(short(event)))
  return events
}

function short(event: DiscoveryEvent): string {
  if (event.outcome === 'failed') return `failed: ${event.error.message}`
  if (event.outcome === 'ended') return 'ended'
  const names = (peers: readonly { name: string }[]): string => peers.map(({ name }) => name).join()
  return `+${names(event.joined)} -${names(event.left)}`
}

describe('addresses by DNS', () => {
  test('change while requests run: none fails, and the idle connections of the old one are closed', async () => {
    const answer = respond({ body: 'well' })
    const old = await upstream({ host: '127.0.0.2', answer })
    const fresh = await upstream({ host: '127.0.0.3', port: old.port, answer })
    const server = await dnsServer()
    server.set('app.test', [{ address: '127.0.0.2', ttl: 20 }])
    const clock = fakeClock(1_000_000)
    const source = fromDns('app.test', {
      servers: [server.address],
      port: old.port,
      clock,
      timeout: '60s',
    })
    const served = await serve({ upstream: source }, { whenNoneLive: 'wait' })
    const events = told(served)
    const agents = Array.from({ length: 4 }, () => keepAliveAgent())
    let replies = 0
    let over = false
    const clients = agents.map(async (agent, index) => {
      // The first come before the first answer of the resolver, and wait.
      while (!over) {
        const reply = await ask(
          served.port,
          index === 0 ? { agent, method: 'POST', body: 'a' } : { agent },
        )
        expect(reply).toMatchObject({ whole: true, status: 200, body: 'well' })
        replies++
      }
    })
    await until(() => replies >= 50)
    expect(old.openConnections).toBeGreaterThan(0)
    server.set('app.test', [{ address: '127.0.0.3', ttl: 20 }])
    clock.advance(20_000)
    await until(() => fresh.requests.length >= 50)
    over = true
    await Promise.all(clients)
    await old.waitFor(() => old.openConnections === 0)
    expect(served.next).toEqual([])
    expect(served.errors).toEqual([])
    expect(events).toEqual([`+${old.address} -`, `+${fresh.address} -${old.address}`])

    // The name is gone: who is there stays.
    server.set('app.test', 'NXDOMAIN')
    await until(() => clock.nextDue === clock.now() + 20_000)
    clock.advance(20_000)
    await until(() => events.length === 3)
    expect(events[2]).toMatch(/^failed: .*ENOTFOUND/)
    expect((await ask(served.port)).body).toBe('well')
  })
})

describe('a source of lists', () => {
  interface Told {
    publish: Publish
    readonly source: AsyncIterable<PeerList | Error>
    readonly ended: Promise<void>
  }

  function byHand(): Told {
    let end: () => void = () => undefined
    const ended = new Promise<void>((resolve) => (end = resolve))
    const made: Told = {
      publish: () => undefined,
      ended,
      source: peerSource((publish, signal) => {
        made.publish = publish
        signal.addEventListener('abort', end)
      }),
    }
    return made
  }

  test('without a first list there is nobody; then requests are served', async () => {
    const mock = await upstream({ answer: respond({ body: 'well' }) })
    const made = byHand()
    const served = await serve({ upstream: made.source })
    const events = told(served)
    expect(served.balancer.upstream.peers).toEqual([])
    expect((await ask(served.port)).status).toBe(502)
    expect(served.errors.map(({ code }) => code)).toEqual(['ERR_NO_LIVE_UPSTREAMS'])
    made.publish([mock.url])
    await until(() => events.length === 1)
    expect((await ask(served.port)).body).toBe('well')
  })

  test('a list that cannot be used is reported, and changes nothing', async () => {
    const mock = await upstream({ answer: respond({ body: 'well' }) })
    const made = byHand()
    const served = await serve({ upstream: made.source })
    const events = told(served)
    await until(() => made.publish.length === 1)
    const say = async (news: PeerList | Error): Promise<void> => {
      const before = events.length
      made.publish(news)
      await until(() => events.length > before)
    }
    await say([mock.url])
    await say([])
    await say(['ftp://nowhere'])
    await say('not a list' as never)
    await say([{ url: mock.url, weight: 0 }])
    await say(new Error('the registry is away'))
    await say([{ url: mock.url, weight: 2 }])
    expect(events).toEqual([
      `+${mock.address} -`,
      expect.stringMatching(/^failed: peers must have at least one peer/),
      expect.stringMatching(/^failed: peers\[0\] must begin with/),
      expect.stringMatching(/^failed: peers must be a list of peers/),
      expect.stringMatching(/^failed: peers\[0\]\.weight must be a positive integer, got 0/),
      'failed: the registry is away',
      '+ -',
    ])
    expect((await ask(served.port)).body).toBe('well')
    expect(served.balancer.upstream.peers[0]?.weight).toBe(2)
  })

  test('what has been changed by hand stays as long as the source says nothing new of that peer', async () => {
    const made = byHand()
    const balancer = createBalancer({ upstream: made.source })
    const events = told({ balancer })
    await until(() => made.publish.length === 1)
    const list = ['http://10.0.0.1', { url: 'http://10.0.0.2', weight: 2 }]
    made.publish(list)
    await until(() => events.length === 1)
    const { upstream: group } = balancer
    const [first, second] = group.peers
    if (first === undefined || second === undefined) throw new Error('two peers')
    group.drain(first)
    group.update(second, { weight: 7 })
    made.publish([...list, 'http://10.0.0.3'])
    await until(() => events.length === 2)
    expect([first.draining, second.weight]).toEqual([true, 7])
    made.publish([{ url: 'http://10.0.0.1', weight: 3 }, ...list.slice(1)])
    await until(() => events.length === 3)
    expect([first.draining, first.weight, second.weight]).toEqual([false, 3, 7])
    expect(group.peers).toEqual([first, second])
    await balancer.close()
    await made.ended
  })

  test('a list to start with', async () => {
    const [first, second] = await Promise.all([
      upstream({ answer: respond({ body: 'first' }) }),
      upstream({ answer: respond({ body: 'second' }) }),
    ])
    const made = byHand()
    const served = await serve({ upstream: startingWith([first.url], made.source) })
    expect((await ask(served.port)).body).toBe('first')
    made.publish([second.url])
    const events = told(served)
    await until(() => events.length === 1)
    expect((await ask(served.port)).body).toBe('second')
  })
})
