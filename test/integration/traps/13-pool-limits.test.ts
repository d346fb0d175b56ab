/**
 * Trap 13: agentkeepalive has no limit of requests for each socket, and `maxSockets` queues in silence. Last in, first
 * out, as nginx's `keepalive`.
 */
import { hang, respond, fakeClock } from 'evenkeel/testing'
import type { MockUpstream } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { ask } from '../../helpers/clients.js'
import { serve, upstream, upstreams } from '../../helpers/serve.js'
import { turns, watchProcess } from '../../helpers/watch-process.js'

watchProcess()

function connectionsOf(mock: MockUpstream): number[] {
  return mock.requests.map(({ connectionId }) => connectionId)
}

describe('trap 13: the limits of the pool', () => {
  it('keepalive.requests retires a connection', async () => {
    const mock = await upstream()
    const { port } = await serve([mock], { keepalive: { requests: 3 } })
    for (let i = 0; i < 7; i++) expect(await ask(port)).toMatchObject({ whole: true })
    expect(connectionsOf(mock)).toEqual([1, 1, 1, 2, 2, 2, 3])
    await mock.waitFor(() => mock.openConnections === 1)
  })

  it('keepalive.requests: 1 keeps none', async () => {
    const mock = await upstream()
    const { port } = await serve([mock], { keepalive: { requests: 1 } })
    for (let i = 0; i < 3; i++) await ask(port)
    expect(connectionsOf(mock)).toEqual([1, 2, 3])
    await mock.waitFor(() => mock.openConnections === 0)
  })

  it('keepalive.time retires a connection that is never idle for long', async () => {
    const clock = fakeClock()
    const mock = await upstream()
    const { port } = await serve([mock], { clock, keepalive: { time: '10m', timeout: '60s' } })
    for (let i = 0; i < 14; i++) {
      await ask(port)
      clock.advance(50_000)
    }
    expect(connectionsOf(mock).slice(0, 12)).toEqual(Array.from({ length: 12 }, () => 1))
    expect(connectionsOf(mock).at(-1)).toBe(2)
  })

  it('keepalive.timeout retires an idle one', async () => {
    const clock = fakeClock()
    const mock = await upstream()
    const { port } = await serve([mock], { clock, keepalive: { timeout: '10s' } })
    await ask(port)
    clock.advance(9_999)
    await ask(port)
    clock.advance(10_000)
    await ask(port)
    expect(connectionsOf(mock)).toEqual([1, 1, 2])
  })

  it('keepalive.connections is how many idle ones are kept, for each peer, not how many work', async () => {
    const mocks = await upstreams(2)
    const { port } = await serve(mocks, { keepalive: { connections: 2 } })
    let go = (): void => undefined
    const gate = new Promise<void>((resolve) => (go = resolve))
    for (const mock of mocks) mock.reply(async () => (await gate, respond()))
    const replies = Promise.all(Array.from({ length: 12 }, () => ask(port)))
    await Promise.all(mocks.map((mock) => mock.waitFor(() => mock.requests.length === 6)))
    expect(mocks.map(({ connections }) => connections)).toEqual([6, 6])
    go()
    for (const reply of await replies) expect(reply).toMatchObject({ whole: true, status: 200 })
    for (const mock of mocks) await mock.waitFor(() => mock.openConnections <= 2)
    await turns()
    expect(mocks.map(({ openConnections }) => openConnections)).toEqual([2, 2])
  })

  it('last in, first out', async () => {
    const mock = await upstream()
    const gates: (() => void)[] = []
    mock.reply(async () => {
      await new Promise<void>((resolve) => gates.push(resolve))
      return respond()
    })
    const { port, over } = await serve([mock])
    const replies = [ask(port), ask(port), ask(port)]
    await expect.poll(() => gates.length).toBe(3)
    for (const [done, index] of [2, 0, 1].entries()) {
      gates[index]!()
      await over(done + 1)
      await turns()
    }
    await Promise.all(replies)
    const last = mock.requests[1]!.connectionId
    mock.reply(respond())
    for (let i = 0; i < 4; i++) await ask(port)
    expect(connectionsOf(mock).slice(3)).toEqual([last, last, last, last])
  })

  it('no attempt waits for a socket in silence: without maxConns there is no limit', async () => {
    const mock = await upstream({ answer: hang() })
    const { port } = await serve([mock], { readTimeout: '20s', keepalive: { connections: 1 } })
    for (let i = 0; i < 150; i++) void ask(port)
    await mock.waitFor(() => mock.requests.length === 150)
    expect(mock.connections).toBe(150)
  })

  it('and with maxConns the next peer is taken, or the client is told at once', async () => {
    const [full, free] = await upstreams(2, { answer: hang() })
    const { port } = await serve(
      {
        upstream: [
          { url: full!.url, maxConns: 2 },
          { url: free!.url, backup: true },
        ],
      },
      { readTimeout: '20s' },
    )
    void ask(port)
    void ask(port)
    await full!.waitFor(() => full!.requests.length === 2)
    free!.reply(respond({ body: 'backup' }))
    expect(await ask(port)).toMatchObject({ body: 'backup' })
    expect(full!.connections).toBe(2)
    const alone = await serve(
      { upstream: [{ url: full!.url, maxConns: 1 }] },
      { readTimeout: '20s' },
    )
    void ask(alone.port)
    await full!.waitFor(() => full!.requests.length === 3)
    expect(await ask(alone.port)).toMatchObject({ whole: true, status: 503 })
    expect(full!.connections).toBe(3)
  })

  it('closing the balancer closes every idle connection', async () => {
    const mock = await upstream()
    const { port, balancer } = await serve([mock])
    await Promise.all([ask(port), ask(port), ask(port)])
    expect(mock.openConnections).toBeGreaterThan(0)
    await balancer.close()
    await mock.waitFor(() => mock.openConnections === 0)
  })
})
