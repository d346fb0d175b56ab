import { describe, expect, it } from 'vitest'
import { fails, ok } from 'evenkeel/testing'
import { rig } from './rig.js'

const THREE = ['http://a:80', 'http://b:80', 'http://c:80']
const refused = fails()
const reset = fails({ type: 'connection_terminated' })
const silent = fails({ type: 'connection_read_timeout' })

describe('blame', () => {
  it('marks a peer that fails, and tells', async () => {
    const r = rig({ 'a:80': refused, 'b:80': ok() })
    await r.send()
    expect(r.standing).toEqual(['ejected', 'up'])
    expect(r.events.eject).toMatchObject([{ peer: { name: 'a:80', fails: 1 }, reason: 'error' }])
    await r.send()
    expect(r.transport.peers).toEqual(['a:80', 'b:80', 'b:80'])
  })

  it('a marked peer is tried again after failTimeout, and comes back with its first answer', async () => {
    const r = rig({ 'a:80': [refused, ok()], 'b:80': ok() })
    await r.send()
    await r.clock.advanceAsync(10_000)
    for (let i = 0; i < 3; i++) await r.send()
    expect(r.transport.peers.slice(2)).toContain('a:80')
    expect(r.events.return).toMatchObject([{ peer: { name: 'a:80' }, reason: 'answered' }])
    expect(r.standing).toEqual(['up', 'up'])
  })

  it('one request is at fault: it fails in the same way on two peers, both failures are taken back', async () => {
    const r = rig(reset, { upstream: THREE })
    expect(await r.send()).toMatchObject({ status: 502 })
    expect(r.decisions).toEqual(['a next', 'b finish (request_at_fault)'])
    expect(r.standing).toEqual(['up', 'up', 'up'])
    expect(r.upstream.peers.map(({ fails: count }) => count)).toEqual([0, 0, 0])
    expect(r.upstream.peers.map(({ effectiveWeight }) => effectiveWeight)).toEqual([1, 1, 1])
    expect(r.events.eject.map(({ peer }) => peer.name)).toEqual(['a:80', 'b:80'])
    expect(r.events.return.map(({ peer, reason }) => `${peer.name} ${reason}`)).toEqual([
      'a:80 refund',
      'b:80 refund',
    ])
  })

  it('with two peers, too: a query of death leaves the upstream standing', async () => {
    const r = rig(({ attempt }) => (attempt.head.target === '/death' ? reset : ok()))
    for (let i = 0; i < 10; i++) {
      await r.send({ url: '/death' })
      expect(r.standing).toEqual(['up', 'up'])
      expect(await r.send({ url: '/' })).toMatchObject({ status: 200 })
    }
  })

  it('different failures are not the request’s', async () => {
    const r = rig({ 'a:80': reset, 'b:80': silent, 'c:80': ok() }, { upstream: THREE })
    expect(await r.send()).toMatchObject({ status: 200 })
    expect(r.standing).toEqual(['ejected', 'ejected', 'up'])
  })

  it('a request that was never sent is not at fault', async () => {
    const r = rig(refused, { upstream: THREE })
    await r.send()
    expect(r.transport.attempts).toHaveLength(3)
    expect(r.standing).toEqual(['ejected', 'ejected', 'ejected'])
    expect(r.events.return).toEqual([])
  })

  it('peers that fail others, too, are themselves at fault', async () => {
    const r = rig(reset, { upstream: THREE, maxFails: 2, nextUpstream: { tries: 3 } })
    await r.send({ url: '/1', method: 'POST' })
    await r.send({ url: '/2', method: 'POST' })
    await r.send({ url: '/3', method: 'POST' })
    expect(r.standing).toEqual(['up', 'up', 'up'])
    await r.send({ url: '/4' })
    expect(r.transport.attempts).toHaveLength(6)
    expect(r.standing).toEqual(['ejected', 'ejected', 'ejected'])
  })

  it('a dying upstream is marked, by many requests', async () => {
    const r = rig(reset, { upstream: THREE })
    for (let i = 0; i < 3; i++) await r.send({ method: 'POST' })
    expect(r.standing).toEqual(['ejected', 'ejected', 'ejected'])
  })

  it('two equal statuses are the request’s doing: no third peer is asked', async () => {
    const r = rig(ok({ status: 503, body: 'real' }), { upstream: THREE })
    expect(await r.send()).toMatchObject({ status: 503, body: 'real' })
    expect(r.decisions).toEqual(['a next', 'b deliver_held (request_at_fault)'])
  })

  it('statuses count only where asked for, in a ledger of their own', async () => {
    const r = rig({ 'a:80': ok({ status: 500 }), 'b:80': ok() }, { failOn: ['http_500'] })
    expect(await r.send()).toMatchObject({ status: 500 })
    expect(r.standing).toEqual(['ejected', 'up'])
    expect(r.events.eject).toMatchObject([{ reason: 'status' }])
    expect(r.upstream.peers[0]?.ledgers).toEqual({ transport: 0, status: 1, stale: 0 })
  })

  it('failOn without error blames nobody for one', async () => {
    const r = rig({ 'a:80': reset, 'b:80': ok() }, { failOn: ['timeout'] })
    expect(await r.send()).toMatchObject({ status: 200 })
    expect(r.standing).toEqual(['up', 'up'])
    expect(r.upstream.peers[0]?.effectiveWeight).toBe(1)
  })

  it('our own shortage is nobody’s fault', async () => {
    const r = rig({ 'a:80': fails({ type: 'proxy_internal_error' }), 'b:80': ok() })
    expect(await r.send()).toMatchObject({ status: 200 })
    expect(r.standing).toEqual(['up', 'up'])
  })

  it('a body that breaks off is not charged: the response had come', async () => {
    const r = rig(ok({ body: 'x', failsWith: {} }))
    await r.send()
    expect(r.standing).toEqual(['up', 'up'])
  })
})

describe('no blackout', () => {
  it('when all are marked the least bad is tried, and its answer brings it back', async () => {
    let down = true
    const r = rig(() => (down ? refused : ok()), { upstream: THREE })
    await r.send()
    expect(r.standing).toEqual(['ejected', 'ejected', 'ejected'])
    down = false
    for (let i = 0; i < 5; i++) expect(await r.send()).toMatchObject({ status: 200 })
    expect(r.standing).toContain('up')
  })

  it('a marked peer is also the next upstream', async () => {
    const r = rig({ 'a:80': [refused, ok()], 'b:80': [ok(), refused] })
    expect(await r.send()).toMatchObject({ status: 200 })
    expect(r.standing).toEqual(['ejected', 'up'])
    expect(await r.send()).toMatchObject({ status: 200 })
    expect(r.transport.peers).toEqual(['a:80', 'b:80', 'b:80', 'a:80'])
    expect(r.standing).toEqual(['up', 'ejected'])
  })

  it('fail is nginx’s way, for those who want it', async () => {
    const r = rig(refused, { whenNoneLive: 'fail' })
    await r.send()
    expect(await r.send()).toMatchObject({ status: 502 })
    expect(r.transport.attempts).toHaveLength(2)
    expect(r.events.error.at(-1)).toMatchObject({ code: 'ERR_NO_LIVE_UPSTREAMS' })
  })

  it('never a peer that is down', async () => {
    const r = rig(ok(), { upstream: [{ url: 'http://a:80', down: true }] })
    expect(await r.send()).toMatchObject({ status: 502 })
    expect(r.events.error).toMatchObject([{ code: 'ERR_NO_LIVE_UPSTREAMS' }])
    expect(r.transport.attempts).toEqual([])
  })

  it('peers that are all busy are another matter: 503', async () => {
    const r = rig(ok({ delay: 100 }), { upstream: [{ url: 'http://a:80', maxConns: 1 }] })
    await r.start()
    const reply = await r.send()
    expect(reply).toMatchObject({ status: 503 })
    expect(reply.headers['retry-after']).toBe('1')
    expect(r.events.error).toMatchObject([{ code: 'ERR_PEERS_BUSY' }])
  })
})
