/** A real Prometheus scrapes the metrics, and is asked all that the dashboard of examples/grafana asks. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { collectMetrics } from 'evenkeel/prometheus'
import { closeConnection, fakeClock, respond } from 'evenkeel/testing'
import type { FakeClock, MockUpstream } from 'evenkeel/testing'
import { Registry } from 'prom-client'
import { expect, it, onTestFinished, vi } from 'vitest'
import { ask } from '../helpers/clients.js'
import { serve, upstreams } from '../helpers/serve.js'
import type { Served } from '../helpers/serve.js'
import { dial, socketPeer } from '../integration/upgrade/rig.js'
import { noPrometheus, prometheusFor } from './prometheus-process.js'
import type { Prometheus } from './prometheus-process.js'

if (noPrometheus !== undefined) console.warn(`the test with Prometheus is skipped: ${noPrometheus}`)

interface Dashboard {
  readonly panels: readonly {
    readonly title: string
    readonly targets?: readonly { readonly expr: string }[]
  }[]
}

const dashboard = JSON.parse(
  readFileSync(new URL('../../examples/grafana/evenkeel.json', import.meta.url), 'utf8'),
) as Dashboard

/** As Grafana sends them, with "All" chosen for every variable. */
const QUERIES = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => ({
    title,
    query: expr
      .replaceAll('$__rate_interval', '5m')
      .replaceAll('$upstream', '.*')
      .replaceAll('$peer', '.*'),
  })),
)

it('the dashboard asks something', () => {
  expect(QUERIES.length).toBeGreaterThan(30)
})

it.skipIf(noPrometheus !== undefined)(
  'a real Prometheus takes all of it, and has an answer to whatever the dashboard asks',
  { timeout: 120_000 },
  async () => {
    const clock = fakeClock(1_000_000)
    const peers = await upstreams(2)
    const served = await serve(peers, { name: 'shop', clock, queue: { size: 1, timeout: 1000 } })
    const talking = await serve({ upstream: [(await socketPeer()).url] }, { name: 'talk' })
    const metrics = collectMetrics([served.balancer, talking.balancer], {
      registry: new Registry(),
    })
    const server = createServer(metrics.handler).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const prometheus = await prometheusFor((server.address() as AddressInfo).port)

    // Twice: of what is there for the first time, Prometheus does not know that it has grown.
    for (let time = 0; time < 2; time++) {
      await everything(served, peers, clock)
      await (await dial(talking.port)).close()
      await scraped(prometheus)
    }

    const { activeTargets } = (await prometheus.api('targets')) as {
      readonly activeTargets: readonly { readonly health: string; readonly lastError: string }[]
    }
    expect(activeTargets).toMatchObject([{ health: 'up', lastError: '' }])
    for (const { title, query } of QUERIES) {
      const result = await prometheus.query(query)
      const numbers = result.filter(({ value }) => value[1] !== 'NaN')
      expect(numbers.length, `${title}: ${query}`).toBeGreaterThan(0)
    }
    const [requests] = await prometheus.query(
      'sum(evenkeel_requests_total{upstream="shop",result="answered"})',
    )
    const answered = served.finished.filter(({ error }) => error === undefined)
    expect(Number(requests?.value[1])).toBe(answered.length)
  },
)

/** Good requests, bad ones, retries, ejections, an incident, and waiting. */
async function everything(
  served: Served,
  peers: readonly MockUpstream[],
  clock: FakeClock,
): Promise<void> {
  const { port } = served
  const [first, second] = peers as readonly [MockUpstream, MockUpstream]
  for (let i = 0; i < 4; i++) await ask(port)
  first.reply(closeConnection())
  for (let i = 0; i < 4; i++) await ask(port)
  second.reply(closeConnection())
  for (let i = 0; i < 8; i++) await ask(port)
  for (const mock of peers) mock.reply(respond({ body: 'x' }))
  // Peers are back, and the incident is over.
  clock.advance(600_000)
  await ask(port)
  await waiting(served)
}

/** One that is served after waiting, and one that finds no place. */
async function waiting({ balancer, port }: Served): Promise<void> {
  const { upstream } = balancer
  for (const peer of upstream.peers) upstream.update(peer, { maxConns: 1 })
  await Promise.all(Array.from({ length: 8 }, () => ask(port)))
  for (const peer of upstream.peers) upstream.update(peer, { maxConns: 0 })
}

/** Resolves when Prometheus has come once more after this. */
async function scraped(prometheus: Prometheus): Promise<void> {
  const count = async (): Promise<number> => {
    const [sample] = await prometheus.query('count_over_time(up[10m])')
    return Number(sample?.value[1] ?? 0)
  }
  const before = await count()
  await vi.waitFor(async () => expect(await count()).toBeGreaterThan(before + 1), {
    timeout: 60_000,
    interval: 50,
  })
}
