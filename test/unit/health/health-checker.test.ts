import { describe, expect, it } from 'vitest'
import { fakeClock, scriptedRandom } from 'evenkeel/testing'
import type { CheckSchedule } from '../../../src/config/types.js'
import { resultOf } from '../../../src/health/check.js'
import type { CheckResult } from '../../../src/health/check.js'
import { HealthChecker } from '../../../src/health/health-checker.js'
import type { Peer } from '../../../src/upstream/peer.js'
import { group } from '../upstream/group.js'

const SCHEDULE: CheckSchedule = {
  interval: 5000,
  jitter: 0,
  fastInterval: 1000,
  downInterval: 10_000,
  timeout: 2000,
  fall: 3,
  rise: 2,
  initialState: 'up',
}

type Answer = CheckResult['reason'] | 'hangs'

interface Options extends Partial<CheckSchedule> {
  readonly random?: () => number
  readonly proves?: 'answer' | 'connect'
  readonly peers?: number
}

/** A checker whose checks come to what the test says: at once, or never. */
function checker({ random = () => 0, proves = 'answer', peers = 1, ...given }: Options = {}) {
  const clock = fakeClock()
  const names = Array.from({ length: peers }, (_, index) => `p${index}`)
  const { registry, peer } = group(Object.fromEntries(names.map((name) => [name, {}])))
  const checks: { at: number; peer: string; done: (result: CheckResult) => void }[] = []
  const cancelled: string[] = []
  const told: string[] = []
  const answer: { now: Answer; said?: string } = { now: 'passed' }
  const subject = new HealthChecker({
    check: (each, done) => {
      checks.push({ at: clock.now(), peer: each.name, done })
      if (answer.now !== 'hangs') done(resultOf(answer.now, answer.said))
      return () => void cancelled.push(each.name)
    },
    proves,
    schedule: { ...SCHEDULE, ...given },
    clock,
    random,
    verdicts: {
      health: (each, reason, inRow) => {
        told.push(`${each.name} ${reason} ${inRow}`)
        registry.setHealth(peer(each.name), reason, inRow)
      },
      unknown: (each) => told.push(`${each.name} unknown`),
      proved: (each) => told.push(`${each.name} proved`),
      said: (each, text) => told.push(`${each.name} said ${text}`),
    },
  })
  registry.observers.add({
    ejected: () => undefined,
    returned: () => undefined,
    changed: (each) => {
      subject.changed(each)
    },
  })
  const times = (): number[] => checks.map(({ at }) => at)
  return { clock, checks, cancelled, told, answer, subject, registry, peer, times }
}

const only = (peers: readonly Peer[]): Peer => peers[0]!

describe('HealthChecker', () => {
  it('checks each interval, begin to begin', () => {
    const { clock, subject, times, registry } = checker()
    subject.watch(only(registry.peers))
    clock.advance(15_000)
    expect(times()).toEqual([0, 0, 5000, 10_000, 15_000])
  })

  it('finds a place in the interval after the first check', () => {
    const { clock, subject, times, registry } = checker({ random: scriptedRandom([0.5, 0.3]) })
    subject.watch(only(registry.peers))
    clock.advance(12_000)
    expect(times()).toEqual([50, 1550, 6550, 11_550])
  })

  it('spreads first checks: a hundred a second, and no later than the interval', () => {
    const { clock, checks, subject, registry } = checker({
      random: () => 0.999,
      peers: 1000,
      interval: 4000,
    })
    for (const peer of registry.peers.slice(0, 10)) subject.watch(peer)
    clock.advance(100)
    expect(checks).toHaveLength(10)
    for (const peer of registry.peers) subject.watch(peer)
    clock.advance(1000)
    expect(checks.length).toBeGreaterThan(90)
    expect(checks.length).toBeLessThan(130)
    clock.advance(3000)
    expect(new Set(checks.map(({ peer }) => peer)).size).toBe(1000)
  })

  it('is late by a part of the jitter', () => {
    const random = scriptedRandom([0, 0, 0.5, 0.25, 0.5])
    const { clock, subject, times, registry } = checker({ random, jitter: 1000 })
    subject.watch(only(registry.peers))
    clock.advance(500 + 5250)
    expect(times()).toEqual([0, 500, 5750])
  })

  it('is fast while checks speak for a change, and slow while the peer is down', () => {
    const { clock, subject, times, answer, told, registry } = checker()
    subject.watch(only(registry.peers))
    clock.advance(4999)
    answer.now = 'status'
    clock.advance(1 + 2000)
    expect(times().slice(-3)).toEqual([5000, 6000, 7000])
    expect(told).toEqual(['p0 status 3'])
    answer.now = 'passed'
    clock.advance(9999)
    expect(times().at(-1)).toBe(7000)
    clock.advance(1)
    expect(times().at(-1)).toBe(17_000)
    clock.advance(1000)
    expect(told).toEqual(['p0 status 3', 'p0 passed 2'])
    clock.advance(5000)
    expect(times().slice(-2)).toEqual([18_000, 23_000])
  })

  it('says again what it has seen when another worker has said otherwise', () => {
    const { clock, subject, told, registry, peer } = checker()
    subject.watch(only(registry.peers))
    clock.advance(4999)
    peer('p0').healthy = false
    clock.advance(1)
    expect(told).toEqual(['p0 passed 3'])
    expect(peer('p0').healthy).toBe(true)
  })

  it('begins no second check while one is under way, and the next one at once when that took too long', () => {
    const { clock, checks, subject, times, answer, registry } = checker()
    answer.now = 'hangs'
    subject.watch(only(registry.peers))
    clock.advance(7000)
    expect(checks).toHaveLength(1)
    checks[0]!.done(resultOf('passed'))
    clock.advance(0)
    expect(times()).toEqual([0, 7000])
  })

  it('says that it knows nothing of a peer that begins down, and believes its first check', () => {
    const { clock, subject, told, registry } = checker({ initialState: 'down', rise: 5 })
    subject.watch(only(registry.peers))
    expect(told).toEqual(['p0 unknown'])
    clock.advance(0)
    expect(told).toEqual(['p0 unknown', 'p0 passed 1'])
  })

  it('does not check a peer that is down, and does soon when it is not any more', () => {
    const { clock, checks, cancelled, subject, answer, peer } = checker({ random: () => 0.5 })
    subject.watch(peer('p0'))
    answer.now = 'hangs'
    clock.advance(50)
    expect(checks).toHaveLength(1)
    peer('p0').down = true
    expect(cancelled).toEqual(['p0'])
    clock.advance(60_000)
    expect(checks).toHaveLength(1)
    peer('p0').down = false
    clock.advance(50)
    expect(checks).toHaveLength(2)
  })

  it('sees by itself that a peer is down, or not any more, by a new list', () => {
    const { clock, checks, subject, registry, peer } = checker()
    const p0 = peer('p0')
    const parameters = { weight: 1, maxConns: 0, maxFails: 1, failTimeout: 1, backup: false }
    const list = (down: boolean) => [{ address: p0, parameters: { ...parameters, down } }]
    subject.watch(p0)
    registry.replace(list(true))
    clock.advance(20_000)
    expect(checks).toHaveLength(0)
    registry.replace(list(false))
    clock.advance(5000)
    expect(checks.length).toBeGreaterThan(0)
  })

  it('stops with the peer, the running check, too', () => {
    const { clock, cancelled, checks, told, subject, answer, registry } = checker()
    answer.now = 'hangs'
    subject.watch(only(registry.peers))
    clock.advance(0)
    subject.unwatch(only(registry.peers))
    expect(cancelled).toEqual(['p0'])
    checks[0]!.done(resultOf('passed'))
    expect(clock.pending).toBe(0)
    expect(told).toEqual([])
  })

  it('stops for good', () => {
    const { clock, subject, registry } = checker({ peers: 3 })
    for (const peer of registry.peers) subject.watch(peer)
    subject.stop()
    subject.watch(only(registry.peers))
    expect(clock.pending).toBe(0)
  })

  it('says what the peer says, and before that it is healthy', () => {
    const { clock, subject, told, answer, registry } = checker({ initialState: 'down' })
    answer.said = '50%'
    subject.watch(only(registry.peers))
    clock.advance(0)
    expect(told.slice(0, 3)).toEqual(['p0 unknown', 'p0 said 50%', 'p0 passed 1'])
  })
})

describe('a marked peer', () => {
  const settled = (options: Options = {}) => {
    const subject = checker({ fall: 10, ...options })
    subject.subject.watch(only(subject.registry.peers))
    subject.clock.advance(1)
    return subject
  }

  it('is checked soon, in doubling pauses, and is back when a check has passed', () => {
    const { clock, subject, times, told, answer, registry } = settled({ fastInterval: 5000 })
    answer.now = 'error'
    subject.marked(only(registry.peers), 'answer')
    clock.advance(10_000)
    expect(times().slice(2)).toEqual([101, 201, 401, 801, 1601, 3201, 6401])
    answer.now = 'passed'
    clock.advance(5000)
    expect(told).toEqual(['p0 proved'])
    clock.advance(5000)
    expect(told).toEqual(['p0 proved'])
  })

  it('is not proved by a check that had begun before', () => {
    const { clock, checks, subject, told, answer, registry } = settled()
    answer.now = 'hangs'
    clock.advance(5000)
    subject.marked(only(registry.peers), 'answer')
    answer.now = 'passed'
    checks.at(-1)!.done(resultOf('passed'))
    expect(told).toEqual([])
    clock.advance(100)
    expect(told).toEqual(['p0 proved'])
  })

  it('for its silence is not proved by a check that only connects', () => {
    const { clock, subject, told, times, registry } = settled({ proves: 'connect' })
    subject.marked(only(registry.peers), 'answer')
    clock.advance(5000)
    expect(told).toEqual([])
    expect(times()).toEqual([0, 0, 5000])
  })

  it('that took no connections is proved by one', () => {
    const { clock, subject, told, registry } = settled({ proves: 'connect' })
    subject.marked(only(registry.peers), 'connect')
    clock.advance(100)
    expect(told).toEqual(['p0 proved'])
  })

  it('that is back already is not hurried any more', () => {
    const { clock, subject, times, registry } = settled()
    subject.marked(only(registry.peers), 'connect')
    subject.returned(only(registry.peers))
    clock.advance(10_000)
    expect(times()).toEqual([0, 0, 101, 5101])
  })
})
