import { expect, it } from 'vitest'
import type { LogEvent } from '../../../src/doctor/events.js'
import { InOrder } from '../../../src/doctor/in-order.js'

const event = (time: number): LogEvent => ({
  what: 'lost',
  time,
  source: 'access',
  role: 'bystander',
  status: 502,
  upstream: '',
  logged: '',
  evidence: { file: 'a', line: 1, text: '' },
})

it('holds events for as long as a line may be late', () => {
  const times: number[] = []
  const order = new InOrder(5000, ({ time }) => times.push(time))
  for (const time of [10_000, 12_000, 11_000, 9000]) {
    order.reached(time)
    order.add(event(time))
  }
  expect(times).toEqual([])
  order.reached(16_500)
  expect(times).toEqual([9000, 10_000, 11_000])
  order.end()
  expect(times).toEqual([9000, 10_000, 11_000, 12_000])
})

it('holds no more than so many', () => {
  let count = 0
  const order = new InOrder(Infinity, () => count++)
  for (let i = 0; i < 50_000; i++) order.add(event(i))
  expect(count).toBeGreaterThan(20_000)
  order.end()
  expect(count).toBe(50_000)
})
