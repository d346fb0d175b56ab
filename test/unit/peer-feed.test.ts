/** How a source is followed: what it says, when it throws, when it ends, and when nobody listens any more. */
import type { PeerList, PeerSource } from 'evenkeel'
import { fakeClock } from 'evenkeel/testing'
import type { FakeClock } from 'evenkeel/testing'
import { expect, test } from 'vitest'
import { PeerFeed } from '../../src/peer-feed.js'

interface Followed {
  readonly log: string[]
  readonly clock: FakeClock
  readonly feed: PeerFeed
  /** Lets everything happen that needs no time. */
  settle(): Promise<void>
}

/** Lists are taken over unless they hold `bad`. */
function follow(source: PeerSource): Followed {
  const log: string[] = []
  const clock = fakeClock(0)
  const target = {
    takeOver(list: unknown): void {
      if (String(list).includes('bad')) throw new Error('unusable')
      log.push(String(list))
    },
    sourceFailed: (error: Error) => log.push(`failed: ${error.message}`),
    sourceEnded: () => log.push('ended'),
  }
  const feed = new PeerFeed(source, target, clock)
  feed.start()
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await clock.advanceAsync(0)
  }
  return { log, clock, feed, settle }
}

test('lists and errors in order; the end is told, and nothing is asked again', async () => {
  let asked = 0
  const { log, clock, settle } = follow({
    async *[Symbol.asyncIterator]() {
      asked++
      yield ['a']
      yield new Error('away')
      yield ['bad']
      await Promise.resolve()
      yield ['b']
    },
  })
  expect(asked).toBe(0)
  await settle()
  expect(log).toEqual(['a', 'failed: away', 'failed: unusable', 'b', 'ended'])
  await clock.advanceAsync(3_600_000)
  expect(asked).toBe(1)
})

test('a source that throws is asked again, after 1 s, 2 s, 4 s … 30 s, and 1 s again after a good list', async () => {
  const at: number[] = []
  let good = false
  const followed = follow({
    async *[Symbol.asyncIterator]() {
      at.push(followed.clock.now())
      if (good) yield ['a']
      throw new Error('broken')
    },
  })
  const { clock, log, settle } = followed
  await settle()
  for (const pause of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
    expect(clock.nextDue).toBe(clock.now() + pause)
    clock.advance(pause)
    await settle()
  }
  good = true
  clock.advance(30_000)
  await settle()
  expect(clock.nextDue).toBe(clock.now() + 1000)
  const failures: string[] = new Array<string>(8).fill('failed: broken')
  expect(log).toEqual([...failures, 'a', 'failed: broken'])
  expect(at).toEqual([0, 1000, 3000, 7000, 15_000, 31_000, 61_000, 91_000, 121_000])
})

test('a generator that has thrown is over', async () => {
  async function* lists(): AsyncGenerator<PeerList> {
    yield ['a']
    throw new Error('broken')
  }
  const { log, clock, settle } = follow(lists())
  await settle()
  await clock.advanceAsync(1000)
  expect(log).toEqual(['a', 'failed: broken', 'ended'])
  expect(clock.pending).toBe(0)
})

test.each<[string, () => never]>([
  [
    'an Error',
    () => {
      throw new Error('no iterator')
    },
  ],
  [
    'anything',
    () => {
      throw null as unknown as Error
    },
  ],
])('what throws %s in place of an iterator is asked again', async (_name, iterator) => {
  const { log, clock, settle } = follow({ [Symbol.asyncIterator]: iterator })
  await settle()
  await clock.advanceAsync(1000)
  await settle()
  expect(log).toHaveLength(2)
  expect(log[0]).toMatch(/^failed: (no iterator|the source of peers threw)$/)
})

test('stop() ends the iterator, and does not wait for what it makes of it', async () => {
  let returned = 0
  let answer: (step: IteratorResult<PeerList, undefined>) => void = () => undefined
  const { log, feed, settle } = follow({
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise((resolve) => (answer = resolve)),
      return: () => {
        returned++
        return new Promise(() => undefined)
      },
    }),
  })
  await settle()
  feed.stop()
  expect(returned).toBe(1)
  answer({ done: false, value: ['late'] })
  await settle()
  expect(log).toEqual([])
})

test.each<[string, (() => Promise<never>) | undefined]>([
  ['that has none', undefined],
  [
    'that throws',
    () => {
      throw new Error('no')
    },
  ],
  ['that is rejected', () => Promise.reject(new Error('no'))],
])('stop() with a return() %s', async (_name, end) => {
  const { feed, settle, clock } = follow({
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => undefined),
      ...(end === undefined ? {} : { return: end }),
    }),
  })
  await settle()
  feed.stop()
  await settle()
  expect(clock.pending).toBe(0)
})

test('stop() during a pause, and before the first list', async () => {
  const broken = follow({
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('broken')) }),
  })
  await broken.settle()
  expect(broken.clock.pending).toBe(1)
  broken.feed.stop()
  expect(broken.clock.pending).toBe(0)

  let asked = false
  const unheard = follow({
    async *[Symbol.asyncIterator]() {
      asked = true
      yield ['a']
    },
  })
  unheard.feed.stop()
  await unheard.settle()
  expect(asked).toBe(false)
})

test('a source that never pauses lets others run', async () => {
  let lists = 0
  const { feed } = follow({
    async *[Symbol.asyncIterator]() {
      for (;;) yield [`list ${lists++}`]
    },
  })
  await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setTimeout(resolve, 1))
  expect(lists).toBeGreaterThan(1)
  feed.stop()
})
