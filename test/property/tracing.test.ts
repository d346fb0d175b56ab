/** Whatever peers and clients do: each span that is started is ended, once. */
import { traceBalancer } from 'evenkeel/opentelemetry'
import { fails, hangs, ok } from 'evenkeel/testing'
import type { Outcome } from 'evenkeel/testing'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { spans } from '../helpers/spans.js'
import { rig, settle } from '../unit/balancer/rig.js'

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc
    .record({
      status: fc.constantFrom(200, 404, 500, 503),
      delay: fc.constantFrom(0, 30, 200),
      gap: fc.constantFrom(0, 20),
      dies: fc.boolean(),
    })
    .map(({ dies, ...options }) =>
      ok({ ...options, body: ['a', 'b'], ...(dies && { failsWith: {} }) }),
    ),
  fc
    .record({
      type: fc.constantFrom(
        'connection_refused',
        'connection_terminated',
        'connection_read_timeout',
      ),
      reusedConnection: fc.boolean(),
      delay: fc.constantFrom(0, 40),
    })
    .map((options) => fails(options as Parameters<typeof fails>[0])),
  fc.constant(hangs()),
)

const scenario = fc.record({
  plan: fc.array(outcome, { minLength: 1, maxLength: 12 }),
  requests: fc.array(
    fc.record({
      method: fc.constantFrom('GET', 'POST'),
      pause: fc.constantFrom(0, 10, 100),
      leavesAfter: fc.option(fc.constantFrom(0, 25)),
    }),
    { minLength: 1, maxLength: 6 },
  ),
  hedge: fc.boolean(),
  maxConns: fc.constantFrom(0, 1),
  closesEarly: fc.boolean(),
})

it('no span is leaked, and none ended twice', async () => {
  const s = spans()
  await fc.assert(
    fc.asyncProperty(scenario, async ({ plan, requests, hedge, maxConns, closesEarly }) => {
      let at = 0
      const r = rig(() => plan[at++ % plan.length] ?? ok(), {
        upstream: ['a', 'b', 'c'].map((name) => ({ url: `http://${name}:80`, maxConns })),
        queue: { size: 2, timeout: 150 },
        nextUpstream: { timeout: 500 },
        ...(hedge && { hedge: { after: 20 } }),
      })
      const tracing = traceBalancer(r.balancer, { tracerProvider: s.provider })
      for (const { method, pause, leavesAfter } of requests) {
        const client = await r.start({ method })
        if (leavesAfter !== null) {
          await r.clock.advanceAsync(leavesAfter)
          client.leave()
        }
        await r.clock.advanceAsync(pause)
      }
      if (closesEarly) tracing.close()
      const closing = r.balancer.close({ timeout: 1000 })
      await r.clock.advanceAsync(5000)
      await settle(r.clock)
      await closing
      expect(s.open.size).toBe(0)
      expect(new Set(s.ended).size).toBe(s.ended.length)
      expect(s.attempts.length).toBe(s.ended.length)
      const links = s.attempts.flatMap((span) => span.links.map(({ context: to }) => to.spanId))
      expect(links.every((id) => s.ended.includes(id))).toBe(true)
    }),
    { numRuns: 60 },
  )
})
