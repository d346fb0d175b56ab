import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fakeClock } from 'evenkeel/testing'
import { PeerQueue } from '../../../src/upstream/peer-queue.js'

function queueOf(size: number) {
  const clock = fakeClock()
  const queue = new PeerQueue(clock, size)
  const log: string[] = []
  const wait = (name: string, ms = 1000): (() => void) =>
    queue.wait(ms, (outcome) => log.push(`${name} ${outcome}`))
  return { clock, queue, log, wait }
}

describe('PeerQueue', () => {
  it('wakes one, the eldest', () => {
    const { queue, log, wait } = queueOf(3)
    for (const name of ['a', 'b', 'c']) wait(name)
    queue.wakeOne()
    expect(log).toEqual(['a ready'])
    expect(queue.length).toBe(2)
  })

  it('wakes all, the eldest first', () => {
    const { queue, log, wait, clock } = queueOf(3)
    for (const name of ['a', 'b', 'c']) wait(name)
    queue.wakeAll()
    expect(log).toEqual(['a ready', 'b ready', 'c ready'])
    expect(queue.length).toBe(0)
    expect(clock.pending).toBe(0)
  })

  it('wakes nobody who has come only because of the waking', () => {
    const { queue, log, wait } = queueOf(3)
    queue.wait(1000, () => wait('again'))
    queue.wakeAll()
    expect(log).toEqual([])
    expect(queue.length).toBe(1)
  })

  it('turns one more away at once', () => {
    const { queue, log, wait, clock } = queueOf(1)
    wait('a')
    expect(queue.full).toBe(true)
    const cancel = wait('b')
    expect(log).toEqual(['b full'])
    cancel()
    expect(queue.length).toBe(1)
    expect(clock.pending).toBe(1)
  })

  it('of size 0 turns everybody away', () => {
    const { log, wait } = queueOf(0)
    wait('a')
    expect(log).toEqual(['a full'])
  })

  it('lets go after the time', () => {
    const { queue, log, wait, clock } = queueOf(2)
    wait('a', 100)
    wait('b', 200)
    clock.advance(99)
    expect(log).toEqual([])
    clock.advance(1)
    expect(log).toEqual(['a timeout'])
    queue.wakeAll()
    expect(log).toEqual(['a timeout', 'b ready'])
    clock.advance(1000)
    expect(log).toHaveLength(2)
  })

  it('forgets who has left', () => {
    const { queue, log, wait, clock } = queueOf(1)
    const cancel = wait('a')
    cancel()
    cancel()
    queue.wakeAll()
    clock.advance(1000)
    expect(log).toEqual([])
    expect(clock.pending).toBe(0)
    wait('b')
    queue.wakeOne()
    expect(log).toEqual(['b ready'])
  })

  it('a waiter may leave while another is woken', () => {
    const { queue, log, wait } = queueOf(3)
    let cancelB: () => void = () => undefined
    queue.wait(1000, () => {
      cancelB()
    })
    cancelB = wait('b')
    wait('c')
    queue.wakeAll()
    expect(log).toEqual(['c ready'])
  })

  it('calls everybody back exactly once, whatever happens', () => {
    const action = fc.oneof(
      fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 50 }) }),
      fc.record({ do: fc.constant('cancel' as const), index: fc.nat(20) }),
      fc.record({ do: fc.constantFrom('wakeOne' as const, 'wakeAll' as const) }),
      fc.record({ do: fc.constant('pass' as const), ms: fc.nat(30) }),
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), fc.nat(5), (actions, size) => {
        const clock = fakeClock()
        const queue = new PeerQueue(clock, size)
        const calls: number[] = []
        const cancelled = new Set<number>()
        const cancels: (() => void)[] = []
        for (const step of actions) {
          if (step.do === 'wait') {
            const index = cancels.length
            calls.push(0)
            cancels.push(
              queue.wait(step.ms, () => {
                expect(cancelled.has(index)).toBe(false)
                calls[index] = (calls[index] ?? 0) + 1
              }),
            )
          } else if (step.do === 'cancel') {
            const cancel = cancels[step.index]
            if (cancel === undefined) continue
            if (calls[step.index] === 0) cancelled.add(step.index)
            cancel()
          } else if (step.do === 'pass') clock.advance(step.ms)
          else queue[step.do]()
          expect(queue.length).toBeLessThanOrEqual(size)
        }
        clock.advance(100)
        calls.forEach((count, index) => {
          expect(count).toBe(cancelled.has(index) ? 0 : 1)
        })
        expect(queue.length).toBe(0)
        expect(clock.pending).toBe(0)
      }),
    )
  })
})
