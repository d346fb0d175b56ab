/**
 * The part of the Kubernetes API that lists and watches EndpointSlices, as its documentation describes the wire format
 * (https://kubernetes.io/docs/reference/using-api/api-concepts/): resource versions, bookmarks, 410 Gone.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Endpoint {
  readonly addresses: readonly string[]
  readonly conditions?: {
    readonly ready?: boolean
    readonly serving?: boolean
    readonly terminating?: boolean
  }
  readonly zone?: string
  readonly targetRef?: { readonly kind: 'Pod'; readonly name: string }
}

export interface Slice {
  readonly name: string
  readonly addressType?: 'IPv4' | 'IPv6'
  readonly endpoints: readonly Endpoint[]
  readonly ports?: readonly { readonly name?: string; readonly port: number }[]
}

const PATH = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'

export class KubernetesApi {
  /** `list`, or `watch` and from which version. */
  readonly asked: string[] = []
  readonly #slices = new Map<string, Slice>()
  readonly #server: Server
  #version = 100
  #watch: ServerResponse | undefined

  constructor() {
    this.#server = createServer((req, res) => {
      this.#answer(req, res)
    })
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get watched(): boolean {
    return this.#watch !== undefined
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  /** What is there from now on; whoever watches is told. */
  set(slice: Slice): void {
    const type = this.#slices.has(slice.name) ? 'MODIFIED' : 'ADDED'
    this.#slices.set(slice.name, slice)
    this.#version++
    this.#tell(type, this.#object(slice))
  }

  delete(name: string): void {
    const slice = this.#slices.get(name)
    this.#slices.delete(name)
    this.#version++
    if (slice !== undefined) this.#tell('DELETED', this.#object(slice))
  }

  /** Nothing has changed, but time has passed. */
  bookmark(): void {
    this.#version += 10
    this.#tell('BOOKMARK', {
      kind: 'EndpointSlice',
      apiVersion: 'discovery.k8s.io/v1',
      metadata: { resourceVersion: String(this.#version) },
    })
  }

  /** An orderly end of the watch, as there is one every few minutes. */
  endWatch(): void {
    this.#watch?.end()
    this.#watch = undefined
  }

  /** History is forgotten: what was changed meanwhile nobody is told. */
  expire(change: () => void): void {
    const watch = this.#watch
    this.#watch = undefined
    change()
    this.#version += 1000
    const status = { kind: 'Status', status: 'Failure', reason: 'Expired', code: 410 }
    watch?.end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`)
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  #answer(req: IncomingMessage, res: ServerResponse): void {
    const url = new URL(req.url ?? '', 'http://api')
    const selector = url.searchParams.get('labelSelector')
    if (url.pathname !== PATH || selector !== 'kubernetes.io/service-name=app') {
      res.writeHead(404, { 'content-type': 'application/json' })
      res.end('{ "kind": "Status", "code": 404 }')
      return
    }
    res.writeHead(200, { 'content-type': 'application/json' })
    if (url.searchParams.get('watch') !== 'true') {
      this.asked.push('list')
      res.end(
        JSON.stringify({
          kind: 'EndpointSliceList',
          apiVersion: 'discovery.k8s.io/v1',
          metadata: { resourceVersion: String(this.#version) },
          items: [...this.#slices.values()].map((slice) => this.#object(slice)),
        }),
      )
      return
    }
    this.asked.push(`watch from ${url.searchParams.get('resourceVersion')}`)
    res.flushHeaders()
    this.#watch = res
    res.on('close', () => {
      if (this.#watch === res) this.#watch = undefined
    })
  }

  #tell(type: string, object: object): void {
    this.#watch?.write(`${JSON.stringify({ type, object })}\n`)
  }

  #object({
    name,
    endpoints,
    addressType = 'IPv4',
    ports = [{ name: 'http', port: 8080 }],
  }: Slice): object {
    return {
      kind: 'EndpointSlice',
      apiVersion: 'discovery.k8s.io/v1',
      metadata: {
        name,
        namespace: 'default',
        resourceVersion: String(this.#version),
        labels: { 'kubernetes.io/service-name': 'app' },
      },
      addressType,
      endpoints,
      ports,
    }
  }
}

/** Ends with the test. */
export async function kubernetesApi(): Promise<KubernetesApi> {
  const api = new KubernetesApi()
  await api.listen()
  onTestFinished(() => {
    api.close()
  })
  return api
}
