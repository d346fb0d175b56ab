/** Whatever happens, the counters in the exposition are what the events have told. */
import type { AttemptSummary } from 'evenkeel'
import { collectMetrics } from 'evenkeel/prometheus'
import { fails, hangs, ok } from 'evenkeel/testing'
import type { Outcome } from 'evenkeel/testing'
import fc from 'fast-check'
import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { readExposition } from '../helpers/exposition.js'
import { rig, settle } from '../unit/balancer/rig.js'

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .record({
        status: fc.constantFrom(200, 200, 304, 404, 500, 503),
        delay: fc.constantFrom(0, 0, 30, 200),
        gap: fc.constantFrom(0, 20),
        reusedConnection: fc.boolean(),
        dies: fc.constantFrom(false, false, true),
      })
      .map(({ dies, ...options }) =>
        ok({ ...options, body: ['a', 'bc'], ...(dies && { failsWith: {} }) }),
      ),
  },
  {
    weight: 4,
    arbitrary: fc
      .record({
        type: fc.constantFrom(
          'connection_refused' as const,
          'connection_terminated' as const,
          'connection_read_timeout' as const,
          'http_protocol_error' as const,
        ),
        reusedConnection: fc.boolean(),
        delay: fc.constantFrom(0, 40),
      })
      .map((options) => fails(options)),
  },
  { weight: 1, arbitrary: fc.constant(hangs()) },
)

const scenario = fc.record({
  plan: fc.array(outcome, { minLength: 1, maxLength: 15 }),
  requests: fc.array(
    fc.record({
      method: fc.constantFrom('GET', 'POST', 'PURGE'),
      body: fc.constantFrom(undefined, 'abc'),
      pause: fc.constantFrom(0, 10, 100, 11_000),
      leavesAfter: fc.option(fc.constantFrom(0, 25), { freq: 5 }),
    }),
    { minLength: 1, maxLength: 8 },
  ),
  tries: fc.integer({ min: 1, max: 3 }),
  hedge: fc.boolean(),
  maxConns: fc.constantFrom(0, 1),
})

/** Sums by name and labels. */
class Book {
  readonly entries: Record<string, number> = {}

  add(value: number, name: string, ...labels: readonly string[]): void {
    const key = [name, ...labels].join(' ')
    this.entries[key] = (this.entries[key] ?? 0) + value
  }

  /** Those that are not 0. */
  get seen(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.entries).filter(([, value]) => value !== 0))
  }
}

function endOf({ cancelled, stale, status, type }: AttemptSummary): [string, string] {
  if (type !== undefined) return stale ? ['stale', 'connection_terminated'] : ['failed', type]
  if (cancelled) return ['cancelled', 'hedge']
  if (status === 0) return ['aborted', 'request_over']
  return ['answered', `${String(status)[0] ?? ''}xx`]
}

const COMPARED: ReadonlySet<string> = new Set([
  'requests_total',
  'request_errors_total',
  'request_duration_seconds_count',
  'request_duration_seconds_sum',
  'attempts_total',
  'attempt_header_seconds_count',
  'attempt_header_seconds_sum',
  'attempt_connect_seconds_count',
  'retries_total',
  'not_retried_total',
  'sent_bytes_total',
  'received_bytes_total',
  'connections_reused_total',
  'peer_ejections_total',
  'peer_returns_total',
  'queue_requests_total',
  'queue_wait_seconds_sum',
])

it('the exposition has what was told', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ plan, requests, tries, hedge, maxConns }) => {
      let at = 0
      const r = rig(() => plan[at++ % plan.length] ?? ok(), {
        upstream: ['a', 'b', 'c'].map((name) => ({ url: `http://${name}:80`, maxConns })),
        queue: { size: 2, timeout: 150 },
        nextUpstream: { tries, timeout: 500 },
        ...(hedge && { hedge: { after: 20 } }),
      })
      const told = new Book()
      r.balancer
        .on('attemptEnd', ({ peer, attempt }) => {
          const { condition, decision, why, headerTime, connectTime } = attempt
          if (peer === undefined) return
          const { name } = peer
          told.add(1, 'attempts_total', name, ...endOf(attempt))
          if (headerTime >= 0) told.add(1, 'attempt_header_seconds_count', name)
          if (headerTime >= 0) told.add(headerTime / 1000, 'attempt_header_seconds_sum', name)
          if (attempt.reusedConnection) told.add(1, 'connections_reused_total', name)
          else if (connectTime >= 0) told.add(1, 'attempt_connect_seconds_count', name)
          told.add(attempt.bytesSent, 'sent_bytes_total', name)
          told.add(attempt.bytesReceived, 'received_bytes_total', name)
          if (condition === undefined || decision === undefined) return
          if (['next', 'again', 'wait'].includes(decision))
            told.add(1, 'retries_total', condition, decision)
          else if (why !== undefined) told.add(1, 'not_retried_total', condition, why)
        })
        .on('finish', ({ request, status, error, duration }) => {
          const method = request.method === 'PURGE' ? 'other' : (request.method ?? '')
          const kind = `${String(status)[0] ?? ''}xx`
          const aborted = error?.code === 'ERR_CLIENT_CLOSED'
          const result = error === undefined ? 'answered' : aborted ? 'aborted' : 'failed'
          told.add(1, 'requests_total', method, kind, result)
          told.add(1, 'request_duration_seconds_count', kind)
          told.add(duration / 1000, 'request_duration_seconds_sum', kind)
          if (error !== undefined) told.add(1, 'request_errors_total', error.code)
        })
        .on('eject', ({ peer, reason }) => told.add(1, 'peer_ejections_total', peer.name, reason))
        .on('return', ({ peer, reason }) => told.add(1, 'peer_returns_total', peer.name, reason))
        .on('queue', ({ outcome: came, waited }) => {
          told.add(1, 'queue_requests_total', came)
          if (came !== 'full') told.add(waited / 1000, 'queue_wait_seconds_sum')
        })
      const metrics = collectMetrics(r.balancer, { registry: new Registry(), prefix: '' })
      for (const { leavesAfter, pause, method, body } of requests) {
        const client = await r.start({ method, ...(body !== undefined && { body }) })
        if (leavesAfter !== null) {
          await r.clock.advanceAsync(leavesAfter)
          client.leave()
        }
        await r.clock.advanceAsync(pause)
      }
      await r.clock.advanceAsync(5000)
      await settle(r.clock)
      const counted = new Book()
      for (const { name, labels, value } of readExposition(await metrics.metrics())) {
        const { upstream: _, ...own } = labels
        if (COMPARED.has(name)) counted.add(value, name, ...Object.values(own))
      }
      for (const [key, value] of Object.entries(counted.seen))
        expect(told.seen[key], key).toBeCloseTo(value, 6)
      expect(Object.keys(counted.seen).sort()).toEqual(Object.keys(told.seen).sort())
      metrics.close()
    }),
    { numRuns: 60 },
  )
})
