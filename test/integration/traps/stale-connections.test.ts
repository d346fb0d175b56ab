/**
 * The '+' row: `reusedSocket` with an error and not one response byte is a stale connection, and nobody's failure; and
 * what may not be repeated never goes out on a connection that could be stale.
 */
import { respond } from 'evenkeel/testing'
import type { CloseHow, MockUpstream, MockUpstreamOptions } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { forLocalhost } from '../../fixtures/test-only-certificates.js'
import { bytesThen } from '../../helpers/answers.js'
import { ask, rawAsk } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import type { BalancerSettings, Served } from '../../helpers/serve.js'
import { turns, watchProcess } from '../../helpers/watch-process.js'

watchProcess()

interface Scheme {
  readonly scheme: string
  readonly mock: MockUpstreamOptions
}

const SCHEMES: readonly Scheme[] = [
  { scheme: 'http', mock: {} },
  { scheme: 'TLS 1.2', mock: { tls: { ...forLocalhost, maxVersion: 'TLSv1.2' } } },
  { scheme: 'TLS 1.3', mock: { tls: { ...forLocalhost, minVersion: 'TLSv1.3' } } },
]
const HOW: readonly CloseHow[] = ['fin', 'reset']
const tls = { ca: forLocalhost.cert, name: 'localhost' }

function balancer(mocks: MockUpstream[], options: BalancerSettings = {}): Promise<Served> {
  return serve(mocks, { tls, ...options })
}

function ledgersOf({ balancer: { upstream: group } }: Served): unknown {
  return group.peers.map((peer) => ({ ...peer.ledgers, fails: peer.fails }))
}

const cases = SCHEMES.flatMap((scheme) => HOW.map((how) => ({ ...scheme, how })))

describe.each(cases)('a stale connection ($scheme, closed by $how)', ({ mock: options, how }) => {
  // Over TLS a FIN comes with a close_notify, which is no byte of a response.
  it.each(['GET', 'DELETE', 'PUT'])('%s goes out again, and nobody is charged', async (method) => {
    const mock = await upstream(options)
    mock.script([respond({ body: 'one' }), bytesThen('', how), respond({ body: 'two' })])
    const served = await balancer([mock])
    const { port, next, finished, over } = served
    expect(await ask(port)).toMatchObject({ whole: true, body: 'one' })
    const body = method === 'PUT' ? { body: 'body' } : {}
    expect(await ask(port, { method, ...body })).toMatchObject({ whole: true, body: 'two' })
    await over(2)
    expect(next.map(({ decision }) => decision)).toEqual(['again'])
    expect(mock.requests.map(({ connectionId }) => connectionId)).toEqual([1, 1, 2])
    expect(finished[1]!.attempts.map(({ reusedConnection }) => reusedConnection)).toEqual([
      true,
      false,
    ])
    expect(ledgersOf(served)).toEqual([{ transport: 0, status: 0, stale: 1, fails: 0 }])
  })

  it('goes out again on a fresh connection, though others are idle', async () => {
    const mock = await upstream(options)
    let go = (): void => undefined
    const gate = new Promise<void>((resolve) => (go = resolve))
    mock.reply(async () => (await gate, respond()))
    const { port, over } = await balancer([mock])
    const replies = [ask(port), ask(port), ask(port)]
    await mock.waitFor(() => mock.requests.length === 3)
    go()
    await Promise.all(replies)
    await over(3)
    await turns()
    expect(mock.openConnections).toBe(3)
    mock.script([bytesThen('', how), respond({ body: 'again' })])
    expect(await ask(port)).toMatchObject({ whole: true, body: 'again' })
    expect(mock.requests.slice(3).map(({ index }) => index)).toEqual([1, 0])
    expect(mock.connections).toBe(4)
  })

  it('is told from an upstream that dies with the first byte of its answer', async () => {
    const mock = await upstream(options)
    mock.script([respond(), bytesThen('H', how), respond({ body: 'two' })])
    const served = await balancer([mock])
    await ask(served.port)
    expect(await ask(served.port)).toMatchObject({ whole: true, status: 502 })
    expect(ledgersOf(served)).toMatchObject([{ transport: 1, stale: 0 }])
  })

  it('is told from a fresh connection that is closed: that is the peer’s failure', async () => {
    const mock = await upstream(options)
    mock.script([bytesThen('', how)])
    const served = await balancer([mock])
    expect(await ask(served.port)).toMatchObject({ whole: true, status: 502 })
    expect(ledgersOf(served)).toMatchObject([{ transport: 1, stale: 0 }])
  })

  it('closed while it was idle, it does no harm', async () => {
    const mock = await upstream(options)
    const served = await balancer([mock])
    for (let i = 0; i < 10; i++) {
      expect(await ask(served.port)).toMatchObject({ whole: true, status: 200 })
      await mock.waitFor(() => mock.requests.at(-1)!.state === 'answered')
      mock.closeIdle(how)
      // At once, and after the close has come.
      if (i % 2 === 0) await turns()
    }
    expect(ledgersOf(served)).toMatchObject([{ transport: 0, fails: 0 }])
  })

  it('a second time at the same peer, it is the peer’s failure', async () => {
    const mock = await upstream(options)
    mock.script([respond(), bytesThen('', how), bytesThen('', how)])
    const served = await balancer([mock])
    await ask(served.port)
    expect(await ask(served.port)).toMatchObject({ whole: true, status: 502 })
    expect(ledgersOf(served)).toMatchObject([{ transport: 1, stale: 1 }])
  })

  it('POST never goes out on a reused connection', async () => {
    const mock = await upstream(options)
    const { port } = await balancer([mock])
    for (const method of ['GET', 'POST', 'PATCH', 'GET', 'POST'])
      await ask(port, { method, ...(method === 'GET' ? {} : { body: 'x' }) })
    const used = mock.requests.map(({ method, index }) => [method, index > 0])
    expect(used).toEqual([
      ['GET', false],
      ['POST', false],
      ['PATCH', false],
      ['GET', true],
      ['POST', false],
    ])
    expect(mock.requests.every(({ complete }) => complete)).toBe(true)
  })

  it("but with keepalive.nonIdempotent 'any', and then it is not repeated", async () => {
    const mock = await upstream(options)
    mock.script([respond(), respond(), bytesThen('', how)])
    const served = await balancer([mock], { keepalive: { nonIdempotent: 'any' } })
    const { port } = served
    await ask(port)
    expect(await ask(port, { method: 'POST', body: 'x' })).toMatchObject({ status: 200 })
    expect(await ask(port, { method: 'POST', body: 'x' })).toMatchObject({ status: 502 })
    expect(mock.requests.map(({ connectionId, index }) => [connectionId, index])).toEqual([
      [1, 0],
      [1, 1],
      [1, 2],
    ])
    expect(ledgersOf(served)).toMatchObject([{ transport: 0, stale: 1, fails: 0 }])
  })
})

describe('what cannot be replayed goes out on a fresh connection, too', () => {
  it.each([
    ['a body over replayBuffer', { replayBuffer: 100 }, 'Content-Length: 1000', 'x'.repeat(1000)],
    ['a body that is not kept', { requestBuffering: 'off' }, 'Content-Length: 1', 'x'],
  ] as const)('%s', async (_name, options, framing, body) => {
    const mock = await upstream()
    const { port } = await serve([mock], options)
    await ask(port)
    await rawAsk(
      port,
      `PUT / HTTP/1.1\r\nHost: site\r\nConnection: close\r\n${framing}\r\n\r\n${body}`,
    )
    expect(mock.requests.map(({ connectionId }) => connectionId)).toEqual([1, 2])
  })
})
