import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { upstreamVariables } from 'evenkeel'
import type { AttemptSignal, Settle, Transport } from 'evenkeel'
import { fails, hangs, ok } from 'evenkeel/testing'
import type { Outcome } from 'evenkeel/testing'
import { Client } from './client.js'
import { rig, settle } from './rig.js'

const HEDGE = { hedge: { after: 100 } }

describe('hedge', () => {
  it('asks another peer when the first takes long, and the first good response wins', async () => {
    const r = rig({ 'a:80': ok({ delay: 500 }), 'b:80': ok({ delay: 20, body: 'quick' }) }, HEDGE)
    const client = await r.start()
    await r.clock.advanceAsync(99)
    expect(r.transport.peers).toEqual(['a:80'])
    await r.clock.advanceAsync(1)
    expect(r.transport.peers).toEqual(['a:80', 'b:80'])
    expect(r.connections).toEqual([1, 1])
    await r.clock.advanceAsync(20)
    await settle(r.clock)
    expect(client.reply).toMatchObject({ status: 200, body: 'quick' })
    expect(r.transport.attempts.map(({ result }) => result)).toEqual(['aborted', 'response'])
    expect(upstreamVariables(client.res)).toMatchObject({
      upstream_addr: 'a:80, b:80',
      upstream_status: '-, 200',
      upstream_response_time: '0.120, 0.020',
    })
    expect(r.events.finish[0]?.attempts.map(({ outcome }) => outcome)).toEqual(['cancelled', 'ok'])
    expect(r.standing).toEqual(['up', 'up'])
    expect(r.connections).toEqual([0, 0])
    expect(r.clock.pending).toBe(0)
  })

  it('the loser’s place is free at once, while the winner’s body flows', async () => {
    const long = ok({ delay: 20, body: ['1', '2', '3'], gap: 1000 })
    const r = rig({ 'a:80': hangs(), 'b:80': long }, HEDGE)
    const client = await r.start()
    await r.clock.advanceAsync(500)
    expect(r.connections).toEqual([0, 1])
    await r.clock.advanceAsync(5000)
    await settle(r.clock)
    expect(client.reply.body).toBe('123')
    expect(r.connections).toEqual([0, 0])
  })

  it('the first may still win', async () => {
    const r = rig({ 'a:80': ok({ delay: 110, body: 'a' }), 'b:80': hangs() }, HEDGE)
    const client = await r.start()
    await r.clock.advanceAsync(110)
    await settle(r.clock)
    expect(client.reply.body).toBe('a')
    expect(upstreamVariables(client.res)?.upstream_status).toBe('200, -')
    expect(r.connections).toEqual([0, 0])
    expect(r.clock.pending).toBe(0)
  })

  it('is not there for a quick answer, and leaves no timer', async () => {
    const r = rig(ok(), HEDGE)
    expect(await r.send()).toMatchObject({ status: 200 })
    expect(r.transport.attempts).toHaveLength(1)
    expect(r.clock.pending).toBe(0)
  })

  it.each([
    ['POST', { method: 'POST' }],
    ['PUT', { method: 'PUT', body: 'x' }],
    ['DELETE', { method: 'DELETE' }],
    ['a GET with a body', { body: 'x' }],
  ])('%s is not hedged', async (_what, request) => {
    const r = rig(ok({ delay: 500 }), HEDGE)
    await r.start(request)
    await r.clock.advanceAsync(400)
    expect(r.transport.attempts).toHaveLength(1)
  })

  it.each(['GET', 'HEAD', 'OPTIONS'])('%s is', async (method) => {
    const r = rig(hangs(), HEDGE)
    const client = await r.start({ method })
    await r.clock.advanceAsync(400)
    expect(r.transport.attempts).toHaveLength(2)
    client.leave()
    await settle(r.clock)
  })

  it.each([
    ['the retry budget has no room', { retryBudget: { ratio: 0, floor: 0 } }],
    ['there is no try left', { nextUpstream: { tries: 1 } }],
    ['there is no other peer', { upstream: ['http://a:80'] }],
    ['the other is full', { upstream: ['http://a:80', { url: 'http://b:80', down: true }] }],
    ['it is the only one, under the nginx preset', { upstream: ['http://a:80'], preset: 'nginx' }],
    ['the user says that it may not be repeated', { nextUpstream: { idempotent: () => false } }],
  ] as const)('not when %s', async (_why, options) => {
    const r = rig(hangs(), { ...HEDGE, ...options })
    const client = await r.start()
    await r.clock.advanceAsync(1000)
    expect(r.transport.attempts).toHaveLength(1)
    client.leave()
    await settle(r.clock)
    expect(r.clock.pending).toBe(0)
  })

  it('takes from the retry budget when it starts', async () => {
    const r = rig(hangs(), { ...HEDGE, retryBudget: { ratio: 0, floor: 1, window: '1s' } })
    await r.start()
    await r.start()
    await r.clock.advanceAsync(150)
    expect(r.transport.attempts).toHaveLength(3)
  })

  it('when one fails the other goes on, and nothing is tried beside it', async () => {
    const upstream = ['http://a:80', 'http://b:80', 'http://c:80']
    const r = rig(
      { 'a:80': fails({ type: 'connection_terminated', delay: 120 }), 'b:80': ok({ delay: 300 }) },
      { ...HEDGE, upstream },
    )
    const client = await r.start()
    await r.clock.advanceAsync(200)
    expect(r.transport.peers).toEqual(['a:80', 'b:80'])
    expect(r.standing).toEqual(['ejected', 'up', 'up'])
    expect(r.decisions).toEqual(['a next'])
    await r.clock.advanceAsync(200)
    await settle(r.clock)
    expect(client.reply.status).toBe(200)
    expect(r.connections).toEqual([0, 0, 0])
  })

  it('when both fail the next upstream is tried, with the tries that are left', async () => {
    const upstream = ['http://a:80', 'http://b:80', 'http://c:80', 'http://d:80']
    const lost = fails({ type: 'connection_terminated', delay: 120 })
    const r = rig(
      { 'a:80': lost, 'b:80': fails({ delay: 50 }), 'c:80': fails() },
      { ...HEDGE, upstream, nextUpstream: { tries: 3 } },
    )
    const client = await r.start()
    await r.clock.advanceAsync(200)
    await settle(r.clock)
    expect(r.transport.peers).toEqual(['a:80', 'b:80', 'c:80'])
    expect(r.decisions).toEqual(['a next', 'b next', 'c finish (tries_exhausted)'])
    expect(client.reply.status).toBe(502)
    expect(r.connections).toEqual([0, 0, 0, 0])
    expect(r.clock.pending).toBe(0)
  })

  it('a 503 does not win against an answer to come, and is given when there is none', async () => {
    const script = { 'a:80': ok({ delay: 110, status: 503, body: 'busy' }) }
    const good = rig({ ...script, 'b:80': ok({ delay: 50, body: 'b' }) }, HEDGE)
    const one = await good.start()
    await good.clock.advanceAsync(200)
    await settle(good.clock)
    expect(one.reply).toMatchObject({ status: 200, body: 'b' })
    expect(good.transport.attempts[0]?.response).toBe('discarded')
    const bad = rig({ ...script, 'b:80': fails({ delay: 50 }) }, HEDGE)
    const two = await bad.start()
    await bad.clock.advanceAsync(200)
    await settle(bad.clock)
    expect(two.reply).toMatchObject({ status: 503, body: 'busy' })
    expect([good.connections, bad.connections]).toEqual([
      [0, 0],
      [0, 0],
    ])
  })

  it('a client that leaves ends both, and nobody is blamed', async () => {
    const r = rig(hangs(), HEDGE)
    const client = await r.start()
    await r.clock.advanceAsync(150)
    client.leave()
    await settle(r.clock)
    expect(r.transport.attempts.map(({ result }) => result)).toEqual(['aborted', 'aborted'])
    expect(r.events.finish).toMatchObject([{ status: 499 }])
    expect(r.connections).toEqual([0, 0])
    expect(r.standing).toEqual(['up', 'up'])
    expect(r.clock.pending).toBe(0)
  })

  it('nextUpstream.timeout ends both', async () => {
    const r = rig(hangs(), { ...HEDGE, nextUpstream: { timeout: 300 } })
    const client = await r.start()
    await r.clock.advanceAsync(300)
    await settle(r.clock)
    expect(client.reply.status).toBe(504)
    expect(r.connections).toEqual([0, 0])
    expect(r.standing).toEqual(['up', 'up'])
    expect(r.clock.pending).toBe(0)
  })

  it('attempts: as many beside the first, one after the other', async () => {
    const upstream = ['a', 'b', 'c', 'd'].map((name) => `http://${name}:80`)
    const hedge = { after: 100, attempts: 2 }
    const r = rig(hangs(), { upstream, hedge, nextUpstream: { tries: 9 } })
    const client = await r.start()
    await r.clock.advanceAsync(150)
    expect(r.transport.attempts).toHaveLength(2)
    await r.clock.advanceAsync(1000)
    expect(r.transport.peers).toEqual(['a:80', 'b:80', 'c:80'])
    client.leave()
    await settle(r.clock)
    expect(r.connections).toEqual([0, 0, 0, 0])
    expect(r.clock.pending).toBe(0)
  })

  it('what a selector throws at the second is a 500, and both are over', async () => {
    let calls = 0
    const r = rig(hangs(), {
      ...HEDGE,
      selector: (peers) => {
        if (calls++ > 0) throw new Error('mine')
        return peers[0]
      },
    })
    const client = await r.start()
    await r.clock.advanceAsync(100)
    await settle(r.clock)
    expect(client.reply.status).toBe(500)
    expect(r.connections).toEqual([0, 0])
    expect(r.transport.inFlight).toBe(0)
    expect(r.clock.pending).toBe(0)
  })
})

/** Settles when it is told to, aborted or not: late, twice at once, in any order. */
class Puppets implements Transport {
  readonly name = 'puppets'
  readonly strings: {
    settle: Settle
    signal: AttemptSignal
    discarded: number
    aborted: boolean
  }[] = []

  roundTrip(): never {
    throw new Error('start() is there')
  }

  start(_attempt: unknown, signal: AttemptSignal, settleIt: Settle): void {
    const one = { settle: settleIt, signal, discarded: 0, aborted: false }
    signal.onAbort = () => (one.aborted = true)
    this.strings.push(one)
  }

  respond(n: number): void {
    const one = this.strings[n]
    if (one === undefined) return
    one.settle({
      kind: 'response',
      response: {
        status: 200,
        statusMessage: 'OK',
        rawHeaders: ['x-n', String(n), 'content-length', '0'],
        isWhole: true,
        whole: Buffer.alloc(0),
        start: () => undefined,
        resume: () => undefined,
        discard: () => one.discarded++,
      },
    })
  }

  async close(): Promise<void> {}
}

const failure = (): Extract<Outcome, { kind: 'fails' }>['failure'] =>
  fails({ type: 'connection_terminated' }).failure

describe('hedged attempts, whatever the order', () => {
  it('settle once: no lease is kept, no late response leaks, no timer is left', async () => {
    const event = fc.oneof(
      fc.record({ do: fc.constantFrom('respond' as const, 'fail' as const), n: fc.nat(3) }),
      fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(0, 50, 100) }),
      fc.constant({ do: 'leave' as const }),
      fc.constant({ do: 'turn' as const }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { maxLength: 14 }),
        fc.constantFrom(0, 250),
        async (events, timeout) => {
          const transport = new Puppets()
          const r = rig(hangs(), {
            transport,
            upstream: ['http://a:80', 'http://b:80', 'http://c:80'],
            hedge: { after: 100, attempts: 2 },
            nextUpstream: { timeout },
            maxFails: 0,
          })
          const client = new Client({})
          r.balancer(client.req, client.res)
          const done = new Set<number>()
          for (const one of events) {
            if (one.do === 'respond' || one.do === 'fail') {
              // A transport settles each attempt once.
              if (done.has(one.n) || transport.strings[one.n] === undefined) continue
              done.add(one.n)
              if (one.do === 'respond') transport.respond(one.n)
              else transport.strings[one.n]?.settle({ kind: 'failure', failure: failure() })
            } else if (one.do === 'pass') await r.clock.advanceAsync(one.ms)
            else if (one.do === 'leave') client.leave()
            else await settle(r.clock)
          }
          await settle(r.clock)
          if (!client.over) client.leave()
          await settle(r.clock)
          // Late ones.
          transport.strings.forEach((_, n) => {
            if (!done.has(n)) transport.respond(n)
          })
          await settle(r.clock)
          expect(transport.strings.length).toBeLessThanOrEqual(3)
          expect(r.connections).toEqual([0, 0, 0])
          expect(r.clock.pending).toBe(0)
          expect(r.events.finish).toHaveLength(1)
          expect(r.events.error.map(({ code }) => code)).not.toContain('ERR_INTERNAL')
          expect(r.upstream.peers.map((peer) => peer.ledgers.transport)).toEqual(
            r.upstream.peers.map(() => expect.any(Number) as number),
          )
          // Whoever was not the winner was given up, if it had come to nothing by itself.
          const winner = client.reply.headers['x-n']
          transport.strings.forEach((one, n) => {
            if (!done.has(n)) expect([one.aborted, one.discarded > 0]).toEqual([true, true])
            else if (String(n) !== winner && one.discarded > 1) expect(one.discarded).toBe(1)
          })
        },
      ),
      { numRuns: 400 },
    )
  }, 60_000)
})
