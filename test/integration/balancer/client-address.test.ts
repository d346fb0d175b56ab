/** What selectors know of a client behind another proxy. */
import { createServer, get } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createBalancer } from 'evenkeel'
import type { BalancerOptions } from 'evenkeel'
import { createMockUpstream } from 'evenkeel/testing'
import { expect, it } from 'vitest'

async function addressesSeen(options: Partial<BalancerOptions>): Promise<unknown> {
  const upstream = await createMockUpstream()
  let seen: unknown
  const balancer = createBalancer({
    upstream: [upstream.url],
    selector: ([first], { remoteAddress, clientAddress }) => {
      seen = { remoteAddress, clientAddress }
      return first
    },
    ...options,
  })
  const server = createServer(balancer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const headers = { 'X-Forwarded-For': '203.0.113.9, 198.51.100.7' }
  await new Promise((done) => {
    get({ port, host: '127.0.0.1', headers, agent: false }, (response) => {
      response.resume().on('end', done)
    })
  })
  server.close()
  await balancer.close()
  await upstream.close()
  return seen
}

it.each([
  [false, '127.0.0.1'],
  ['loopback', '198.51.100.7'],
  [true, '203.0.113.9'],
])('trustProxy %s: %s', async (trustProxy, clientAddress) => {
  expect(await addressesSeen({ trustProxy })).toEqual({ remoteAddress: '127.0.0.1', clientAddress })
})
