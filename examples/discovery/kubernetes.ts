/**
 * Peers from Kubernetes: the endpoints of a service, from its EndpointSlices, with the official client
 * `@kubernetes/client-node` (1.x: 2.x needs Node 22.19). The service account needs `list` and `watch` on
 * `endpointslices` of the group `discovery.k8s.io`.
 */
import { DiscoveryV1Api, KubeConfig, makeInformer } from '@kubernetes/client-node'
import type { V1Endpoint, V1EndpointSlice } from '@kubernetes/client-node'
import type { PeerOptions, PeerSource } from 'evenkeel'
import { peerSource } from 'evenkeel/discovery'

export interface EndpointSliceOptions {
  /** Name of the service. */
  service: string
  /** Default `'default'`. */
  namespace?: string
  /** Name of the service's port. Default: its first one. */
  port?: string
  /** Default `'http'`. For `'https'` give the upstream `tls: { name: 'app.default.svc' }`: peers are addresses. */
  protocol?: 'http' | 'https'
  /** Default: that of the pod it runs in, or of the user's `~/.kube/config`. */
  config?: KubeConfig
}

export function fromEndpointSlices({
  service,
  namespace = 'default',
  port,
  protocol = 'http',
  config = standardConfig(),
}: EndpointSliceOptions): PeerSource {
  const api = config.makeApiClient(DiscoveryV1Api)
  const labelSelector = `kubernetes.io/service-name=${service}`

  return peerSource((publish, signal) => {
    // It lists, watches, and lists again when the watch is too old (410 Gone).
    const informer = makeInformer<V1EndpointSlice>(
      config,
      `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
      () => api.listNamespacedEndpointSlice({ namespace, labelSelector }),
      labelSelector,
    )
    const slices = new Map<string, V1EndpointSlice>()
    let isDue = false
    const tell = (): void => {
      isDue = false
      if (!signal.aborted) publish(peersOf([...slices.values()], port, protocol))
    }
    /** Of a list, the slices are told one by one: only all of them together are the service. */
    const changed = (): void => {
      if (isDue) return
      isDue = true
      queueMicrotask(tell)
    }
    const has = (slice: V1EndpointSlice): void => {
      slices.set(slice.metadata?.name ?? '', slice)
      changed()
    }
    informer.on('add', has)
    informer.on('update', has)
    informer.on('delete', (slice) => {
      slices.delete(slice.metadata?.name ?? '')
      changed()
    })
    signal.addEventListener('abort', () => void informer.stop())
    return new Promise<never>((_, reject) => {
      // Then it has stopped: the balancer reports it, keeps the last list, and begins anew after a pause.
      informer.on('error', (cause: unknown) => {
        if (!signal.aborted) reject(cause instanceof Error ? cause : new Error(String(cause)))
      })
      informer.start().then(() => {
        // While it listed, stop() was lost on it.
        if (signal.aborted) void informer.stop()
      }, reject)
    })
  })
}

function standardConfig(): KubeConfig {
  const config = new KubeConfig()
  config.loadFromDefault()
  return config
}

/** An endpoint may be in two slices for a moment: it is one peer. */
function peersOf(
  slices: readonly V1EndpointSlice[],
  port: string | undefined,
  protocol: 'http' | 'https',
): PeerOptions[] {
  const peers = new Map<string, PeerOptions>()
  for (const { addressType, endpoints, ports } of slices) {
    const number = ports?.find(({ name }) => port === undefined || name === port)?.port
    if (number === undefined || (addressType !== 'IPv4' && addressType !== 'IPv6')) continue
    for (const endpoint of endpoints) {
      const [address] = endpoint.addresses
      if (address === undefined) continue
      const host = addressType === 'IPv6' ? `[${address}]` : address
      const peer = peerOf(`${protocol}://${host}:${number}`, endpoint)
      if (peer !== undefined) peers.set(peer.url, peer)
    }
  }
  return [...peers.values()].sort((a, b) => (a.url < b.url ? -1 : 1))
}

/** A pod that is ending and still serves keeps what it has, and its sticky sessions. */
function peerOf(url: string, { conditions, zone, targetRef }: V1Endpoint): PeerOptions | undefined {
  // Not said is yes: see the API's documentation of EndpointConditions.
  const isReady = conditions?.ready ?? true
  const isServing = conditions?.serving ?? isReady
  if (!isReady && !(isServing && conditions?.terminating === true)) return undefined
  return {
    url,
    drain: !isReady,
    ...(zone === undefined ? {} : { locality: zone }),
    ...(targetRef?.name === undefined ? {} : { labels: { pod: targetRef.name } }),
  }
}
