import { describe, expect, it } from 'vitest'
import { makeSelector } from '../../../src/selection/index.js'
import { Ring } from '../../../src/selection/ring.js'
import { eachPoint } from '../../../src/selection/ring-points.js'
import { pointOf, SortedPoints } from '../../../src/selection/sorted-points.js'
import type { Peer, PeerGroup } from '../../../src/upstream/peer-selector.js'
import { PeerRegistry } from '../../../src/upstream/registry.js'
import { group, open } from '../upstream/group.js'

const pointsOf = (name: string, weight = 1): number[] => {
  const points: number[] = []
  eachPoint(name, 0, weight, (hash) => points.push(hash))
  return points
}

describe('the points of a server', () => {
  it('are 160 a weight, each made of the one before', () => {
    expect(pointsOf('a:80', 3)).toHaveLength(480)
    expect(pointsOf('a:80', 3).slice(0, 160)).toEqual(pointsOf('a:80'))
  })

  it('host and port are told apart, and unix: is left out', () => {
    expect(pointsOf('a:80')).not.toEqual(pointsOf('a'))
    expect(pointsOf('a:x')[0]).not.toBe(pointsOf('a')[0])
    expect(pointsOf('unix:/a.sock')).toEqual(pointsOf('/a.sock'))
    expect(pointsOf('[::1]:80')).not.toEqual(pointsOf('[::1]:81'))
  })
})

describe('points in order', () => {
  it('are found around the ring, one after another', () => {
    const points = new SortedPoints()
    expect(points.seek(5)).toBeUndefined()
    for (const hash of [30, 10, 20]) points.insert(pointOf(hash, 1))
    expect(points.seek(11)).toBe(pointOf(20, 1))
    expect(points.after()).toBe(pointOf(30, 1))
    expect(points.after()).toBe(pointOf(10, 1))
    expect(points.seek(31)).toBe(pointOf(10, 1))
    points.remove(pointOf(20, 1))
    points.remove(pointOf(21, 1))
    expect(points.seek(11)).toBe(pointOf(30, 1))
    expect(points.size).toBe(2)
  })

  it('stay in order over many pages, however they come and go', () => {
    const points = new SortedPoints()
    const hashes = Array.from({ length: 3000 }, (_, i) => Math.imul(i, 2654435761) >>> 0)
    points.fill(Float64Array.from(hashes.slice(0, 1000), (hash) => pointOf(hash, 0)))
    for (const hash of hashes.slice(1000)) points.insert(pointOf(hash, 0))
    for (const hash of hashes.slice(0, 2500)) points.remove(pointOf(hash, 0))
    const left = hashes.slice(2500).toSorted((a, b) => a - b)
    const found = [points.seek(0)]
    while (found.length < left.length) found.push(points.after())
    expect(found).toEqual(left.map((hash) => pointOf(hash, 0)))
    for (const hash of left) points.remove(pointOf(hash, 0))
    expect(points.seek(0)).toBeUndefined()
  })
})

describe('the ring', () => {
  it('of two points with one hash, that of the peer which stands first is there', () => {
    // Found by search: both have a point at this hash.
    const seen = new Map<number, string>()
    let pair: [string, string, number] | undefined
    for (let i = 0; pair === undefined; i++) {
      const name = `10.0.${i >> 8}.${i & 255}:80`
      for (const hash of pointsOf(name)) {
        const other = seen.get(hash)
        if (other !== undefined && other !== name) pair = [other, name, hash]
        seen.set(hash, name)
      }
    }
    const [a, b, hash] = pair
    for (const names of [
      [a, b],
      [b, a],
    ]) {
      const peers = names.map((name, index) => ({ name, index, weight: 1 }) as Peer)
      const ring = new Ring()
      ring.update({ peers } as unknown as PeerGroup)
      expect(ring.seek(hash).map(({ name }) => name)).toEqual([names[0]])
      expect(ring.next).toBe((hash + 1) % 2 ** 32)
    }
  })

  it('peers of one name share its points, and take turns by weight', () => {
    const selector = makeSelector(
      { name: 'hash', key: () => 'k', consistent: true },
      { random: () => 0, now: () => 0 },
    )
    const { registry, clock } = group({ a: { weight: 2 }, b: {} })
    const [first] = registry.peers
    const settings = {
      name: 'test',
      peers: [2, 1].map((weight) => ({
        address: first!,
        parameters: {
          weight,
          maxConns: 0,
          maxFails: 1,
          failTimeout: 1,
          backup: false,
          down: false,
        },
      })),
      whenNoneLive: 'fail' as const,
      queue: { size: 0, timeout: 0 },
      nginx: true,
    }
    const same = new PeerRegistry(settings, selector, clock)
    const picked = Array.from({ length: 6 }, () => {
      const lease = open(same).next()!
      lease.release('ok')
      return lease.peer.index
    })
    expect(picked).toEqual([0, 1, 0, 0, 1, 0])
  })
})
