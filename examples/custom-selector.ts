/**
 * Peer selectors of your own: as a bare function, and as an object.
 *
 * An algorithm is one file. `selectors/two-choices.ts` is written exactly as those of the library are: the same file
 * in `src/selection/`, and its line in the table of `src/selection/index.ts`, would make it `selector: 'two_choices'`.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createBalancer } from 'evenkeel'
import type { Peer, PeerSelector, SelectionRequest } from 'evenkeel'
import { twoChoices } from './selectors/two-choices.js'
import { runAlone } from './support/run-alone.js'
import type { ExampleOptions, RunningExample } from './support/run-alone.js'

/**
 * A bare function. It is given the peers that may be used now, never none, and the request. All requests of one tenant
 * go to the same peer; if that one is marked, tried already or full, it is not among `peers`, and another takes over.
 * `undefined` leaves the choice to round robin.
 */
export function byTenant(peers: readonly Peer[], request: SelectionRequest): Peer | undefined {
  const tenant = request.headers['x-tenant']
  if (typeof tenant !== 'string') return undefined
  // Rendezvous hashing: when a peer goes, only its own tenants move.
  return peers.reduce((best, peer) =>
    hash(`${tenant} ${peer.name}`) > hash(`${tenant} ${best.name}`) ? peer : best,
  )
}

/** FNV-1a, and a final mix. */
function hash(text: string): number {
  let state = 0x811c9dc5
  for (let i = 0; i < text.length; i++) {
    state = Math.imul(state ^ text.charCodeAt(i), 0x01000193)
  }
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
  return (state ^ (state >>> 13)) >>> 0
}

/** An object, with a look at the request (`begin`, once a request) and at the peers (`pick`, once an attempt). */
export const byTenantElseTwoChoices: PeerSelector = {
  name: 'tenant',
  begin(request) {
    const fallback = twoChoices({ random: Math.random, now: () => performance.now() }).begin(
      request,
    )
    return {
      pick(candidates) {
        const eligible = candidates.group.peers.filter((peer) => candidates.eligible(peer))
        if (eligible.length === 0) return undefined // the backups are asked next, then `whenNoneLive` decides
        return byTenant(eligible, request) ?? fallback.pick(candidates)
      },
    }
  },
}

export async function start(
  { upstream, port }: ExampleOptions,
  selector: PeerSelector | typeof byTenant = byTenantElseTwoChoices,
): Promise<RunningExample> {
  const balancer = createBalancer({ upstream, selector })
  const server = createServer(balancer)
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      await balancer.close({ timeout: 10_000 })
      server.closeIdleConnections()
      await closed
    },
  }
}

await runAlone(import.meta.url, start, "curl -H 'X-Tenant: acme' URL/hello")
