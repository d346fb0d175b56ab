/** What is counted, for whom there are series, and for how long. */
import { createUpstream } from 'evenkeel'
import type { EarlyWarning } from 'evenkeel'
import { collectMetrics } from 'evenkeel/prometheus'
import type { MetricsOptions } from 'evenkeel/prometheus'
import { fails, hangs, ok } from 'evenkeel/testing'
import { AggregatorRegistry, Counter, register, Registry } from 'prom-client'
import { describe, expect, it, onTestFinished } from 'vitest'
import { internalsOf } from '../../../../src/observe/internals.js'
import { Histogram } from '../../../../src/observe/prometheus/histogram.js'
import { UpstreamCounts } from '../../../../src/observe/prometheus/upstream-counts.js'
import { METRICS } from '../../../../src/observe/prometheus/definitions.js'
import { readExposition, total } from '../../../helpers/exposition.js'
import type { Series } from '../../../helpers/exposition.js'
import { rig, settle } from '../../balancer/rig.js'
import type { Rig } from '../../balancer/rig.js'

interface Collected {
  /** All series, without the prefix `evenkeel_`. */
  scrape(): Promise<Series[]>
  value(name: string, labels?: Record<string, string>): Promise<number>
  close(): void
}

function collect(r: Pick<Rig, 'balancer'>, options: MetricsOptions = {}): Collected {
  const metrics = collectMetrics(r.balancer, { registry: new Registry(), prefix: '', ...options })
  const scrape = async (): Promise<Series[]> => readExposition(await metrics.metrics())
  return {
    scrape,
    value: async (name, labels) => total(await scrape(), name, labels),
    close: () => metrics.close(),
  }
}

const names = (series: readonly Series[]): string[] => [
  ...new Set(series.flatMap(({ labels }) => labels['peer'] ?? [])),
]

describe('what is counted', () => {
  it('requests by method, status and result, and the codes of those that failed', async () => {
    const r = rig(ok({ status: 404 }))
    const m = collect(r)
    await r.send({ method: 'POST' })
    await r.send({ method: 'BREW' })
    for (const peer of r.upstream.peers) r.upstream.update(peer, { down: true })
    await r.send()
    expect(await m.value('requests_total')).toBe(3)
    expect(
      await m.value('requests_total', { method: 'POST', status: '4xx', result: 'answered' }),
    ).toBe(1)
    expect(await m.value('requests_total', { method: 'other' })).toBe(1)
    expect(await m.value('requests_total', { status: '5xx', result: 'failed' })).toBe(1)
    expect(await m.value('request_errors_total', { code: 'ERR_NO_LIVE_UPSTREAMS' })).toBe(1)
    expect(await m.value('request_errors_total')).toBe(1)
    expect(await m.value('request_duration_seconds_count', { status: '4xx' })).toBe(2)
  })

  it('a client that leaves, and what it leaves under way', async () => {
    const r = rig(hangs())
    const m = collect(r)
    const client = await r.start()
    expect(await m.value('requests_in_flight')).toBe(1)
    expect(await m.value('attempts_in_flight', { peer: 'a:80' })).toBe(1)
    client.leave()
    await settle(r.clock)
    expect(await m.value('requests_in_flight')).toBe(0)
    expect(await m.value('attempts_in_flight')).toBe(0)
    expect(await m.value('requests_total', { status: '4xx', result: 'aborted' })).toBe(1)
    expect(await m.value('attempts_total', { peer: 'a:80', outcome: 'aborted' })).toBe(1)
  })

  it('attempts by what they came to, and why there was no other', async () => {
    const r = rig({ 'a:80': fails({ delay: 30 }), 'b:80': ok({ status: 503, delay: 70 }) })
    const m = collect(r)
    await r.start()
    await r.clock.advanceAsync(30)
    await r.clock.advanceAsync(70)
    await settle(r.clock)
    const failed = { peer: 'a:80', outcome: 'failed', reason: 'connection_refused' }
    expect(await m.value('attempts_total', failed)).toBe(1)
    expect(await m.value('attempts_total', { peer: 'b:80', reason: '5xx' })).toBe(1)
    expect(await m.value('retries_total', { condition: 'error', decision: 'next' })).toBe(1)
    const why = { condition: 'http_503', why: 'no_eligible_peer' }
    expect(await m.value('not_retried_total', why)).toBe(1)
    expect(await m.value('attempt_header_seconds_sum', { peer: 'b:80' })).toBeCloseTo(0.07)
    expect(await m.value('attempt_header_seconds_bucket', { peer: 'b:80', le: '0.05' })).toBe(0)
    expect(await m.value('attempt_header_seconds_bucket', { peer: 'b:80', le: '0.1' })).toBe(1)
    expect(await m.value('request_duration_seconds_sum')).toBeCloseTo(0.1)
  })

  it('stale connections and hedged attempts for themselves', async () => {
    const stale = fails({ type: 'connection_terminated', reusedConnection: true })
    let first = true
    const r = rig({ 'a:80': () => (first ? ((first = false), stale) : ok()), 'b:80': ok() })
    const m = collect(r)
    await r.send()
    expect(await m.value('attempts_total', { outcome: 'stale' })).toBe(1)
    expect(await m.value('retries_total', { decision: 'again' })).toBe(1)
    const h = rig({ 'a:80': hangs(), 'b:80': ok() }, { hedge: { after: 30 } })
    const hedged = collect(h)
    await h.start()
    await h.clock.advanceAsync(30)
    await settle(h.clock)
    expect(await hedged.value('attempts_total', { outcome: 'cancelled' })).toBe(1)
  })

  it('how peers stand, and how they got there', async () => {
    const r = rig({ 'a:80': fails(), 'b:80': ok() })
    const m = collect(r)
    await r.send()
    const state = async (peer: string): Promise<string[]> =>
      (await m.scrape())
        .filter(({ name, labels }) => name === 'peer_state' && labels['peer'] === peer)
        .filter(({ value }) => value > 0)
        .map(({ labels, value }) => `${labels['state'] ?? ''} ${String(value)}`)
    expect(await state('a:80')).toEqual(['ejected 1'])
    expect(await m.value('peer_ejections_total', { peer: 'a:80', reason: 'error' })).toBe(1)
    r.upstream.drain(r.upstream.peers[1]!)
    expect(await state('b:80')).toEqual(['draining 1'])
    await r.clock.advanceAsync(10_000)
    expect(await m.value('peer_weight', { peer: 'b:80' })).toBe(1)
  })

  it('the queue: who waits, for how long, and what comes of it', async () => {
    const busy = {
      upstream: [{ url: 'http://a:80', maxConns: 1 }],
      queue: { size: 1, timeout: 100 },
    }
    const r = rig(ok({ delay: 250 }), busy)
    const m = collect(r)
    await r.start()
    await r.start()
    await r.start()
    expect(await m.value('queue_length')).toBe(1)
    expect(await m.value('peer_state', { state: 'full' })).toBe(1)
    await r.clock.advanceAsync(100)
    await settle(r.clock)
    expect(await m.value('queue_length')).toBe(0)
    for (const outcome of ['joined', 'timeout', 'full'])
      expect(await m.value('queue_requests_total', { outcome }), outcome).toBe(1)
    expect(await m.value('queue_wait_seconds_sum')).toBeCloseTo(0.1)
    expect(await m.value('queue_wait_seconds_count')).toBe(1)
  })

  it('incidents, while they go on and when they are over', async () => {
    let isDown = true
    const r = rig(() => (isDown ? fails() : ok()))
    const m = collect(r)
    for (let i = 0; i < 5; i++) await r.send()
    expect(await m.value('incidents_open')).toBe(1)
    expect(await m.value('incidents_total')).toBe(0)
    isDown = false
    await r.clock.advanceAsync(60_000)
    await r.send()
    expect(await m.value('incidents_open')).toBe(0)
    expect(await m.value('incidents_total', { mechanism: 'refused_connections' })).toBe(1)
  })

  it('no incident that has been over for long, though no request has come since', async () => {
    const r = rig(fails())
    for (let i = 0; i < 5; i++) await r.send()
    const m = collect(r)
    // It was there before the metrics were.
    expect(await m.value('incidents_open')).toBe(1)
    await r.clock.advanceAsync(10_001)
    expect(await m.value('incidents_open')).toBe(0)
  })

  it('the chance that was warned of, until its horizon has passed', () => {
    const r = rig(ok())
    const { registry } = internalsOf(r.balancer)
    const counts = new UpstreamCounts(registry, { bounds: new Float64Array([1]), maxPeers: 1 })
    expect(counts.chance).toBe(0)
    counts.warned({ chance: 0.4, horizon: 1000 } as EarlyWarning)
    expect(counts.chance).toBe(0.4)
    r.clock.advance(1000)
    expect(counts.chance).toBe(0)
  })

  it('bytes', async () => {
    const r = rig(ok({ body: 'hello' }))
    const m = collect(r)
    await r.send({ method: 'PUT', body: 'hi' })
    expect(await m.value('received_bytes_total')).toBe(5)
    expect(await m.value('sent_bytes_total')).toBe(2)
  })

  it('the room in the retry budget, where there is one', async () => {
    const r = rig({ 'a:80': fails({ type: 'connection_terminated' }), 'b:80': ok() })
    const m = collect(r)
    const before = await m.value('retry_budget_retries')
    await r.send()
    expect(await m.value('retry_budget_retries')).toBeCloseTo(before + 0.2 - 1)
    const without = collect(rig(ok(), { retryBudget: false }))
    expect(names(await without.scrape())).toContain('a:80')
    expect((await without.scrape()).some(({ name }) => name === 'retry_budget_retries')).toBe(false)
  })
})

it('a bucket has what is not above its bound', () => {
  const histogram = new Histogram(new Float64Array([0.05, 0.1]))
  for (const ms of [0, 50, 50.1, 100, 101]) histogram.observe(ms)
  expect(histogram.cumulative()).toEqual([2, 4, 5])
  expect(histogram.count).toBe(5)
  expect(histogram.sum).toBeCloseTo(0.3011)
})

describe('series', () => {
  it('come and go with the peers', async () => {
    const r = rig(ok({ delay: 50 }))
    const m = collect(r)
    await r.start()
    const [a] = r.upstream.peers
    r.upstream.remove(a!)
    r.upstream.add('http://c:80')
    await r.clock.advanceAsync(50)
    await settle(r.clock)
    // What the one that is gone still had under way is in no series.
    expect(names(await m.scrape())).toEqual(['b:80', 'c:80'])
    expect(await m.value('requests_total')).toBe(1)
  })

  it('are no more than so many: the others are counted together', async () => {
    const r = rig(ok(), { upstream: ['a', 'b', 'c', 'd'].map((name) => `http://${name}:80`) })
    const m = collect(r, { maxPeers: 2 })
    for (let i = 0; i < 4; i++) await r.send()
    expect(names(await m.scrape())).toEqual(['a:80', 'b:80', 'other'])
    expect(await m.value('attempts_total', { peer: 'other' })).toBe(2)
    expect(await m.value('peer_state', { peer: 'other', state: 'up' })).toBe(2)
    const [a, , c, d] = r.upstream.peers
    r.upstream.remove(a!)
    r.upstream.add('http://e:80')
    expect(names(await m.scrape()).sort()).toEqual(['b:80', 'e:80', 'other'])
    r.upstream.remove(c!)
    r.upstream.remove(d!)
    expect(await m.value('attempts_total', { peer: 'other' })).toBe(2)
    expect(await m.value('peer_state', { peer: 'other' })).toBe(0)
  })

  it('are one for an address that stands in the list twice', async () => {
    const r = rig(ok(), { upstream: ['http://a:80', 'http://a:80'] })
    const m = collect(r)
    await r.send()
    await r.send()
    expect(await m.value('attempts_total', { peer: 'a:80' })).toBe(2)
    expect(await m.value('peer_state', { state: 'up' })).toBe(2)
    r.upstream.remove(r.upstream.peers[0]!)
    expect(await m.value('attempts_total', { peer: 'a:80' })).toBe(2)
    r.upstream.remove(r.upstream.peers[0]!)
    expect(names(await m.scrape())).toEqual([])
  })

  it('have every metric of ours, and each a help text', async () => {
    const registry = new Registry()
    collectMetrics(rig(ok()).balancer, { registry })
    const text = await registry.metrics()
    for (const { name, type, help } of METRICS) {
      expect(text).toContain(`# TYPE evenkeel_${name} ${type}\n`)
      expect(help).toMatch(/^[A-Z1].*\.$/)
    }
  })
})

describe('collectMetrics', () => {
  it('takes several balancers, and those of one upstream together', async () => {
    const shared = createUpstream({ name: 'shared', peers: ['http://a:80'], probe: false })
    const one = rig(ok(), { upstream: shared })
    const two = rig(ok(), { upstream: shared })
    const three = rig(ok(), { name: 'three' })
    const registry = new Registry()
    collectMetrics([one.balancer, two.balancer, three.balancer, three.balancer], { registry })
    await one.send()
    await two.send()
    await three.send()
    const series = readExposition(await registry.metrics())
    expect(total(series, 'evenkeel_requests_total', { upstream: 'shared' })).toBe(2)
    expect(total(series, 'evenkeel_requests_total', { upstream: 'three' })).toBe(1)
  })

  it('may be called again for another upstream, and not for one of the same name', async () => {
    const registry = new Registry()
    const one = rig(ok(), { name: 'one' })
    const first = collectMetrics(one.balancer, { registry })
    const second = collectMetrics(rig(ok(), { name: 'two' }).balancer, { registry })
    expect(() => collectMetrics(rig(ok(), { name: 'two' }).balancer, { registry })).toThrow(
      /two upstreams "two"/,
    )
    first.close()
    first.close()
    await one.send()
    const upstreams = new Set(
      readExposition(await registry.metrics()).map(({ labels }) => labels['upstream']),
    )
    expect([...upstreams]).toEqual(['two'])
    second.close()
    expect(await registry.metrics()).toBe('\n')
    const again = collectMetrics(one.balancer, { registry })
    expect(total(readExposition(await again.metrics()), 'evenkeel_requests_total')).toBe(0)
  })

  it('uses the global registry by default, and works in OpenMetrics', async () => {
    onTestFinished(() => {
      register.clear()
      register.setContentType(Registry.PROMETHEUS_CONTENT_TYPE)
    })
    const r = rig(ok())
    const m = collectMetrics(r.balancer)
    expect(m.registry).toBe(register)
    await r.send()
    register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never)
    const text = await register.metrics()
    expect(text).toContain('# TYPE evenkeel_requests counter\nevenkeel_requests_total{')
    expect(text.endsWith('# EOF\n')).toBe(true)
    m.close()
    expect(register.getMetricsAsArray()).toEqual([])
  })

  it('merges with other metrics, and over processes', async () => {
    const registry = new Registry()
    new Counter({ name: 'mine_total', help: 'Mine.', registers: [registry] }).inc()
    const r = rig(ok())
    collectMetrics(r.balancer, { registry })
    await r.send()
    registry.resetMetrics()
    const json = JSON.parse(JSON.stringify(await registry.getMetricsAsJSON())) as object[]
    const merged = AggregatorRegistry.aggregate([json, json] as never)
    const series = readExposition(await merged.metrics())
    expect(total(series, 'evenkeel_requests_total')).toBe(2)
    expect(total(series, 'evenkeel_peer_weight', { peer: 'a:80' })).toBe(1)
  })

  it.each([
    [{ prefix: 'a-b' }, /prefix/],
    [{ buckets: [] }, /buckets/],
    [{ buckets: [0, 1] }, /buckets/],
    [{ buckets: [2, 1] }, /buckets/],
    [{ buckets: [1, Infinity] }, /buckets/],
    [{ maxPeers: 0 }, /maxPeers/],
  ])('refuses %j', (options, text) => {
    expect(() =>
      collectMetrics(rig(ok()).balancer, { registry: new Registry(), ...options }),
    ).toThrow(text)
  })

  it('refuses a registry that has another metric of that name, and leaves it as it was', () => {
    const registry = new Registry()
    new Counter({ name: 'evenkeel_queue_length', help: 'Mine.', registers: [registry] })
    expect(() => collectMetrics(rig(ok()).balancer, { registry })).toThrow(/give a prefix/)
    expect(registry.getMetricsAsArray()).toHaveLength(1)
    expect(() => collectMetrics({ on: () => undefined } as never)).toThrow(/not a balancer/)
  })
})
