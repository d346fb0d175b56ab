/** What is only to be seen from nearby: what belongs to an incident, what the chance is reckoned from, what is kept. */
import { fakeClock } from 'evenkeel/testing'
import type { FakeClock } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import type { AttemptSummary, ErrorCode } from '../../../src/errors.js'
import { BalancerEmitter } from '../../../src/events.js'
import type { EarlyWarning, Incident } from '../../../src/observe/incident.js'
import { IncidentRecorder } from '../../../src/observe/incident-recorder.js'
import type { Peer } from '../../../src/upstream/peer.js'

const SETTINGS = {
  nginx: false,
  tries: 3,
  nextTimeout: 0,
  connectTimeout: 5000,
  sendTimeout: 60_000,
  readTimeout: 60_000,
  bufferSize: 16_384,
  whenNoneLive: 'try',
  failOn: ['error'],
  on: ['error'],
  queueTimeout: 0,
} as const

const START = 1_000_000
const WALL = 1_700_000_000_000

interface Kit {
  readonly recorder: IncidentRecorder
  readonly clock: FakeClock
  readonly peers: (Peer & { down: boolean; draining: boolean })[]
  readonly incidents: (readonly [state: string, incident: Incident])[]
  readonly warnings: EarlyWarning[]
  fail(code?: ErrorCode, attempts?: readonly AttemptSummary[]): void
  mark(peer: number, reason?: string): void
}

function kit(count = 2): Kit {
  const clock = fakeClock(START)
  const emitter = new BalancerEmitter('test')
  const peers = Array.from({ length: count }, (_, i) => {
    const name = `p${String(i)}:80`
    return { name, down: false, draining: false, failTimeout: 10_000 }
  }) as unknown as Kit['peers']
  const recorded = { name: 'test', peers, statusOf: () => 'up' as const }
  const wall = (): number => WALL + clock.now() - START
  const recorder = new IncidentRecorder(recorded, emitter, clock, wall, SETTINGS)
  const incidents: Kit['incidents'] = []
  const warnings: EarlyWarning[] = []
  emitter.on('incident', ({ state, incident }) => incidents.push([state, incident]))
  emitter.on('warning', ({ warning }) => warnings.push(warning))
  return {
    recorder,
    clock,
    peers,
    incidents,
    warnings,
    fail(code = 'ERR_NO_LIVE_UPSTREAMS', attempts = []) {
      recorder.failed({ code, attempts, peers: [], method: 'GET', path: '/' })
    },
    mark(index, reason = 'error') {
      recorder.ejected(present(peers[index]), reason, 'answer', clock.now() + 10_000)
      recorder.finished(undefined)
    },
  }
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('missing')
  return value
}

const attempt = (peer: string, given: Partial<AttemptSummary> = {}): AttemptSummary =>
  ({
    peer,
    outcome: 'http_500',
    status: 500,
    type: undefined,
    why: undefined,
    ...given,
  }) as AttemptSummary

const back = (k: Kit, index: number, reason: 'probe' | 'refund' = 'probe'): void => {
  k.recorder.returned(present(k.peers[index]), reason)
}

describe('what belongs to an incident', () => {
  it('are the changes of the minute before, and none of before that', () => {
    const k = kit()
    k.mark(0)
    back(k, 0)
    k.clock.advance(60_001)
    k.mark(1)
    k.clock.advance(59_000)
    for (let i = 0; i < 3; i++) k.fail()
    expect(k.incidents[0]?.[1].timeline.map(({ peer, change }) => `${peer} ${change}`)).toEqual([
      'p1:80 ejected',
    ])
  })

  it('are the requests that marked a peer while it went on, in their order and once each', () => {
    const k = kit()
    k.mark(0)
    k.recorder.marked(present(k.peers[0]), {
      method: 'GET',
      path: '/first',
      peer: 'p0:80',
      attempt: attempt('p0:80'),
    })
    for (let i = 0; i < 3; i++) k.fail()
    k.clock.advance(1000)
    k.mark(1)
    k.recorder.marked(present(k.peers[1]), {
      method: 'GET',
      path: '/second',
      peer: 'p1:80',
      attempt: attempt('p1:80'),
    })
    k.recorder.close()
    const incident = k.incidents.at(-1)?.[1]
    expect(incident?.triggers).toEqual([
      { at: WALL, method: 'GET', path: '/first', peer: 'p0:80', outcome: 'http_500' },
      { at: WALL + 1000, method: 'GET', path: '/second', peer: 'p1:80', outcome: 'http_500' },
    ])
  })

  it('is bounded: triggers, failures, the timeline', () => {
    const k = kit()
    for (let i = 0; i < 200; i++) {
      k.mark(i % 2)
      k.fail('ERR_UPSTREAM_CONNECTION', [attempt('p0:80', { type: 'connection_refused' })])
      back(k, i % 2)
    }
    k.recorder.close()
    const incident = k.incidents.at(-1)?.[1]
    expect(incident?.failed).toBe(200)
    expect(incident?.triggers).toHaveLength(20)
    expect(incident?.timeline).toHaveLength(100)
  })

  it('has the mechanism of most of the requests; of as many, the one that was first', () => {
    const k = kit()
    const refused = [attempt('p0:80', { type: 'connection_refused' })]
    const slow = [attempt('p0:80', { type: 'connection_read_timeout' })]
    for (const attempts of [refused, slow, slow, refused])
      k.fail('ERR_UPSTREAM_CONNECTION', attempts)
    k.recorder.close()
    expect(k.incidents.at(-1)?.[1].mechanism).toBe('refused_connections')
  })

  it('ends with a request that is served after ten seconds, not with one that fails otherwise', () => {
    const k = kit()
    for (let i = 0; i < 3; i++) k.fail()
    k.clock.advance(10_001)
    k.recorder.finished(new Error('client left'))
    expect(k.incidents.map(([state]) => state)).toEqual(['open'])
    k.recorder.finished(undefined)
    expect(k.incidents.map(([state]) => state)).toEqual(['open', 'closed'])
  })

  it('is kept, with nineteen others', () => {
    const k = kit()
    for (let n = 0; n < 25; n++) {
      for (let i = 0; i < 3; i++) k.fail()
      k.clock.advance(10_001)
    }
    expect(k.recorder.incidents).toHaveLength(20 + 1)
    k.recorder.close()
    expect(k.recorder.incidents.map(({ id }) => id)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 6),
    )
  })
})

describe('the chance that all go out', () => {
  const markBoth = (k: Kit): void => {
    k.mark(0)
    k.mark(1)
  }

  it('is that of those who are in service', () => {
    const k = kit(3)
    markBoth(k)
    expect(k.warnings).toEqual([])
    present(k.peers[2]).down = true
    markBoth(k)
    expect(k.warnings).not.toEqual([])
    const other = kit(3)
    present(other.peers[2]).draining = true
    markBoth(other)
    expect(other.warnings).not.toEqual([])
    expect(other.recorder.warning).toBe(other.warnings.at(-1))
  })

  it('of one peer alone is not told of', () => {
    const k = kit(1)
    for (let i = 0; i < 10; i++) k.mark(0)
    expect(k.warnings).toEqual([])
  })

  it('is not that of peers who ask for a rest', () => {
    const k = kit()
    k.mark(0, 'retry_after')
    k.recorder.ejected(present(k.peers[1]), 'retry_after', 'answer', k.clock.now() + 10_000)
    k.recorder.finished(undefined)
    expect(k.warnings).toEqual([])
  })

  it('goes by how long marks have lasted', () => {
    const brief = kit()
    for (let i = 0; i < 20; i++) {
      brief.mark(i % 2)
      brief.clock.advance(1)
      back(brief, i % 2)
    }
    const long = kit()
    markBoth(long)
    expect(brief.warnings).toEqual([])
    expect(long.warnings).toHaveLength(1)
  })

  it('goes by the last ten minutes', () => {
    const k = kit()
    k.mark(0)
    k.clock.advance(600_001)
    k.mark(1)
    expect(k.warnings).toEqual([])
    k.mark(0)
    expect(k.warnings).toHaveLength(1)
  })

  it('does not count marks that are taken back', () => {
    const k = kit()
    for (let i = 0; i < 5; i++) {
      for (const peer of [0, 1])
        k.recorder.ejected(present(k.peers[peer]), 'error', 'answer', k.clock.now() + 10_000)
      k.clock.advance(1000)
      for (const peer of [0, 1]) back(k, peer, 'refund')
      k.recorder.finished(undefined)
    }
    k.mark(0)
    expect(k.warnings).toEqual([])
  })

  it('counts a hundred marks at most', () => {
    const k = kit()
    for (let i = 0; i < 500; i++) k.mark(0)
    k.mark(1)
    expect(k.warnings.at(-1)?.marks).toEqual({ 'p0:80': 100, 'p1:80': 1 })
  })
})
