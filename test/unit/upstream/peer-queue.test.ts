import { describe, expect, it } from 'vitest'
import { fakeClock } from 'evenkeel/testing'
import { PeerQueue } from '../../../src/upstream/peer-queue.js'
import type { Waiter } from '../../../src/upstream/peer-queue.js'

function queueOf(size: number) {
  const clock = fakeClock()
  const log: string[] = []
  /** Places that are free; who wants one is told by its name. */
  const free = { places: 0, wanted: (_name: string) => true, settled: 0 }
  const queue = new PeerQueue(clock, size, {
    hasRoom: () => free.places > 0,
    settle: () => {
      free.settled++
    },
  })
  const wait = (name: string, ms = 10_000, onOffer = (): void => undefined) => {
    const waiter: Waiter = {
      offer() {
        onOffer()
        if (free.places === 0 || !free.wanted(name)) return false
        free.places--
        log.push(name)
        return true
      },
      timedOut: () => log.push(`${name} timeout`),
    }
    if (!queue.join(waiter, ms)) log.push(`${name} full`)
    return waiter
  }
  return { clock, queue, log, wait, free }
}

describe('PeerQueue', () => {
  it('gives a place to the eldest', () => {
    const { queue, log, wait, free } = queueOf(3)
    for (const name of ['a', 'b', 'c']) wait(name)
    free.places = 1
    queue.wakeOne()
    expect(log).toEqual(['a'])
    expect(queue.length).toBe(2)
  })

  it('asks nobody when there is no room, and no more than there is room for', () => {
    const { queue, log, wait, free } = queueOf(4)
    let asked = 0
    for (const name of ['a', 'b', 'c', 'd']) wait(name, 10_000, () => asked++)
    queue.wakeAll()
    expect(asked).toBe(0)
    free.places = 2
    queue.wakeAll()
    expect(log).toEqual(['a', 'b'])
    expect(asked).toBe(2)
  })

  it('one place that is free wakes one, whatever else is free', () => {
    const { queue, log, wait, free } = queueOf(4)
    for (const name of ['a', 'b', 'c']) wait(name)
    free.places = 9
    queue.wakeOne()
    expect(log).toEqual(['a'])
  })

  it('who cannot use a place keeps its own, and the next has it', () => {
    const { queue, log, wait, free } = queueOf(3)
    free.wanted = (name) => name !== 'a'
    for (const name of ['a', 'b', 'c']) wait(name)
    free.places = 1
    queue.wakeOne()
    expect(log).toEqual(['b'])
    free.wanted = () => true
    free.places = 1
    queue.wakeOne()
    expect(log).toEqual(['b', 'a'])
  })

  it('turns one more away at once', () => {
    const { queue, log, wait, clock } = queueOf(1)
    wait('a')
    expect(queue.full).toBe(true)
    const pending = clock.pending
    queue.leave(wait('b'))
    expect(log).toEqual(['b full'])
    expect(queue.length).toBe(1)
    expect(clock.pending).toBe(pending)
  })

  it('of size 0 turns everybody away', () => {
    const { log, wait } = queueOf(0)
    wait('a')
    expect(log).toEqual(['a full'])
  })

  it('lets go after the time', () => {
    const { log, wait, clock, queue } = queueOf(2)
    wait('a', 100)
    wait('b', 200)
    clock.advance(99)
    expect(log).toEqual([])
    clock.advance(1)
    expect(log).toEqual(['a timeout'])
    clock.advance(100)
    expect(log).toEqual(['a timeout', 'b timeout'])
    expect(queue.length).toBe(0)
    expect(clock.pending).toBe(0)
  })

  it('lets nobody go before time itself has been looked at', () => {
    const clock = fakeClock()
    const log: string[] = []
    let back = false
    const queue = new PeerQueue(clock, 9, {
      hasRoom: () => back,
      settle: () => {
        back = true
        queue.wakeAll()
      },
    })
    for (const [name, ms] of [
      ['a', 500],
      ['b', 100],
    ] as const) {
      queue.join({ offer: () => log.push(name) > 0, timedOut: () => log.push('timeout') }, ms)
    }
    clock.advance(100)
    expect(log).toEqual(['a', 'b'])
  })

  it('looks again each second, for time tells nobody', () => {
    const { log, wait, clock, free } = queueOf(2)
    wait('a')
    clock.advance(999)
    free.places = 1
    expect(log).toEqual([])
    clock.advance(1)
    expect(free.settled).toBe(1)
    expect(log).toEqual(['a'])
    expect(clock.pending).toBe(0)
  })

  it('forgets who has left', () => {
    const { queue, log, wait, clock, free } = queueOf(1)
    const a = wait('a')
    queue.leave(a)
    queue.leave(a)
    free.places = 1
    queue.wakeAll()
    expect(log).toEqual([])
    expect(clock.pending).toBe(0)
    wait('b')
    queue.wakeOne()
    expect(log).toEqual(['b'])
  })

  it('a waiter may leave while another is asked', () => {
    const { queue, log, wait, free } = queueOf(3)
    const others: Waiter[] = []
    wait('a', 10_000, () => {
      for (const other of others) queue.leave(other)
    })
    others.push(wait('b'))
    wait('c')
    free.places = 3
    queue.wakeAll()
    expect(log).toEqual(['a', 'c'])
  })

  it('a place that becomes free while one is given away is not lost', () => {
    const { queue, log, wait, free } = queueOf(3)
    wait('a', 10_000, () => {
      if (log.length > 0) return
      free.places++
      queue.wakeOne()
    })
    wait('b')
    wait('c')
    free.places = 1
    queue.wakeOne()
    expect(log).toEqual(['a', 'b'])
  })

  it('knows its pace of late', () => {
    const { queue, wait, clock, free } = queueOf(10)
    for (const name of 'abcdef') wait(name)
    expect(queue.expectedWait).toBeUndefined()
    for (let i = 0; i < 4; i++) {
      clock.advance(50)
      free.places = 1
      queue.wakeOne()
    }
    expect(queue.expectedWait).toBe(50 * 3)
  })
})
