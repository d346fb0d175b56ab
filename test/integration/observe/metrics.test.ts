/** Metrics over real sockets: connections, tunnels, what is served at /metrics, and what promtool says of it. */
import { spawnSync } from 'node:child_process'
import { createServer } from 'node:http'
import type { IncomingMessage, RequestListener } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express from 'express'
import fastify from 'fastify'
import { collectMetrics } from 'evenkeel/prometheus'
import type { Metrics } from 'evenkeel/prometheus'
import { closeConnection, hang, respond } from 'evenkeel/testing'
import { Registry } from 'prom-client'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ask } from '../../helpers/clients.js'
import { readExposition, total } from '../../helpers/exposition.js'
import { serve, upstream, upstreams } from '../../helpers/serve.js'
import type { Served } from '../../helpers/serve.js'
import { dial, socketPeer } from '../upgrade/rig.js'

function collect({ balancer }: Served): Metrics {
  return collectMetrics(balancer, { registry: new Registry() })
}

async function value(m: Metrics, name: string, labels?: Record<string, string>): Promise<number> {
  return total(readExposition(await m.metrics()), `evenkeel_${name}`, labels)
}

async function listening(listener: RequestListener): Promise<number> {
  const server = createServer(listener)
  onTestFinished(() => void server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

it('connections: opened, kept, reused, and closed by the peer', async () => {
  const peer = await upstream()
  const served = await serve([peer])
  const m = collect(served)
  await ask(served.port)
  await ask(served.port)
  await served.over(2)
  expect(await value(m, 'connections_opened_total')).toBe(1)
  expect(await value(m, 'connections_reused_total')).toBe(1)
  expect(await value(m, 'connections', { state: 'idle' })).toBe(1)
  expect(await value(m, 'connections', { state: 'active' })).toBe(0)
  expect(await value(m, 'attempt_connect_seconds_count')).toBe(1)
  expect(await value(m, 'sent_bytes_total')).toBeGreaterThan(80)
  expect(await value(m, 'received_bytes_total')).toBeGreaterThan(60)
  const closed = new Promise((resolve) =>
    served.balancer.on('pool', ({ change }) => change !== 'opened' && resolve(change)),
  )
  peer.closeIdle()
  expect(await closed).toBe('closed_by_peer')
  expect(await value(m, 'connections_closed_total', { by: 'peer' })).toBe(1)
  expect(await value(m, 'connections')).toBe(0)
})

it('tunnels', async () => {
  const peer = await socketPeer()
  const served = await serve({ upstream: [peer.url] })
  const m = collect(served)
  const client = await dial(served.port)
  expect(await value(m, 'upgrades_open')).toBe(1)
  expect(await value(m, 'requests_in_flight')).toBe(1)
  await client.close()
  await served.over(1)
  expect(await value(m, 'upgrades_open')).toBe(0)
  expect(await value(m, 'upgrades_total')).toBe(1)
  expect(await value(m, 'requests_total', { status: '1xx', result: 'answered' })).toBe(1)
})

describe('/metrics', () => {
  it('is served by http, Express and Fastify', async () => {
    const m = collect(await serve(await upstreams(1)))
    const app = express().get('/metrics', m.handler)
    const quick = fastify()
    quick.get('/metrics', m.handler.fastify)
    await quick.ready()
    const ports = [
      await listening(m.handler),
      await listening(app as RequestListener),
      await listening((req: IncomingMessage, res) => quick.routing(req, res)),
    ]
    for (const port of ports) {
      const reply = await ask(port, { path: '/metrics' })
      expect(reply.status).toBe(200)
      expect(reply.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
      expect(total(readExposition(reply.body), 'evenkeel_peer_weight')).toBe(1)
    }
    expect(await ask(ports[0]!, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
    expect(await ask(ports[0]!, { method: 'POST' })).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD' },
    })
  })

  it('says no more than that, when a collector fails', async () => {
    const registry = new Registry()
    const { balancer } = await serve(await upstreams(1))
    const m = collectMetrics(balancer, { registry })
    registry.registerMetric({ name: 'x', get: () => Promise.reject(new Error('secret')) } as never)
    const reply = await ask(await listening(m.handler))
    expect(reply).toMatchObject({ status: 500, body: 'metrics failed\n' })
    const errors: unknown[] = []
    const port = await listening((req, res) => {
      m.handler(req, res, (error) => {
        errors.push(error)
        res.end()
      })
    })
    await ask(port)
    expect(errors).toMatchObject([{ message: 'secret' }])
  })
})

const hasPromtool = spawnSync('promtool', ['--version']).status === 0
if (!hasPromtool)
  console.warn('the test with promtool is skipped: it is in Debian’s package prometheus')

it.skipIf(!hasPromtool)(
  'promtool (Debian’s package prometheus) has nothing to say of a balancer that has seen much',
  async () => {
    const [a, b] = await upstreams(2)
    a!.reply(closeConnection())
    b!.script([respond({ body: 'x' }), respond({ status: 503 })])
    b!.reply(hang())
    const served = await serve([a!, b!], {
      probe: false,
      queue: { size: 1, timeout: 100 },
      nextUpstream: { on: ['error', 'http_503'], tries: 2 },
      readTimeout: 100,
    })
    const m = collect(served)
    await ask(served.port)
    await ask(served.port)
    for (const peer of served.balancer.upstream.peers)
      served.balancer.upstream.update(peer, { maxConns: 1 })
    await Promise.all(Array.from({ length: 6 }, () => ask(served.port)))
    await served.over(8)
    for (const name of ['queue_requests_total', 'peer_ejections_total', 'retries_total'])
      expect(await value(m, name), name).toBeGreaterThan(0)
    expect(await value(m, 'request_errors_total')).toBeGreaterThan(0)
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: await m.metrics(),
      encoding: 'utf8',
    })
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' })
  },
)
