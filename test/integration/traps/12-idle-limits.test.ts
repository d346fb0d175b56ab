/** Trap 12: agentkeepalive ignores the peer's `Keep-Alive: timeout=N`; an unannounced limit must be learnt. */
import { fakeClock } from 'evenkeel/testing'
import type { Balancer } from 'evenkeel'
import type { FakeClock, MockUpstream } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import type { KeepaliveAgentPool as Pool } from '../../../src/transport/agents.js'
import { ask } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import type { Served } from '../../helpers/serve.js'
import { turns, watchProcess } from '../../helpers/watch-process.js'

watchProcess()

function connectionsOf(mock: MockUpstream): number[] {
  return mock.requests.map(({ connectionId }) => connectionId)
}

describe('trap 12: the idle limit that a peer announces', () => {
  it('is kept, less a margin', async () => {
    const clock = fakeClock()
    const mock = await upstream({ announceKeepAlive: 5 })
    const { port } = await serve([mock], { clock })
    await ask(port)
    clock.advance(3900)
    await ask(port)
    expect(connectionsOf(mock)).toEqual([1, 1])
    clock.advance(4100)
    expect(await ask(port)).toMatchObject({ whole: true, status: 200 })
    expect(connectionsOf(mock)).toEqual([1, 1, 2])
  })

  it('ends an idle connection before the peer does', async () => {
    const mock = await upstream({ announceKeepAlive: 2 })
    const { port } = await serve([mock], { keepalive: { timeout: '60s' } })
    await ask(port)
    expect(mock.openConnections).toBe(1)
    // The mock itself never closes: its announcement alone does it.
    await mock.waitFor(() => mock.openConnections === 0, 5000)
  })

  it('never lengthens our own', async () => {
    const clock = fakeClock()
    const mock = await upstream({ announceKeepAlive: 600 })
    const { port } = await serve([mock], { clock, keepalive: { timeout: '10s' } })
    await ask(port)
    clock.advance(9000)
    await ask(port)
    clock.advance(10_001)
    await ask(port)
    expect(connectionsOf(mock)).toEqual([1, 1, 2])
  })

  it('is one peer’s alone', async () => {
    const clock = fakeClock()
    const short = await upstream({ announceKeepAlive: 5 })
    const long = await upstream()
    const { port } = await serve([short, long], { clock })
    await Promise.all([ask(port), ask(port)])
    clock.advance(5000)
    await Promise.all([ask(port), ask(port)])
    expect(connectionsOf(short)).toEqual([1, 2])
    expect(connectionsOf(long)).toEqual([1, 1])
  })
})

describe('trap 12: the idle limit that a peer does not announce', () => {
  /** A request, and both ends have put its connection to rest. */
  async function askAndRest(mock: MockUpstream, port: number): Promise<void> {
    await ask(port)
    await mock.waitFor(() => mock.requests.at(-1)!.state === 'answered')
    await turns(50)
  }

  /** The peer has closed its connections, and we have seen it. */
  async function closed(mock: MockUpstream, { upstream }: Balancer): Promise<void> {
    await mock.waitFor(() => mock.openConnections === 0)
    const { pool } = (upstream as unknown as { parts: { pool: Pool } }).parts
    for (let i = 0; i < 10_000 && pool.status(upstream.peers[0]!).idle > 0; i++) await turns(1)
    await turns()
  }

  /** A request, then silence until the peer closes its connection. */
  async function outwait(
    mock: MockUpstream,
    { port, balancer }: Served,
    clock: FakeClock,
  ): Promise<void> {
    await askAndRest(mock, port)
    clock.advance(1000)
    await closed(mock, balancer)
  }

  it('is learnt when it shows twice, and reuse stops a margin earlier', async () => {
    const clock = fakeClock()
    const mock = await upstream({ clock, idleTimeout: 1000 })
    const served = await serve([mock], { clock })
    const { port, balancer } = served
    await outwait(mock, served, clock)
    // Once may be a restart: nothing is learnt of it.
    await askAndRest(mock, port)
    clock.advance(900)
    await askAndRest(mock, port)
    expect(connectionsOf(mock)).toEqual([1, 2, 2])
    clock.advance(1000)
    await closed(mock, balancer)
    // Twice is a rule.
    await askAndRest(mock, port)
    clock.advance(700)
    await askAndRest(mock, port)
    expect(connectionsOf(mock)).toEqual([1, 2, 2, 3, 3])
    clock.advance(900)
    expect(await ask(port)).toMatchObject({ whole: true, status: 200 })
    expect(connectionsOf(mock)).toEqual([1, 2, 2, 3, 3, 4])
  })

  it('is not learnt of a restart that closes every connection at once', async () => {
    const clock = fakeClock()
    const mock = await upstream()
    const served = await serve([mock], { clock })
    const { port, balancer } = served
    await Promise.all(Array.from({ length: 5 }, () => ask(port)))
    await mock.waitFor(() => mock.requests.every(({ state }) => state === 'answered'))
    await turns(50)
    clock.advance(1000)
    mock.closeIdle()
    await closed(mock, balancer)
    await ask(port)
    clock.advance(2000)
    await ask(port)
    const [before, after] = connectionsOf(mock).slice(-2)
    expect(before).toBe(mock.connections)
    expect(after).toBe(before)
  })
})
