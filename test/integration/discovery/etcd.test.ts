/** The example of peers from etcd, against a real one. */
import { createBalancer } from 'evenkeel'
import type { Balancer, DiscoveryEvent } from 'evenkeel'
import { fakeClock } from 'evenkeel/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { fromEtcd } from '../../../examples/discovery/etcd.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { etcd, noEtcd } from './etcd-process.js'
import { until } from './rig.js'

watchProcess()
if (noEtcd !== undefined) console.warn(`the tests with etcd are skipped: ${noEtcd}`)

const names = ({ upstream }: Balancer): string[] => upstream.peers.map(({ name }) => name)

describe.skipIf(noEtcd !== undefined)('peers from etcd', { timeout: 60_000 }, () => {
  test('come, change and go; while etcd is away they stay', async () => {
    const store = await etcd()
    await store.put('services/app/1', 'http://10.0.0.1:80')
    await store.put('services/apple', 'http://10.9.9.9:80')
    const clock = fakeClock(0)
    const balancer = createBalancer({
      upstream: fromEtcd({ url: store.url, prefix: 'services/app/' }),
      clock,
    })
    onTestFinished(() => balancer.close())
    const events: DiscoveryEvent[] = []
    balancer.on('discovery', (event) => events.push(event))
    await until(() => events.length === 1)
    expect(names(balancer)).toEqual(['10.0.0.1:80'])
    const [first] = balancer.upstream.peers

    await store.put('services/app/2', '{ "url": "http://10.0.0.2:80", "weight": 4 }')
    await until(() => names(balancer).length === 2)
    expect(balancer.upstream.peers.map(({ weight }) => weight)).toEqual([1, 4])
    expect(balancer.upstream.peers[0]).toBe(first)
    await store.delete('services/app/1')
    await until(() => names(balancer).length === 1)
    expect(names(balancer)).toEqual(['10.0.0.2:80'])
    // A list without anybody is none.
    await store.delete('services/app/2')
    await until(() => events.at(-1)?.outcome === 'failed')
    expect(names(balancer)).toEqual(['10.0.0.2:80'])
    await store.put('services/app/3', 'http://10.0.0.3:80')
    await until(() => names(balancer)[0] === '10.0.0.3:80')

    const before = events.length
    await store.crash()
    await until(() => events.length > before)
    expect(events.at(-1)?.outcome).toBe('failed')
    clock.advance(1000)
    await until(() => events.length > before + 1)
    expect(names(balancer)).toEqual(['10.0.0.3:80'])
    await store.start()
    await store.put('services/app/4', 'http://10.0.0.4:80')
    clock.advance(2000)
    await until(() => names(balancer).length === 2)
    await store.delete('services/app/3')
    await until(() => names(balancer).length === 1)
    expect(names(balancer)).toEqual(['10.0.0.4:80'])
  })
})
