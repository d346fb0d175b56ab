import { describe, expect, it } from 'vitest'
import { createUpstream } from 'evenkeel'
import { fails, fakeClock, hangs, ok } from 'evenkeel/testing'
import type { RigOptions } from './rig.js'
import { rig, settle } from './rig.js'

const ONE: RigOptions = {
  upstream: [{ url: 'http://a:80', maxConns: 1 }],
  queue: { size: 2, timeout: '5s' },
}

const targets = (r: ReturnType<typeof rig>): string[] =>
  r.transport.attempts.map(({ head }) => head.target)

describe('queue', () => {
  it('without it a request that finds all peers full is refused at once, and told when to come again', async () => {
    const r = rig(ok({ delay: 100 }), { upstream: [{ url: 'http://a:80', maxConns: 1 }] })
    await r.start()
    expect(await r.send()).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    expect(r.events.error).toMatchObject([{ code: 'ERR_PEERS_BUSY', retryAfter: 1 }])
  })

  it('given, those who come wait for a place, first come, first served', async () => {
    const r = rig(ok({ delay: 100 }), ONE)
    for (const url of ['/1', '/2', '/3']) await r.start({ url })
    expect(targets(r)).toEqual(['/1'])
    expect(await r.send()).toMatchObject({ status: 503 })
    expect(r.events.error).toMatchObject([{ code: 'ERR_QUEUE_FULL' }])
    await r.clock.advanceAsync(300)
    await settle(r.clock)
    expect(targets(r)).toEqual(['/1', '/2', '/3'])
    expect(r.events.finish.map(({ status }) => status)).toEqual([503, 200, 200, 200])
    expect(r.clock.pending).toBe(0)
  })

  it('given as {}, it has its defaults', async () => {
    const r = rig(hangs(), { ...ONE, queue: {} })
    const [one] = [await r.start(), await r.start()]
    await r.clock.advanceAsync(10_000)
    await settle(r.clock)
    expect(r.events.error).toMatchObject([{ code: 'ERR_QUEUE_TIMEOUT', status: 503 }])
    one.leave()
    await settle(r.clock)
    expect(r.clock.pending).toBe(0)
  })

  it('nobody who comes just when a place is free gets in before those who wait', async () => {
    const r = rig(ok({ delay: 100 }), ONE)
    for (const url of ['/1', '/2']) await r.start({ url })
    // In the very turn in which the place becomes free.
    r.balancer.on('finish', ({ request }) => {
      if (request.url === '/1') void r.start({ url: '/late' })
    })
    await r.clock.advanceAsync(400)
    await settle(r.clock)
    expect(targets(r)).toEqual(['/1', '/2', '/late'])
  })

  it('a client that leaves between its turn and its attempt gives the place on', async () => {
    const r = rig(ok({ delay: 100 }), ONE)
    const first = await r.start({ url: '/1' })
    const leaver = await r.start({ url: '/2' })
    await r.start({ url: '/3' })
    first.leave()
    // The place is taken for it in this turn, and its attempt would begin in the next.
    leaver.leave()
    await settle(r.clock)
    expect(targets(r)).toEqual(['/1', '/3'])
    await r.clock.advanceAsync(100)
    await settle(r.clock)
    expect(r.connections).toEqual([0])
    expect(r.clock.pending).toBe(0)
  })

  it('is no way around whenNoneLive: nobody waits for a marked peer', async () => {
    const r = rig(fails(), { ...ONE, whenNoneLive: 'fail', upstream: ['http://a:80'] })
    expect(await r.send()).toMatchObject({ status: 502 })
    expect(await r.send()).toMatchObject({ status: 502 })
    expect(r.events.error.map(({ code }) => code)).toEqual([
      'ERR_UPSTREAM_CONNECTION',
      'ERR_NO_LIVE_UPSTREAMS',
    ])
  })

  it('a request that failed at one peer waits for a place at the other, with the tries that it has left', async () => {
    const upstream = ['http://a:80', { url: 'http://b:80', maxConns: 1 }]
    const r = rig(
      { 'a:80': fails(), 'b:80': [ok({ delay: 100 }), fails()] },
      { upstream, queue: {}, maxFails: 0, nextUpstream: { tries: 2 } },
    )
    await r.start({ url: '/fills' })
    expect(r.transport.peers).toEqual(['a:80', 'b:80'])
    const waiting = await r.start({ url: '/waits' })
    // Round robin goes to b first, which is full: then a, which fails; then b.
    expect(waiting.over).toBe(false)
    await r.clock.advanceAsync(100)
    await settle(r.clock)
    expect(waiting.reply.status).toBe(502)
    expect(r.transport.peers).toEqual(['a:80', 'b:80', 'a:80', 'b:80'])
    expect(r.decisions).toEqual(['a next', 'a wait', 'b finish (tries_exhausted)'])
    expect(r.connections).toEqual([0, 0])
    expect(r.clock.pending).toBe(0)
  })

  it('waiting for a place after a try takes from the retry budget, if the request was sent', async () => {
    const upstream = ['http://a:80', { url: 'http://b:80', maxConns: 1 }]
    const terminated = fails({ type: 'connection_terminated' })
    const r = rig(
      { 'a:80': terminated, 'b:80': ok({ delay: 100 }) },
      { upstream, queue: {}, maxFails: 0, retryBudget: { ratio: 0, floor: 0.1 } },
    )
    await r.start({ url: '/1' })
    const second = await r.start({ url: '/2' })
    expect(r.decisions).toEqual(['a next', 'a finish (no_eligible_peer)'])
    expect(second.reply.status).toBe(502)
  })

  it.each([
    [2, 4],
    [0, 4],
  ])(
    'tries %s, with whenNoneLive: wait: no more tries for two that wait for each other, and no spinning',
    async (tries, most) => {
      const r = rig(fails(), { ...ONE, whenNoneLive: 'wait', maxFails: 0, nextUpstream: { tries } })
      await r.start()
      await r.start()
      await settle(r.clock)
      expect(r.transport.attempts.length).toBeLessThanOrEqual(most)
      await r.clock.advanceAsync(20_000)
      await settle(r.clock)
      expect(r.events.finish.map(({ status }) => status)).toEqual([502, 502])
      expect(r.transport.attempts.length).toBeLessThanOrEqual(tries === 0 ? 20 : most)
      expect(r.clock.pending).toBe(0)
    },
  )

  it('a real answer in hand is not made to wait', async () => {
    const upstream = ['http://a:80', { url: 'http://b:80', maxConns: 1 }]
    const r = rig({ 'a:80': ok({ status: 503 }), 'b:80': hangs() }, { upstream, queue: {} })
    await r.start()
    expect(await r.send()).toMatchObject({ status: 503 })
  })

  it('nextUpstream.timeout bounds the waiting', async () => {
    const r = rig(hangs(), { ...ONE, nextUpstream: { timeout: 300 } })
    await r.start()
    await r.clock.advanceAsync(100)
    const second = await r.start()
    await r.clock.advanceAsync(199)
    // The first is ended by the same rule, and its place is had.
    await r.clock.advanceAsync(1)
    await settle(r.clock)
    expect(r.transport.attempts).toHaveLength(2)
    await r.clock.advanceAsync(100)
    await settle(r.clock)
    expect(second.reply.status).toBe(504)
    expect(r.clock.pending).toBe(0)
  })

  it('under the nginx preset nextUpstream.timeout bounds it, too, and all of it is 502', async () => {
    const r = rig(hangs(), { ...ONE, preset: 'nginx', nextUpstream: { timeout: 300 } })
    await r.start()
    const second = await r.start()
    await r.clock.advanceAsync(300)
    await settle(r.clock)
    expect(second.reply.status).toBe(502)
    await r.start()
    await r.start()
    expect(await r.send()).toMatchObject({ status: 502 })
    expect(r.events.error.map(({ code }) => code)).toEqual(['ERR_QUEUE_TIMEOUT', 'ERR_QUEUE_FULL'])
  })

  it('says after how long a place may be had: the pace of late, and the timeout where there is none', async () => {
    const r = rig(ok({ delay: 1000 }), { ...ONE, queue: { size: 3, timeout: '20s' } })
    for (let i = 0; i < 4; i++) await r.start()
    expect(await r.send()).toMatchObject({ headers: { 'retry-after': '20' } })
    await r.clock.advanceAsync(1000)
    await settle(r.clock)
    await r.start()
    // Three wait, and one is served each second.
    expect(await r.send()).toMatchObject({ headers: { 'retry-after': '4' } })
  })

  it('who found the backups full as well has the primary when that is free', async () => {
    const r = rig(
      { 'a:80': ok({ delay: 50 }), 'b:80': hangs() },
      {
        upstream: [
          { url: 'http://a:80', maxConns: 1 },
          { url: 'http://b:80', maxConns: 1, backup: true },
        ],
        queue: {},
      },
    )
    for (let i = 0; i < 3; i++) await r.start()
    expect(r.transport.peers).toEqual(['a:80', 'b:80'])
    await r.clock.advanceAsync(50)
    await settle(r.clock)
    expect(r.transport.peers).toEqual(['a:80', 'b:80', 'a:80'])
  })

  it('balancers on one upstream share its queue', async () => {
    const clock = fakeClock(1_000_000)
    const upstream = createUpstream({
      peers: [{ url: 'http://a:80', maxConns: 1 }],
      queue: { size: 2 },
      probe: false,
      clock,
    })
    const one = rig(ok({ delay: 100 }), { upstream, at: clock })
    const other = rig(ok({ delay: 100 }), { upstream, at: clock })
    await one.start()
    await one.start()
    await other.start()
    expect(await other.send()).toMatchObject({ status: 503 })
    await clock.advanceAsync(150)
    expect([one.transport.attempts.length, other.transport.attempts.length]).toEqual([2, 0])
    await clock.advanceAsync(200)
    await settle(clock)
    expect(other.transport.attempts).toHaveLength(1)
    await upstream.close()
  })

  it('a balancer that closes serves those who wait; with a time, it answers them 503 when that is over', async () => {
    const r = rig(ok({ delay: 100 }), ONE)
    await r.start({ url: '/1' })
    await r.start({ url: '/2' })
    await r.start({ url: '/3' })
    const closed = r.balancer.close({ timeout: 250 })
    await r.clock.advanceAsync(250)
    await settle(r.clock)
    await closed
    expect(r.events.finish.map(({ status }) => status)).toEqual([200, 200, 503])
    expect(r.events.error).toMatchObject([{ code: 'ERR_CLOSING' }])
    const waiting = rig(hangs(), ONE)
    await waiting.start()
    const second = await waiting.start()
    void waiting.balancer.close({ timeout: 0 })
    await waiting.clock.advanceAsync(0)
    await settle(waiting.clock)
    expect(second.reply.status).toBe(503)
    expect(waiting.clock.pending).toBe(0)
  })

  it('a selector that throws at a waiter costs that one its answer, and no place', async () => {
    let throws = false
    const r = rig(ok({ delay: 100 }), {
      ...ONE,
      selector: (peers) => {
        if (throws) throw new Error('mine')
        return peers[0]
      },
    })
    await r.start({ url: '/1' })
    await r.start({ url: '/2' })
    await r.start({ url: '/3' })
    throws = true
    r.balancer.on('error', () => (throws = false))
    await r.clock.advanceAsync(2000)
    await settle(r.clock)
    expect(r.events.finish.map(({ status }) => status).sort()).toEqual([200, 200, 500])
    expect(r.connections).toEqual([0])
    expect(r.clock.pending).toBe(0)
  })
})
