/** Requests that wait for places: in order, none lost, never over the limit, whoever leaves. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fails, ok } from 'evenkeel/testing'
import { Client } from '../unit/balancer/client.js'
import { rig, settle } from '../unit/balancer/rig.js'

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('comes' as const),
      takes: fc.constantFrom(0, 10, 30, 100, 700, 3000),
      fails: fc.constantFrom(false, false, false, true),
      count: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('leaves' as const), which: fc.nat(40) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('passes' as const), ms: fc.nat(400) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('down' as const), peer: fc.nat(2), down: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('limit' as const),
      peer: fc.nat(2),
      maxConns: fc.integer({ min: 1, max: 4 }),
    }),
  },
)

const scenario = fc.record({
  limits: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
  size: fc.integer({ min: 0, max: 12 }),
  timeout: fc.constantFrom(50, 500, 5000),
  tries: fc.integer({ min: 1, max: 3 }),
  whenNoneLive: fc.constantFrom('try' as const, 'wait' as const, 'fail' as const),
  steps: fc.array(step, { minLength: 1, maxLength: 30 }),
})

describe('the queue', () => {
  it('keeps the order, loses nobody and no place, and never goes over a limit', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ limits, size, timeout, tries, whenNoneLive, steps }) => {
        const complaints: string[] = []
        /** Who came before whom, and was chosen a place after it. */
        const overtaken: [string, string][] = []
        const plan = new Map<string, { takes: number; fails: boolean }>()
        /** In the order of coming, those that have had no place, nor an end. */
        const waiting = new Set<string>()
        const r = rig(
          ({ attempt }) => {
            const url = attempt.head.target
            for (const peer of r.upstream.peers)
              if (peer.maxConns > 0 && peer.connections > (highest.get(peer.index) ?? 0))
                complaints.push(`${peer.name} has ${String(peer.connections)}`)
            const one = plan.get(url)
            if (one === undefined) throw new Error('no plan')
            return one.fails
              ? fails({ type: 'connection_terminated', delay: one.takes })
              : ok({ delay: one.takes })
          },
          {
            upstream: limits.map((maxConns, i) => ({ url: `http://p${String(i)}:80`, maxConns })),
            queue: { size, timeout },
            // A place is taken when it is chosen.
            selector: (peers, { url }) => {
              const [first] = waiting
              if (waiting.has(url) && first !== undefined && first !== url)
                overtaken.push([first, url])
              waiting.delete(url)
              return peers[0]
            },
            maxFails: 0,
            whenNoneLive,
            nextUpstream: { tries },
          },
        )
        // A limit that is lowered ends no attempt: only the highest of all stands for ever.
        const highest = new Map(limits.map((limit, i) => [i, limit]))
        r.balancer.on('finish', ({ request }) => waiting.delete(request.url ?? ''))
        const clients: Client[] = []
        for (const one of steps) {
          if (one.do === 'comes') {
            for (let i = 0; i < one.count; i++) {
              const url = `/${String(clients.length)}`
              plan.set(url, one)
              const client = new Client({ url })
              clients.push(client)
              waiting.add(url)
              r.balancer(client.req, client.res)
            }
            // Without a pause now and then: they come in one turn.
            if (one.count % 2 === 0) await settle(r.clock)
          } else if (one.do === 'leaves') {
            clients[one.which]?.leave()
          } else if (one.do === 'passes') {
            await r.clock.advanceAsync(one.ms)
          } else {
            const peer = r.upstream.peers[one.peer]
            if (peer === undefined) continue
            if (one.do === 'down') r.upstream.update(peer, { down: one.down })
            else {
              highest.set(peer.index, Math.max(highest.get(peer.index) ?? 0, one.maxConns))
              r.upstream.update(peer, { maxConns: one.maxConns })
            }
          }
          const busy = r.upstream.peers.every(
            (peer) => peer.down || peer.connections >= peer.maxConns,
          )
          // A place that is free is nobody's who waits.
          if (r.upstream.waiting > 0 && !busy && tries === 1) complaints.push('a place is left')
        }
        await r.clock.advanceAsync(60_000)
        await settle(r.clock, 6)
        expect(complaints).toEqual([])
        // Who was turned away did not wait; that it is over is told a moment later.
        const turnedAway = new Set(
          r.events.finish
            .filter(({ error }) => error?.code === 'ERR_QUEUE_FULL')
            .map(({ request }) => request.url),
        )
        expect(overtaken.filter(([first]) => !turnedAway.has(first))).toEqual([])
        expect(r.events.finish).toHaveLength(clients.length)
        for (const client of clients) expect(client.over).toBe(true)
        expect(r.connections).toEqual(limits.map(() => 0))
        expect(r.upstream.waiting).toBe(0)
        expect(r.clock.pending).toBe(0)
        expect(r.events.error.map(({ code }) => code)).not.toContain('ERR_INTERNAL')
      }),
      { numRuns: 300 },
    )
  }, 120_000)
})
