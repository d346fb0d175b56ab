import { scriptedRandom } from 'evenkeel/testing'
import { describe, expect, it, test } from 'vitest'
import { leastConn } from '../../../src/selection/least-conn.js'
import type { PeerGroup, PeerSelector } from '../../../src/upstream/peer-selector.js'
import type { PeerParameters } from '../../../src/upstream/peer.js'
import { exhaust, group, names, open } from './group.js'
import type { GroupOptions } from './group.js'

const near = (given: Partial<PeerParameters> = {}): Partial<PeerParameters> => ({
  locality: 'eu-1a',
  ...given,
})
const far = (given: Partial<PeerParameters> = {}): Partial<PeerParameters> => ({
  locality: 'eu-1b',
  ...given,
})
const locality = { own: 'eu-1a', overprovisioning: 1.4, minimum: 1 }
const four = { n1: near(), f1: far(), n2: near(), f2: far() }

function placed(
  peers: Parameters<typeof group>[0],
  settings: GroupOptions = {},
): ReturnType<typeof group> & { picks(count: number): string } {
  const made = group(peers, { locality, random: () => 0.999, ...settings })
  return {
    ...made,
    picks: (count) =>
      Array.from({ length: count }, () => {
        const lease = open(made.registry).next()
        lease?.release('ok')
        return lease?.peer.name ?? '-'
      }).join(' '),
  }
}

describe('who is asked first', () => {
  it('peers of our own locality, while enough of their weight is live', () => {
    expect(placed(four).picks(4)).toBe('n1 n2 n1 n2')
  })

  it('others in proportion to what is missing: Envoy’s min(1, 1.4 × live / all)', () => {
    const draws = [0.69, 0.71, 0.699, 0.701]
    const random = scriptedRandom(draws)
    const { registry, peer, picks } = placed(four, { random })
    peer('n2').healthy = false
    expect(registry.tiers[0]?.near?.liveWeight).toBe(1)
    expect(picks(4)).toBe('n1 f1 n1 f2')
    peer('n2').healthy = true
    expect(picks(2)).toBe('n1 n2')
  })

  it.each([
    [3, 5, 0.84],
    [2, 5, 0.56],
    [4, 4, 1],
    [1, 7, 0.2],
  ])('with %i of %i live, %d of the requests stay', (live, all, kept) => {
    const peers = Object.fromEntries(
      Array.from({ length: all }, (_, i) => [`n${i}`, near({ down: i >= live })]),
    )
    const at = (draw: number): string =>
      placed({ ...peers, f: far() }, { random: () => draw }).picks(1)
    expect(at(kept - 0.001)).toBe('n0')
    expect(at(Math.min(0.9999, kept + 0.001))).toBe(kept === 1 ? 'n0' : 'f')
  })

  it('weights count, not heads', () => {
    const { peer, picks } = placed({ n1: near({ weight: 3 }), n2: near(), f: far() })
    peer('n2').down = true
    expect(picks(3)).toBe('n1 n1 n1')
    peer('n2').down = false
    peer('n1').down = true
    expect(picks(1)).toBe('f')
  })

  it('a peer without a locality stands nowhere near', () => {
    expect(placed({ x: {}, n: near() }).picks(2)).toBe('n n')
    expect(placed({ x: {}, f: far() }).picks(2)).toBe('x f')
  })

  it('more than their weight is borne as the factor says', () => {
    const peers = { n1: near(), n2: near({ down: true }), f: far() }
    expect(placed(peers, { locality: { ...locality, overprovisioning: 2 } }).picks(2)).toBe('n1 n1')
    expect(placed(peers, { locality: { ...locality, overprovisioning: 1 } }).picks(1)).toBe('f')
  })

  it('with fewer live peers than the minimum all are asked alike', () => {
    const settings = { locality: { ...locality, minimum: 2 } }
    const { peer, picks } = placed(four, settings)
    expect(picks(2)).toBe('n1 n2')
    peer('n2').down = true
    expect(picks(3).split(' ').sort().join(' ')).toBe('f1 f2 n1')
  })
})

describe('spilling over', () => {
  it('at once when our own are full, and back again', () => {
    const { registry, picks, peer } = placed({ n: near({ maxConns: 1 }), f: far() })
    const lease = open(registry).next()
    expect(lease?.peer.name).toBe('n')
    expect(picks(2)).toBe('f f')
    lease?.release('ok')
    expect(picks(1)).toBe('n')
    expect(peer('n').connections).toBe(0)
  })

  it('a retry goes to our own first, then to the others, then to the next tier', () => {
    const { registry } = placed({ ...four, b1: far({ backup: true }), b2: near({ backup: true }) })
    expect(names(exhaust(open(registry)))).toEqual(['n1', 'n2', 'f1', 'f2', 'b2', 'b1'])
  })

  it('one that was sent away comes back for its retry', () => {
    const { registry, peer } = placed({ n1: near(), n2: near(), n3: near(), f1: far(), f2: far() })
    peer('n2').down = true
    peer('n3').down = true
    expect(names(exhaust(open(registry)))).toEqual(['f1', 'n1', 'f2'])
  })

  it('whether anybody is live does not depend on the locality', () => {
    const { registry, peer } = placed(four)
    peer('n1').down = true
    peer('n2').down = true
    expect(open(registry).outlook()).toBe('live')
  })

  it('in panic localities are not asked: health could not say what is left of them', () => {
    const { registry, peer, picks } = placed(four, { panicThreshold: 60 })
    for (const name of ['n1', 'n2']) registry.failed(peer(name), 'error', 'connect')
    expect(picks(4).split(' ').sort().join(' ')).toBe('f1 f2 n1 n2')
  })
})

describe('the groups that selectors see', () => {
  function watching(): { selector: PeerSelector; groups: PeerGroup[] } {
    const groups: PeerGroup[] = []
    const inner = leastConn()
    const selector: PeerSelector = {
      name: 'watching',
      begin: (request) => ({
        pick: (candidates) => {
          groups.push(candidates.group)
          return inner.begin(request).pick(candidates)
        },
      }),
    }
    return { selector, groups }
  }

  test('are the same objects from request to request, with other versions when they change', () => {
    const { selector, groups } = watching()
    const { registry, picks, peer } = placed(four, { selector })
    picks(3)
    expect(new Set(groups).size).toBe(1)
    const [own] = groups
    const before = own?.version
    expect(own?.peers.map(({ name }) => name)).toEqual(['n1', 'n2'])
    expect(own?.totalWeight).toBe(2)
    registry.remove(peer('n1'))
    picks(1)
    expect(groups.at(-1)).toBe(own)
    expect(own?.peers.map(({ name }) => name)).toEqual(['n2'])
    expect(own?.version).not.toBe(before)
  })

  test('follow a peer that moves', () => {
    const { registry, picks, peer } = placed(four)
    const { weight, maxConns, maxFails, failTimeout } = peer('f1')
    const same = { weight, maxConns, maxFails, failTimeout, backup: false, down: false }
    registry.update(peer('f1'), { ...same, locality: 'eu-1a' })
    registry.update(peer('n1'), { ...same, locality: undefined })
    registry.update(peer('n2'), { ...same, locality: 'eu-1b' })
    expect(picks(3)).toBe('f1 f1 f1')
    peer('f1').down = true
    expect(registry.tiers[0]?.near?.live).toEqual([])
    expect(registry.tiers[0]?.far?.live.map(({ name }) => name)).toEqual(['n1', 'n2', 'f2'])
  })
})
