import { describe, expect, it } from 'vitest'
import { nginxAvailability } from '../../../src/upstream/availability.js'
import { isLive, makePeer } from './group.js'

// ngx_http_upstream_get_peer and ngx_http_upstream_free_round_robin_peer_locked, in whole seconds.
const rule = nginxAvailability(() => false)
const NOW = 1_000_000

describe('nginxAvailability', () => {
  it('marks at max_fails, until more than fail_timeout has passed', () => {
    const peer = makePeer({ maxFails: 2 })
    rule.failed(peer, 'transport', 'connect', NOW)
    expect(isLive(rule, peer, NOW)).toBe(true)
    expect(rule.failed(peer, 'transport', 'connect', NOW).ejected).toBe(true)
    expect(isLive(rule, peer, NOW + 10_999)).toBe(false)
    expect(isLive(rule, peer, NOW + 11_000)).toBe(true)
  })

  it('counts in whole seconds, as its cached time does', () => {
    const peer = makePeer()
    rule.failed(peer, 'transport', 'connect', NOW + 999)
    expect(isLive(rule, peer, NOW + 10_999)).toBe(false)
    expect(isLive(rule, peer, NOW + 11_000)).toBe(true)
  })

  it('counts a status as any other failure', () => {
    const peer = makePeer({ maxFails: 2 })
    rule.failed(peer, 'transport', 'answer', NOW)
    expect(rule.failed(peer, 'status', 'answer', NOW).ejected).toBe(true)
  })

  it('never marks with max_fails 0', () => {
    const peer = makePeer({ maxFails: 0 })
    for (let i = 0; i < 10; i++) rule.failed(peer, 'transport', 'answer', NOW)
    expect(isLive(rule, peer, NOW)).toBe(true)
  })

  it('lets one request through, and no second in the same window', () => {
    const peer = makePeer()
    rule.failed(peer, 'transport', 'connect', NOW)
    rule.picked(peer, NOW + 11_000)
    expect(isLive(rule, peer, NOW + 11_000)).toBe(false)
    expect(isLive(rule, peer, NOW + 21_999)).toBe(false)
    expect(isLive(rule, peer, NOW + 22_000)).toBe(true)
  })

  it('forgives when that request has completed, not when it has been answered', () => {
    const peer = makePeer()
    rule.failed(peer, 'transport', 'connect', NOW)
    rule.picked(peer, NOW + 11_000)
    expect(rule.answered(peer, { reusedConnection: false, good: true, takenAt: NOW })).toBe(false)
    expect(rule.completed(peer)).toBe(true)
    expect(isLive(rule, peer, NOW + 11_000)).toBe(true)
    expect(peer.fails).toBe(0)
  })

  it('does not forgive for a request that was under way before the failure', () => {
    const peer = makePeer()
    rule.picked(peer, NOW)
    rule.failed(peer, 'transport', 'connect', NOW + 5000)
    expect(rule.completed(peer)).toBe(false)
    expect(isLive(rule, peer, NOW + 5000)).toBe(false)
  })

  it('says nothing of a peer that was not marked', () => {
    const peer = makePeer({ maxFails: 2 })
    rule.failed(peer, 'transport', 'connect', NOW)
    rule.picked(peer, NOW + 11_000)
    expect(rule.completed(peer)).toBe(false)
    expect(peer.fails).toBe(0)
  })

  it('takes weight / max_fails and gives nothing back', () => {
    const peer = makePeer({ weight: 10, maxFails: 3 })
    const charge = rule.failed(peer, 'transport', 'answer', NOW)
    expect(charge.weightLost).toBe(3)
    expect(rule.refund(peer, charge)).toBe(false)
    expect(peer).toMatchObject({ effectiveWeight: 7, fails: 1 })
  })

  it('believes a probe, if there is one', () => {
    const peer = makePeer()
    rule.failed(peer, 'transport', 'answer', NOW)
    expect(rule.proved(peer)).toBe(true)
    expect(isLive(rule, peer, NOW)).toBe(true)
  })
})

describe('nginxAvailability with a single server', () => {
  const single = nginxAvailability(() => true)

  it('never marks it', () => {
    const peer = makePeer({ weight: 5 })
    for (let i = 0; i < 10; i++) {
      expect(single.failed(peer, 'transport', 'answer', NOW)).toMatchObject({
        ejected: false,
        weightLost: 0,
      })
    }
    expect(isLive(single, peer, NOW)).toBe(true)
    expect(single.completed(peer)).toBe(false)
    expect(peer).toMatchObject({ fails: 0, effectiveWeight: 5, ledgers: { transport: 10 } })
  })
})
