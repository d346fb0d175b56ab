/** Random upstreams and random requests: a real nginx and the preset answer alike, request by request. */
import { describe, expect, it } from 'vitest'
import type { Condition } from 'evenkeel'
import { nginxBinary } from './nginx-process.js'
import { compare } from './rig.js'
import type { Act, PeerSetup, Request, Setup } from './rig.js'

const SEEDS = 40
const REQUESTS = 30

/** mulberry32: the same seed gives the same scenario again. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

class Chance {
  readonly #random: () => number
  constructor(seed: number) {
    this.#random = seeded(seed)
  }
  below(n: number): number {
    return Math.floor(this.#random() * n)
  }
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }
  /** Once in `n`. */
  once(n: number): boolean {
    return this.below(n) === 0
  }
}

const CONDITIONS: readonly Condition[] = [
  'error',
  'timeout',
  'invalid_header',
  'http_500',
  'http_502',
  'http_503',
  'http_504',
  'http_403',
  'http_404',
  'http_429',
  'non_idempotent',
]
const METHODS = ['GET', 'GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'LOCK', 'DELETE']
const TROUBLE: readonly Act[] = [
  'stale',
  'stale',
  'stale',
  500,
  500,
  502,
  503,
  504,
  403,
  404,
  429,
  501,
  505,
  520,
  'reset',
  'reset',
  'close',
  'big',
  'part',
  'half',
  'hang',
]

function randomPeer(chance: Chance, index: number): PeerSetup {
  return {
    weight: 1 + chance.below(6),
    maxFails: chance.of([0, 1, 1, 1, 2, 3]),
    failTimeout: 60,
    ...(index > 0 && chance.once(6) && { backup: true }),
    ...(index > 1 && chance.once(6) && { down: true }),
  }
}

/** Every other one keeps connections, which then go stale now and then. */
function randomSetup(chance: Chance, seed: number): Setup {
  const on = CONDITIONS.filter(() => chance.once(2))
  const alone = on.every((word) => word === 'non_idempotent')
  return {
    peers: Array.from({ length: 1 + chance.below(5) }, (_, index) => randomPeer(chance, index)),
    ...(seed % 2 === 0 && { keepalive: 16 }),
    ...(!chance.once(4) && { on: alone ? ['off'] : on }),
    ...(chance.once(3) && { tries: 1 + chance.below(4) }),
  }
}

function randomRequest(chance: Chance, peers: number): Request {
  const method = chance.of(METHODS)
  const acts = Array.from({ length: peers }, () =>
    chance.below(10) < 6 ? 200 : chance.of(TROUBLE),
  )
  // Nothing can die in a body that there is not.
  return {
    method,
    acts: method === 'HEAD' ? acts.map((act) => (act === 'half' ? 200 : act)) : acts,
  }
}

describe.skipIf(nginxBinary === undefined)(
  `random scenarios against ${nginxBinary?.version}`,
  () => {
    it.each(Array.from({ length: SEEDS }, (_, seed) => seed + 1))('seed %i', async (seed) => {
      const setup = randomSetup(new Chance(seed), seed)
      const rows = await compare(setup, async (rig) => {
        // Anew each time it is played.
        const chance = new Chance(seed + SEEDS)
        const dead = chance.once(3) ? chance.below(setup.peers.length) : undefined
        if (dead !== undefined) await rig.crash(dead)
        for (let i = 0; i < REQUESTS; i++) {
          if (dead !== undefined && i === REQUESTS / 2) await rig.start(dead)
          await rig.request(randomRequest(chance, setup.peers.length))
        }
      })
      expect(rows).toHaveLength(REQUESTS)
    })
  },
)
