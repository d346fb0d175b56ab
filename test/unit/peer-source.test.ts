/** Sources made by hand. */
import type { PeerList } from 'evenkeel'
import { peerSource, startingWith } from 'evenkeel/discovery'
import type { Publish } from 'evenkeel/discovery'
import { expect, test } from 'vitest'

interface Made {
  publish: Publish
  signal: AbortSignal
  readonly news: AsyncIterator<PeerList | Error>
}

function make(options?: { signal: AbortSignal }): Made {
  const source = peerSource((publish, signal) => {
    Object.assign(made, { publish, signal })
  }, options)
  const made: Made = {
    publish: () => undefined,
    signal: AbortSignal.abort(),
    news: source[Symbol.asyncIterator](),
  }
  return made
}

const values = async (news: AsyncIterator<unknown>, count: number): Promise<unknown[]> => {
  const all: unknown[] = []
  for (let i = 0; i < count; i++) all.push((await news.next()).value)
  return all
}

test('nothing is watched before it is asked for', async () => {
  const made = make()
  expect(made.signal.aborted).toBe(true)
  const next = made.news.next()
  expect(made.signal.aborted).toBe(false)
  made.publish(['a'])
  expect(await next).toEqual({ done: false, value: ['a'] })
})

test('of what nobody has asked for, the latest list and the latest error are kept', async () => {
  const made = make()
  const first = made.news.next()
  const errors = [new Error('1'), new Error('2')] as const
  for (const news of [['a'], ['b'], errors[0], ['c'], errors[1], ['d']]) made.publish(news)
  expect((await first).value).toEqual(['a'])
  expect(await values(made.news, 2)).toEqual([errors[1], ['d']])
})

test('several may wait at once, and return() ends them all', async () => {
  const made = make()
  const waiting = [made.news.next(), made.news.next(), made.news.next()]
  made.publish(['a'])
  await made.news.return?.()
  expect(made.signal.aborted).toBe(true)
  expect(await Promise.all(waiting)).toEqual([
    { done: false, value: ['a'] },
    { done: true, value: undefined },
    { done: true, value: undefined },
  ])
  made.publish(['b'])
  expect(await made.news.next()).toEqual({ done: true, value: undefined })
})

test.each(['waiting', 'later'])(
  'what the watch is rejected with is thrown once (%s)',
  async (when) => {
    let fail: (cause: Error) => void = () => undefined
    let aborted: AbortSignal | undefined
    const source = peerSource((publish, signal) => {
      publish(['a'])
      aborted = signal
      return new Promise<never>((_, reject) => (fail = reject))
    })
    const news = source[Symbol.asyncIterator]()
    expect((await news.next()).value).toEqual(['a'])
    const next = when === 'waiting' ? news.next() : undefined
    next?.catch(() => undefined)
    fail(new Error('broken'))
    await new Promise((resolve) => setImmediate(resolve))
    await expect(next ?? news.next()).rejects.toThrow('broken')
    expect(aborted?.aborted).toBe(true)
    expect((await news.next()).done).toBe(true)
  },
)

test('what the watch throws is thrown; a new iterator watches anew', async () => {
  let calls = 0
  const source = peerSource((publish) => {
    if (calls++ === 0) throw new Error('broken')
    publish(['a'])
  })
  await expect(source[Symbol.asyncIterator]().next()).rejects.toThrow('broken')
  expect((await source[Symbol.asyncIterator]().next()).value).toEqual(['a'])
})

test('a signal ends it, before or later', async () => {
  const stop = new AbortController()
  const made = make({ signal: stop.signal })
  const next = made.news.next()
  stop.abort()
  expect((await next).done).toBe(true)
  expect(made.signal.aborted).toBe(true)
  expect((await make({ signal: stop.signal }).news.next()).done).toBe(true)
})

test('a list to start with is told once, however often the source is asked', async () => {
  let ended = 0
  const source = startingWith(['initial'], {
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve({ done: false, value: ['rest'] }),
      return: () => {
        ended++
        return Promise.resolve({ done: true, value: undefined })
      },
    }),
  })
  const news = source[Symbol.asyncIterator]()
  expect(await values(news, 3)).toEqual([['initial'], ['rest'], ['rest']])
  await news.return?.()
  expect(ended).toBe(1)
  expect(await values(source[Symbol.asyncIterator](), 1)).toEqual([['rest']])
})
