/** A peer is back when it takes connections as requests need them: with its handshake over on its own side, too. */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { fakeClock } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { connectionProbe } from '../../../src/health/connection-probe.js'
import { UpstreamTls } from '../../../src/transport/tls.js'
import { PeerState } from '../../../src/upstream/peer.js'
import { authority, client1, expiredPeer, goodPeer } from '../../fixtures/test-only-authority.js'
import { ask } from '../../helpers/clients.js'
import { serve } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { securePeer, tcpPeer } from './peers.js'
import type { Listening } from './peers.js'

watchProcess()

const PARAMETERS = {
  ...{ weight: 1, maxConns: 0, maxFails: 1, failTimeout: 10_000 },
  ...{ backup: false, down: false },
}
const mutual = { requestCert: true, rejectUnauthorized: true, ca: authority }

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('%s: a marked peer', (version) => {
  const only = { minVersion: version, maxVersion: version }

  it('that wants a certificate stays marked until it is given one', async () => {
    const clock = fakeClock()
    const peer = await securePeer({ ...mutual, ...only })
    const { port, balancer } = await serve(
      { upstream: [peer.url] },
      { tls: { ca: authority }, clock, failTimeout: '1h' },
    )
    const { upstream } = balancer
    const returned = new Promise<void>((resolve) => balancer.on('return', () => resolve()))
    expect(await ask(port)).toMatchObject({ status: 502 })
    await clock.advanceAsync(100)
    await peer.seen(() => peer.connections === 2)
    // The probe is over when the next one is planned; a peer that was found alive would have none.
    while (clock.nextDue !== clock.now() + 200) await clock.advanceAsync(0)
    expect(upstream.status(upstream.peers[0]!)).toBe('ejected')
    upstream.updateTls({ ca: authority, ...client1 })
    await clock.advanceAsync(200)
    await returned
    expect(upstream.status(upstream.peers[0]!)).toBe('up')
    expect(await ask(port)).toMatchObject({ status: 200 })
  })

  it('with a certificate that cannot be trusted is back when it has another', async () => {
    const clock = fakeClock()
    const peer = await securePeer({ ...expiredPeer, ...only })
    const { port, balancer } = await serve(
      { upstream: [peer.url] },
      { tls: { ca: authority }, clock, failTimeout: '1h' },
    )
    const returned = new Promise<void>((resolve) => balancer.on('return', () => resolve()))
    expect(await ask(port)).toMatchObject({ status: 502 })
    peer.use(goodPeer)
    await clock.advanceAsync(100)
    await returned
    expect(await ask(port)).toMatchObject({ status: 200 })
  })
})

describe('the connect probe over TLS', () => {
  function probe(peer: Listening, timeout = 1000) {
    const clock = fakeClock()
    const tls = new UpstreamTls({ verify: true, name: undefined, ca: authority })
    const address = { protocol: 'https:', hostname: 'localhost', port: peer.port } as const
    const target = new PeerState({ ...address, socketPath: undefined, name: 'peer' }, PARAMETERS, 0)
    const run = connectionProbe(clock, (each) => tls.connectOptions(each))
    const found = new Promise<boolean>((resolve) => {
      run(target, 'connect', timeout, resolve)
    })
    return { clock, found }
  }

  /** Stands before `peer`, and lets nothing of its through any more once the client has done its part. */
  async function muted(
    peer: Listening,
    options = { allowHalfOpen: true },
  ): Promise<Listening & { readonly clientIsDone: boolean }> {
    let pieces = 0
    const relay = await tcpPeer((socket: Socket) => {
      const inner = connect(peer.port, '127.0.0.1')
      inner.on('error', () => undefined)
      inner.on('data', (chunk: Buffer) => {
        if (pieces < 2) socket.write(chunk)
      })
      socket.on('data', (chunk: Buffer) => {
        pieces++
        inner.write(chunk)
      })
      socket.on('close', () => inner.destroy())
    }, options)
    return Object.defineProperty(relay, 'clientIsDone', { get: () => pieces > 1 }) as never
  }

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('finds a good peer alive (%s)', async (version) => {
    const peer = await securePeer({ minVersion: version, maxVersion: version })
    const { clock, found } = probe(peer)
    expect(await found).toBe(true)
    expect(clock.pending).toBe(0)
    await peer.seen(() => peer.open === 0)
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'finds one that refuses us dead (%s)',
    async (version) => {
      const peer = await securePeer({ ...mutual, minVersion: version, maxVersion: version })
      const { clock, found } = probe(peer)
      expect(await found).toBe(false)
      expect(clock.pending).toBe(0)
    },
  )

  it('takes an end in its turn for a yes: not every peer has tickets', async () => {
    const peer = await muted(await securePeer({ minVersion: 'TLSv1.3' }), { allowHalfOpen: false })
    const { clock, found } = probe(peer)
    expect(await found).toBe(true)
    expect(clock.pending).toBe(0)
  })

  it('takes silence after the handshake for a yes, in its time', async () => {
    const peer = await muted(await securePeer({ minVersion: 'TLSv1.3' }))
    const { clock, found } = probe(peer)
    let said: boolean | undefined
    void found.then((alive) => (said = alive))
    while (!peer.clientIsDone) await clock.advanceAsync(0)
    await clock.advanceAsync(999)
    expect(said).toBeUndefined()
    await clock.advanceAsync(1)
    expect(await found).toBe(true)
  })

  it('takes silence before it for a no', async () => {
    const peer = await tcpPeer((socket) => socket.resume())
    const { clock, found } = probe(peer)
    await peer.seen(() => peer.connections === 1)
    await clock.advanceAsync(1000)
    expect(await found).toBe(false)
    await peer.seen(() => peer.open === 0)
  })
})
