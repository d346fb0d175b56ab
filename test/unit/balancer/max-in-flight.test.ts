import { describe, expect, it } from 'vitest'
import { createUpstream } from 'evenkeel'
import { fails, fakeClock, hangs, ok } from 'evenkeel/testing'
import { rig, settle } from './rig.js'

describe('maxInFlight', () => {
  it('without a queue one more is refused at once, and served when another is over', async () => {
    const r = rig(ok({ delay: 100 }), { maxInFlight: 2 })
    await r.start()
    await r.start()
    expect(await r.send()).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    expect(r.events.error).toMatchObject([{ code: 'ERR_OVERLOADED' }])
    await r.clock.advanceAsync(100)
    await settle(r.clock)
    const late = await r.start()
    await r.clock.advanceAsync(100)
    await settle(r.clock)
    expect(late.reply.status).toBe(200)
  })

  it('with a queue those above it wait in their order', async () => {
    const r = rig(ok({ delay: 100 }), { maxInFlight: 1, queue: { size: 2 } })
    for (const url of ['/1', '/2', '/3']) await r.start({ url })
    expect(r.transport.attempts).toHaveLength(1)
    expect(await r.send()).toMatchObject({ status: 503 })
    expect(r.events.error).toMatchObject([{ code: 'ERR_QUEUE_FULL' }])
    await r.clock.advanceAsync(300)
    await settle(r.clock)
    expect(r.transport.attempts.map(({ head }) => head.target)).toEqual(['/1', '/2', '/3'])
    expect(r.clock.pending).toBe(0)
  })

  it('who waits in vain is told so', async () => {
    const r = rig(hangs(), { maxInFlight: 1, queue: { timeout: 500 } })
    const first = await r.start()
    const second = await r.start()
    await r.clock.advanceAsync(500)
    await settle(r.clock)
    expect(second.reply.status).toBe(503)
    expect(r.events.error).toMatchObject([{ code: 'ERR_QUEUE_TIMEOUT' }])
    first.leave()
    await settle(r.clock)
    expect(r.clock.pending).toBe(0)
  })

  it('a request keeps its place over all its tries', async () => {
    const r = rig({ 'a:80': fails({ delay: 50 }), 'b:80': ok({ delay: 50 }) }, { maxInFlight: 1 })
    const first = await r.start()
    await r.clock.advanceAsync(50)
    await settle(r.clock)
    expect(await r.send()).toMatchObject({ status: 503 })
    await r.clock.advanceAsync(50)
    await settle(r.clock)
    expect(first.reply.status).toBe(200)
  })

  it('each place is given back, however a request ends', async () => {
    const r = rig([hangs(), fails(), fails(), ok({ body: 'x' })], { maxInFlight: 1, maxFails: 0 })
    const leaver = await r.start()
    leaver.leave()
    await settle(r.clock)
    expect(await r.send()).toMatchObject({ status: 502 })
    expect(await r.send()).toMatchObject({ status: 200 })
  })

  it('nobody waits for room where no peer is live', async () => {
    const r = rig(hangs(), {
      maxInFlight: 1,
      queue: {},
      whenNoneLive: 'fail',
    })
    await r.start()
    for (const peer of r.upstream.peers) r.upstream.update(peer, { down: true })
    expect(await r.send()).toMatchObject({ status: 502 })
  })

  it('is of one balancer, whoever shares its upstream', async () => {
    const clock = fakeClock(1_000_000)
    const peers = [{ url: 'http://a:80' }]
    const upstream = createUpstream({ peers, queue: {}, probe: false, clock })
    const one = rig(ok({ delay: 100 }), { upstream, at: clock, maxInFlight: 1 })
    const other = rig(ok({ delay: 10 }), { upstream, at: clock })
    await one.start()
    await one.start()
    const quick = await other.start()
    await clock.advanceAsync(10)
    await settle(clock)
    expect(quick.reply.status).toBe(200)
    expect(one.transport.attempts).toHaveLength(1)
    await clock.advanceAsync(90)
    await settle(clock)
    expect(one.transport.attempts).toHaveLength(2)
  })
})
