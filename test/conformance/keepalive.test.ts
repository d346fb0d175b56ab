/** The pool of kept connections, as far as a peer sees it. */
import { once } from 'node:events'
import { createServer, get } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createBalancer } from 'evenkeel'
import type { KeepaliveOptions } from 'evenkeel'
import { createMockUpstream } from 'evenkeel/testing'

/** Connections that six requests, one after another, need. */
async function connectionsNeeded(keepalive: KeepaliveOptions): Promise<number> {
  await using mock = await createMockUpstream()
  const balancer = createBalancer({ preset: 'nginx', upstream: [mock.url], keepalive })
  const server = createServer(balancer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  for (let i = 0; i < 6; i++) {
    const [response] = await once(get({ port, host: '127.0.0.1', agent: false }), 'response')
    await once((response as IncomingMessage).resume(), 'end')
  }
  server.close()
  await balancer.close()
  return mock.connections
}

describe('keepalive', () => {
  it.each<[string, KeepaliveOptions, number]>([
    ['the default keeps one', {}, 1],
    ['keepalive 1', { connections: 1 }, 1],
    ['keepalive 0 keeps none', { connections: 0 }, 6],
    ['keepalive_requests 1', { requests: 1 }, 6],
    ['keepalive_requests 3', { requests: 3 }, 2],
    ['keepalive_timeout 0', { timeout: 0 }, 6],
  ])('%s', async (_, keepalive, connections) => {
    expect(await connectionsNeeded(keepalive)).toBe(connections)
  })
})
