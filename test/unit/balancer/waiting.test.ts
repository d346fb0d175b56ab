import { describe, expect, it } from 'vitest'
import { createUpstream } from 'evenkeel'
import { fails, fakeClock, ok } from 'evenkeel/testing'
import type { RigOptions } from './rig.js'
import { rig, settle } from './rig.js'

const refused = fails()
const ONE: RigOptions = {
  upstream: [{ url: 'http://a:80', maxConns: 1 }],
  whenNoneLive: 'wait',
  queue: { size: 2, timeout: '5s' },
}

describe('whenNoneLive: wait', () => {
  it('waits for a place at a full peer, first come, first served', async () => {
    const r = rig(ok({ delay: 100 }), ONE)
    for (const url of ['/1', '/2', '/3']) await r.start({ url })
    expect(r.transport.attempts.map(({ head }) => head.target)).toEqual(['/1'])
    await r.clock.advanceAsync(100)
    await settle(r.clock)
    expect(r.transport.attempts.map(({ head }) => head.target)).toEqual(['/1', '/2'])
    await r.clock.advanceAsync(100)
    await settle(r.clock)
    expect(r.transport.attempts.map(({ head }) => head.target)).toEqual(['/1', '/2', '/3'])
    await r.clock.advanceAsync(100)
    await settle(r.clock)
    expect(r.events.finish.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(r.connections).toEqual([0])
  })

  it('turns away who finds the queue full: 503', async () => {
    const r = rig(ok({ delay: 100 }), ONE)
    for (let i = 0; i < 3; i++) await r.start()
    expect(await r.send()).toMatchObject({ status: 503 })
    expect(r.events.error).toMatchObject([{ code: 'ERR_QUEUE_FULL' }])
    await r.clock.advanceAsync(300)
    await settle(r.clock)
    expect(r.transport.attempts).toHaveLength(3)
  })

  it('waits no longer than the queue’s timeout', async () => {
    const r = rig(ok({ delay: 60_000 }), ONE)
    await r.start()
    const client = await r.start()
    await r.clock.advanceAsync(4999)
    expect(client.over).toBe(false)
    await r.clock.advanceAsync(1)
    await settle(r.clock)
    expect(client.reply).toMatchObject({ status: 503 })
    expect(r.events.error).toMatchObject([{ code: 'ERR_QUEUE_TIMEOUT' }])
  })

  it('a client that leaves gives its place in the queue to another', async () => {
    const r = rig(ok({ delay: 100 }), { ...ONE, queue: { size: 1, timeout: '5s' } })
    await r.start({ url: '/1' })
    const leaver = await r.start({ url: '/2' })
    leaver.leave()
    await settle(r.clock)
    expect(r.events.finish).toMatchObject([{ status: 499 }])
    await r.start({ url: '/3' })
    await r.clock.advanceAsync(200)
    await settle(r.clock)
    expect(r.transport.attempts.map(({ head }) => head.target)).toEqual(['/1', '/3'])
    expect(r.connections).toEqual([0])
  })

  it('a place that nobody wants any more is not lost', async () => {
    const r = rig(ok({ delay: 100 }), ONE)
    await r.start({ url: '/1' })
    const leaver = await r.start({ url: '/2' })
    await r.start({ url: '/3' })
    await r.clock.advanceAsync(100)
    leaver.leave()
    await settle(r.clock)
    await r.clock.advanceAsync(100)
    await settle(r.clock)
    expect(r.events.finish.map(({ status }) => status).sort()).toEqual([200, 200, 499])
    expect(r.connections).toEqual([0])
  })

  it('waits for a marked peer to come back, whose failures were its own', async () => {
    let down = true
    const r = rig(() => (down ? refused : ok({ body: 'back' })), { whenNoneLive: 'wait' })
    const client = await r.start()
    expect(r.decisions).toEqual(['a next', 'b wait'])
    expect(client.over).toBe(false)
    down = false
    await r.clock.advanceAsync(10_000)
    await settle(r.clock)
    expect(r.decisions).toEqual(['a next', 'b wait'])
    expect(client.reply).toMatchObject({ status: 200, body: 'back' })
  })

  it('says at last how it failed', async () => {
    const r = rig(refused, { whenNoneLive: 'wait', queue: { timeout: 500 } })
    const client = await r.start()
    await r.clock.advanceAsync(500)
    await settle(r.clock)
    expect(client.reply).toMatchObject({ status: 502 })
    expect(r.events.error).toMatchObject([{ code: 'ERR_UPSTREAM_CONNECTION' }])
    expect(r.clock.pending).toBe(0)
  })

  it('a request that comes when all are marked waits, and is told that none lives', async () => {
    const r = rig(refused, { whenNoneLive: 'wait', queue: { timeout: 500 } })
    await r.start()
    const late = await r.start()
    expect(r.transport.attempts).toHaveLength(2)
    await r.clock.advanceAsync(500)
    await settle(r.clock)
    expect(late.reply).toMatchObject({ status: 502 })
    expect(r.events.error.at(-1)).toMatchObject({ code: 'ERR_NO_LIVE_UPSTREAMS' })
  })

  it('nextUpstream.timeout ends the waiting, too', async () => {
    const r = rig(refused, { whenNoneLive: 'wait', nextUpstream: { timeout: 300 } })
    const client = await r.start()
    await r.clock.advanceAsync(300)
    await settle(r.clock)
    expect(client.over).toBe(true)
    expect(r.connections).toEqual([0, 0])
  })

  it('a sent POST does not wait for a second chance', async () => {
    const r = rig(fails({ type: 'connection_terminated' }), {
      whenNoneLive: 'wait',
      upstream: ['http://a:80'],
    })
    expect(await r.send({ method: 'POST' })).toMatchObject({ status: 502 })
  })

  it('a real answer is not made to wait', async () => {
    const r = rig(ok({ status: 503, body: 'real' }), {
      whenNoneLive: 'wait',
      upstream: ['http://a:80'],
    })
    expect(await r.send()).toMatchObject({ status: 503, body: 'real' })
  })
})

describe('one upstream behind two balancers', () => {
  it('shares marks, connections and events, not policies', async () => {
    const clock = fakeClock(1_000_000)
    const upstream = createUpstream({
      peers: ['http://a:80', { url: 'http://b:80', maxConns: 1 }],
      probe: false,
      clock,
    })
    const strict = rig(refused, { upstream, at: clock, nextUpstream: { tries: 1 } })
    const other = rig({ 'b:80': ok({ delay: 50 }), 'a:80': ok() }, { upstream, at: clock })
    expect(strict.upstream).toBe(other.upstream)
    expect(await strict.send()).toMatchObject({ status: 502 })
    expect(strict.transport.peers).toEqual(['a:80'])
    expect(other.standing).toEqual(['ejected', 'up'])
    expect(other.events.eject).toHaveLength(1)
    await other.start()
    expect(strict.connections).toEqual([0, 1])
    expect(strict.standing).toEqual(['ejected', 'full'])
    await strict.balancer.close()
    await clock.advanceAsync(50)
    await settle(clock)
    expect(await other.start()).toBeDefined()
    await upstream.close()
  })

  it('forgets the events of a balancer that is closed', async () => {
    const clock = fakeClock(1_000_000)
    const upstream = createUpstream({ peers: ['http://a:80', 'http://b:80'], probe: false, clock })
    const closed = rig(refused, { upstream, at: clock })
    const open = rig(refused, { upstream, at: clock })
    await closed.balancer.close()
    await open.send()
    expect(open.events.eject).toHaveLength(2)
    expect(closed.events.eject).toEqual([])
  })

  it('refuses to tell of a stranger', () => {
    const [one, two] = [
      createUpstream({ peers: ['http://a:80'] }),
      createUpstream({ peers: ['http://a:80'] }),
    ]
    expect(one.status(one.peers[0]!)).toBe('up')
    expect(() => one.status(two.peers[0]!)).toThrow(TypeError)
  })
})
