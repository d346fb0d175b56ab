/** Peers that die, stop and come back. */
import { describe, expect, it } from 'vitest'
import { crashInTurn, hangInTurn, outage } from '../../../examples/demo/engine/failures.js'
import { DURATION, expectNobodyHarmed, MIX, replay, TEST_TIMEOUT } from './replay.js'

/** Longer than two attempts up to the read timeout of 1 s; at full length the 4 s of the incident. */
const HANG = Math.min(4_000, Math.max(2_200, DURATION * 0.35))
const PAUSE = Math.max(600, DURATION * 0.08)

describe('the incident: outages', { timeout: TEST_TIMEOUT }, () => {
  it('each peer crashes and restarts in turn: nothing but a POST already sent may fail', async () => {
    const verdict = await replay('crash and restart in turn', crashInTurn(MIX, DURATION))
    expectNobodyHarmed(verdict, ['lost'])
  })

  it('each peer hangs in turn: nothing but a POST already sent may fail', async () => {
    const verdict = await replay('hang in turn', hangInTurn(MIX, HANG, PAUSE))
    expectNobodyHarmed(verdict, ['lost'])
    expect(verdict.retried).toBeGreaterThan(0)
  })

  it('both peers down for 1.2 s: served again from the moment when the first one listens', async () => {
    const verdict = await replay('both down for 1.2 s', outage(MIX, 1_200, DURATION))
    expectNobodyHarmed(verdict, ['lost', 'outage'])
    expect(verdict.outage).toBeGreaterThan(0)
  })

  it("both peers down for 1.2 s with whenNoneLive: 'wait' and a queue of 3 s: all are answered", async () => {
    const options = { whenNoneLive: 'wait', queue: { timeout: '3s' } } as const
    const verdict = await replay('both down, waiting', outage(MIX, 1_200, DURATION), options, 3_000)
    expectNobodyHarmed(verdict, ['lost'])
    expect(verdict.duringOutage).toBeGreaterThan(20)
    expect(verdict.duringOutageServed).toBe(verdict.duringOutage)
  })
})
