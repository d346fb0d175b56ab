/** A peer is chosen, leased and given back, as for a request whose first attempt is good. */
import { systemClock } from '../../../../src/clock.js'
import { selectorFromFunction } from '../../../../src/selection/from-function.js'
import { makeSelector } from '../../../../src/selection/index.js'
import type { SelectorSettings } from '../../../../src/selection/index.js'
import type { PeerSelector } from '../../../../src/upstream/peer-selector.js'
import { PeerSession } from '../../../../src/upstream/peer-session.js'
import type { PeerEntry } from '../../../../src/upstream/membership.js'
import { PeerRegistry } from '../../../../src/upstream/registry.js'
import type { Case, Group } from '../case.js'

const SIZES = [10, 100, 1000, 10_000]
/** Peers of an upstream of which one is changed. */
const MANY = 10_000

const REQUEST = {
  remoteAddress: '127.0.0.1',
  method: 'GET',
  url: '/a/path?with=query',
  headers: { cookie: 'theme=dark; sid=0123456789abcdef' },
}

/** Each algorithm, and each of its ways that costs something else. */
const SELECTORS: readonly (readonly [title: string, settings: SelectorSettings])[] = [
  ['round_robin', { name: 'round_robin' }],
  ['least_conn', { name: 'least_conn' }],
  ['least_time', { name: 'least_time', time: 'header', inflight: false }],
  ['ip_hash', { name: 'ip_hash' }],
  ['hash', { name: 'hash', key: { cookie: 'sid' } }],
  ['hash consistent', { name: 'hash', key: { cookie: 'sid' }, consistent: true }],
  ['hash bounded', { name: 'hash', key: 'uri', consistent: true, boundedLoad: 1.25 }],
  ['random', { name: 'random', time: 'header' }],
  ['random two', { name: 'random', two: 'least_conn', time: 'header' }],
  ['random two least_time', { name: 'random', two: 'least_time', time: 'header' }],
  ['peak_ewma', { name: 'peak_ewma', time: 'header', decay: 10_000 }],
  ['first', { name: 'first' }],
]

function entry(i: number, weight = 1): PeerEntry {
  const hostname = `10.0.${i >> 8}.${i & 255}`
  return {
    address: {
      protocol: 'http:',
      hostname,
      port: 8080,
      socketPath: undefined,
      name: `${hostname}:8080`,
    },
    parameters: {
      weight,
      maxConns: 0,
      maxFails: 1,
      failTimeout: 10_000,
      backup: false,
      down: false,
    },
  }
}

function registry(peers: number, selector: PeerSelector): PeerRegistry {
  const settings = {
    name: 'bench',
    peers: Array.from({ length: peers }, (_, i) => entry(i)),
    whenNoneLive: 'try' as const,
    queue: { size: 0, timeout: 0 },
    nginx: false,
  }
  return new PeerRegistry(settings, selector, systemClock)
}

/** The whole of it: session, pick, lease, and the lease given back after an answer. */
function request(peers: PeerRegistry): unknown {
  const lease = new PeerSession(peers, REQUEST).next()
  lease?.answered(false, true)
  lease?.release('ok')
  return lease
}

function casesOf(title: string, make: () => PeerSelector): readonly Case[] {
  return SIZES.map((size) => {
    const peers = registry(size, make())
    return { name: `${title}, ${size} peers`, run: () => request(peers) }
  })
}

/** One peer of many is changed, and the next request comes: what was computed from the peers is brought up to date. */
function changeCases(title: string, make: () => PeerSelector): readonly Case[] {
  const peers = registry(MANY, make())
  const others = Array.from({ length: MANY }, (_, i) => entry(i === MANY / 2 ? MANY : i))
  const all = Array.from({ length: MANY }, (_, i) => entry(i))
  let n = 0
  request(peers)
  return [
    {
      name: `${title}, weight of 1 in ${MANY} peers`,
      run: () => {
        const peer = peers.peers[(n * 7919) % MANY]
        if (peer !== undefined) peers.update(peer, entry(0, 1 + (n++ % 2)).parameters)
        return request(peers)
      },
    },
    {
      name: `${title}, another list, 1 in ${MANY} peers`,
      run: () => {
        peers.replace(n++ % 2 === 0 ? others : all)
        return request(peers)
      },
    },
  ]
}

function selector(settings: SelectorSettings): PeerSelector {
  return makeSelector(settings, { random: Math.random, now: () => systemClock.now() })
}

/** Each in a process of its own: an application has one selector. */
export const pickGroups: readonly Group[] = [
  ...SELECTORS.map(([title, settings]) => ({
    name: `pick ${title}`,
    cases: () => casesOf(title, () => selector(settings)),
  })),
  {
    name: 'pick function',
    cases: () => casesOf('function', () => selectorFromFunction(([first]) => first)),
  },
  ...SELECTORS.map(([title, settings]) => ({
    name: `change ${title}`,
    cases: () => changeCases(title, () => selector(settings)),
  })),
]
