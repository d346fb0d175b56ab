/** Counts and times of the last minute, and the history. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BUCKETS, bucketOf, quantile } from '../../../../src/observe/status/histogram.js'
import { Moment, SPANS, Traffic } from '../../../../src/observe/status/windows.js'

const SPAN = 5000
const at = (elapsed: number): Moment => new Moment().set(elapsed, SPAN)

describe('the histogram', () => {
  it('is right to a tenth, from 0.1 ms to 105 s', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.11, max: 100_000, noNaN: true }), (ms) => {
        const counts = new Uint32Array(BUCKETS)
        counts[bucketOf(ms)] = 1
        const seen = quantile(counts, 0.5)
        // Half a bucket, and two digits.
        expect(Math.abs(seen / ms - 1)).toBeLessThan(0.15)
      }),
      { numRuns: 300 },
    )
  })

  it('takes any number for some bucket', () => {
    for (const ms of [-1, 0, NaN, Infinity, 1e300]) {
      expect(bucketOf(ms)).toBeGreaterThanOrEqual(0)
      expect(bucketOf(ms)).toBeLessThan(BUCKETS)
    }
  })

  it('tells the slow ones from the fast ones', () => {
    const counts = new Uint32Array(BUCKETS)
    counts[bucketOf(2)] = 95
    counts[bucketOf(800)] = 5
    expect(quantile(counts, 0.5)).toBeLessThan(3)
    expect(quantile(counts, 0.9)).toBeLessThan(3)
    expect(quantile(counts, 0.99)).toBeGreaterThan(600)
    expect(quantile(new Uint32Array(BUCKETS), 0.5)).toBe(-1)
  })
})

describe('traffic', () => {
  it('has rates of the last seconds, and forgets after a minute', () => {
    const traffic = new Traffic(0)
    for (let i = 0; i < 100; i++) traffic.add(at(i * 100), 5, i % 10 === 0 ? 'failed' : 'ok', 1)
    const now = at(10_000)
    expect(traffic.requests.perSecond(now)).toBe(10)
    expect(traffic.failures.perSecond(now)).toBe(1)
    expect(traffic.requests.total(now.slot)).toBe(100)
    expect(traffic.others.total(now.slot)).toBe(100)
    expect(traffic.times.percentiles(now.slot)?.p99).toBeCloseTo(5, 0)
    const later = at(75_000)
    expect(traffic.requests.perSecond(later)).toBe(0)
    expect(traffic.requests.total(later.slot)).toBe(0)
    expect(traffic.times.percentiles(later.slot)).toBeNull()
  })

  it('counts as a plain list would, whatever the pauses', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 40_000 }), { maxLength: 60 }), (pauses) => {
        const traffic = new Traffic(0)
        const times: number[] = []
        let now = 0
        for (const pause of pauses) {
          now += pause
          times.push(now)
          traffic.add(at(now), 1, 'ok', 0)
        }
        const { slot, span } = at(now)
        const inSlots = times.filter((time) => Math.floor(time / 5000) > slot - 12).length
        expect(traffic.requests.total(slot)).toBe(inSlots)
        const { requests } = traffic.history.report(span)
        const inSpans = times.filter((time) => {
          const of = Math.floor(time / SPAN)
          return of < span && of >= span - SPANS
        }).length
        expect(requests.reduce((a, b) => a + b, 0)).toBe(inSpans)
      }),
      { numRuns: 200 },
    )
  })

  it('has a history of spans that are over, the latest last', () => {
    const traffic = new Traffic(0)
    traffic.add(at(1000), 10, 'failed', 0)
    expect(traffic.history.report(0).requests).toEqual(new Array(SPANS).fill(0))
    traffic.add(at(SPAN), -1, 'ok', 0)
    const first = traffic.history.report(1)
    expect(first.requests.at(-1)).toBe(1)
    expect(first.failures.at(-1)).toBe(1)
    expect(first.p99.at(-1)).toBeCloseTo(10, -1)
    // The same object, so that nobody has to compare it.
    expect(traffic.history.report(1)).toBe(first)
    const second = traffic.history.report(2)
    expect(second.requests.slice(-2)).toEqual([1, 1])
    expect(second.p99.slice(-2)).toEqual([first.p99.at(-1), -1])
    expect(traffic.history.report(100).requests).toEqual(new Array(SPANS).fill(0))
  })
})
