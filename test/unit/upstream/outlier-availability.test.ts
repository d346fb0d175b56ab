import { describe, expect, it } from 'vitest'
import { WHOLE } from '../../../src/upstream/failure-window.js'
import { open } from './group.js'
import { attempt, outlierGroup } from './outlier-group.js'

const two = { a: {}, b: {} }

describe('failures in a row', () => {
  it('mark at exactly so many', () => {
    const { fail, registry, peer, marks, log } = outlierGroup(two)
    fail('a')
    fail('a')
    expect(registry.status(peer('a'))).toBe('up')
    fail('a', 'connect')
    expect(registry.status(peer('a'))).toBe('ejected')
    expect(marks()).toEqual([1000, 0])
    expect(log).toEqual(['a ejected: error at connect'])
  })

  it('begin anew after an answer, whatever its status', () => {
    const { fail, status, registry, peer } = outlierGroup(two)
    fail('a')
    fail('a')
    status('a', 503)
    fail('a')
    fail('a')
    expect(registry.status(peer('a'))).toBe('up')
    fail('a')
    expect(registry.status(peer('a'))).toBe('ejected')
  })

  it('of connecting go on through answers on old connections', () => {
    const { fail, registry, peer } = outlierGroup(two)
    fail('a', 'connect')
    fail('a', 'connect')
    const old = attempt(registry, peer('a'))
    old.answered(true, true, 200)
    old.release('ok')
    fail('a', 'connect')
    expect(registry.status(peer('a'))).toBe('ejected')
  })

  it('are counted for statuses apart: neither tips the other over', () => {
    const { fail, status, registry, peer, log } = outlierGroup(two, { failureRate: 0 })
    status('a', 503)
    status('a', 503)
    fail('a')
    fail('a')
    expect(registry.status(peer('a'))).toBe('up')
    // A failure of the transport is no good answer.
    status('a', 503)
    expect(registry.status(peer('a'))).toBe('ejected')
    expect(log).toEqual(['a ejected: status at answer'])
  })

  it('of statuses end with a good one', () => {
    const { status, registry, peer } = outlierGroup(two, { failureRate: 0 })
    for (const code of [503, 503, 200, 503, 503]) status('a', code)
    expect(registry.status(peer('a'))).toBe('up')
    expect(peer('a').statusFails).toBe(2)
  })

  it('of statuses neither grow nor end with one that has its weight in the rate alone', () => {
    const { status, registry, peer } = outlierGroup(two, { statusWeights: new Map([[500, 0.2]]) })
    status('a', 503)
    status('a', 503)
    status('a', 500, 'does not')
    expect(peer('a').statusFails).toBe(2)
    status('a', 503)
    expect(registry.status(peer('a'))).toBe('ejected')
  })

  it('do not count with 0', () => {
    const { fail, marks } = outlierGroup(two, { consecutiveFailures: 0, minimumRequests: 1000 })
    for (let i = 0; i < 100; i++) fail('a')
    expect(marks()).toEqual([0, 0])
  })

  it('lower the weight as those of nginx, a part for each', () => {
    const { fail, peer } = outlierGroup({ a: { weight: 10 }, b: {} })
    const first = fail('a')
    expect(peer('a').effectiveWeight).toBe(7)
    first.refund()
    expect(peer('a').effectiveWeight).toBe(10)
  })

  it('never mark a peer with maxFails 0', () => {
    const { fail, marks, peer } = outlierGroup({ a: { maxFails: 0, weight: 5 }, b: {} })
    for (let i = 0; i < 100; i++) fail('a')
    expect(marks()).toEqual([0, 0])
    expect(peer('a').effectiveWeight).toBe(5)
  })
})

describe('the rate of failures', () => {
  const rate = { consecutiveFailures: 0, failureRate: 0.3 }

  it('marks when enough requests have been and so many of them have failed', () => {
    const { fail, status, registry, peer, log, marks } = outlierGroup(two, rate)
    for (let i = 0; i < 7; i++) status('a', 200)
    fail('a')
    fail('a')
    expect(registry.status(peer('a'))).toBe('up')
    fail('a')
    expect(registry.status(peer('a'))).toBe('ejected')
    expect(marks()).toEqual([1000, 0])
    expect(log).toEqual(['a ejected: rate at answer'])
  })

  it('says nothing below minimumRequests', () => {
    const { fail, marks } = outlierGroup(two, rate)
    for (let i = 0; i < 9; i++) fail('a')
    expect(marks()).toEqual([0, 0])
    fail('a')
    expect(marks()).toEqual([1000, 0])
  })

  it('is not too high just below', () => {
    const { fail, status, marks } = outlierGroup(two, { ...rate, minimumRequests: 100 })
    for (let i = 0; i < 71; i++) status('a', 200)
    for (let i = 0; i < 30; i++) fail('a')
    expect(marks()).toEqual([0, 0])
    fail('a')
    expect(marks()).toEqual([1000, 0])
  })

  it('looks back over the window and no further', () => {
    const { fail, status, marks, clock } = outlierGroup(two, rate)
    for (let i = 0; i < 2; i++) fail('a')
    clock.advance(10_000)
    for (let i = 0; i < 9; i++) status('a', 200)
    fail('a')
    expect(marks()).toEqual([0, 0])
  })

  it('weighs statuses, whatever failOn says of them', () => {
    const weights = new Map([
      [500, 0.2],
      [503, 1],
      [504, 0],
    ])
    const { status, marks, peer } = outlierGroup(two, { ...rate, statusWeights: weights })
    for (let i = 0; i < 8; i++) status('a', 200)
    status('a', 504)
    expect(peer('a').outliers?.window.failures).toBe(0)
    status('a', 500)
    expect(peer('a').outliers?.window.failures).toBe(0.2 * WHOLE)
    status('a', 500, 'does not')
    status('a', 503, 'does not')
    status('a', 503, 'does not')
    // 2.4 of 13, then 3.4 of 14, then 4.4 of 15, where the others have 3 and more of 10.
    expect(peer('a').outliers?.window.failures).toBe(2.4 * WHOLE)
    status('a', 502)
    expect(marks()).toEqual([0, 0])
    status('a', 503)
    status('a', 503, 'does not')
    expect(marks()).toEqual([1000, 0])
  })

  it('marks for thirty per cent of 500 with a weight of its own, not without one', () => {
    const play = (statusWeights: ReadonlyMap<number, number>): number[] => {
      const { status, marks } = outlierGroup(two, { ...rate, statusWeights })
      for (let i = 0; i < 40; i++) status('a', i % 10 < 7 ? 200 : 500, 'does not')
      return marks()
    }
    expect(play(new Map())).toEqual([0, 0])
    expect(play(new Map([[500, 0.9]]))).toEqual([0, 0])
    expect(play(new Map([[500, 1]]))).toEqual([1000, 0])
  })

  it('lets the peer back in when the time is over, with nothing held against it', () => {
    const { fail, registry, peer, clock, log, status } = outlierGroup(two, rate)
    for (let i = 0; i < 10; i++) fail('a')
    clock.advance(999)
    expect(registry.status(peer('a'))).toBe('ejected')
    clock.advance(1)
    expect(registry.status(peer('a'))).toBe('up')
    expect(log).toEqual(['a ejected: rate at answer', 'a returned: time'])
    for (let i = 0; i < 9; i++) status('a', 200)
    fail('a')
    fail('a')
    expect(registry.status(peer('a'))).toBe('up')
  })

  it('is not disproved by an answer, nor by a probe', () => {
    const { fail, registry, peer } = outlierGroup(two, rate)
    for (let i = 0; i < 9; i++) fail('a')
    const lease = attempt(registry, peer('a'))
    fail('a')
    lease.answered(false, true, 200)
    registry.proved(peer('a'))
    expect(registry.status(peer('a'))).toBe('ejected')
  })

  it('is not counted with 0', () => {
    const { status, marks } = outlierGroup(two, {
      failureRate: 0,
      statusWeights: new Map([[500, 1]]),
    })
    for (let i = 0; i < 100; i++) status('a', 500, 'does not')
    expect(marks()).toEqual([0, 0])
  })
})

describe('what brings a peer back that is marked for failures in a row', () => {
  it.each([
    ['connect', false, 'up'],
    ['connect', true, 'ejected'],
    ['answer', true, 'up'],
  ] as const)('%s, by an answer on an old connection: %s', (step, reused, expected) => {
    const { fail, registry, peer } = outlierGroup(two)
    const lease = attempt(registry, peer('a'))
    for (let i = 0; i < 3; i++) fail('a', step)
    lease.answered(reused, true, 200)
    expect(registry.status(peer('a'))).toBe(expected)
  })

  it('a probe, for those of the transport', () => {
    const { fail, registry, peer, log } = outlierGroup(two)
    for (let i = 0; i < 3; i++) fail('a')
    registry.proved(peer('a'))
    expect(registry.status(peer('a'))).toBe('up')
    expect(log.at(-1)).toBe('a returned: probe')
  })

  it('no probe, for statuses; a good answer to a request that began after the mark', () => {
    const { status, registry, peer, clock } = outlierGroup(two)
    const early = attempt(registry, peer('a'))
    for (let i = 0; i < 3; i++) status('a', 503)
    registry.proved(peer('a'))
    early.answered(false, true, 200)
    expect(registry.status(peer('a'))).toBe('ejected')
    clock.advance(1000)
    const bad = attempt(registry, peer('a'))
    bad.answered(false, true, 200)
    expect(registry.status(peer('a'))).toBe('up')
  })

  it('not an answer whose status has a weight', () => {
    const { status, registry, peer, clock } = outlierGroup(two, {
      statusWeights: new Map([[500, 0.2]]),
    })
    for (let i = 0; i < 3; i++) status('a', 503)
    clock.advance(1000)
    attempt(registry, peer('a')).answered(false, true, 500)
    expect(registry.status(peer('a'))).toBe('ejected')
  })

  it('one request at a time when the time is over', () => {
    const { fail, registry, clock } = outlierGroup(two)
    for (let i = 0; i < 3; i++) fail('a')
    clock.advance(1000)
    const tried = Array.from({ length: 20 }, () => open(registry).next()?.peer.name)
    expect(tried.filter((name) => name === 'a')).toHaveLength(1)
  })
})

describe('the time of an ejection', () => {
  it('grows with each trial that fails, up to the longest', () => {
    const { fail, marks, clock, log } = outlierGroup(two)
    for (let i = 0; i < 3; i++) fail('a')
    const times: (number | undefined)[] = []
    for (let round = 0; round < 7; round++) {
      times.push(marks()[0])
      clock.advance(marks()[0] ?? 0)
      fail('a')
    }
    expect(times).toEqual([1000, 2000, 3000, 4000, 5000, 5000, 5000])
    expect(log).toEqual(['a ejected: error at answer'])
  })

  it('does not grow for what was under way, nor for what had to be tried', () => {
    const { fail, marks, clock, registry, peer } = outlierGroup(two)
    const early = attempt(registry, peer('a'))
    for (let i = 0; i < 3; i++) fail('a')
    for (let i = 0; i < 3; i++) fail('b')
    clock.advance(500)
    early.fail('error', 'answer')
    const session = open(registry)
    session.next()?.fail('error', 'answer')
    expect(marks()).toEqual([500, 500])
    clock.advance(500)
    const trial = attempt(registry, peer('a'))
    expect(marks()).toEqual([1000, 0])
    clock.advance(10)
    trial.fail('error', 'answer')
    expect(marks()).toEqual([2000, -10])
  })

  it('is one less for each quiet window', () => {
    const { fail, marks, clock, registry, peer } = outlierGroup(two, { window: 10_000 })
    const eject = (): number | undefined => {
      for (let i = 0; i < 3; i++) fail('a')
      const [time] = marks()
      registry.proved(peer('a'))
      return time
    }
    expect([eject(), eject(), eject(), eject()]).toEqual([1000, 2000, 3000, 4000])
    clock.advance(9_999)
    expect(eject()).toBe(5000)
    clock.advance(10_000)
    expect(eject()).toBe(5000)
    clock.advance(20_000)
    expect(eject()).toBe(4000)
    clock.advance(1_000_000)
    expect(eject()).toBe(1000)
  })

  it.each([
    [0, 750],
    [0.5, 1000],
    [0.999_999, 1250],
  ])('is spread by chance: %d gives %d ms', (chance, expected) => {
    const { fail, marks } = outlierGroup(two, { jitter: 0.25 }, { random: () => chance })
    for (let i = 0; i < 3; i++) fail('a')
    expect(marks()[0]).toBeCloseTo(expected, 1)
  })
})

describe('how many may be ejected at once', () => {
  const names = ['a', 'b', 'c', 'd', 'e']
  it.each([
    [5, 100, 5],
    [5, 99, 4],
    [5, 50, 2],
    [5, 10, 1],
    [5, 1, 1],
    [5, 0, 0],
    [4, 50, 2],
    [3, 50, 1],
    [2, 50, 1],
    [2, 99, 1],
    [1, 50, 0],
    [1, 100, 1],
  ])('of %d peers with %d per cent: %d', (count, maxEjectionPercent, expected) => {
    const { fail, marks } = outlierGroup(
      Object.fromEntries(names.slice(0, count).map((name) => [name, {}])),
      { maxEjectionPercent },
    )
    for (const name of names.slice(0, count)) for (let i = 0; i < 3; i++) fail(name)
    expect(marks().filter((mark) => mark > 0)).toHaveLength(expected)
  })

  it('counts those in service of its own tier', () => {
    const { fail, marks } = outlierGroup(
      { a: {}, b: {}, c: { down: true }, d: { drain: true }, e: { backup: true } },
      { maxEjectionPercent: 99 },
    )
    for (const name of ['a', 'b', 'e']) for (let i = 0; i < 3; i++) fail(name)
    expect(marks()).toEqual([1000, 0, 0, 0, 0])
  })

  it('takes the next chance: when another is back, the next failure ejects', () => {
    const { fail, registry, peer, marks } = outlierGroup(two, { maxEjectionPercent: 50 })
    for (let i = 0; i < 3; i++) fail('a')
    for (let i = 0; i < 5; i++) fail('b')
    expect(marks()).toEqual([1000, 0])
    registry.proved(peer('a'))
    fail('b')
    expect(marks()).toEqual([0, 1000])
  })
})

describe('a refund', () => {
  it('of the failure that ejected brings the peer back, and its next time is no longer', () => {
    const { fail, registry, peer, marks, log } = outlierGroup(two)
    fail('a')
    fail('a')
    const last = fail('a')
    last.refund()
    expect(registry.status(peer('a'))).toBe('up')
    expect(log.at(-1)).toBe('a returned: refund')
    expect(peer('a').fails).toBe(2)
    fail('a')
    expect(marks()[0]).toBe(1000)
  })

  it('of an earlier one in the row does so, too', () => {
    const { fail, registry, peer, marks } = outlierGroup(two)
    const first = fail('a')
    fail('a')
    fail('a')
    first.refund()
    expect(registry.status(peer('a'))).toBe('up')
    fail('a')
    expect(marks()[0]).toBe(1000)
  })

  it('takes it out of the rate', () => {
    const { status, registry, peer } = outlierGroup(two, { consecutiveFailures: 0 })
    for (let i = 0; i < 5; i++) status('a', 200)
    const leases = Array.from({ length: 5 }, () => status('a', 503))
    expect(registry.status(peer('a'))).toBe('ejected')
    leases[0]?.refund()
    expect(registry.status(peer('a'))).toBe('up')
    expect([peer('a').outliers?.window.requests, peer('a').outliers?.window.failures]).toEqual([
      9,
      4 * WHOLE,
    ])
  })

  it('of a trial that failed takes back what it was prolonged by', () => {
    const { fail, marks, clock } = outlierGroup(two)
    for (let i = 0; i < 3; i++) fail('a')
    clock.advance(1000)
    const trial = fail('a')
    expect(marks()[0]).toBe(2000)
    trial.refund()
    expect(marks()[0]).toBe(1000)
  })

  it('of a failure before the last answer leaves the new row as it is', () => {
    const { fail, status, peer } = outlierGroup(two)
    const old = fail('a')
    const oldStatus = status('a', 503)
    status('a', 200)
    fail('a')
    status('a', 503)
    fail('a')
    old.refund()
    oldStatus.refund()
    expect([peer('a').fails, peer('a').statusFails]).toEqual([1, 1])
  })
})

describe('a status that has its weight in the rate alone', () => {
  const weighed = { statusWeights: new Map([[500, 0.2]]), minimumRequests: 1000 }

  it('does not prolong the ejection when it is the trial’s', () => {
    const { status, registry, peer, clock, marks } = outlierGroup(two, weighed)
    for (let i = 0; i < 3; i++) status('a', 503)
    clock.advance(1000)
    attempt(registry, peer('a')).answered(false, true, 500)
    expect(marks()[0]).toBe(1000)
  })

  it('does not eject a peer whose row was long enough before', () => {
    const { fail, status, registry, peer, marks } = outlierGroup(two, {
      ...weighed,
      maxEjectionPercent: 50,
    })
    for (let i = 0; i < 3; i++) fail('a')
    for (let i = 0; i < 3; i++) status('b', 503)
    registry.proved(peer('a'))
    status('b', 500, 'does not')
    expect(marks()).toEqual([0, 0])
    status('b', 503)
    expect(marks()).toEqual([0, 1000])
  })
})

it('a peer that may never be marked any more is back at once', () => {
  const { fail, registry, peer } = outlierGroup(two)
  for (let i = 0; i < 3; i++) fail('a')
  const { weight, maxConns, failTimeout } = peer('a')
  const others = { weight, maxConns, failTimeout, backup: false, down: false }
  registry.update(peer('a'), { ...others, maxFails: 0 })
  expect(registry.status(peer('a'))).toBe('up')
})

it('an ejection that a refund has ended does not make the next one longer', () => {
  const { fail, registry, peer, marks } = outlierGroup(two)
  for (let i = 0; i < 3; i++) fail('a')
  registry.proved(peer('a'))
  const first = fail('a')
  for (let i = 0; i < 2; i++) fail('a')
  expect(marks()[0]).toBe(2000)
  first.refund()
  expect(marks()[0]).toBe(0)
  fail('a')
  expect(marks()[0]).toBe(2000)
})

it('ejections beyond the longest time do not count: it decays from there', () => {
  const { fail, registry, peer, clock, marks } = outlierGroup(two)
  for (let i = 0; i < 3; i++) fail('a')
  for (let round = 0; round < 20; round++) {
    clock.advance(marks()[0] ?? 0)
    fail('a')
  }
  registry.proved(peer('a'))
  clock.advance(40_000)
  for (let i = 0; i < 3; i++) fail('a')
  expect(marks()[0]).toBe(2000)
})

it('a request that had to be made after a failed trial is no trial', () => {
  const { fail, clock, marks } = outlierGroup({ a: {} })
  for (let i = 0; i < 3; i++) fail('a')
  clock.advance(1000)
  fail('a')
  expect(marks()).toEqual([2000])
  clock.advance(10)
  fail('a')
  expect(marks()).toEqual([1990])
})

it('an exempt request counts nowhere, whatever its status', () => {
  const { registry, peer, marks } = outlierGroup(two, { statusWeights: new Map([[500, 1]]) })
  for (let i = 0; i < 30; i++) {
    const lease = attempt(registry, peer('a'))
    lease.exempt = true
    lease.answered(false, i % 2 === 0, 500)
    lease.release('ok')
  }
  expect(marks()).toEqual([0, 0])
  expect([peer('a').outliers?.window.requests ?? 0, peer('a').ledgers.status]).toEqual([0, 0])
})
