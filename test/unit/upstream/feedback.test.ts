import { describe, expect, it } from 'vitest'
import { afterFeedback, NOTHING_SAID } from '../../../src/upstream/feedback.js'
import { exhaust, group, names, open } from './group.js'

describe('what a peer says', () => {
  it.each([
    ['75%', { share: 0.75 }],
    ['200%', { share: 1 }],
    ['0%', { share: 0 }],
    ['drain', { drain: true }],
    ['DOWN', { down: true }],
    ['fail # disk full, ready', { down: true }],
    ['stopped', { down: true }],
    ['maxconn:30', { maxConns: 30 }],
    ['50%,drain maxconn:3\tdown', { share: 0.5, drain: true, maxConns: 3, down: true }],
    ['drain ready down up', {}],
    ['', {}],
    ['maint 50 % maxconn: 30 -1% 1.5% drained', {}],
    [`${' '.repeat(300)}drain`, {}],
    ['9'.repeat(20) + '%', {}],
  ])('%j', (text, expected) => {
    expect(afterFeedback(NOTHING_SAID, text)).toEqual({ ...NOTHING_SAID, ...expected })
  })

  it('stays until it says otherwise; the same again is nothing new', () => {
    const said = afterFeedback(NOTHING_SAID, 'drain 50%')
    expect(afterFeedback(said, 'nothing')).toBe(said)
    expect(afterFeedback(said, '50%')).toBe(said)
    expect(afterFeedback(said, 'ready')).toEqual({ ...NOTHING_SAID, share: 0.5 })
  })
})

describe('a peer that', () => {
  it('asks for less weight gets its share in round robin, and all of it again', () => {
    const { registry, peer } = group({ a: { weight: 4 }, b: { weight: 4 } })
    registry.heard(peer('a'), '25%')
    const shares = (): string => {
      const picks = Array.from({ length: 20 }, () => open(registry).next()!)
      for (const lease of picks) lease.release('ok')
      return ['a', 'b'].map((name) => names(picks).filter((one) => one === name).length).join(':')
    }
    expect(shares()).toBe('4:16')
    expect(peer('a')).toMatchObject({ weight: 4, easedWeight: 1 })
    registry.heard(peer('a'), '100%')
    // It rises by one with each pick.
    shares()
    expect(shares()).toBe('10:10')
  })

  it('asks for less while it is eased in rises to that', () => {
    const { registry, peer, clock } = group({ a: { weight: 10, slowStart: 1000 }, b: {} })
    peer('a').down = true
    peer('a').down = false
    clock.advance(300)
    registry.settle(clock.now())
    expect(peer('a').easedWeight).toBeCloseTo(3)
    registry.heard(peer('a'), '50%')
    clock.advance(300)
    registry.settle(clock.now())
    expect(peer('a').easedWeight).toBeCloseTo(3)
    clock.advance(1000)
    registry.settle(clock.now())
    expect(peer('a').easedWeight).toBe(5)
  })

  it.each(['drain', '0%'])('says %s gets nothing new until it says otherwise', (word) => {
    const { registry, peer } = group({ a: {}, b: {} })
    registry.heard(peer('a'), word)
    expect(registry.status(peer('a'))).toBe('draining')
    expect(names(exhaust(open(registry)))).toEqual(['b'])
    registry.heard(peer('a'), word === 'drain' ? 'ready' : '10%')
    expect(registry.status(peer('a'))).toBe('up')
  })

  it('is drained by the administrator stays so, whatever it says; and changes keep no word of its own', () => {
    const { registry, peer } = group({ a: { drain: true }, b: {} })
    registry.heard(peer('a'), 'ready 50%')
    expect(registry.status(peer('a'))).toBe('draining')
    expect(peer('a').toldToDrain).toBe(true)
    registry.heard(peer('b'), 'drain')
    expect(peer('b')).toMatchObject({ draining: true, toldToDrain: false })
  })

  it('says that it is down is unhealthy, whatever its checks say, and told of once', () => {
    const { registry, peer } = group({ a: {}, b: {} })
    const told: string[] = []
    registry.observers.add({
      ejected: () => undefined,
      returned: () => undefined,
      health: ({ name, healthy }, reason, checks) =>
        told.push(`${name} ${healthy} ${reason} ${checks}`),
    })
    registry.heard(peer('a'), 'down')
    registry.setHealth(peer('a'), 'status', 3)
    registry.setHealth(peer('a'), 'passed', 2)
    expect(registry.status(peer('a'))).toBe('unhealthy')
    registry.setHealth(peer('a'), 'timeout', 3)
    registry.heard(peer('a'), 'up')
    expect(registry.status(peer('a'))).toBe('unhealthy')
    registry.setHealth(peer('a'), 'passed', 2)
    expect(registry.status(peer('a'))).toBe('up')
    expect(told).toEqual(['a false feedback 0', 'a true passed 2'])
  })

  it('says how much it bears is full by then, and by its configured limit at the latest', () => {
    const { registry, peer } = group({ a: { maxConns: 3 }, b: {} })
    registry.heard(peer('a'), 'maxconn:1')
    registry.heard(peer('b'), 'maxconn:2')
    const leases = Array.from({ length: 9 }, () => open(registry).next()).filter(Boolean)
    expect(leases).toHaveLength(3)
    expect([peer('a').connections, peer('b').connections]).toEqual([1, 2])
    expect(registry.status(peer('b'))).toBe('full')
    registry.heard(peer('a'), 'maxconn:9')
    expect(peer('a')).toMatchObject({ limit: 3, maxConns: 3, live: true })
    registry.heard(peer('b'), 'maxconn:0')
    expect(registry.status(peer('b'))).toBe('up')
  })

  it('is gone is heard no more', () => {
    const { registry, peer } = group({ a: {}, b: {} })
    const a = peer('a')
    registry.remove(a)
    registry.heard(a, 'drain')
    registry.setHealth(a, 'status', 1)
    expect(a).toMatchObject({ draining: false, healthy: true })
  })
})

describe('the last resort', () => {
  it('is a marked peer rather than an unhealthy one, and then that', () => {
    const { registry, peer } = group({ a: {}, b: {}, c: { backup: true } })
    registry.setHealth(peer('a'), 'status', 3)
    for (const name of ['b', 'c']) registry.failed(peer(name), 'error', 'connect')
    expect(names(exhaust(open(registry)))).toEqual(['b', 'c', 'a'])
  })
})
