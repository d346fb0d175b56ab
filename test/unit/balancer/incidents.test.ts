/** Requests that fail together, as one thing; and the warning before. */
import type { Incident, IncidentEvent, WarningEvent } from 'evenkeel'
import { fails, ok } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { rig } from './rig.js'
import type { Rig, RigOptions, Script } from './rig.js'

interface Recorded extends Rig {
  readonly incidents: IncidentEvent[]
  readonly warnings: WarningEvent[]
}

function recorded(script: Script, options: RigOptions = {}): Recorded {
  const r = rig(script, options)
  const incidents: IncidentEvent[] = []
  const warnings: WarningEvent[] = []
  r.balancer.on('incident', (event) => incidents.push(event))
  r.balancer.on('warning', (event) => warnings.push(event))
  return Object.assign(r, { incidents, warnings })
}

const NGINX: RigOptions = {
  preset: 'nginx',
  nextUpstream: { on: ['error', 'timeout', 'http_500'] },
}

/** 500 at /bug, and 200 elsewhere. */
const buggy: Script = ({ attempt }) => ok({ status: attempt.head.target === '/bug' ? 500 : 200 })

function closed({ incidents }: Recorded): Incident {
  const event = incidents.find(({ state }) => state === 'closed')
  if (event === undefined) throw new Error('no incident is over')
  return event.incident
}

describe('an incident', () => {
  it('of nginx’s rules: names what marked the peers, who lost, and what would have prevented it', async () => {
    const r = recorded(buggy, NGINX)
    await r.send({ url: '/bug' })
    await r.clock.advanceAsync(500)
    await r.send({ url: '/bug' })
    for (let i = 0; i < 7; i++) {
      await r.clock.advanceAsync(100)
      await r.send({ url: '/fine' })
    }
    expect(r.incidents.map(({ state }) => state)).toEqual(['open'])
    await r.clock.advanceAsync(30_000)
    expect(await r.send({ url: '/fine' })).toMatchObject({ status: 200 })
    expect(r.incidents.map(({ state }) => state)).toEqual(['open', 'closed'])
    const incident = closed(r)
    expect(incident).toMatchObject({
      id: 1,
      failed: 8,
      codes: { ERR_NO_LIVE_UPSTREAMS: 8 },
      mechanism: 'application_errors_mark_peers',
      triggers: [
        { method: 'GET', path: '/bug', peer: 'a:80', outcome: 'http_500' },
        { method: 'GET', path: '/bug', peer: 'b:80', outcome: 'http_500' },
      ],
      prevention: { option: 'nextUpstream.on' },
    })
    expect(incident.timeline.slice(0, 2)).toMatchObject([
      { peer: 'a:80', change: 'ejected', reason: 'status' },
      { peer: 'b:80', change: 'ejected', reason: 'status' },
    ])
    expect(incident.summary).toMatch(
      /8 requests failed in .*: statuses of the application marked the peers; begun by GET \/bug \(http_500 at a:80\)/,
    )
  })

  it('has one line in the error log, when it is over', async () => {
    const lines: string[] = []
    const stream = { write: (text: string) => lines.push(...text.trimEnd().split('\n')) }
    const r = recorded(fails(), { upstream: ['http://a:80'], errorLog: { stream, level: 'warn' } })
    for (let i = 0; i < 4; i++) await r.send({ url: '/a' })
    const told = (): string[] => lines.filter((line) => line.includes('requests failed'))
    await r.clock.advanceAsync(20_000)
    expect(told()).toEqual([])
    await r.balancer.close()
    expect(told()).toEqual([
      expect.stringMatching(
        /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[error\] \d+#0: upstream "upstream": 4 requests failed in \d+ ms: the peers refused connections; begun by GET \/a/,
      ),
    ])
  })

  it('is none of one or two requests that fail', async () => {
    const r = recorded(fails())
    await r.send()
    await r.send()
    await r.clock.advanceAsync(10_001)
    await r.send()
    await r.send()
    expect(r.incidents).toEqual([])
  })

  it('begins at the third, and what comes long after is another one', async () => {
    const r = recorded(fails(), { upstream: ['http://a:80'] })
    for (let i = 0; i < 3; i++) await r.send()
    await r.clock.advanceAsync(10_001)
    for (let i = 0; i < 3; i++) await r.send()
    await r.balancer.close()
    expect(r.incidents.map(({ state, incident }) => [incident.id, state, incident.failed])).toEqual(
      [
        [1, 'open', 3],
        [1, 'closed', 3],
        [2, 'open', 3],
        [2, 'closed', 3],
      ],
    )
    expect(closed(r)).toMatchObject({ mechanism: 'refused_connections' })
  })

  it('goes on while requests succeed in between', async () => {
    let count = 0
    const r = recorded(() => (count++ % 2 === 0 ? fails() : ok()), {
      upstream: ['http://a:80'],
      maxFails: 0,
    })
    for (let i = 0; i < 10; i++) {
      await r.send()
      await r.clock.advanceAsync(1000)
    }
    expect(r.incidents.map(({ state }) => state)).toEqual(['open'])
    await r.clock.advanceAsync(10_000)
    count = 1
    await r.send()
    expect(closed(r)).toMatchObject({ failed: 5 })
  })

  it('is not what clients do to themselves', async () => {
    const r = recorded(ok(), { maxBody: 1 })
    for (let i = 0; i < 5; i++) await r.send({ method: 'PUT', body: 'too long' })
    expect(r.incidents).toEqual([])
  })

  it.each<[string, Script, RigOptions]>([
    ['refused_connections', fails(), {}],
    ['unreachable', fails({ type: 'dns_error' }), {}],
    ['timeouts', fails({ type: 'connection_read_timeout' }), { nextUpstream: { tries: 1 } }],
    [
      'dropped_connections',
      fails({ type: 'connection_terminated' }),
      { nextUpstream: { tries: 1 } },
    ],
    ['request_at_fault', fails({ type: 'connection_terminated' }), {}],
    [
      'oversized_headers',
      fails({ type: 'http_response_header_section_size' }),
      { nextUpstream: { tries: 1 } },
    ],
    ['invalid_responses', fails({ type: 'http_protocol_error' }), { nextUpstream: { tries: 1 } }],
    ['tls_failures', fails({ type: 'tls_alert_received' }), {}],
    ['own_shortage', fails({ type: 'proxy_internal_error' }), {}],
    ['out_of_service', ok(), { upstream: [{ url: 'http://a:80', down: true }] }],
    ['stale_keepalive', fails({ type: 'connection_terminated', reusedConnection: true }), NGINX],
  ])('is called %s', async (mechanism, script, options) => {
    const r = recorded(script, options)
    for (let i = 0; i < 4; i++) await r.send()
    await r.balancer.close()
    expect(closed(r).mechanism).toBe(mechanism)
  })

  it('of want of room says so', async () => {
    const r = recorded(ok({ delay: 1000 }), { upstream: [{ url: 'http://a:80', maxConns: 1 }] })
    for (let i = 0; i < 4; i++) await r.start()
    expect(r.incidents).toMatchObject([{ incident: { mechanism: 'connection_limits', failed: 3 } }])
  })

  it('does not grow for ever', async () => {
    const r = recorded(fails(), { upstream: ['http://a:80'] })
    for (let i = 0; i < 300; i++) {
      await r.send({ url: `/${String(i)}` })
      await r.clock.advanceAsync(5000)
    }
    await r.balancer.close()
    const incident = closed(r)
    expect(incident.failed).toBe(300)
    expect(incident.triggers.length).toBeLessThanOrEqual(20)
    expect(incident.timeline.length).toBeLessThanOrEqual(100)
  })
})

describe('the early warning', () => {
  it('comes before the bunch: when each peer has been marked by itself', async () => {
    const r = recorded(buggy, NGINX)
    await r.send({ url: '/bug' })
    expect(r.warnings).toEqual([])
    await r.clock.advanceAsync(60_000)
    // Round robin would go to the other one first.
    for (let i = 0; i < 2 && r.warnings.length === 0; i++) await r.send({ url: '/bug' })
    expect(r.events.error).toEqual([])
    expect(r.warnings).toHaveLength(1)
    const [event] = r.warnings
    expect(event?.warning.chance).toBeGreaterThan(0.1)
    expect(event?.warning.chance).toBeLessThan(0.5)
    expect(event?.warning.marks).toEqual({ 'a:80': 1, 'b:80': 1 })
    expect(event?.warning.summary).toContain('every request would then be answered 502')
  })

  it('is not given again for the same', async () => {
    const r = recorded(buggy, NGINX)
    for (let i = 0; i < 6; i++) {
      await r.send({ url: '/bug' })
      await r.clock.advanceAsync(30_000)
    }
    const chances = r.warnings.map(({ warning }) => warning.chance)
    expect(chances.length).toBeGreaterThan(0)
    for (const [i, chance] of chances.entries())
      if (i > 0) expect(chance).toBeGreaterThanOrEqual((chances[i - 1] ?? 0) * 2)
  })

  it('is not given where marks are taken back', async () => {
    const r = recorded(fails({ type: 'connection_terminated' }))
    for (let i = 0; i < 5; i++) await r.send()
    expect(r.warnings).toEqual([])
  })
})
