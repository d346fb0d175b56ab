/** One URL of the application is broken, on every peer. Whoever asks for anything else must never know. */
import { describe, expect, it } from 'vitest'
import { poisoned, poisonedInARow } from '../../../examples/demo/engine/failures.js'
import { DURATION, expectNobodyHarmed, MIX, replay, TEST_TIMEOUT } from './replay.js'

describe('the incident: a broken URL', { timeout: TEST_TIMEOUT }, () => {
  it('application 500s on 0.5 % of requests: each is delivered as it is', async () => {
    const verdict = await replay('application 500s', poisoned(MIX, '500', 200, DURATION))
    expectNobodyHarmed(verdict)
    expect(verdict.poison).toBeGreaterThan(0)
  })

  it('500s in a row on both peers: no blackout, and the real 500s', async () => {
    const verdict = await replay('500s in a row', poisonedInARow(MIX, '500', DURATION))
    expectNobodyHarmed(verdict)
    expect(verdict.poison).toBeGreaterThanOrEqual(4)
  })

  it("500s in a row with the incident's own directives: http_500 tried next, and counted", async () => {
    const on = [
      'error',
      'timeout',
      'invalid_header',
      'http_500',
      'http_502',
      'http_503',
      'http_504',
    ] as const
    const options = { nextUpstream: { on }, failOn: on }
    const verdict = await replay(
      '500s in a row, http_500 listed',
      poisonedInARow(MIX, '500', DURATION),
      options,
    )
    expectNobodyHarmed(verdict)
    expect(verdict.poison).toBeGreaterThanOrEqual(2)
  })

  it("the same under nginx's own rules is the incident: bystanders get 502s", async () => {
    const on = [
      'error',
      'timeout',
      'invalid_header',
      'http_500',
      'http_502',
      'http_503',
      'http_504',
    ] as const
    const options = { preset: 'nginx', nextUpstream: { on } } as const
    const verdict = await replay(
      "500s in a row, nginx's rules",
      poisonedInARow(MIX, '500', DURATION),
      options,
    )
    // On a machine that stands still for a moment, that is what they are put down to.
    expect(verdict.bystanders + verdict.standstill).toBeGreaterThan(0)
    expect(verdict).toMatchObject({ wrong: 0, runTwice: 0 })
  })

  it('dropped connections', async () => {
    const verdict = await replay('dropped connections', poisoned(MIX, 'drop', 100, DURATION))
    expectNobodyHarmed(verdict)
    expect(verdict.poison).toBeGreaterThan(0)
  })

  it('never an answer', async () => {
    const verdict = await replay('never an answer', poisoned(MIX, 'hang', 100, DURATION))
    expectNobodyHarmed(verdict)
    expect(verdict.poison).toBeGreaterThan(0)
  })

  it('a response header of 20 kB', async () => {
    const verdict = await replay('header of 20 kB', poisoned(MIX, 'header', 100, DURATION))
    expectNobodyHarmed(verdict)
    expect(verdict.poison).toBeGreaterThan(0)
  })

  it('death in mid-body: the client is told', async () => {
    const verdict = await replay('death in mid-body', poisoned(MIX, 'half', 100, DURATION))
    expectNobodyHarmed(verdict)
    expect(verdict.poison).toBeGreaterThan(0)
  })
})
