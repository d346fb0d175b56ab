/** Requests that say nothing of a peer, and what peers say of themselves. */
import { describe, expect, it } from 'vitest'
import type { PeerSelector } from 'evenkeel'
import { fails, ok } from 'evenkeel/testing'
import { rig } from './rig.js'

const timeout = fails({ condition: 'timeout', type: 'connection_read_timeout', phase: 'header' })

/** Round robin by hand, that writes down what it is told. */
function listening(): PeerSelector & { readonly told: string[] } {
  const told: string[] = []
  const picker = {
    pick: ({ group, eligible }: Parameters<ReturnType<PeerSelector['begin']>['pick']>[0]) =>
      group.live.find((peer) => eligible(peer)),
  }
  return {
    name: 'listening',
    told,
    begin: () => picker,
    answered: (peer) => told.push(`${peer.hostname} answered`),
    finished: (peer, outcome) => told.push(`${peer.hostname} ${outcome}`),
  }
}

describe('an exempt request', () => {
  it('marks nobody by its failures, and is tried further', async () => {
    const selector = listening()
    const script = { 'a:80': timeout, 'b:80': ok() }
    const r = rig(script, { exempt: '/report', selector })
    expect(await r.send({ url: '/report/1' })).toMatchObject({ status: 200 })
    expect(r.standing).toEqual(['up', 'up'])
    expect(r.decisions).toEqual(['a next'])
    expect(r.events.eject).toEqual([])
    expect(r.upstream.peers.map(({ fails: count, ledgers }) => [count, ledgers.transport])).toEqual(
      [
        [0, 0],
        [0, 0],
      ],
    )
    expect(selector.told).toEqual([])
    expect(await r.send({ url: '/other' })).toMatchObject({ status: 200 })
    expect(r.standing).toEqual(['ejected', 'up'])
    expect(selector.told).toEqual(['a failed', 'b answered', 'b ok'])
  })

  it.each([undefined, 'nginx' as const])('has no status counted (preset %s)', async (preset) => {
    const r = rig(
      { 'a:80': ok({ status: 503 }), 'b:80': ok() },
      {
        exempt: /^\/report/,
        failOn: ['http_503'],
        nextUpstream: { on: ['error', 'http_503'] },
        ...(preset === undefined ? {} : { preset }),
      },
    )
    expect(await r.send({ url: '/report' })).toMatchObject({ status: 200 })
    expect(r.standing).toEqual(['up', 'up'])
    expect(r.upstream.peers[0]?.ledgers.status).toBe(0)
    await r.send({ url: '/a' })
    await r.send({ url: '/a' })
    expect(r.standing).toEqual(['ejected', 'up'])
  })

  it('forgives nothing by failing (nginx)', async () => {
    const peers = ['http://a:80', 'http://b:80']
    const script = { 'a:80': fails(), 'b:80': fails() }
    const r = rig(script, { upstream: peers, preset: 'nginx', exempt: '/report' })
    await r.send({ url: '/' })
    expect(r.standing).toEqual(['ejected', 'ejected'])
    r.clock.advance(11_000)
    await r.send({ url: '/report' })
    expect(r.upstream.peers.map(({ fails: count }) => count)).toEqual([1, 1])
  })

  it('is asked about once, and not where no peer was found', async () => {
    let asked = 0
    const exempt = (): boolean => {
      asked++
      return true
    }
    const r = rig(fails(), { exempt })
    await r.send()
    expect(r.transport.attempts).toHaveLength(2)
    expect(asked).toBe(1)
    const none = rig(ok(), { exempt, upstream: [{ url: 'http://a', down: true }] })
    await none.send()
    expect(asked).toBe(1)
  })

  it('whose function throws is a 500, and its peer is free again', async () => {
    const exempt = (): boolean => {
      throw new Error('mine')
    }
    const r = rig(ok(), { exempt })
    expect(await r.send()).toMatchObject({ status: 500 })
    expect(r.connections).toEqual([0, 0])
    expect(r.events.error[0]?.cause).toMatchObject({ message: 'mine' })
  })
})

describe('feedback in responses', () => {
  const feedback = { header: 'X-Upstream-State' }
  const saying = (state: string, status = 200) =>
    ok({ status, headers: { 'x-upstream-State': state, 'x-other': 'stays' } })

  it('is heard, whatever becomes of the response, and not passed on', async () => {
    const r = rig({ 'a:80': saying('drain', 503), 'b:80': saying('50%') }, { feedback })
    const events: unknown[] = []
    r.balancer.on('health', (event) => events.push(event))
    const reply = await r.send()
    expect(reply).toMatchObject({ status: 200, headers: { 'x-other': 'stays' } })
    expect(Object.keys(reply.headers)).not.toContain('x-upstream-state')
    expect(r.standing).toEqual(['draining', 'up'])
    expect(r.upstream.peers[1]).toMatchObject({ weight: 1, easedWeight: 0.5 })
    expect(events).toEqual([])
  })

  it('that a peer is down is an event', async () => {
    const r = rig({ 'a:80': saying('down'), 'b:80': ok() }, { feedback })
    const events: string[] = []
    r.balancer.on('health', ({ peer, healthy, reason, checks }) =>
      events.push(`${peer.hostname} ${healthy} ${reason} ${checks}`),
    )
    await r.send()
    expect(events).toEqual(['a false feedback 0'])
    for (let i = 0; i < 3; i++) await r.send()
    expect(r.transport.attempts.map(({ peer }) => peer)).toEqual(['a:80', 'b:80', 'b:80', 'b:80'])
    expect(r.standing).toEqual(['unhealthy', 'up'])
  })

  it('means nothing where it is not asked for, and is passed on', async () => {
    const r = rig(saying('drain'))
    expect((await r.send()).headers).toMatchObject({ 'x-upstream-state': 'drain' })
    expect(r.standing).toEqual(['up', 'up'])
  })

  it('is not seen by hooks and by interceptors either', async () => {
    const seen: string[] = []
    const see = (names: Iterable<readonly [string, string]>): void => {
      for (const [name] of names) seen.push(name.toLowerCase())
    }
    const r = rig(saying('50%', 404), {
      feedback,
      onUpstreamResponse: ({ headers }) => see(headers),
      interceptErrors: ({ headers }) => {
        see(headers)
        return false
      },
    })
    await r.send()
    expect(seen).toContain('x-other')
    expect(seen).not.toContain('x-upstream-state')
  })

  it('a change by the administrator does not make what the peer has said permanent', async () => {
    const r = rig({ 'a:80': saying('drain maxconn:2'), 'b:80': ok() }, { feedback })
    await r.send()
    const [a] = r.upstream.peers
    r.upstream.update(a!, { weight: 3 })
    expect(a).toMatchObject({ draining: true, toldToDrain: false, weight: 3, maxConns: 0 })
  })
})
