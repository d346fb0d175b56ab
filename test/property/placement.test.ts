import fc from 'fast-check'
import { fakeClock } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { cookieValue, hideCookie } from '../../src/message/cookie.js'
import type { LiveGroup } from '../../src/upstream/peer-group.js'
import { PeerSession } from '../../src/upstream/peer-session.js'
import type { Lease } from '../../src/upstream/peer-session.js'
import type { PeerState } from '../../src/upstream/peer.js'
import { group, request } from '../unit/upstream/group.js'
import { made, pairOf, rig } from '../unit/sticky/rig.js'

const LOCALITIES = ['here', 'there', undefined] as const
const peer = fc.record({
  weight: fc.integer({ min: 1, max: 4 }),
  maxConns: fc.nat(2),
  backup: fc.boolean(),
  down: fc.boolean(),
  locality: fc.constantFrom(...LOCALITIES),
  labels: fc.record(
    { version: fc.constantFrom('1', '2'), k: fc.constantFrom('x', 'y') },
    {
      requiredKeys: [],
    },
  ),
})
const step = fc.record({
  do: fc.constantFrom(
    'request',
    'request',
    'request',
    'fail',
    'prove',
    'down',
    'drain',
    'health',
    'remove',
    'add',
    'update',
    'pass',
    'release',
  ),
  peer: fc.nat(20),
  wanted: fc.constantFrom(
    undefined,
    { version: '1' },
    { version: '2', k: 'x' },
    { k: 'y' },
    { k: 'made up' },
  ),
  given: peer,
})
const fallbacks = fc.constantFrom('none' as const, 'any' as const, { version: '1' })

const rest = { maxFails: 1, failTimeout: 1000 }

/** The truth about who is live, by looking at all. */
function isLive(state: PeerState): boolean {
  return state.fit && state.inService && !state.full
}

function checkGroup(tier: LiveGroup, members: readonly PeerState[]): void {
  expect(tier.peers).toEqual(members)
  const live = members.filter(isLive)
  expect(tier.live).toEqual(live)
  const weigh = (list: readonly PeerState[]): number =>
    list.reduce((sum, { weight }) => sum + weight, 0)
  expect(tier.totalWeight).toBe(weigh(members))
  expect(tier.liveWeight).toBe(weigh(live))
}

describe('localities, subsets and hints, whatever happens to the peers', () => {
  it('groups are right at any time; a pick is in its subset, live, near if it can be, and nobody twice', () => {
    fc.assert(
      fc.property(
        fc.array(peer, { minLength: 1, maxLength: 6 }),
        fc.array(step, { maxLength: 60 }),
        fallbacks,
        (list, steps, fallback) => {
          let wanted: Record<string, string> | undefined
          let hint: PeerState | undefined
          const { registry, clock } = group(
            Object.fromEntries(list.map((given, i) => [`p${i}`, { ...given, ...rest }])),
            {
              locality: { own: 'here', overprovisioning: 1.4, minimum: 1 },
              random: () => 0,
              subset: { of: () => wanted, fallback },
              sticky: { hinted: () => hint },
              whenNoneLive: 'fail',
            },
          )
          const leases: Lease[] = []
          const matches = (state: PeerState, labels: object): boolean =>
            Object.entries(labels).every(([name, value]) => state.labels[name] === value)
          let added = 0
          for (const each of steps) {
            const one = registry.peers[each.peer % Math.max(1, registry.peers.length)]
            switch (each.do) {
              case 'add': {
                const name = `new${added++}`
                const address = { protocol: 'http:', hostname: name, port: 80, name } as const
                registry.add({
                  address: { ...address, socketPath: undefined },
                  parameters: { ...each.given, ...rest },
                })
                break
              }
              case 'pass':
                clock.advance(each.peer * 100)
                break
              case 'release':
                leases.pop()?.release('ok')
                break
              case 'request': {
                ;({ wanted } = each)
                hint = each.peer < 10 ? one : undefined
                const session = new PeerSession(registry, request)
                const tried = new Set<PeerState>()
                for (;;) {
                  const outlook = session.outlook()
                  const before = registry.peers.filter((state) => !tried.has(state))
                  const inSubset = before.filter((state) => matches(state, wanted ?? {}))
                  const live = inSubset.filter(isLive)
                  const takesHint =
                    hint !== undefined && before.includes(hint) && registry.keepsSessions(hint)
                  const lease = session.next()
                  expect(lease === undefined).toBe(outlook === 'none')
                  if (lease === undefined) break
                  leases.push(lease)
                  const { peer: picked } = lease
                  expect(tried.has(picked)).toBe(false)
                  tried.add(picked)
                  if (takesHint && inSubset.includes(hint!)) expect(picked).toBe(hint)
                  else if (live.length > 0) {
                    expect(live).toContain(picked)
                    const sameTier = live.filter(({ tier }) => tier === picked.tier)
                    if (sameTier.some(({ locality }) => locality === 'here'))
                      expect(picked.locality).toBe('here')
                  } else {
                    expect(fallback).not.toBe('none')
                    if (typeof fallback === 'object') expect(matches(picked, fallback)).toBe(true)
                  }
                  if (leases.length % 3 === 0) lease.release('ok')
                }
                break
              }
              default:
                if (one === undefined) break
                if (each.do === 'fail') registry.failed(one, 'error', 'connect')
                else if (each.do === 'prove') registry.proved(one)
                else if (each.do === 'down') one.down = !one.down
                else if (each.do === 'drain') one.draining = !one.draining
                else if (each.do === 'health') one.healthy = !one.healthy
                else if (each.do === 'update') registry.update(one, { ...each.given, ...rest })
                else if (registry.peers.length > 1) registry.remove(one)
            }
            for (const tier of registry.tiers) {
              const members = registry.peers.filter((state) => state.tier === tier.priority)
              checkGroup(tier, members)
              checkGroup(
                tier.near!,
                members.filter(({ locality }) => locality === 'here'),
              )
              checkGroup(
                tier.far!,
                members.filter(({ locality }) => locality !== 'here'),
              )
            }
            for (const labels of [{ version: '1' }, { version: '2', k: 'x' }]) {
              const scope = registry.subsets!.scopeOf(labels)
              const members = registry.peers.filter((state) => matches(state, labels))
              expect(scope.peers).toEqual(members)
              for (const tier of scope.tiers)
                checkGroup(
                  tier,
                  members.filter((state) => state.tier === tier.priority),
                )
            }
          }
        },
      ),
      { numRuns: 300 },
    )
  }, 60_000)
})

describe('shares of localities', () => {
  it('are min(1, 1.4 × live / all), by a seeded random', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ weight: fc.integer({ min: 1, max: 9 }), down: fc.boolean() }), {
          minLength: 1,
          maxLength: 8,
        }),
        fc.integer(),
        (list, seed) => {
          const given = Object.fromEntries(
            list.map((each, i) => [`n${i}`, { ...each, locality: 'here' }]),
          )
          let state = seed >>> 0
          const random = (): number => {
            state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
            return state / 2 ** 32
          }
          const { registry } = group(
            { ...given, f1: { locality: 'x' }, f2: { weight: 3 } },
            { locality: { own: 'here', overprovisioning: 1.4, minimum: 1 }, random },
          )
          const all = list.reduce((sum, { weight }) => sum + weight, 0)
          const live = list.reduce((sum, { weight, down }) => sum + (down ? 0 : weight), 0)
          const counts = { near: 0, f1: 0, f2: 0 }
          const runs = 4000
          for (let i = 0; i < runs; i++) {
            const lease = new PeerSession(registry, request).next()
            const name = lease?.peer.name ?? ''
            counts[name === 'f1' || name === 'f2' ? name : 'near']++
            lease?.release('ok')
          }
          const kept = Math.min(1, (1.4 * live) / all)
          // Five standard deviations.
          const tolerance = 5 * Math.sqrt(runs * kept * (1 - kept)) + 1
          expect(Math.abs(counts.near - runs * kept)).toBeLessThanOrEqual(tolerance)
          expect(Math.abs(counts.f2 - 3 * counts.f1)).toBeLessThanOrEqual(4)
        },
      ),
      { numRuns: 60, seed: 7 },
    )
  })
})

describe('stickiness', () => {
  it('a client stays at its peer while that is live or draining, whoever else comes, goes or fails', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ do: fc.nat(6), peer: fc.nat(9) }), { maxLength: 60 }),
        fc.constantFrom('cookie' as const, 'learn' as const),
        (steps, way) => {
          const options =
            way === 'cookie'
              ? ({ cookie: { secret: 's' } } as const)
              : ({ learn: { create: { cookie: 'sid' }, lookup: { cookie: 'sid' } } } as const)
          const peers = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`p${i}`, {}]))
          const { registry, tried, answer, clock } = rig(options, peers)
          const clients = new Map<number, { cookie: string; at: string }>()
          for (const [index, each] of steps.entries()) {
            const one = registry.peers[each.peer % registry.peers.length]
            if (each.do === 0 && one !== undefined) registry.failed(one, 'error', 'connect')
            else if (each.do === 1 && one !== undefined) one.draining = !one.draining
            else if (each.do === 2 && one !== undefined && registry.peers.length > 1)
              registry.remove(one)
            else if (each.do === 3) clock.advance(each.peer * 1000)
            const id = each.peer % 4
            const client = clients.get(id)
            const own = registry.peers.find(({ name }) => name === client?.at)
            registry.settle(clock.now())
            const stays = own !== undefined && registry.keepsSessions(own)
            const sent = client === undefined ? {} : { cookie: client.cookie }
            const [at] = tried(sent)
            if (at === undefined) continue
            if (stays) expect(at).toBe(client?.at)
            const set = way === 'learn' && client === undefined ? [`sid=${index}`] : []
            const fields = answer(
              at,
              sent,
              set.flatMap((line) => ['Set-Cookie', line]),
            )
            clients.set(id, { cookie: pairOf(fields) || (client?.cookie ?? ''), at })
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it('forged and garbled cookies lead to nobody, and nothing throws', () => {
    const genuine = pairOf(rig({ cookie: { secret: 's' } }).answer('a'))
    const sticky = made({ cookie: { secret: 's' } }, fakeClock(0))
    const { registry } = group({ a: {}, b: {} })
    const garbled = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc
        .array(
          fc.constantFrom('srv_id', '=', ';', ' ', '"', '\t', 'x', '%', ',', genuine.slice(0, -1)),
        )
        .map((parts) => parts.join('')),
      fc.nat(27).chain((at) =>
        fc.string({ minLength: 1, maxLength: 1 }).map((char) => {
          return `${genuine.slice(0, 7 + (at % 22))}${char}${genuine.slice(8 + (at % 22))}`
        }),
      ),
    )
    fc.assert(
      fc.property(fc.oneof(garbled, fc.array(garbled)), (cookie) => {
        const text = Array.isArray(cookie) ? cookie.join('; ') : cookie
        fc.pre(!text.includes(genuine))
        const session = new PeerSession(registry, request)
        expect(sticky.hinted({ ...request, headers: { cookie } }, session)).toBeUndefined()
      }),
      { numRuns: 1000 },
    )
  })

  it('cookies are read as the application would read them, and those hidden are gone', () => {
    const word = fc.stringMatching(/^[a-c]{1,2}$/)
    fc.assert(
      fc.property(fc.array(fc.tuple(word, word)), word, (pairs, name) => {
        const header = pairs.map(([key, value]) => `${key}=${value}`).join('; ')
        expect(cookieValue(header, name)).toBe(pairs.find(([key]) => key === name)?.[1])
        const fields = ['Cookie', header]
        hideCookie(fields, name)
        const left = pairs.filter(([key]) => key !== name)
        const expected = left.map(([key, value]) => `${key}=${value}`).join('; ')
        if (pairs.length > 0) expect(fields).toEqual(left.length === 0 ? [] : ['Cookie', expected])
      }),
    )
  })
})
