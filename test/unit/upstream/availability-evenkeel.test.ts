import { describe, expect, it } from 'vitest'
import { evenkeelAvailability as rule } from '../../../src/upstream/availability.js'
import type { Answer } from '../../../src/upstream/availability.js'
import { isLive, makePeer } from './group.js'

const NOW = 1_000_000

/** An answer to an attempt that began after everything else in these tests. */
const answer = (change: Partial<Answer> = {}): Answer => ({
  reusedConnection: false,
  good: true,
  takenAt: NOW + 1,
  ...change,
})

describe('evenkeelAvailability: marking', () => {
  it('finds a new peer live', () => {
    expect(isLive(rule, makePeer(), NOW)).toBe(true)
  })

  it('marks at maxFails, for failTimeout', () => {
    const peer = makePeer({ maxFails: 2 })
    expect(rule.failed(peer, 'transport', 'connect', NOW).ejected).toBe(false)
    expect(isLive(rule, peer, NOW)).toBe(true)
    expect(rule.failed(peer, 'transport', 'connect', NOW + 10).ejected).toBe(true)
    expect(isLive(rule, peer, NOW + 10)).toBe(false)
    expect(isLive(rule, peer, NOW + 10_009)).toBe(false)
    expect(isLive(rule, peer, NOW + 10_010)).toBe(true)
  })

  it('says once that it has marked', () => {
    const peer = makePeer()
    expect(rule.failed(peer, 'transport', 'connect', NOW).ejected).toBe(true)
    expect(rule.failed(peer, 'transport', 'connect', NOW).ejected).toBe(false)
  })

  it('prolongs the mark with each further failure', () => {
    const peer = makePeer()
    rule.failed(peer, 'transport', 'connect', NOW)
    rule.failed(peer, 'transport', 'connect', NOW + 5000)
    expect(isLive(rule, peer, NOW + 14_999)).toBe(false)
    expect(isLive(rule, peer, NOW + 15_000)).toBe(true)
  })

  it('never marks with maxFails 0, and takes no weight', () => {
    const peer = makePeer({ maxFails: 0, weight: 5 })
    for (let i = 0; i < 100; i++) {
      expect(rule.failed(peer, 'transport', 'answer', NOW)).toMatchObject({
        ejected: false,
        weightLost: 0,
      })
    }
    expect(isLive(rule, peer, NOW)).toBe(true)
    expect(peer.ledgers.transport).toBe(100)
  })

  it('counts failures that are no further apart than failTimeout', () => {
    const near = makePeer({ maxFails: 2 })
    rule.failed(near, 'transport', 'connect', NOW)
    expect(rule.failed(near, 'transport', 'connect', NOW + 10_000).ejected).toBe(true)
    const far = makePeer({ maxFails: 2 })
    rule.failed(far, 'transport', 'connect', NOW)
    expect(rule.failed(far, 'transport', 'connect', NOW + 10_001).ejected).toBe(false)
    expect(far.fails).toBe(1)
  })

  it('keeps the ledgers apart: a status and a reset do not make two', () => {
    const peer = makePeer({ maxFails: 2 })
    rule.failed(peer, 'transport', 'answer', NOW)
    expect(rule.failed(peer, 'status', 'answer', NOW).ejected).toBe(false)
    expect(rule.failed(peer, 'status', 'answer', NOW).ejected).toBe(true)
    expect(peer.ledgers).toEqual({ transport: 1, status: 2, stale: 0 })
  })

  it('takes weight / maxFails with each failure, never below zero', () => {
    const peer = makePeer({ maxFails: 3, weight: 10 })
    const lost = [1, 2, 3, 4].map(() => rule.failed(peer, 'transport', 'answer', NOW).weightLost)
    expect(lost).toEqual([3, 3, 3, 1])
    expect(peer.effectiveWeight).toBe(0)
  })
})

describe('evenkeelAvailability: coming back', () => {
  it('lets one request through each failTimeout', () => {
    const peer = makePeer()
    rule.failed(peer, 'transport', 'connect', NOW)
    rule.picked(peer, NOW + 10_000)
    expect(isLive(rule, peer, NOW + 10_000)).toBe(false)
    expect(isLive(rule, peer, NOW + 20_000)).toBe(true)
  })

  it('does not prolong the mark for a least bad pick before that', () => {
    const peer = makePeer()
    rule.failed(peer, 'transport', 'connect', NOW)
    rule.picked(peer, NOW + 5000)
    expect(isLive(rule, peer, NOW + 10_000)).toBe(true)
  })

  it('leaves an unmarked peer alone when it is picked', () => {
    const peer = makePeer()
    rule.picked(peer, NOW)
    expect(peer.ejectedUntil).toBe(0)
  })

  it.each([
    ['a refused one by an answer on a new connection', 'connect', false, true],
    ['a refused one not by an answer on an old connection', 'connect', true, false],
    ['a silent one by an answer on a new connection', 'answer', false, true],
    ['a silent one by an answer on an old connection', 'answer', true, true],
  ] as const)('brings back %s', (_name, step, reused, back) => {
    const peer = makePeer()
    rule.failed(peer, 'transport', step, NOW)
    expect(rule.answered(peer, answer({ reusedConnection: reused }))).toBe(back)
    expect(isLive(rule, peer, NOW)).toBe(back)
    expect(peer.failuresSinceAnswer).toBe(0)
  })

  it('says nothing of an unmarked peer that answers, and keeps its count', () => {
    const peer = makePeer({ maxFails: 2 })
    rule.failed(peer, 'transport', 'answer', NOW)
    expect(rule.answered(peer, answer())).toBe(false)
    expect(peer).toMatchObject({ fails: 1, failuresSinceAnswer: 0 })
  })

  it.each([
    ['a bad answer', { good: false }, false],
    ['a good one to an attempt from before the mark', { takenAt: NOW }, false],
    ['a good one to an attempt from after it', {}, true],
    ['a good one on an old connection', { reusedConnection: true }, true],
  ] as const)('of a peer marked for its statuses: %s', (_name, change, back) => {
    const peer = makePeer()
    rule.failed(peer, 'status', 'answer', NOW)
    expect(rule.answered(peer, answer(change))).toBe(back)
    expect(isLive(rule, peer, NOW)).toBe(back)
  })

  it('of a peer marked for both wants both proved', () => {
    const peer = makePeer()
    rule.failed(peer, 'status', 'answer', NOW)
    rule.failed(peer, 'transport', 'connect', NOW)
    expect(rule.answered(peer, answer({ reusedConnection: true }))).toBe(false)
    expect(rule.answered(peer, answer({ good: false }))).toBe(false)
    expect(rule.answered(peer, answer())).toBe(true)
  })

  it('does nothing at the end of an attempt', () => {
    const peer = makePeer()
    rule.failed(peer, 'transport', 'answer', NOW)
    expect(rule.completed(peer)).toBe(false)
    expect(isLive(rule, peer, NOW)).toBe(false)
  })

  it('believes a probe, whatever the mark was for', () => {
    for (const ledger of ['transport', 'status'] as const) {
      const peer = makePeer()
      rule.failed(peer, ledger, 'answer', NOW)
      expect(rule.proved(peer)).toBe(true)
      expect(isLive(rule, peer, NOW)).toBe(true)
      expect(peer).toMatchObject({ fails: 0, statusFails: 0, failuresSinceAnswer: 0 })
      expect(rule.proved(peer)).toBe(false)
    }
  })

  it('starts counting anew after its return', () => {
    const peer = makePeer({ maxFails: 2 })
    rule.failed(peer, 'transport', 'answer', NOW)
    rule.failed(peer, 'transport', 'answer', NOW)
    rule.answered(peer, answer())
    expect(rule.failed(peer, 'transport', 'answer', NOW).ejected).toBe(false)
  })
})

describe('evenkeelAvailability: refunds', () => {
  it('take back the mark, the count, the weight and the ledger', () => {
    const peer = makePeer({ weight: 4 })
    const charge = rule.failed(peer, 'transport', 'answer', NOW)
    expect(peer.effectiveWeight).toBe(0)
    expect(rule.refund(peer, charge)).toBe(true)
    expect(isLive(rule, peer, NOW)).toBe(true)
    expect(peer).toMatchObject({
      fails: 0,
      failuresSinceAnswer: 0,
      effectiveWeight: 4,
      ledgers: { transport: 0, status: 0, stale: 0 },
    })
  })

  it('of a status, too', () => {
    const peer = makePeer()
    const charge = rule.failed(peer, 'status', 'answer', NOW)
    expect(rule.refund(peer, charge)).toBe(true)
    expect(peer).toMatchObject({ statusFails: 0, ledgers: { transport: 0, status: 0, stale: 0 } })
  })

  it('leave a mark that others have earned', () => {
    const peer = makePeer()
    const charge = rule.failed(peer, 'transport', 'answer', NOW)
    rule.failed(peer, 'transport', 'answer', NOW)
    expect(rule.refund(peer, charge)).toBe(false)
    expect(isLive(rule, peer, NOW)).toBe(false)
    expect(peer.fails).toBe(1)
  })

  it('leave a mark of the other ledger', () => {
    const peer = makePeer()
    rule.failed(peer, 'status', 'answer', NOW)
    const charge = rule.failed(peer, 'transport', 'answer', NOW)
    expect(rule.refund(peer, charge)).toBe(false)
    expect(isLive(rule, peer, NOW)).toBe(false)
  })

  it('give no more weight than there was, and no count below zero', () => {
    const peer = makePeer({ weight: 4 })
    const charge = rule.failed(peer, 'transport', 'answer', NOW)
    rule.proved(peer)
    peer.effectiveWeight = 3
    expect(rule.refund(peer, charge)).toBe(false)
    expect(peer).toMatchObject({ fails: 0, failuresSinceAnswer: 0, effectiveWeight: 4 })
  })
})
