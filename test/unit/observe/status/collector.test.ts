/** What the page tells of a balancer without sockets: through its JSON, on a clock that is turned by hand. */
import type { StatusSnapshot } from 'evenkeel'
import { fails, ok } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { Client } from '../../balancer/client.js'
import { rig } from '../../balancer/rig.js'
import type { Rig, RigOptions } from '../../balancer/rig.js'

const refused = fails()

function open(script: Parameters<typeof rig>[0], options: RigOptions = {}): Rig {
  const r = rig(script, options)
  expect(r.balancer.statusPage).toBeTypeOf('function')
  return r
}

async function stateOf({ balancer }: Rig): Promise<StatusSnapshot> {
  const client = new Client({ url: '/json' })
  balancer.statusPage(client.req, client.res)
  await new Promise((resolve) => setImmediate(resolve))
  expect(client.reply.status).toBe(200)
  return JSON.parse(client.reply.body) as StatusSnapshot
}

describe('peers', () => {
  it('are told of with state, reason and the time until the next try', async () => {
    const r = open({ 'a:80': refused, 'b:80': ok() }, { failTimeout: '10s' })
    await r.send()
    await r.clock.advanceAsync(4000)
    const { peers } = await stateOf(r)
    expect(peers).toMatchObject([
      {
        name: 'a:80',
        state: 'ejected',
        reason: 'error',
        returnsIn: 6000,
        ledgers: { transport: 1 },
      },
      { name: 'b:80', state: 'up', reason: null, returnsIn: null, ledgers: { transport: 0 } },
    ])
    expect(peers[0]?.failuresPerSecond).toBeGreaterThan(0)
    expect(peers[1]?.failuresPerSecond).toBe(0)
    expect(peers[1]?.requestsPerSecond).toBeGreaterThan(0)
  })

  it('that were marked before anybody looked have no reason, but a time', async () => {
    const r = rig({ 'a:80': refused, 'b:80': ok() }, { failTimeout: '10s' })
    await r.send()
    expect((await stateOf(r)).peers[0]).toMatchObject({
      state: 'ejected',
      reason: null,
      returnsIn: 10_000,
    })
  })

  it('are down, draining, full, or new', async () => {
    const r = open(ok(), {
      upstream: [{ url: 'http://a:80', maxConns: 1 }, 'http://b:80', 'http://c:80'],
    })
    const [, b, c] = r.upstream.peers
    r.upstream.update(b!, { down: true })
    r.upstream.drain(c!)
    r.upstream.add({ url: 'http://d:80', backup: true, weight: 3, locality: 'here' })
    expect((await stateOf(r)).peers).toMatchObject([
      { state: 'up', maxConns: 1 },
      { state: 'down', reason: 'administrator' },
      { state: 'draining', reason: 'administrator' },
      { name: 'd:80', backup: true, tier: 1, weight: 3, locality: 'here' },
    ])
    r.upstream.remove(b!)
    expect((await stateOf(r)).peers.map(({ name }) => name)).toEqual(['a:80', 'c:80', 'd:80'])
  })
})

describe('requests', () => {
  it('are counted, with retries and errors', async () => {
    const r = open({ 'a:80': refused, 'b:80': ok() })
    for (let i = 0; i < 4; i++) await r.send()
    r.upstream.update(r.upstream.peers[1]!, { down: true })
    await r.send()
    const { totals, selector, upstream } = await stateOf(r)
    expect({ selector, upstream }).toEqual({ selector: 'round_robin', upstream: 'upstream' })
    expect(totals).toMatchObject({ requests: 5, errors: 1, errorShare: 0.2, inFlight: 0 })
    expect(totals.requestsPerSecond).toBe(5)
    expect(totals.retriesPerSecond).toBe(1)
    expect(totals.queue).toEqual({ waiting: 0, size: 0, waits: null, turnedAway: 0 })
  })

  it('that wait are told of, and those that waited in vain', async () => {
    const r = open(ok({ delay: 5000 }), {
      upstream: [{ url: 'http://a:80', maxConns: 1 }],
      queue: { size: 2, timeout: 1000 },
    })
    await r.start()
    await r.start()
    expect((await stateOf(r)).totals).toMatchObject({ inFlight: 1, queue: { waiting: 1, size: 2 } })
    await r.clock.advanceAsync(1000)
    expect((await stateOf(r)).totals.queue).toMatchObject({ waiting: 0, turnedAway: 1 })
  })

  it('that failed leave their trail, without the query, the last first', async () => {
    const r = open({ 'a:80': refused, 'b:80': refused })
    await r.send({ url: '/one?token=geheim' })
    await r.send({ url: '/two' })
    const { failures } = await stateOf(r)
    expect(failures.map(({ path, status, code }) => [path, status, code])).toEqual([
      ['/two', 502, 'ERR_UPSTREAM_CONNECTION'],
      ['/one', 502, 'ERR_UPSTREAM_CONNECTION'],
    ])
    expect(failures[1]?.attempts).toMatchObject([
      { peer: 'a:80', outcome: 'connection_refused in connect', decision: 'next', marked: true },
      {
        peer: 'b:80',
        outcome: 'connection_refused in connect',
        decision: 'finish',
        why: 'no_eligible_peer',
      },
    ])
    expect(failures[1]?.explanation?.summary).toContain('GET /one was answered 502')
    expect(JSON.stringify(failures)).not.toContain('geheim')
  })

  it('with a 5xx of a peer are among them, those of clients that left are not', async () => {
    const r = open({ 'a:80': ok({ status: 500 }), 'b:80': ok({ status: 404 }) })
    await r.send({ url: '/a' })
    await r.send({ url: '/b' })
    const { failures, totals } = await stateOf(r)
    expect(failures).toMatchObject([{ path: '/a', status: 500, code: null, explanation: null }])
    expect(totals).toMatchObject({ requests: 2, errors: 1 })
  })

  it('are of a bounded size, whatever they ask for', async () => {
    const r = open({ 'a:80': refused, 'b:80': refused })
    const url = `/${'<script>alert(1)</script>'.repeat(600)}`
    for (let i = 0; i < 30; i++) await r.send({ url })
    const { failures } = await stateOf(r)
    expect(failures).toHaveLength(20)
    for (const { path } of failures) expect(path.length).toBeLessThan(210)
    expect(JSON.stringify(failures).length).toBeLessThan(100_000)
  })
})

describe('incidents', () => {
  it('are told of, those before the first look too', async () => {
    const r = rig({ 'a:80': refused, 'b:80': refused })
    for (let i = 0; i < 4; i++) await r.send({ url: '/x?token=geheim' })
    const { incidents } = await stateOf(r)
    expect(incidents).toMatchObject([{ id: 1, failed: 4, mechanism: 'refused_connections' }])
    expect(JSON.stringify(incidents)).not.toContain('geheim')
  })
})

describe('what it costs', () => {
  it('nothing before it is asked for, and no timer afterwards', async () => {
    const r = rig(ok())
    const heard = r.balancer.upstream as unknown as {
      parts: { registry: { observers: Set<unknown> } }
    }
    const before = heard.parts.registry.observers.size
    await r.send()
    expect(heard.parts.registry.observers.size).toBe(before)
    const { pending } = r.clock
    expect(r.balancer.statusPage).toBeTypeOf('function')
    expect(heard.parts.registry.observers.size).toBe(before + 1)
    await r.send()
    expect(r.clock.pending).toBe(pending)
    await r.balancer.close()
    expect(heard.parts.registry.observers.size).toBeLessThan(before)
    expect(r.balancer.statusPage).toBe(r.balancer.statusPage)
  })

  it('a bounded memory for a thousand peers', async () => {
    const upstream = Array.from(
      { length: 1000 },
      (_, i) => `http://10.0.${String(i >> 8)}.${String(i & 255)}:80`,
    )
    const r = open(ok(), { upstream })
    for (let i = 0; i < 1000; i++) await r.send()
    const { peers } = await stateOf(r)
    expect(peers).toHaveLength(1000)
    expect(peers.every(({ requestsPerSecond }) => requestsPerSecond > 0)).toBe(true)
  })
})
