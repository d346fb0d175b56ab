/** Which entry of `$upstream_addr` is a peer and which the name of an upstream, and whose peer it is. */
import { isIpAddress, withPort } from './conf-facts.js'
import type { ConfFacts, ServerFacts, UpstreamFacts } from './conf-facts.js'

export class PeerNames {
  readonly #upstreams: ReadonlyMap<string, UpstreamFacts>
  /** Undefined for those of several upstreams. */
  readonly #owners = new Map<string, UpstreamFacts | undefined>()
  /** Names have addresses that only the logs know, but the same port. */
  readonly #byPort = new Map<string, UpstreamFacts | undefined>()
  readonly #direct = new Set<string>()
  readonly #only: UpstreamFacts | undefined
  readonly #separate: boolean

  /** Without a configuration everything counts as one upstream. */
  constructor(conf: ConfFacts | undefined) {
    const used = new Set(conf?.proxies.map(({ upstream }) => upstream))
    for (const { upstream, tls } of conf?.proxies ?? [])
      if (isIpAddress(upstream)) this.#direct.add(withPort(upstream, tls ? 443 : 80))
    const upstreams = conf?.upstreams.filter(({ name }) => used.has(name)) ?? []
    this.#upstreams = new Map(conf?.upstreams.map((upstream) => [upstream.name, upstream]))
    for (const upstream of upstreams)
      for (const server of upstream.servers) this.#own(upstream, server)
    this.#only = upstreams.length === 1 ? upstreams[0] : undefined
    this.#separate = upstreams.length > 1
  }

  /** It names an upstream: no peer could be chosen. */
  isUpstream(entry: string): boolean {
    return this.#upstreams.has(entry) || (!isIpAddress(entry) && !/:\d{1,5}$/.test(entry))
  }

  facts(upstream: string): UpstreamFacts | undefined {
    return this.#upstreams.get(upstream) ?? this.#only
  }

  server(peer: string): ServerFacts | undefined {
    const owner = this.#ownerOf(peer) ?? this.#only
    return (
      owner?.servers.find(({ address }) => address === peer) ??
      owner?.servers.find(({ isName }) => isName)
    )
  }

  /** `proxy_pass` names it by its address: it is the only one there, and never marked. */
  isAlone(peer: string): boolean {
    return this.#direct.has(peer) && !this.#owners.has(peer)
  }

  /** The name of the upstream under which events of this peer or upstream are put together; empty: all in one. */
  keyOf(entry: string): string {
    if (this.#only !== undefined) return this.#only.name
    if (!this.#separate) return ''
    if (this.#upstreams.has(entry)) return entry
    return this.#ownerOf(entry)?.name ?? ''
  }

  #ownerOf(peer: string): UpstreamFacts | undefined {
    return this.#owners.has(peer) ? this.#owners.get(peer) : this.#byPort.get(portOf(peer))
  }

  #own(upstream: UpstreamFacts, { address, isName }: ServerFacts): void {
    const [owners, key] = isName ? [this.#byPort, portOf(address)] : [this.#owners, address]
    const shared = owners.has(key) && owners.get(key) !== upstream
    owners.set(key, shared ? undefined : upstream)
  }
}

const portOf = (address: string): string => /:(\d{1,5})$/.exec(address)?.[1] ?? ''
