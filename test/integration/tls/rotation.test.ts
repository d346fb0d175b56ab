/** New certificates while requests run: none fails, and from then on the peers see the new ones. */
import { ConfigurationError, createUpstream } from 'evenkeel'
import { fakeClock } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import {
  authority,
  client1,
  client2,
  strangeAuthority,
  strangePeer,
} from '../../fixtures/test-only-authority.js'
import { ask } from '../../helpers/clients.js'
import { serve } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { securePeer } from './peers.js'
import type { SeenRequest } from './peers.js'

watchProcess()

const mutual = { requestCert: true, rejectUnauthorized: true, ca: authority }
const first = { ca: authority, ...client1 }
const second = { ca: authority, ...client2 }

describe('updateTls', () => {
  it('under load: nothing fails, and the peers see the new certificate', async () => {
    const peers = await Promise.all([securePeer(mutual), securePeer(mutual)])
    const { port, balancer, finished, errors, next, over } = await serve(
      { upstream: peers.map(({ url }) => url) },
      { tls: first },
    )
    const requests = (): SeenRequest[] => peers.flatMap((peer) => peer.requests)
    const worker = async (until: () => boolean): Promise<void> => {
      for (let i = 0; !until(); i++) {
        const method = i % 3 === 0 ? 'POST' : 'GET'
        const reply = await ask(port, { method, ...(method === 'POST' ? { body: 'x' } : {}) })
        expect(reply).toMatchObject({ whole: true, status: 200, body: 'good' })
      }
    }
    let enough = false
    const workers = Array.from({ length: 8 }, () => worker(() => enough))
    for (let round = 1; round <= 4; round++) {
      await over(round * 30)
      balancer.upstream.updateTls(round % 2 === 0 ? first : second)
    }
    await over(150)
    enough = true
    await Promise.all(workers)
    expect(errors).toEqual([])
    expect(next).toEqual([])
    for (const { attempts } of finished) expect(attempts).toHaveLength(1)
    expect(new Set(requests().map(({ client }) => client))).toEqual(
      new Set(['client-1', 'client-2']),
    )
    // The last of the updates was back to the first certificate.
    const { length } = requests()
    await ask(port)
    await ask(port)
    expect(requests()).toHaveLength(length + 2)
    for (const peer of peers) expect(peer.requests.at(-1)!.client).toBe('client-1')
  })

  it('closes idle connections, and lets those in use finish', async () => {
    const peer = await securePeer(mutual)
    const { port, balancer } = await serve({ upstream: [peer.url] }, { tls: first })
    let release: () => void = () => undefined
    peer.hold = new Promise((resolve) => (release = resolve))
    const two = [ask(port), ask(port)]
    await peer.seen(() => peer.requests.length === 2)
    release()
    await Promise.all(two)
    peer.hold = new Promise((resolve) => (release = resolve))
    const running = ask(port)
    await peer.seen(() => peer.requests.length === 3)
    expect(peer.open).toBe(2)

    balancer.upstream.updateTls(second)
    await peer.seen(() => peer.open === 1)
    expect(peer.connections).toBe(2)
    release()
    expect(await running).toMatchObject({ whole: true, status: 200 })
    // It is not kept: its certificate is the old one.
    await peer.seen(() => peer.open === 0)
    expect(await ask(port)).toMatchObject({ status: 200 })
    expect(peer.connections).toBe(3)
    expect(peer.requests.map(({ client }) => client)).toEqual([
      'client-1',
      'client-1',
      'client-1',
      'client-2',
    ])
  })

  it('of one peer leaves the others alone, and is laid over the upstream’s', async () => {
    const peers = await Promise.all([securePeer(mutual), securePeer(mutual)])
    const { port, balancer } = await serve(
      { upstream: peers.map(({ url }) => url) },
      { tls: first },
    )
    const { upstream } = balancer
    const round = async (): Promise<(string | undefined)[]> => {
      for (let i = 0; i < 2; i++) expect(await ask(port)).toMatchObject({ status: 200 })
      return peers.map(({ requests }) => requests.at(-1)!.client)
    }
    expect(await round()).toEqual(['client-1', 'client-1'])
    upstream.updateTls(client2, upstream.peers[0])
    expect(await round()).toEqual(['client-2', 'client-1'])
    expect(peers.map(({ connections }) => connections)).toEqual([2, 1])
    // The peer's own still win over what all get.
    upstream.updateTls(first)
    expect(await round()).toEqual(['client-2', 'client-1'])
    upstream.updateTls({}, upstream.peers[0])
    expect(await round()).toEqual(['client-1', 'client-1'])
  })

  it('replaces all that was there before: what is not given is the default', async () => {
    const peer = await securePeer()
    const { port, balancer } = await serve(
      { upstream: [`https://127.0.0.1:${peer.port}`] },
      { tls: { ca: strangeAuthority, name: 'other.test', verify: false } },
    )
    expect(await ask(port)).toMatchObject({ status: 200 })
    balancer.upstream.updateTls({ ca: authority })
    expect(await ask(port)).toMatchObject({ status: 200 })
    expect(peer.requests.map(({ servername }) => servername)).toEqual(['other.test', false])
    balancer.upstream.updateTls({})
    expect(await ask(port)).toMatchObject({ status: 502 })
  })

  it('brings a peer back whose authority is trusted now: its probes have the new settings', async () => {
    const clock = fakeClock()
    const peer = await securePeer(strangePeer)
    const { port, balancer } = await serve(
      { upstream: [peer.url] },
      { tls: { ca: authority }, clock, failTimeout: '1h' },
    )
    const { upstream } = balancer
    const returned = new Promise<void>((resolve) => balancer.on('return', () => resolve()))
    expect(await ask(port)).toMatchObject({ status: 502 })
    expect(upstream.status(upstream.peers[0]!)).toBe('ejected')
    await clock.advanceAsync(100)
    await peer.seen(() => peer.connections === 2)
    await peer.seen(() => peer.open === 0)
    expect(upstream.status(upstream.peers[0]!)).toBe('ejected')
    upstream.updateTls({ ca: strangeAuthority })
    await clock.advanceAsync(1000)
    await returned
    expect(upstream.status(upstream.peers[0]!)).toBe('up')
    expect(await ask(port)).toMatchObject({ status: 200 })
  })

  it('closes with the upstream, old connections included', async () => {
    const peer = await securePeer(mutual)
    const upstream = createUpstream({ peers: [peer.url], tls: first })
    const { port } = await serve({ upstream })
    peer.hold = new Promise(() => undefined)
    const running = ask(port)
    await peer.seen(() => peer.requests.length === 1)
    upstream.updateTls(second)
    await upstream.close()
    expect((await running).status).not.toBe(200)
    await peer.seen(() => peer.open === 0)
  })
})

describe('what updateTls refuses', () => {
  function refusal(update: () => void): ConfigurationError {
    try {
      update()
    } catch (error) {
      if (error instanceof ConfigurationError) return error
      throw error
    }
    throw new Error('nothing was thrown')
  }

  it('changes nothing, and says why without showing a secret', async () => {
    const peer = await securePeer(mutual)
    const { port, balancer } = await serve({ upstream: [peer.url] }, { tls: first })
    const { upstream } = balancer
    expect(await ask(port)).toMatchObject({ status: 200 })
    for (const [options, line] of [
      [{ key: client2.key, cert: client1.cert }, 'tls cannot be used: '],
      [{ ca: 'SECRET' }, 'tls.ca must hold a certificate'],
      [{ ca: Buffer.alloc(0) }, 'tls.ca must hold a certificate'],
      [{ ca: [] }, 'tls.ca must hold a certificate'],
      [{ cert: Buffer.alloc(0), key: Buffer.alloc(0) }, 'tls cannot be used: '],
      [{ key: 'SECRET' }, 'tls cannot be used: '],
      [{ passphras: 'SECRET' }, 'tls.passphras is not an option (did you mean passphrase?)'],
      [undefined, 'tls must be an object, got undefined'],
      ['SECRET', 'tls must be an object, got a string'],
    ] as [object, string][]) {
      for (const target of [undefined, upstream.peers[0]]) {
        const { message, code } = refusal(() => upstream.updateTls(options, target))
        expect(message).toContain(line)
        expect(message).not.toContain('SECRET')
        expect(code).toBe('ERR_CONFIGURATION')
      }
    }
    expect(await ask(port)).toMatchObject({ status: 200 })
    expect(peer.connections).toBe(1)
    expect(peer.requests).toHaveLength(2)
  })

  it('is what a peer’s own options cannot be used with', () => {
    const upstream = createUpstream({
      peers: ['https://a.test', { url: 'https://b.test', tls: { cert: client1.cert } }],
      tls: { key: client1.key },
    })
    const { problems } = refusal(() => upstream.updateTls({ key: client2.key }))
    expect(problems.map(({ path }) => path)).toEqual(['peers[1].tls'])
    // Without what it has of its own there is nothing to object to.
    upstream.updateTls({}, upstream.peers[1])
    upstream.updateTls({ key: client2.key })
  })

  it('is a peer of another upstream, and one without TLS', () => {
    const one = createUpstream({ peers: ['http://a.test'] })
    const two = createUpstream({ peers: ['https://a.test'] })
    expect(() => one.updateTls({}, two.peers[0])).toThrow(TypeError)
    expect(refusal(() => one.updateTls({}, one.peers[0])).message).toBe(
      'tls is of no use for a peer that is not https:',
    )
    one.updateTls({})
    two.updateTls({}, two.peers[0])
  })
})
