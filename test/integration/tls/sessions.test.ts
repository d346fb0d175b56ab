/** Sessions are resumed where the same was verified before, and nowhere else: a resumed one is not verified again. */
import { createUpstream } from 'evenkeel'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  authority,
  goodPeer,
  strangeAuthority,
  wrongNamePeer,
} from '../../fixtures/test-only-authority.js'
import { ask } from '../../helpers/clients.js'
import { serve } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { securePeer } from './peers.js'
import type { SecurePeer } from './peers.js'

watchProcess()

/** Every request on a connection of its own. */
const keepalive = { requests: 1 }

function resumed({ requests }: SecurePeer): boolean[] {
  return requests.map((request) => request.resumed)
}

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('sessions of %s', (version) => {
  const only = { minVersion: version, maxVersion: version }

  it('are resumed with the same peer', async () => {
    const peers = await Promise.all([securePeer(only), securePeer(only)])
    const { port } = await serve(
      { upstream: peers.map(({ url }) => url) },
      { tls: { ca: authority }, keepalive },
    )
    for (let i = 0; i < 6; i++) expect(await ask(port)).toMatchObject({ status: 200 })
    for (const peer of peers) {
      expect(peer.connections).toBe(3)
      expect(resumed(peer)).toEqual([false, true, true])
    }
  })

  it('are not, where the two peers are one server under two names', async () => {
    const peer = await securePeer(only)
    const { port } = await serve(
      { upstream: [peer.url, `https://127.0.0.1:${peer.port}`] },
      { tls: { ca: authority }, keepalive },
    )
    for (let i = 0; i < 4; i++) expect(await ask(port)).toMatchObject({ status: 200 })
    expect(resumed(peer)).toEqual([false, false, true, true])
  })

  it('are forgotten with updateTls, for all or for the one peer', async () => {
    const peers = await Promise.all([securePeer(only), securePeer(only)])
    const { port, balancer } = await serve(
      { upstream: peers.map(({ url }) => url) },
      { tls: { ca: authority }, keepalive },
    )
    const round = async (): Promise<void> => {
      for (let i = 0; i < 4; i++) expect(await ask(port)).toMatchObject({ status: 200 })
    }
    await round()
    balancer.upstream.updateTls({ ca: authority })
    await round()
    balancer.upstream.updateTls({}, balancer.upstream.peers[1])
    await round()
    expect(resumed(peers[0])).toEqual([false, true, false, true, true, true])
    expect(resumed(peers[1])).toEqual([false, true, false, true, false, true])
  })

  it('of an agent that verifies nothing never reach one that does', async () => {
    const peer = await securePeer({ ...wrongNamePeer, ...only })
    const { port, balancer } = await serve(
      { upstream: [peer.url] },
      { tls: { verify: false }, keepalive },
    )
    for (let i = 0; i < 3; i++) expect(await ask(port)).toMatchObject({ status: 200 })
    expect(resumed(peer)).toEqual([false, true, true])
    balancer.upstream.updateTls({ ca: authority })
    for (let i = 0; i < 3; i++) {
      const reply = await ask(port)
      expect(reply.headers['proxy-status']).toContain('ERR_TLS_CERT_ALTNAME_INVALID')
    }
    // And back: what did not pass has left nothing that could be resumed.
    balancer.upstream.updateTls({ verify: false })
    expect(await ask(port)).toMatchObject({ status: 200 })
    expect(resumed(peer)).toEqual([false, true, true, false])
  })

  it('of a peer whose certificate fails are not kept', async () => {
    const peer = await securePeer({ ...wrongNamePeer, ...only })
    const { port } = await serve({ upstream: [peer.url] }, { tls: { ca: authority }, keepalive })
    for (let i = 0; i < 5; i++) {
      const reply = await ask(port)
      expect(reply.status).toBe(502)
      expect(reply.headers['proxy-status']).toContain('ERR_TLS_CERT_ALTNAME_INVALID')
    }
    // The same keys for tickets, and now the certificate is right: still nothing to resume.
    peer.use(goodPeer)
    expect(await ask(port)).toMatchObject({ status: 200 })
    expect(resumed(peer)).toEqual([false])
  })

  it('of an authority that is trusted no more do not help', async () => {
    const peer = await securePeer(only)
    const upstream = createUpstream({ peers: [peer.url], tls: { ca: authority }, keepalive })
    onTestFinished(() => upstream.close())
    const { port } = await serve({ upstream })
    for (let i = 0; i < 2; i++) expect(await ask(port)).toMatchObject({ status: 200 })
    upstream.updateTls({ ca: strangeAuthority })
    for (let i = 0; i < 2; i++) expect(await ask(port)).toMatchObject({ status: 502 })
    expect(resumed(peer)).toEqual([false, true])
  })
})
