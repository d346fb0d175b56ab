/** The example of peers from EndpointSlices: the official client, against the documented wire format. */
import { KubeConfig } from '@kubernetes/client-node'
import { createBalancer } from 'evenkeel'
import type { Balancer, DiscoveryEvent } from 'evenkeel'
import { fakeClock } from 'evenkeel/testing'
import type { FakeClock } from 'evenkeel/testing'
import { expect, onTestFinished, test } from 'vitest'
import { fromEndpointSlices } from '../../../examples/discovery/kubernetes.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { kubernetesApi } from './kubernetes-api.js'
import type { Endpoint, KubernetesApi } from './kubernetes-api.js'
import { until } from './rig.js'

watchProcess()

interface Watching {
  readonly balancer: Balancer
  readonly clock: FakeClock
  readonly events: DiscoveryEvent[]
}

function watching(api: KubernetesApi, options: { port?: string } = {}): Watching {
  const config = new KubeConfig()
  config.loadFromClusterAndUser(
    { name: 'test', server: api.url, skipTLSVerify: true },
    { name: 'test' },
  )
  const clock = fakeClock(0)
  const upstream = fromEndpointSlices({ service: 'app', config, ...options })
  const balancer = createBalancer({ upstream, clock })
  onTestFinished(() => balancer.close())
  const events: DiscoveryEvent[] = []
  balancer.on('discovery', (event) => events.push(event))
  return { balancer, clock, events }
}

const names = ({ upstream }: Balancer): string[] => upstream.peers.map(({ name }) => name)
const at = (host: number, rest: Partial<Endpoint> = {}): Endpoint => ({
  addresses: [`10.0.0.${host}`],
  ...rest,
})

test('all slices of a service are one list; conditions, zones and pods become what peers have', async () => {
  const api = await kubernetesApi()
  api.set({
    name: 'app-1',
    endpoints: [
      at(1, { conditions: { ready: true }, zone: 'a', targetRef: { kind: 'Pod', name: 'app-x' } }),
      at(2, { conditions: { ready: false } }),
      at(3, { conditions: { ready: false, serving: true, terminating: true } }),
      at(4),
    ],
  })
  api.set({ name: 'app-2', endpoints: [at(1), at(5)] })
  api.set({ name: 'app-6', addressType: 'IPv6', endpoints: [{ addresses: ['2001:db8::1'] }] })
  const { balancer, events } = watching(api)
  await until(() => events.length > 0)
  expect(events).toHaveLength(1)
  expect(names(balancer)).toEqual([
    '10.0.0.1:8080',
    '10.0.0.3:8080',
    '10.0.0.4:8080',
    '10.0.0.5:8080',
    '[2001:db8::1]:8080',
  ])
  expect(balancer.upstream.peers.map(({ draining }) => draining)).toEqual([
    false,
    true,
    false,
    false,
    false,
  ])
})

test('changes are watched, over bookmarks, the end of the watch and 410 Gone', async () => {
  const api = await kubernetesApi()
  api.set({ name: 'app-1', endpoints: [at(1, { zone: 'a' })] })
  const { balancer, events } = watching(api)
  await until(() => events.length === 1 && api.watched)
  const [first] = balancer.upstream.peers
  expect(first?.locality).toBe('a')
  api.set({ name: 'app-1', endpoints: [at(1, { zone: 'a' }), at(2)] })
  await until(() => names(balancer).length === 2)
  expect(balancer.upstream.peers[0]).toBe(first)
  api.set({ name: 'app-2', endpoints: [at(3)] })
  await until(() => names(balancer).length === 3)
  api.delete('app-2')
  await until(() => names(balancer).length === 2)

  api.bookmark()
  api.endWatch()
  await until(() => api.asked.length === 3)
  // From where it was, and not from the beginning.
  expect(api.asked).toEqual(['list', 'watch from 101', 'watch from 114'])
  await until(() => api.watched)
  api.set({ name: 'app-1', endpoints: [at(1), at(4)] })
  await until(() => names(balancer)[1] === '10.0.0.4:8080')

  api.expire(() => {
    api.set({ name: 'app-1', endpoints: [at(4), at(5)] })
  })
  await until(() => names(balancer)[1] === '10.0.0.5:8080')
  await until(() => api.watched)
  expect(api.asked.slice(3)).toEqual(['list', expect.stringMatching(/^watch from 1\d{3}$/)])
  expect(events.every(({ outcome }) => outcome === 'changed')).toBe(true)
})

test('while the API is away, the last list stays; close() ends the watch', async () => {
  const api = await kubernetesApi()
  api.set({
    name: 'app-1',
    endpoints: [at(1)],
    ports: [
      { name: 'admin', port: 1 },
      { name: 'web', port: 2 },
    ],
  })
  const { balancer, clock, events } = watching(api, { port: 'web' })
  await until(() => events.length === 1 && api.watched)
  expect(names(balancer)).toEqual(['10.0.0.1:2'])
  api.close()
  await until(() => events.length === 2)
  expect(events[1]?.outcome).toBe('failed')
  expect(names(balancer)).toEqual(['10.0.0.1:2'])
  await until(() => clock.pending > 0)
  await balancer.close()
  expect(clock.pending).toBe(0)

  const other = await kubernetesApi()
  other.set({ name: 'app-1', endpoints: [at(1)] })
  const watched = watching(other)
  await until(() => other.watched)
  await watched.balancer.close()
  await until(() => !other.watched)
})
