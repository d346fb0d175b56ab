/** What only real connections have to tell: the pool, and protocols that are switched to. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createUpstream } from 'evenkeel'
import type { PoolEvent, UpgradeEvent } from 'evenkeel'
import { expect, it, onTestFinished, vi } from 'vitest'
import { ask } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import { dial, socketPeer } from '../upgrade/rig.js'

async function plainPeer(answer: RequestListener): Promise<{ peer: Server; name: string }> {
  const peer = createServer(answer).listen(0, '127.0.0.1')
  onTestFinished(() => void peer.close())
  await once(peer, 'listening')
  return { peer, name: `127.0.0.1:${String((peer.address() as AddressInfo).port)}` }
}

it('pool: a connection is opened once, and closed by the peer when that has enough of it', async () => {
  const { peer, name } = await plainPeer((_req, res) => res.end('ok'))
  const { port, balancer } = await serve({ upstream: [`http://${name}`] })
  const heard: PoolEvent[] = []
  balancer.on('pool', (event) => heard.push(event))
  await ask(port)
  await ask(port)
  expect(heard.map(({ change, idle }) => [change, idle])).toEqual([['opened', undefined]])
  peer.closeIdleConnections()
  await vi.waitFor(() => {
    expect(heard).toHaveLength(2)
  })
  expect(heard[1]).toMatchObject({
    change: 'closed_by_peer',
    peer: { name },
    upstream: balancer.upstream.name,
  })
  expect(heard[1]?.idle).toBeGreaterThanOrEqual(0)
})

it('pool: connections that we close are told apart', async () => {
  const peer = await upstream()
  const shared = createUpstream({ peers: [peer.url], keepalive: { connections: 0 } })
  const { port, balancer } = await serve({ upstream: shared })
  const heard: PoolEvent[] = []
  balancer.on('pool', (event) => heard.push(event))
  await ask(port)
  await vi.waitFor(() => {
    expect(heard.map(({ change, idle }) => [change, idle])).toEqual([
      ['opened', undefined],
      ['closed', expect.anything()],
    ])
  })
})

it('pool: one that ends while it is in use had not been idle', async () => {
  const { name } = await plainPeer((req) => req.socket.destroy())
  const { port, balancer } = await serve({ upstream: [`http://${name}`] })
  const heard: PoolEvent[] = []
  balancer.on('pool', (event) => heard.push(event))
  await ask(port)
  await vi.waitFor(() => {
    expect(heard.map(({ change, idle }) => [change, idle])).toEqual([
      ['opened', undefined],
      ['closed', undefined],
    ])
  })
})

it('upgrade: when two connections are joined, and when that is over', async () => {
  const peer = await socketPeer()
  const { port, balancer } = await serve({ upstream: [peer.url] })
  const heard: UpgradeEvent[] = []
  balancer.on('upgrade', (event) => heard.push(event))
  const client = await dial(port)
  expect(heard).toMatchObject([
    { state: 'open', protocol: 'websocket', duration: 0, peer: { name: new URL(peer.url).host } },
  ])
  await client.close()
  await vi.waitFor(() => {
    expect(heard).toHaveLength(2)
  })
  expect(heard[1]).toMatchObject({ state: 'closed', request: heard[0]?.request })
  expect(heard[1]?.duration).toBeGreaterThan(0)
})
