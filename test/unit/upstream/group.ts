/** Peers, registries and sessions for tests, with every parameter at nginx's default unless told. */
import { fakeClock } from 'evenkeel/testing'
import type { FakeClock } from 'evenkeel/testing'
import { roundRobin } from '../../../src/selection/round-robin.js'
import type { PeerSelector, SelectionRequest } from '../../../src/upstream/peer-selector.js'
import { PeerSession } from '../../../src/upstream/peer-session.js'
import type { Lease } from '../../../src/upstream/peer-session.js'
import type { PeerAddress, PeerParameters } from '../../../src/upstream/peer.js'
import { PeerState } from '../../../src/upstream/peer.js'
import type { Availability } from '../../../src/upstream/availability.js'
import { PeerRegistry } from '../../../src/upstream/registry.js'
import type { PeerGroupSettings } from '../../../src/upstream/group-settings.js'

const address = (name: string): PeerAddress => ({
  protocol: 'http:',
  hostname: name,
  port: 80,
  socketPath: undefined,
  name,
})

const parameters = (given: Partial<PeerParameters> = {}): PeerParameters => ({
  weight: 1,
  maxConns: 0,
  maxFails: 1,
  failTimeout: 10_000,
  backup: false,
  down: false,
  ...given,
})

export const makePeer = (given: Partial<PeerParameters> = {}): PeerState =>
  new PeerState(address('p'), parameters(given), 0)

/** Not marked by failures, as the rule has it. */
export const isLive = (rule: Availability, peer: PeerState, now: number): boolean =>
  now >= rule.liveAt(peer)

export const request: SelectionRequest = {
  remoteAddress: '192.0.2.1',
  method: 'GET',
  url: '/',
  headers: {},
}

export interface GroupOptions extends Partial<Omit<PeerGroupSettings, 'peers'>> {
  readonly selector?: PeerSelector
  readonly at?: number
  /** Default: one that begins at `at`. */
  readonly clock?: FakeClock
}

/** Peers are given as `{ a: {}, b: { weight: 2 } }`. */
export function group(
  peers: Readonly<Record<string, Partial<PeerParameters>>>,
  {
    selector = roundRobin(),
    at = 1_000_000,
    clock = fakeClock(at),
    ...settings
  }: GroupOptions = {},
): { registry: PeerRegistry; clock: FakeClock; log: string[]; peer(name: string): PeerState } {
  const registry = new PeerRegistry(
    {
      name: 'test',
      peers: Object.entries(peers).map(([name, given]) => ({
        address: address(name),
        parameters: parameters(given),
      })),
      whenNoneLive: 'try',
      queue: { size: 10, timeout: 1000 },
      nginx: false,
      ...settings,
    },
    selector,
    clock,
  )
  const log: string[] = []
  registry.observers.add({
    ejected: (peer, reason, step) => log.push(`${peer.name} ejected: ${reason} at ${step}`),
    returned: (peer, reason) => log.push(`${peer.name} returned: ${reason}`),
  })
  const peer = (name: string): PeerState => {
    const found = registry.peers.find((one) => one.name === name)
    if (found === undefined) throw new Error(`no peer ${name}`)
    return found
  }
  return { registry, clock, log, peer }
}

export const open = (registry: PeerRegistry): PeerSession => new PeerSession(registry, request)

/** All that a session gives, in order; the leases are kept. */
export function exhaust(session: PeerSession, most = 50): Lease[] {
  const leases: Lease[] = []
  for (let lease = session.next(); lease !== undefined; lease = session.next()) {
    leases.push(lease)
    if (leases.length > most) throw new Error('the session does not end')
  }
  return leases
}

export const names = (leases: readonly Lease[]): string[] => leases.map((lease) => lease.peer.name)

/** Somebody who waits, takes whatever it is offered, and says so. */
export function queueUp(registry: PeerRegistry, log: string[], name = 'ready'): void {
  const offer = (): boolean => log.push(name) > 0
  registry.queue.join({ offer, timedOut: () => log.push(`${name} timeout`) }, 1000)
}
