/** Where keys are: how evenly they are spread, and how many move when a peer goes. */
import type { Peer } from 'evenkeel'
import { createUpstream } from 'evenkeel'
import { PeerSession } from '../../src/upstream/peer-session.js'
import { UpstreamHandle } from '../../src/upstream-handle.js'
import type { Contender } from './contenders.js'
import { chance, zipf } from './engine/chance.js'
import { SimulatedClock } from './engine/clock.js'
import { KEYS, requestFor } from './engine/simulate.js'

export interface Spread {
  /** What the peer with the most has, as a multiple of a fair share. */
  readonly most: number
  readonly least: number
}

export interface KeysOutcome {
  readonly contender: string
  /** Of the keys, each asked for once. */
  readonly even: Spread
  /** Of the requests, where the k-th key is asked for in proportion to 1/k. */
  readonly skewed: Spread
  /** Share of the keys with another peer when one is marked or down; and of those, all that had another peer before. */
  readonly moved: Moved
  /** When it has been taken out of the list. */
  readonly movedByRemoval: Moved
  /** Share of the keys that are elsewhere than at first when the marked one is back. */
  readonly movedAfterReturn: number
}

export interface Moved {
  readonly all: number
  /** That need not have: the peer they were at is still there. */
  readonly needless: number
}

export const PEERS = 10
const GONE = 3
const REQUESTS = 30_000

type Places = readonly (Peer | undefined)[]

function placesOf(upstream: UpstreamHandle): Places {
  return Array.from({ length: KEYS }, (_, key) => {
    const lease = new PeerSession(upstream.parts.registry, requestFor(key)).next()
    lease?.release('ok')
    return lease?.peer
  })
}

/** Undefined: it does not go by the key. */
export function keysOf({ name, selector }: Contender, seed: number): KeysOutcome | undefined {
  const upstream = createUpstream({
    peers: Array.from({ length: PEERS }, (_, i) => `http://peer-${i}`),
    selector,
    clock: new SimulatedClock(),
    random: chance(seed, 'keys'),
    probe: false,
  })
  if (!(upstream instanceof UpstreamHandle)) throw new Error('another Upstream than ours')
  const before = placesOf(upstream)
  // One request in between: whoever takes turns is out of step.
  new PeerSession(upstream.parts.registry, requestFor(0)).next()?.release('ok')
  const goesByKey = movedBetween(before, placesOf(upstream)).all === 0 && new Set(before).size > 1
  if (!goesByKey) return undefined
  const gone = upstream.peers[GONE]!
  upstream.update(gone, { down: true })
  const without = placesOf(upstream)
  upstream.update(gone, { down: false })
  const again = placesOf(upstream)
  upstream.remove(gone)
  const outcome = {
    contender: name,
    even: spreadOf(before),
    skewed: spreadOf(wanted(before, seed)),
    moved: movedBetween(before, without, gone),
    movedByRemoval: movedBetween(before, placesOf(upstream), gone),
    movedAfterReturn: movedBetween(before, again).all,
  }
  void upstream.close()
  return outcome
}

function wanted(places: Places, seed: number): Places {
  const key = zipf(KEYS, chance(seed, 'wanted'))
  return Array.from({ length: REQUESTS }, () => places[key()])
}

function spreadOf(places: Places): Spread {
  const counts = new Map<Peer | undefined, number>()
  for (const peer of places) counts.set(peer, (counts.get(peer) ?? 0) + 1)
  const shares = [...counts.values()].map((count) => (count * PEERS) / places.length)
  return { most: Math.max(...shares), least: counts.size < PEERS ? 0 : Math.min(...shares) }
}

function movedBetween(before: Places, after: Places, gone?: Peer): Moved {
  const moved = before.filter((peer, key) => peer !== after[key])
  return {
    all: moved.length / before.length,
    needless: moved.filter((peer) => peer !== gone).length / before.length,
  }
}
