/** Outlier detection and `Retry-After` over real sockets. */
import type { EjectEvent, ReturnEvent } from 'evenkeel'
import { fakeClock, respond } from 'evenkeel/testing'
import { expect, test } from 'vitest'
import { ask } from '../../helpers/clients.js'
import { serve, upstreams } from '../../helpers/serve.js'
import type { BalancerSettings } from '../../helpers/serve.js'

async function stage(options: BalancerSettings) {
  const [first, second] = await upstreams(2)
  if (first === undefined || second === undefined) throw new Error('two peers')
  const clock = fakeClock(1_000_000)
  const served = await serve([first, second], { clock, probe: false, ...options })
  const events: (EjectEvent | ReturnEvent)[] = []
  served.balancer.on('eject', (event) => void events.push(event))
  served.balancer.on('return', (event) => void events.push(event))
  const statuses = async (count: number): Promise<number[]> => {
    const all: number[] = []
    for (let i = 0; i < count; i++) all.push((await ask(served.port)).status)
    return all
  }
  return { first, second, clock, events, statuses, ...served }
}

test('a peer that answers 500 to three in ten is ejected, and comes back', async () => {
  const { first, second, clock, events, statuses } = await stage({
    outlierDetection: {
      failureRate: 0.25,
      minimumRequests: 10,
      statusWeights: { 500: 1 },
      ejectionTime: '5s',
      jitter: 0,
    },
  })
  let count = 0
  let isIll = true
  first.route('/', () => respond({ status: isIll && count++ % 10 < 3 ? 500 : 200 }))
  const seen = await statuses(60)
  expect(events).toMatchObject([{ peer: { index: 0 }, reason: 'rate', until: 1_005_000 }])
  // Three, and once more three at most: the rate is looked at with the first failure after ten requests.
  expect(seen.filter((status) => status === 500).length).toBeLessThanOrEqual(6)
  const while_ = first.requests.length
  expect(while_).toBeLessThanOrEqual(13)
  expect(second.requests.length).toBe(60 - while_)

  isIll = false
  clock.advance(5000)
  expect(new Set(await statuses(20))).toEqual(new Set([200]))
  expect(first.requests.length).toBe(while_ + 10)
  expect(events.at(-1)).toMatchObject({ peer: { index: 0 }, reason: 'time' })
})

test('without outlier detection the same peer goes on as it does', async () => {
  const { first, statuses, events } = await stage({})
  let count = 0
  first.route('/', () => respond({ status: count++ % 10 < 3 ? 500 : 200 }))
  await statuses(60)
  expect([first.requests.length, events]).toEqual([30, []])
})

test.each([
  ['in seconds', () => '7'],
  ['as a date', () => new Date(Date.parse('Sun, 06 Nov 1994 08:49:44 GMT')).toUTCString()],
])('a 503 with Retry-After %s is heeded', async (_name, value) => {
  const { first, clock, events, statuses } = await stage({ retryAfter: true })
  const headers = { 'Retry-After': value(), Date: 'Sun, 06 Nov 1994 08:49:37 GMT' }
  first.script([respond({ status: 503, headers })])
  expect(await statuses(5)).toEqual([200, 200, 200, 200, 200])
  expect(first.requests.length).toBe(1)
  expect(events).toMatchObject([{ peer: { index: 0 }, reason: 'retry_after', until: 1_007_000 }])
  clock.advance(6999)
  await statuses(4)
  expect(first.requests.length).toBe(1)
  clock.advance(1)
  await statuses(4)
  expect(first.requests.length).toBe(3)
})

test('a probe does not bring back what a rate has ejected', async () => {
  const { first, balancer, statuses, clock } = await stage({
    probe: { interval: 10, timeout: 50 },
    outlierDetection: { minimumRequests: 5, statusWeights: { 500: 1 }, jitter: 0 },
  })
  first.route('/', respond({ status: 500 }))
  await statuses(20)
  const [peer] = balancer.upstream.peers
  if (peer === undefined) throw new Error('a peer')
  for (let i = 0; i < 20; i++) await clock.advanceAsync(100)
  expect(balancer.upstream.status(peer)).toBe('ejected')
  expect(first.requests.every(({ method }) => method === 'GET')).toBe(true)
})
