import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fakeClock, ok } from 'evenkeel/testing'
import { Gradient } from '../../../src/overload/gradient.js'
import { rig, settle } from '../balancer/rig.js'

const settings = { min: 4, max: 200, initial: 20, tolerance: 1.5, window: 1000 }

/** So many windows in which as many are in flight as may be. */
function run(gradient: Gradient, windows: number, latency: () => number, start = 0): number {
  let now = start
  for (let window = 0; window < windows; window++) {
    for (let i = 0; i < 20; i++) {
      now += settings.window / 20
      gradient.answered(latency(), gradient.limit, now)
    }
  }
  return now
}

describe('Gradient', () => {
  it('rises while the latency is flat, to max and no further', () => {
    const gradient = new Gradient(settings)
    const now = run(gradient, 10, () => 50)
    expect(gradient.limit).toBeGreaterThan(25)
    run(gradient, 1000, () => 50, now)
    expect(gradient.limit).toBe(200)
  })

  it('falls when the latency doubles', () => {
    const gradient = new Gradient({ ...settings, initial: 150 })
    const now = run(gradient, 20, () => 50)
    const before = gradient.limit
    run(gradient, 10, () => 100, now)
    expect(gradient.limit).toBeLessThan(before * 0.9)
  })

  it('falls with every window that has timeouts, to min and no further', () => {
    const gradient = new Gradient(settings)
    for (let now = 0; now < 10_000; now += 50) gradient.timedOut(20, now)
    expect(gradient.limit).toBeLessThan(10)
    for (let now = 10_000; now < 100_000; now += 50) gradient.timedOut(20, now)
    expect(gradient.limit).toBe(4)
  })

  it('learns nothing where the limit limits nothing', () => {
    const gradient = new Gradient(settings)
    for (let now = 0; now < 60_000; now += 50) gradient.answered(50, 3, now)
    expect(gradient.limit).toBe(20)
  })

  it('a few samples say nothing', () => {
    const gradient = new Gradient(settings)
    for (let now = 0; now < 9000; now += 1000) gradient.timedOut(20, now)
    expect(gradient.limit).toBe(20)
  })

  it('is a whole number in [min, max], whatever it is told', () => {
    const step = fc.record({
      ms: fc.oneof(fc.double({ min: -10, max: 1e9, noNaN: true }), fc.constant(0)),
      inFlight: fc.nat(1000),
      later: fc.nat(3000),
      timesOut: fc.boolean(),
    })
    const limits = fc.tuple(fc.integer({ min: 1, max: 50 }), fc.nat(500), fc.nat(500))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), limits, (steps, [min, more, above]) => {
        const max = min + more
        const initial = Math.min(max, min + above)
        const gradient = new Gradient({ ...settings, min, max, initial })
        let now = 0
        for (const { ms, inFlight, later, timesOut } of steps) {
          now += later
          const before = gradient.limit
          const raised = timesOut
            ? gradient.timedOut(inFlight, now)
            : gradient.answered(ms, inFlight, now)
          expect(raised).toBe(gradient.limit > before)
          expect(Number.isInteger(gradient.limit)).toBe(true)
          expect(gradient.limit).toBeGreaterThanOrEqual(min)
          expect(gradient.limit).toBeLessThanOrEqual(max)
        }
      }),
    )
  })
})

/** A peer with so many workers: what it has no worker for waits there. Returns the latencies of the last third. */
function simulate(limitOf: (gradient: Gradient) => number): { p99: number; served: number } {
  const clock = fakeClock()
  const gradient = new Gradient({ ...settings, max: 1000 })
  const workers = 20
  const work = 50
  const free = Array.from({ length: workers }, () => 0)
  let inFlight = 0
  const latencies: number[] = []
  const offer = (): void => {
    if (inFlight < limitOf(gradient)) {
      inFlight++
      const now = clock.now()
      free.sort((a, b) => a - b)
      const done = Math.max(now, free[0] ?? 0) + work
      free[0] = done
      clock.after(done - now, () => {
        inFlight--
        if (clock.now() > 80_000 && clock.now() <= 120_000) latencies.push(clock.now() - now)
        gradient.answered(clock.now() - now, inFlight + 1, clock.now())
      })
    }
    // 600 a second, half as many again as it can do.
    if (clock.now() < 120_000) clock.after(1000 / 600, offer)
  }
  offer()
  for (let i = 0; i < 130; i++) clock.advance(1000)
  latencies.sort((a, b) => a - b)
  return { p99: latencies[Math.floor(latencies.length * 0.99)] ?? 0, served: latencies.length }
}

it('under half as many requests again as a peer can do, it keeps the latency low and the peer busy', () => {
  const without = simulate(() => 1000)
  const limited = simulate((gradient) => gradient.limit)
  expect(without.p99).toBeGreaterThan(2000)
  expect(limited.p99).toBeLessThan(without.p99 / 5)
  expect(limited.served).toBeGreaterThan(without.served * 0.95)
})

describe('adaptiveConcurrency', () => {
  const adaptiveConcurrency = { min: 2, initial: 2, max: 50, window: 100 }

  it('those above the limit are refused, or wait in the queue', async () => {
    const refusing = rig(ok({ delay: 50 }), { adaptiveConcurrency })
    await refusing.start()
    await refusing.start()
    expect(await refusing.send()).toMatchObject({ status: 503 })
    expect(refusing.events.error).toMatchObject([{ code: 'ERR_OVERLOADED' }])
    const waiting = rig(ok({ delay: 50 }), { adaptiveConcurrency, queue: {} })
    for (let i = 0; i < 4; i++) await waiting.start()
    expect(waiting.transport.attempts).toHaveLength(2)
    await waiting.clock.advanceAsync(100)
    await settle(waiting.clock)
    expect(waiting.events.finish.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect(waiting.clock.pending).toBe(0)
  })

  it('rises while answers take as long as ever', async () => {
    const r = rig(ok({ delay: 10 }), { adaptiveConcurrency, queue: { size: 500 } })
    for (let i = 0; i < 300; i++) await r.start()
    let most = 0
    for (let i = 0; i < 200; i++) {
      await r.clock.advanceAsync(10)
      most = Math.max(most, r.connections[0]! + r.connections[1]!)
    }
    expect(most).toBeGreaterThan(2)
    expect(r.events.finish).toHaveLength(300)
    expect(r.upstream.waiting).toBe(0)
  })
})
