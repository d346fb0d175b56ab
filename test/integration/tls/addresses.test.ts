/** Where connections go to and come from: unix sockets, IPv6, `bind`. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { closeConnection, fakeClock, respond } from 'evenkeel/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { authority } from '../../fixtures/test-only-authority.js'
import { ask } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { securePeer, tcpPeer } from './peers.js'

watchProcess()

const hasIPv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)
if (!hasIPv6) console.log('no IPv6 on this machine: its tests are skipped')

/** Only Linux has the whole of 127.0.0.0/8. */
const hasSecondLoopback = await new Promise<boolean>((resolve) => {
  const probe = createServer().listen(0, '127.0.0.2')
  probe.on('listening', () => probe.close(() => resolve(true)))
  probe.on('error', () => resolve(false))
})
if (!hasSecondLoopback) console.log('no 127.0.0.2 on this machine: the tests of bind are skipped')

async function socketPath(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'evenkeel-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'peer.sock')
}

describe('a unix-socket peer', () => {
  it('beside peers on TCP and TLS, with `tls` and `bind` for the others', async () => {
    const mock = await upstream({ socketPath: await socketPath(), answer: respond({ body: 'x' }) })
    const secure = await securePeer()
    const { port } = await serve(
      { upstream: [mock.url, secure.url] },
      { tls: { ca: authority }, bind: '127.0.0.1' },
    )
    const bodies: string[] = []
    for (let i = 0; i < 4; i++) bodies.push((await ask(port, { method: 'POST', body: 'b' })).body)
    expect(bodies.sort()).toEqual(['good', 'good', 'x', 'x'])
    expect(mock.requests).toHaveLength(2)
  })

  it('that is not there costs a try', async () => {
    const good = await upstream()
    const { port, finished, over } = await serve({
      upstream: [`unix:${await socketPath()}`, good.url],
    })
    expect(await ask(port, { method: 'POST', body: 'b' })).toMatchObject({ status: 200 })
    await over(1)
    expect(finished[0]!.attempts[0]!.outcome).toBe('connection_refused in connect')
  })
})

describe.skipIf(!hasIPv6)('an IPv6 peer', () => {
  it('over plain TCP', async () => {
    const mock = await upstream({ host: '::1', answer: respond({ body: 'six' }) })
    const { port, finished, over } = await serve([mock], { host: 'peer' })
    expect(await ask(port)).toMatchObject({ status: 200, body: 'six' })
    expect(mock.requests[0]!.headers['host']).toBe(`[::1]:${mock.port}`)
    await over(1)
    expect(finished[0]!.attempts[0]!.peer).toBe(`[::1]:${mock.port}`)
  })

  it('over TLS: the address is checked, and no name is sent', async () => {
    const peer = await securePeer({}, '::1')
    const { port } = await serve({ upstream: [peer.url] }, { tls: { ca: authority } })
    expect(await ask(port)).toMatchObject({ status: 200 })
    expect(peer.requests).toMatchObject([{ servername: false, remoteAddress: '::1' }])
    const { port: wrong } = await serve(
      { upstream: [peer.url] },
      { tls: { ca: authority, name: '::2' } },
    )
    expect(await ask(wrong)).toMatchObject({ status: 502 })
  })

  it('from an address of ours', async () => {
    const peer = await securePeer({}, '::1')
    const { port } = await serve({ upstream: [peer.url] }, { tls: { ca: authority }, bind: '::1' })
    expect(await ask(port)).toMatchObject({ status: 200 })
    expect(peer.requests).toMatchObject([{ remoteAddress: '::1' }])
  })
})

describe.skipIf(!hasSecondLoopback)('bind', () => {
  const bind = '127.0.0.2'

  it.each(['127.0.0.1', 'localhost'])('is what a peer sees (https://%s)', async (host) => {
    const peer = await securePeer()
    const { port } = await serve(
      { upstream: [`https://${host}:${peer.port}`] },
      { tls: { ca: authority }, bind },
    )
    for (const method of ['GET', 'POST']) expect((await ask(port, { method })).status).toBe(200)
    expect(peer.requests.map(({ remoteAddress }) => remoteAddress)).toEqual([bind, bind])
  })

  it.each(['127.0.0.1', 'localhost'])('over plain TCP, too (http://%s)', async (host) => {
    const from: (string | undefined)[] = []
    const peer = await tcpPeer((socket) => {
      from.push(socket.remoteAddress)
      socket.once('data', () => socket.end('HTTP/1.1 204 No Content\r\n\r\n'))
    })
    const { port } = await serve({ upstream: [`http://${host}:${peer.port}`] }, { bind })
    expect((await ask(port)).status).toBe(204)
    expect(from).toEqual([bind])
  })

  it.each([
    ['connect', true],
    ['connect', false],
    ['answer', false],
  ] as const)('and what its probes come from (%s, TLS: %s)', async (step, encrypted) => {
    const clock = fakeClock()
    const from: (string | undefined)[] = []
    const peer = await tcpPeer((socket) => {
      from.push(socket.remoteAddress)
      // Taken and closed: without TLS that is no answer, with it no handshake.
      if (step === 'answer' || encrypted) socket.destroy()
      else socket.resume()
    })
    const scheme = encrypted ? 'https' : 'http'
    const { port } = await serve(
      { upstream: [`${scheme}://127.0.0.1:${peer.port}`] },
      { bind, clock, connectTimeout: 1000, readTimeout: 1000, keepalive: { requests: 1 } },
    )
    const asked = ask(port)
    if (step === 'connect' && !encrypted) {
      await peer.seen(() => peer.connections === 1)
      await clock.advanceAsync(1000)
    }
    await asked
    await clock.advanceAsync(100)
    await peer.seen(() => peer.connections === 2)
    expect(from).toEqual([bind, bind])
  })

  it('an address that is not ours is our own shortage: no peer is marked for it', async () => {
    const peer = await upstream({ answer: closeConnection() })
    // TEST-NET-1 (RFC 5737): on no machine.
    const { port, errors, balancer } = await serve([peer], { bind: '192.0.2.1' })
    expect(await ask(port)).toMatchObject({ status: 502 })
    expect(errors[0]!.attempts[0]!.outcome).toBe('proxy_internal_error in connect')
    expect(balancer.upstream.status(balancer.upstream.peers[0]!)).toBe('up')
    expect(peer.connections).toBe(0)
  })
})
