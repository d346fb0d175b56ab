/** A whole balancer under random requests, peers and failures, on a clock that stands still. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fails, hangs, ok } from 'evenkeel/testing'
import type { Outcome } from 'evenkeel/testing'
import type { Client } from '../unit/balancer/client.js'
import { rig, settle } from '../unit/balancer/rig.js'
import type { Rig } from '../unit/balancer/rig.js'

const FAILURES = [
  'connection_refused',
  'connection_timeout',
  'connection_terminated',
  'connection_read_timeout',
  'http_protocol_error',
  'http_response_incomplete',
] as const

const outcome = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('ok' as const),
      status: fc.constantFrom(200, 200, 201, 404, 500, 502, 503),
      chunks: fc.nat(3),
      gap: fc.constantFrom(0, 20),
      delay: fc.constantFrom(0, 0, 30, 700),
      dies: fc.constantFrom(false, false, false, true),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('fails' as const),
      type: fc.constantFrom(...FAILURES),
      reused: fc.boolean(),
      delay: fc.constantFrom(0, 0, 50),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hangs' as const) }) },
)
type Planned = typeof outcome extends fc.Arbitrary<infer T> ? T : never

const request = fc.record({
  method: fc.constantFrom('GET', 'GET', 'PUT', 'POST'),
  body: fc.option(fc.array(fc.constantFrom('a', 'bc', 'def'.repeat(5)), { maxLength: 4 })),
  pause: fc.constantFrom(0, 10, 100, 11_000),
  leavesAfter: fc.option(fc.constantFrom(0, 25, 60), { freq: 8 }),
})

const scenario = fc.record({
  peers: fc.array(
    fc.record({
      weight: fc.integer({ min: 1, max: 3 }),
      maxFails: fc.constantFrom(0, 1, 1, 2),
      backup: fc.boolean(),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  plan: fc.array(outcome, { minLength: 1, maxLength: 20 }),
  requests: fc.array(request, { minLength: 1, maxLength: 6 }),
  tries: fc.integer({ min: 1, max: 4 }),
  timeout: fc.constantFrom(0, 200, 1000),
  replayBuffer: fc.constantFrom(0, 10, 65_536),
  budget: fc.boolean(),
})
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never

interface Story {
  readonly client: Client
  readonly body: string
  readonly left: boolean
}

function played(planned: Planned, name: string): Outcome {
  switch (planned.kind) {
    case 'hangs':
      return hangs()
    case 'fails':
      return fails({ type: planned.type, reusedConnection: planned.reused, delay: planned.delay })
    case 'ok':
      return ok({
        status: planned.status,
        headers: { 'x-attempt': name },
        body: Array.from({ length: planned.chunks }, (_, i) => `${name}-${String(i)};`),
        gap: planned.gap,
        delay: planned.delay,
        ...(planned.dies ? { failsWith: {} } : {}),
      })
  }
}

/** What must hold at the moment of each attempt; a complaint is kept, because a throw would become a 500. */
async function play(given: Scenario) {
  const complaints: string[] = []
  const stories = new Map<string, Story>()
  const sent = new Set<string>()
  const r: Rig = rig(
    ({ attempt, n }) => {
      const url = attempt.head.target
      const story = stories.get(url)
      if (story?.client.res.headersSent === true) complaints.push(`${url}: after the first byte`)
      if (attempt.head.method === 'POST' && sent.has(url)) complaints.push(`${url}: POST twice`)
      const planned = given.plan[n % given.plan.length]
      if (planned === undefined) throw new Error('no plan')
      const what = played(planned, `n${String(n)}`)
      if (what.kind !== 'fails' || what.failure.requestSent) sent.add(url)
      return what
    },
    {
      upstream: given.peers.map((peer, index) => ({
        url: `http://p${String(index)}:80`,
        ...peer,
        backup: peer.backup && index > 0,
      })),
      nextUpstream: { tries: given.tries, timeout: given.timeout },
      replayBuffer: given.replayBuffer,
      ...(given.budget ? {} : { retryBudget: { ratio: 0, floor: 0 } }),
    },
  )
  for (const [index, { method, body, pause, leavesAfter }] of given.requests.entries()) {
    await r.clock.advanceAsync(pause)
    const url = `/${String(index)}`
    const { Client } = await import('../unit/balancer/client.js')
    const client = new Client({ method, url, ...(body === null ? {} : { body }) })
    stories.set(url, { client, body: (body ?? []).join(''), left: leavesAfter !== null })
    r.balancer(client.req, client.res)
    await settle(r.clock)
    if (leavesAfter !== null) {
      r.clock.after(leavesAfter, () => {
        client.leave()
      })
    }
  }
  await r.clock.advanceAsync(60_000)
  // What still hangs ends with its client.
  for (const { client } of stories.values()) if (!client.over) client.leave()
  await settle(r.clock, 6)
  await r.clock.advanceAsync(60_000)
  return { r, stories, complaints }
}

describe('the balancer, whatever its peers and clients do', () => {
  it('keeps its promises', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (given) => {
        const { r, stories, complaints } = await play(given)
        expect(complaints).toEqual([])
        // The books are closed.
        expect(r.connections).toEqual(given.peers.map(() => 0))
        expect(r.transport.inFlight).toBe(0)
        expect(r.clock.pending).toBe(0)
        expect(r.events.finish).toHaveLength(stories.size)
        expect(r.upstream.peers.reduce((sum, peer) => sum + peer.currentWeight, 0)).toBe(0)
        // Passive marks alone never end in "no live upstreams".
        expect(r.events.error.map(({ code }) => code)).not.toContain('ERR_NO_LIVE_UPSTREAMS')
        expect(r.events.error.map(({ code }) => code)).not.toContain('ERR_INTERNAL')
        for (const [url, { client, body, left }] of stories) {
          const attempts = r.transport.attempts.filter(({ head }) => head.target === url)
          const finish = r.events.finish.find(({ request: one }) => one.url === url)
          const repeats = r.events.next.filter(
            ({ request: one, decision }) => one.url === url && decision === 'again',
          )
          expect(attempts.length - repeats.length).toBeLessThanOrEqual(given.tries)
          // A stale connection is forgiven once for each peer, and each peer is tried once.
          for (const peer of r.upstream.peers) {
            const at = attempts.filter((one) => one.peer === peer.name).length
            expect(at).toBeLessThanOrEqual(2)
          }
          // A request body arrives whole and unchanged.
          for (const attempt of attempts) {
            expect(body.startsWith(attempt.body.toString())).toBe(true)
            if (attempt.bodyComplete) expect(attempt.body.toString()).toBe(body)
          }
          // The client has a whole answer, or is told.
          expect(client.over).toBe(true)
          const { reply } = client
          if (!client.socket.destroyed) expect(reply.whole).toBe(true)
          const answered = attempts.filter((one) => one.result === 'response')
          if (reply.whole && finish?.error === undefined) {
            const n = reply.headers['x-attempt'] ?? ''
            const planned = given.plan[Number(n.slice(1)) % given.plan.length]
            if (planned?.kind !== 'ok') throw new Error('an answer from nowhere')
            expect(reply.status).toBe(planned.status)
            const chunks = Array.from({ length: planned.chunks }, (_, i) => `${n}-${String(i)};`)
            expect(reply.body).toBe(chunks.join(''))
            expect(planned.dies).toBe(false)
          }
          // We never invent a status while holding a real answer.
          if (!left && answered.length > 0 && finish?.error !== undefined)
            expect(['ERR_UPSTREAM_TRUNCATED', 'ERR_CLIENT_CLOSED']).toContain(finish.error.code)
        }
      }),
      { numRuns: 250 },
    )
  }, 120_000)

  it('does the same again', async () => {
    const trace = async (given: Scenario): Promise<string> => {
      const { r, stories } = await play(given)
      return JSON.stringify({
        peers: r.transport.peers,
        decisions: r.decisions,
        standing: r.standing,
        marks: r.events.eject.map(({ peer, reason }) => [peer.name, reason]),
        returns: r.events.return.map(({ peer, reason }) => [peer.name, reason]),
        finish: r.events.finish.map(({ status, duration, error }) => [
          status,
          duration,
          error?.code,
        ]),
        replies: [...stories.values()].map(({ client }) => client.reply.body),
      })
    }
    await fc.assert(
      fc.asyncProperty(scenario, async (given) => {
        expect(await trace(given)).toBe(await trace(given))
      }),
      { numRuns: 40 },
    )
  }, 120_000)
})
