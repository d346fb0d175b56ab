/** A peer is chosen, leased and given back, as for a request whose first attempt is good. */
import { systemClock } from '../../../../src/clock.js'
import { selectorFromFunction } from '../../../../src/selection/from-function.js'
import { selectorFactory, selectorNames } from '../../../../src/selection/index.js'
import type { PeerSelector } from '../../../../src/upstream/peer-selector.js'
import { PeerSession } from '../../../../src/upstream/peer-session.js'
import { PeerRegistry } from '../../../../src/upstream/registry.js'
import type { Case, Group } from '../case.js'

const SIZES = [2, 10, 100, 1000]

const REQUEST = {
  remoteAddress: '127.0.0.1',
  method: 'GET',
  url: '/a/path?with=query',
  headers: {},
}

function registry(peers: number, selector: PeerSelector): PeerRegistry {
  const parameters = {
    weight: 1,
    maxConns: 0,
    maxFails: 1,
    failTimeout: 10_000,
    backup: false,
    down: false,
  }
  const address = (i: number) => ({
    protocol: 'http:' as const,
    hostname: '127.0.0.1',
    port: 10_000 + i,
    socketPath: undefined,
    name: `127.0.0.1:${10_000 + i}`,
  })
  const settings = {
    name: 'bench',
    peers: Array.from({ length: peers }, (_, i) => ({ address: address(i), parameters })),
    whenNoneLive: 'try' as const,
    queue: { size: 0, timeout: 0 },
    nginx: false,
  }
  return new PeerRegistry(settings, selector, systemClock)
}

function casesOf(name: string, make: () => PeerSelector): readonly Case[] {
  return SIZES.map((size) => {
    const peers = registry(size, make())
    return {
      name: `${name}, ${size} peers`,
      run: () => {
        const lease = new PeerSession(peers, REQUEST).next()
        lease?.release('ok')
        return lease
      },
    }
  })
}

function named(name: string): PeerSelector {
  const selector = selectorFactory(name)?.({
    random: Math.random,
    now: () => systemClock.now(),
  })
  if (selector === undefined) throw new Error(`no such selector: ${name}`)
  return selector
}

/** Each in a process of its own: an application has one selector. */
export const pickGroups: readonly Group[] = [
  ...selectorNames.map((name) => ({
    name: `pick ${name}`,
    cases: () => casesOf(name, () => named(name)),
  })),
  {
    name: 'pick function',
    cases: () => casesOf('function', () => selectorFromFunction(([first]) => first)),
  },
]
