/** The judge of the replay, over made-up evidence: it must not be too kind. */
import { describe, expect, it } from 'vitest'
import type { Attempt } from '../../../examples/demo/engine/balancer-under-test.js'
import type { Answered } from '../../../examples/demo/engine/client.js'
import { judge } from '../../../examples/demo/engine/judge.js'
import type { Evidence, Verdict } from '../../../examples/demo/engine/judge.js'

const good: Answered = {
  id: 'r-1',
  method: 'GET',
  poison: undefined,
  sentAt: 1000,
  endedAt: 1010,
  status: 200,
  response: 'complete',
  bodyRight: true,
  servedBy: '1',
  error: undefined,
}
const badGateway: Answered = { ...good, status: 502, bodyRight: false }
const post: Answered = { ...good, method: 'POST' }
const failedPost: Answered = { ...badGateway, method: 'POST' }
const sentToA: Attempt = {
  peer: 'a',
  status: 0,
  outcome: 'connection_terminated in header',
  phase: 'header',
}
const refusedByA: Attempt = {
  ...sentToA,
  outcome: 'connection_refused in connect',
  phase: 'connect',
}
const downAt1000 = [{ from: 990, gone: 995, until: 1100 }]

function verdictOn(answered: Answered, more: Partial<Omit<Evidence, 'answered'>> = {}): Verdict {
  const peers = [
    { name: 'a', absences: [] },
    { name: 'b', absences: [] },
  ]
  return judge({
    answered: [answered],
    trail: () => [],
    peers,
    executions: [],
    standstills: [],
    patience: 0,
    ...more,
  })
}

describe('the judge of the replay', () => {
  it('takes a whole and right answer, and nothing less, for served', () => {
    expect(verdictOn(good)).toMatchObject({ served: 1, unjust: 0, wrong: 0, complaints: [] })
    expect(verdictOn({ ...good, bodyRight: false })).toMatchObject({ served: 0, wrong: 1 })
    expect(verdictOn({ ...good, response: 'broken', bodyRight: false })).toMatchObject({
      unjust: 1,
    })
    expect(verdictOn({ ...good, status: 0, response: 'none', bodyRight: false })).toMatchObject({
      unjust: 1,
    })
    expect(verdictOn({ ...good, status: 204 })).toMatchObject({ unjust: 1 })
  })

  it('wants the application’s own 500, and forgives the other broken URLs an honest failure only', () => {
    const own = { ...good, poison: '500', status: 500 } as const
    expect(verdictOn(own)).toMatchObject({ served: 1, poison: 1 })
    expect(verdictOn({ ...own, bodyRight: false })).toMatchObject({ unjust: 1 })
    expect(verdictOn({ ...own, status: 502, bodyRight: false })).toMatchObject({ unjust: 1 })
    expect(verdictOn({ ...badGateway, poison: 'drop' })).toMatchObject({ served: 1 })
    const cut = { ...good, poison: 'half', bodyRight: false } as const
    expect(verdictOn({ ...cut, response: 'broken' })).toMatchObject({ served: 1 })
    expect(verdictOn(cut)).toMatchObject({ wrong: 1 })
  })

  it('excuses a failure while one peer is down only for a POST that was sent to that very peer', () => {
    const peers = [
      { name: 'a', absences: downAt1000 },
      { name: 'b', absences: [] },
    ]
    expect(verdictOn(failedPost, { peers, trail: () => [sentToA] })).toMatchObject({
      lost: 1,
      unjust: 0,
    })
    expect(verdictOn(failedPost, { peers, trail: () => [refusedByA] })).toMatchObject({
      lost: 0,
      unjust: 1,
    })
    expect(
      verdictOn(failedPost, { peers, trail: () => [{ ...sentToA, peer: 'b' }] }),
    ).toMatchObject({ unjust: 1 })
    expect(verdictOn(failedPost, { peers })).toMatchObject({ unjust: 1 })
    expect(verdictOn(badGateway, { peers, trail: () => [sentToA] })).toMatchObject({
      lost: 0,
      unjust: 1,
    })
    const later = { ...failedPost, sentAt: 1101, endedAt: 1200 }
    expect(verdictOn(later, { peers, trail: () => [sentToA] })).toMatchObject({ unjust: 1 })
  })

  it('excuses an outage of all peers, and not for a moment longer', () => {
    const outageUntil = (until: number): Evidence['peers'] => [
      { name: 'a', absences: [{ from: 990, gone: 995, until }] },
      { name: 'b', absences: [{ from: 980, gone: 985, until: 1200 }] },
    ]
    expect(verdictOn(badGateway, { peers: outageUntil(1100) })).toMatchObject({
      outage: 1,
      duringOutage: 1,
    })
    expect(verdictOn(badGateway, { peers: outageUntil(999) })).toMatchObject({
      unjust: 1,
      duringOutage: 0,
    })
    expect(verdictOn(badGateway, { peers: outageUntil(1100), patience: 3000 })).toMatchObject({
      unjust: 1,
    })
    const waited = { ...badGateway, endedAt: 4100 }
    const peers = outageUntil(5000).map((peer) => ({
      ...peer,
      absences: downAt1000.map((a) => ({ ...a, until: 5000 })),
    }))
    expect(verdictOn(waited, { peers, patience: 3000 })).toMatchObject({ outage: 1 })
    expect(verdictOn(good, { peers: outageUntil(1100) })).toMatchObject({
      duringOutage: 1,
      duringOutageServed: 1,
    })
  })

  it('counts executions whatever became of the answer', () => {
    expect(verdictOn(post, { executions: ['done r-1'] })).toMatchObject({ served: 1, runTwice: 0 })
    expect(verdictOn(failedPost, { executions: ['done r-1', 'done r-1'] })).toMatchObject({
      runTwice: 1,
    })
    expect(verdictOn(post)).toMatchObject({ wrong: 1 }) // answered, and never carried out
    expect(verdictOn(post, { executions: ['garbled r-1'] })).toMatchObject({ wrong: 1 })
  })

  it('excuses what fails when the whole machine stands still, and says so', () => {
    const standstills = [{ from: 900, until: 1005 }]
    expect(verdictOn(badGateway, { standstills })).toMatchObject({ standstill: 1, unjust: 0 })
    expect(verdictOn({ ...good, bodyRight: false }, { standstills })).toMatchObject({ wrong: 1 })
  })
})
