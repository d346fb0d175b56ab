import { describe, expect, it } from 'vitest'
import { fails, ok } from 'evenkeel/testing'
import type { OutlierDetectionOptions } from 'evenkeel'
import { rig } from './rig.js'

const reset = fails({ type: 'connection_terminated' })
const detect = (given: OutlierDetectionOptions = {}): OutlierDetectionOptions => ({
  consecutiveFailures: 2,
  minimumRequests: 5,
  jitter: 0,
  ...given,
})
const busy = (after: string, status = 503) => ok({ status, headers: { 'Retry-After': after } })

describe('outlier detection', () => {
  it('tells why a peer is ejected, and until when', async () => {
    const r = rig({ 'a:80': fails(), 'b:80': ok() }, { outlierDetection: detect() })
    for (let i = 0; i < 4; i++) await r.send()
    expect(r.events.eject).toMatchObject([{ peer: { name: 'a:80' }, reason: 'error' }])
    expect(r.events.eject[0]?.until).toBe(r.clock.now() + 30_000)
    expect(r.standing).toEqual(['ejected', 'up'])
  })

  it('counts a status by its weight, also one that nginx has no word for', async () => {
    const r = rig(
      { 'a:80': ok({ status: 501 }), 'b:80': ok() },
      { outlierDetection: detect({ statusWeights: { 501: 0.5 }, failureRate: 0.5 }) },
    )
    for (let i = 0; i < 10; i++) await r.send()
    expect(r.events.eject).toMatchObject([{ peer: { name: 'a:80' }, reason: 'rate' }])
    await r.clock.advanceAsync(30_000)
    await r.send()
    expect(r.events.return).toMatchObject([{ peer: { name: 'a:80' }, reason: 'time' }])
  })

  it('counts a status of failOn once, in its row and in the rate', async () => {
    const r = rig(
      { 'a:80': ok({ status: 503 }), 'b:80': ok() },
      { outlierDetection: detect(), failOn: ['http_503'] },
    )
    for (let i = 0; i < 2; i++) await r.send()
    expect(r.upstream.peers[0]?.ledgers).toEqual({ transport: 0, status: 1, stale: 0 })
    expect(r.standing).toEqual(['up', 'up'])
    await r.send()
    await r.send()
    expect(r.events.eject).toMatchObject([{ peer: { name: 'a:80' }, reason: 'status' }])
  })

  it('gives back what a request that is at fault has done', async () => {
    const r = rig(
      ({ attempt }) => (attempt.head.target === '/death' ? ok({ status: 503 }) : ok()),
      {
        outlierDetection: detect({ consecutiveFailures: 1, statusWeights: { 503: 1 } }),
        failOn: ['http_503'],
      },
    )
    for (let i = 0; i < 10; i++) {
      await r.send({ url: '/death' })
      expect(r.standing).toEqual(['up', 'up'])
      await r.send()
    }
    expect(r.upstream.peers.map(({ ledgers }) => ledgers.status)).toEqual([0, 0])
  })

  it('does so for a status that is weighed and nothing else', async () => {
    const r = rig(
      ({ attempt }) => (attempt.head.target === '/death' ? ok({ status: 503 }) : ok()),
      {
        outlierDetection: detect({
          minimumRequests: 1,
          failureRate: 0.1,
          statusWeights: { 503: 1 },
          maxEjectionPercent: 100,
        }),
      },
    )
    await r.send({ url: '/death' })
    expect(r.standing).toEqual(['up', 'up'])
    expect(r.events.return.map(({ reason }) => reason)).toEqual(['refund', 'refund'])
  })

  it('never ends in "no live upstreams" by itself', async () => {
    const r = rig(reset, { outlierDetection: detect({ maxEjectionPercent: 100 }) })
    for (let i = 0; i < 5; i++) await r.send({ method: 'POST' })
    expect(r.standing).toEqual(['ejected', 'ejected'])
    const before = r.transport.peers.length
    expect(await r.send({ method: 'POST' })).toMatchObject({ status: 502 })
    expect(r.transport.peers.length).toBeGreaterThan(before)
  })
})

describe('Retry-After', () => {
  it('takes a peer out for that time, without a charge', async () => {
    const r = rig({ 'a:80': [busy('5'), ok()], 'b:80': ok() }, { retryAfter: true })
    expect(await r.send()).toMatchObject({ status: 200 })
    expect(r.standing).toEqual(['ejected', 'up'])
    expect(r.events.eject).toMatchObject([{ peer: { name: 'a:80' }, reason: 'retry_after' }])
    expect(r.events.eject[0]?.until).toBe(r.clock.now() + 5000)
    expect(r.upstream.peers[0]).toMatchObject({ fails: 0, ledgers: { transport: 0, status: 0 } })
    for (let i = 0; i < 5; i++) await r.send()
    expect(r.transport.peers.slice(1)).not.toContain('a:80')
    await r.clock.advanceAsync(5000)
    for (let i = 0; i < 2; i++) await r.send()
    expect(r.transport.peers).toContain('a:80')
    expect(r.events.return).toMatchObject([{ peer: { name: 'a:80' }, reason: 'time' }])
  })

  it.each([
    ['429, too', busy('5', 429), 'ejected'],
    ['no other status', busy('5', 500), 'up'],
    ['not a 200', busy('5', 200), 'up'],
    ['not what is no time', busy('-5'), 'up'],
    ['not zero', busy('0'), 'up'],
  ])('is heeded of a 503: %s', async (_name, answer, expected) => {
    const r = rig({ 'a:80': answer, 'b:80': ok() }, { retryAfter: true })
    await r.send()
    expect(r.standing).toEqual([expected, 'up'])
  })

  it.each([
    [{ retryAfter: true }, 300_000],
    [{ outlierDetection: {} }, 300_000],
    [{ outlierDetection: { maxEjectionTime: 40_000 } }, 40_000],
    [{ retryAfter: true, preset: 'nginx' as const }, 300_000],
  ])('has a limit with %j', async (options, most) => {
    const r = rig({ 'a:80': busy('9999999999'), 'b:80': ok() }, options)
    await r.send()
    expect(r.events.eject[0]?.until).toBe(r.clock.now() + most)
  })

  it.each([[{}], [{ outlierDetection: {}, retryAfter: false }]])(
    'is not heeded with %j',
    async (options) => {
      const r = rig({ 'a:80': busy('5'), 'b:80': ok() }, options)
      await r.send()
      expect(r.standing).toEqual(['up', 'up'])
    },
  )

  it('of every peer leaves them all to be asked', async () => {
    const r = rig(busy('60'), { retryAfter: true })
    for (let i = 0; i < 3; i++) expect(await r.send()).toMatchObject({ status: 503 })
    expect(r.standing).toEqual(['ejected', 'ejected'])
    expect(r.transport.peers.length).toBeGreaterThanOrEqual(4)
  })
})
