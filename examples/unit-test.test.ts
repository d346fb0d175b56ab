/**
 * Unit tests of one's own service in front of upstreams that fail on command. Written for Vitest; any runner will do.
 * Here the service is the balancer with the options that the tests are about; yours may be an Express app.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createBalancer } from 'evenkeel'
import type { Balancer, BalancerOptions } from 'evenkeel'
import {
  createMockUpstream,
  fails,
  fakeClock,
  hang,
  ok,
  reset,
  respond,
  scriptedTransport,
} from 'evenkeel/testing'
import { afterEach, describe, expect, it } from 'vitest'

const cleanUp: (() => unknown)[] = []
afterEach(async () => {
  for (const run of cleanUp.splice(0).reverse()) await run()
})

/** The service under test, on a free port. */
async function serve(options: BalancerOptions): Promise<{ balancer: Balancer; url: string }> {
  const balancer = createBalancer(options)
  const server = createServer(balancer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUp.push(() => {
    server.close()
    server.closeAllConnections()
    return balancer.close()
  })
  return { balancer, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

describe('with mock upstreams: real servers on real sockets, which do as they are told', () => {
  it('a connection that breaks costs nobody an answer', async () => {
    await using one = await createMockUpstream({ answer: reset() })
    await using two = await createMockUpstream({ answer: respond({ body: 'from two' }) })
    const { url } = await serve({ upstream: [one.url, two.url] })

    const response = await fetch(url)

    expect(await response.text()).toBe('from two')
    expect(one.requests).toHaveLength(1)
    expect(two.requests).toHaveLength(1)
  })

  it('an order that may have been placed is not placed twice', async () => {
    await using one = await createMockUpstream({ answer: reset() })
    await using two = await createMockUpstream()
    const { url } = await serve({ upstream: [one.url, two.url] })

    const response = await fetch(`${url}/orders`, { method: 'POST', body: 'one pizza' })

    expect(response.status).toBe(502)
    expect(one.requests[0]?.body.toString()).toBe('one pizza')
    expect(two.requests).toHaveLength(0)
  })

  it("the application's 500 is delivered, and marks nobody", async () => {
    await using one = await createMockUpstream()
    one.route('/bug', respond({ status: 500, body: 'stack trace' }))
    const { balancer, url } = await serve({ upstream: [one.url] })

    const response = await fetch(`${url}/bug`)

    expect(response.status).toBe(500)
    expect(await response.text()).toBe('stack trace')
    expect(balancer.upstream.peers.map((peer) => balancer.upstream.status(peer))).toEqual(['up'])
  })

  it('a server that hangs is given up after the read timeout', async () => {
    await using one = await createMockUpstream({ answer: hang() })
    const { url } = await serve({ upstream: [one.url], readTimeout: '50ms' })

    expect((await fetch(url)).status).toBe(504)
  })
})

describe('without sockets towards the peers: a scripted transport, and a clock turned by hand', () => {
  const UPSTREAM = ['http://10.0.0.1', 'http://10.0.0.2']

  it('when no server takes the connection, the client is told why, and no inner address', async () => {
    const transport = scriptedTransport([fails(), fails({ type: 'connection_timeout' })])
    const { balancer, url } = await serve({ upstream: UPSTREAM, transport, probe: false })
    const codes: string[] = []
    balancer.on('error', ({ code }) => codes.push(code))

    const response = await fetch(url)

    expect(response.status).toBe(504) // the last attempt ran out of time
    expect(response.headers.get('proxy-status')).toBe(
      'evenkeel; error=connection_timeout; details="2 attempts: connection_refused, connection_timeout"',
    )
    expect(codes).toEqual(['ERR_UPSTREAM_TIMEOUT'])
    expect(transport.peers).toEqual(['10.0.0.1:80', '10.0.0.2:80'])
  })

  it('ten seconds after it was marked, a server is tried again', async () => {
    const clock = fakeClock(1_000)
    let broken = true
    const transport = scriptedTransport({
      '10.0.0.1:80': () => (broken ? fails() : ok({ body: 'one' })),
      '10.0.0.2:80': ok({ body: 'two' }),
    })
    const { balancer, url } = await serve({ upstream: UPSTREAM, transport, clock, probe: false })
    const [one] = balancer.upstream.peers
    const ask = async (): Promise<string> => (await fetch(url)).text()

    expect(await ask()).toBe('two')
    expect(balancer.upstream.status(one!)).toBe('ejected')

    broken = false
    clock.advance(9_999)
    expect([await ask(), await ask()]).toEqual(['two', 'two'])

    clock.advance(1) // eased in: not the very next request is its
    expect([await ask(), await ask(), await ask()]).toEqual(['two', 'two', 'one'])
    expect(balancer.upstream.status(one!)).toBe('up')
  })
})
