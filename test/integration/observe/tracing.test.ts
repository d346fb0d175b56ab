/** Traces over real sockets: parents, what arrives at the peers, and that requests do not mix. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, request } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { context } from '@opentelemetry/api'
import { isTracingSuppressed } from '@opentelemetry/core'
import { createBalancer } from 'evenkeel'
import type { Balancer, BalancerOptions } from 'evenkeel'
import { traceBalancer } from 'evenkeel/opentelemetry'
import { closeConnection, hang, respond } from 'evenkeel/testing'
import type { MockUpstream } from 'evenkeel/testing'
import { expect, it, onTestFinished } from 'vitest'
import { ask, rawAsk } from '../../helpers/clients.js'
import { upstream, upstreams } from '../../helpers/serve.js'
import { isError, spans, traceparentOf, within } from '../../helpers/spans.js'
import type { Spans } from '../../helpers/spans.js'
import { dial, socketPeer } from '../upgrade/rig.js'

interface Stage {
  readonly port: number
  readonly balancer: Balancer
  readonly spans: Spans
  /** Resolves when so many requests are over. */
  over(count: number): Promise<void>
}

/** A server that makes a span for each request, as an instrumented one does. */
async function stage(
  peers: readonly MockUpstream[] | readonly string[],
  options: Omit<BalancerOptions, 'upstream'> = {},
): Promise<Stage> {
  const s = spans()
  const upstreamList = peers.map((peer) => (typeof peer === 'string' ? peer : peer.url))
  const balancer = createBalancer({ probe: false, ...options, upstream: upstreamList })
  traceBalancer(balancer, { tracerProvider: s.provider })
  let finished = 0
  const waiting: { count: number; resolve: () => void }[] = []
  balancer.on('finish', () => {
    finished++
    for (const { count, resolve } of waiting) if (finished >= count) resolve()
  })
  const server = createServer((req: IncomingMessage, res: ServerResponse) => {
    within(s.tracer, `server ${req.url ?? ''}`, (span) => {
      res.on('close', () => span.end())
      balancer(req, res)
    })
  })
  server.on('upgrade', (req: IncomingMessage, socket, head: Buffer) => {
    within(s.tracer, 'server', (span) => {
      socket.on('close', () => span.end())
      balancer.upgrade(req, socket, head)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await balancer.close({ timeout: 0 })
  })
  return {
    port: (server.address() as AddressInfo).port,
    balancer,
    spans: s,
    over: (count) =>
      finished >= count
        ? Promise.resolve()
        : new Promise((resolve) => waiting.push({ count, resolve })),
  }
}

function traceparents({ requests }: MockUpstream): (string | undefined)[] {
  return requests.map(({ headers }) => headers['traceparent'])
}

function serverOf({ all }: Spans, path: string): string | undefined {
  return all.find(({ name }) => name === `server ${path}`)?.spanContext().spanId
}

it('first try, retry and 502: each span is a child of the server’s, and arrives at its peer', async () => {
  const [a, b] = (await upstreams(2)) as [MockUpstream, MockUpstream]
  a.reply(closeConnection())
  b.script([respond({ body: 'b' })])
  b.reply(closeConnection())
  const { port, spans: s, over } = await stage([a, b], { nextUpstream: { on: ['error'] } })
  await ask(port, { path: '/one' })
  await ask(port, { path: '/two' })
  await over(2)
  expect(s.open.size).toBeLessThanOrEqual(1)
  const of = (path: string): typeof s.attempts =>
    s.attempts.filter(({ parentSpanContext }) => parentSpanContext?.spanId === serverOf(s, path))
  const [one, two] = [of('/one'), of('/two')]
  expect(one.map(isError)).toEqual([true, false])
  expect(two.every(isError)).toBe(true)
  expect(one.length + two.length).toBe(s.attempts.length)
  const arrived = [...traceparents(a), ...traceparents(b)].sort()
  // Who is known to be dead is not asked again: all that were asked have seen their own span.
  expect(arrived).toEqual(s.attempts.map(traceparentOf).sort())
  expect(two.at(-1)?.links).toHaveLength(two.length - 1)
})

it('requests beside each other do not mix, on kept connections and after a wait', async () => {
  const peer = await upstream({ answer: respond({ body: 'x' }) })
  const { port, spans: s, over, balancer } = await stage([peer], { queue: { size: 20 } })
  const [only] = balancer.upstream.peers
  balancer.upstream.update(only!, { maxConns: 2 })
  const paths = Array.from({ length: 12 }, (_, i) => `/${String(i)}`)
  await Promise.all(paths.map((path) => ask(port, { path })))
  await over(12)
  await expect.poll(() => s.open.size).toBe(0)
  const bySpan = new Map(s.attempts.map((span) => [traceparentOf(span), span]))
  expect(bySpan.size).toBe(12)
  for (const { target, headers } of peer.requests) {
    const span = bySpan.get(headers['traceparent'] ?? '')
    expect(span?.attributes['url.full']).toMatch(new RegExp(`${target}$`))
    expect(span?.parentSpanContext?.spanId).toBe(serverOf(s, target))
  }
  expect(s.attempts.some(({ attributes }) => 'evenkeel.queue.waited_ms' in attributes)).toBe(true)
  expect(new Set(s.ended).size).toBe(s.ended.length)
})

it('a client that leaves ends the span', async () => {
  const peer = await upstream({ answer: hang() })
  const { port, spans: s, over } = await stage([peer])
  const outgoing = request({ port, host: '127.0.0.1', path: '/gone', agent: false })
  outgoing.on('error', () => undefined)
  outgoing.end()
  await peer.waitFor(() => peer.requests.length === 1)
  expect(s.open.size).toBe(2)
  outgoing.destroy()
  await over(1)
  await expect.poll(() => s.open.size).toBe(0)
  expect(s.attempts[0]?.parentSpanContext?.spanId).toBe(serverOf(s, '/gone'))
  expect(s.attempts[0]?.attributes['evenkeel.attempt.outcome']).toBe('unanswered')
})

it('a tunnel’s span ends with the tunnel', async () => {
  const peer = await socketPeer()
  const { port, spans: s, over } = await stage([peer.url])
  const socket = await dial(port)
  expect(s.attempts).toEqual([])
  expect(peer.requests[0]?.headers['traceparent']).toMatch(/^00-/)
  await socket.close()
  await over(1)
  expect(s.attempts).toMatchObject([{ attributes: { 'http.response.status_code': 101 } }])
  expect(peer.requests.map(({ headers }) => headers['traceparent'])).toEqual([
    traceparentOf(s.attempts[0]!),
  ])
})

it('what carries the attempts is in no trace: instrumentations of it see that', async () => {
  const peer = await upstream()
  const { port } = await stage([peer])
  const suppressed: boolean[] = []
  const note = (): void => void suppressed.push(isTracingSuppressed(context.active()))
  const channels = ['http.client.request.start', 'undici:request:create']
  for (const name of channels) subscribe(name, note)
  onTestFinished(() => {
    for (const name of channels) unsubscribe(name, note)
  })
  // No HTTP client but the balancer's.
  await rawAsk(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  expect(suppressed.length).toBeGreaterThan(0)
  expect(suppressed.every(Boolean)).toBe(true)
})
