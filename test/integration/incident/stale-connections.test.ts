/** Peers that close kept-alive connections at the very moment at which they are used. */
import { describe, expect, it } from 'vitest'
import { staleConnections } from '../../../examples/demo/engine/failures.js'
import { DURATION, expectNobodyHarmed, MIX, replay, TEST_TIMEOUT } from './replay.js'

describe('the incident: stale connections', { timeout: TEST_TIMEOUT }, () => {
  it('idle limits of 300 to 50 ms, unannounced, met by bursts to the millisecond', async () => {
    const verdict = await replay(
      'stale connections',
      staleConnections(MIX, [300, 220, 160, 110, 80, 50], DURATION),
    )
    expectNobodyHarmed(verdict)
    expect(verdict.poison).toBe(0)
  })

  it('an idle limit of 1 s, announced in whole seconds, met by bursts to the millisecond', async () => {
    const script = staleConnections(MIX, [1000], DURATION, 'announced')
    expectNobodyHarmed(await replay('stale connections, announced', script))
  })
})
