/** What a change of membership does to what is under way, and what is refused. */
import { ConfigurationError, createBalancer, createUpstream } from 'evenkeel'
import type { Peer, Upstream } from 'evenkeel'
import { hang, reset, respond } from 'evenkeel/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { goodPeer } from '../../fixtures/test-only-authority.js'
import { ask } from '../../helpers/clients.js'
import { serve, upstream, upstreams } from '../../helpers/serve.js'
import type { Served } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { securePeer } from '../tls/peers.js'
import { dial, socketPeer } from '../upgrade/rig.js'

watchProcess()

const peerAt = ({ balancer }: Pick<Served, 'balancer'>, index: number): Peer => {
  const peer = balancer.upstream.peers[index]
  if (peer === undefined) throw new Error('no such peer')
  return peer
}

describe('a peer that is removed', () => {
  test('finishes the request that it has', async () => {
    const [leaving, staying] = await upstreams(2, { answer: respond({ body: 'well' }) })
    if (leaving === undefined || staying === undefined) throw new Error('two peers')
    let answer: () => void = () => undefined
    const held = new Promise<void>((resolve) => (answer = resolve))
    leaving.reply(async () => {
      await held
      return respond({ body: 'to the end' })
    })
    const served = await serve([leaving])
    const running = ask(served.port)
    await leaving.waitFor(() => leaving.requests.length === 1)
    const peer = peerAt(served, 0)
    served.balancer.upstream.replace([staying.url])
    expect(peer.connections).toBe(1)
    expect((await ask(served.port)).body).toBe('well')
    answer()
    expect(await running).toMatchObject({ whole: true, status: 200, body: 'to the end' })
    expect(peer.connections).toBe(0)
    await leaving.waitFor(() => leaving.openConnections === 0)
    expect(served.next).toEqual([])
    expect(() => served.balancer.upstream.status(peer)).toThrow(TypeError)
    expect(() => {
      served.balancer.upstream.remove(peer)
    }).toThrow(TypeError)
  })

  test('keeps its WebSocket until the client closes it', async () => {
    const leaving = await socketPeer()
    const staying = await upstream()
    const served = await serve({ upstream: [leaving.url] })
    const client = await dial(served.port)
    served.balancer.upstream.replace([staying.url])
    client.socket.send('still there')
    expect(await client.text()).toBe('still there')
    expect((await client.close()).code).toBe(1000)
    await served.over(1)
  })

  test('is not tried again by a request that waits for somebody to come', async () => {
    const [leaving, coming] = await upstreams(2, { answer: respond({ body: 'well' }) })
    if (leaving === undefined || coming === undefined) throw new Error('two peers')
    await leaving.stop()
    const served = await serve([leaving], { whenNoneLive: 'wait', probe: false })
    const waiting = new Promise((resolve) => {
      served.balancer.on('next', ({ decision }) => {
        resolve(decision)
      })
    })
    const running = ask(served.port)
    expect(await waiting).toBe('wait')
    const peer = peerAt(served, 0)
    served.balancer.upstream.remove(peer)
    await leaving.start()
    served.balancer.upstream.add(coming.url)
    expect((await running).body).toBe('well')
    expect(leaving.requests).toHaveLength(0)
    expect(served.next).toHaveLength(1)
  })

  test('while its attempt fails: the request goes to another, and nobody watches the one that is gone', async () => {
    const [leaving, staying] = await upstreams(2, { answer: respond({ body: 'well' }) })
    if (leaving === undefined || staying === undefined) throw new Error('two peers')
    let fail: () => void = () => undefined
    const held = new Promise<void>((resolve) => (fail = resolve))
    leaving.reply(async () => {
      await held
      return reset()
    })
    const served = await serve([leaving, staying], { probe: { interval: 5, timeout: 50 } })
    const ejected: Peer[] = []
    served.balancer.on('eject', ({ peer }) => ejected.push(peer))
    const running = ask(served.port)
    await leaving.waitFor(() => leaving.requests.length === 1)
    const { connections } = leaving
    served.balancer.upstream.remove(peerAt(served, 0))
    fail()
    expect((await running).body).toBe('well')
    // Several times the pause after which a probe would have come.
    for (let i = 0; i < 20; i++) expect((await ask(served.port)).body).toBe('well')
    expect(ejected).toEqual([])
    expect(leaving.connections).toBe(connections)
  })

  test('is broken off by close(), as any other', async () => {
    const leaving = await upstream({ answer: hang() })
    const group = createUpstream({ peers: [leaving.url] })
    const { port } = await serve({ upstream: group })
    const running = ask(port)
    await leaving.waitFor(() => leaving.requests.length === 1)
    const [peer] = group.peers
    if (peer === undefined) throw new Error('a peer')
    group.remove(peer)
    expect(leaving.openConnections).toBe(1)
    await group.close()
    await leaving.waitFor(() => leaving.openConnections === 0)
    expect((await running).status).toBe(502)
  })

  test('may be the last one: then there is nobody, until somebody comes', async () => {
    const mock = await upstream({ answer: respond({ body: 'well' }) })
    const served = await serve([mock])
    served.balancer.upstream.remove(peerAt(served, 0))
    expect((await ask(served.port)).status).toBe(502)
    expect(served.errors.map(({ code }) => code)).toEqual(['ERR_NO_LIVE_UPSTREAMS'])
    served.balancer.upstream.add(mock.url)
    expect((await ask(served.port)).body).toBe('well')
  })
})

describe('events', () => {
  test('join and leave name the peer; who stays is not told of', async () => {
    const balancer = createBalancer({ upstream: ['http://10.0.0.1', 'http://10.0.0.2'] })
    const told: string[] = []
    balancer.on('join', ({ peer }) => told.push(`+${peer.hostname}`))
    balancer.on('leave', ({ peer }) => told.push(`-${peer.hostname}`))
    const { upstream: group } = balancer
    const [first] = group.peers
    group.replace(['http://10.0.0.2', 'http://10.0.0.3', 'http://10.0.0.4'])
    if (first !== undefined) expect(group.peers).not.toContain(first)
    const added = group.add('http://10.0.0.5')
    group.update(added, { weight: 3 })
    group.remove(added)
    expect(told).toEqual(['-10.0.0.1', '+10.0.0.3', '+10.0.0.4', '+10.0.0.5', '-10.0.0.5'])
    await balancer.close()
  })
})

describe('the list of peers', () => {
  test('is another one after each change, and the old one stays as it was', async () => {
    const group = createUpstream({ peers: ['http://10.0.0.1', 'http://10.0.0.2'] })
    const lists = [group.peers]
    const added = group.add({ url: 'http://10.0.0.3', weight: 2 })
    lists.push(group.peers)
    group.remove(added)
    lists.push(group.peers)
    group.replace(['http://10.0.0.2'])
    lists.push(group.peers)
    expect(new Set(lists).size).toBe(4)
    expect(lists.map((list) => list.length)).toEqual([2, 3, 2, 1])
    expect(group.peers.map(({ index }) => index)).toEqual([0])
    await group.close()
  })

  const group = (): Upstream => {
    const made = createUpstream({ peers: ['http://10.0.0.1', 'http://10.0.0.2'] })
    onTestFinished(() => made.close())
    return made
  }
  const first = (of: Upstream): Peer => {
    const [peer] = of.peers
    if (peer === undefined) throw new Error('a peer')
    return peer
  }

  test.each<[string, (of: Upstream) => unknown, RegExp]>([
    ['an address that is there', (of) => of.add('10.0.0.2:80'), /peers\[0\]\.url .*already there/],
    ['no URL', (of) => of.add({ url: 'ftp://10.0.0.3' }), /peers\[0\]\.url must begin/],
    ['a weight of 0', (of) => of.add({ url: 'http://10.0.0.3', weight: 0 }), /peers\[0\]\.weight/],
    ['an unknown option', (of) => of.add({ url: 'http://a', wait: 1 } as never), /wait/],
    ['nothing', (of) => of.add(undefined as never), /peers\[0\]/],
    ['an empty list', (of) => of.replace([]), /at least one peer/],
    ['no list', (of) => of.replace('http://a' as never), /must be a list/],
    ['backups only', (of) => of.replace([{ url: 'http://a', backup: true }]), /not a backup/],
    ['one bad of two', (of) => of.replace(['http://a', 'http://b/path']), /peers\[1\].*no path/],
    ['a bad update', (of) => of.update(first(of), { weight: -1 }), /weight/],
    ['another address', (of) => of.update(first(of), { url: 'http://b' } as never), /url/],
    ['no object', (of) => of.update(first(of), null as never), /must be an object/],
  ])('%s is refused, and nothing changes', (_name, change, message) => {
    const of = group()
    const before = { peers: of.peers, text: JSON.stringify(of.peers) }
    let thrown: unknown
    try {
      change(of)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(ConfigurationError)
    expect((thrown as ConfigurationError).message).toMatch(message)
    expect((thrown as ConfigurationError).problems).not.toHaveLength(0)
    expect(of.peers).toBe(before.peers)
    expect(JSON.stringify(of.peers)).toBe(before.text)
  })
})

describe("a peer's own TLS settings", () => {
  test('come with it, and are kept or renewed by the next list', async () => {
    const peer = await securePeer()
    const own = { ca: goodPeer.cert, verify: false }
    const plain = await upstream({ answer: respond({ body: 'plain' }) })
    const served = await serve([plain])
    const { upstream: group } = served.balancer
    const { url } = peer
    group.replace([{ url, tls: own }])
    expect((await ask(served.port)).body).toBe('good')
    const { connections } = peer
    // The same again: the connection stays.
    group.replace([plain.url, { url, tls: { ...own } }])
    expect(await bodies(served.port, 4)).toEqual(['good', 'good', 'plain', 'plain'])
    expect(peer.connections).toBe(connections)
    // Others: the idle connection goes, and the certificate is checked now, in vain.
    group.replace([{ url, tls: { verify: true } }])
    expect((await ask(served.port)).status).toBe(502)
    group.replace([{ url, tls: own }])
    expect((await ask(served.port)).body).toBe('good')
    await peer.seen(() => peer.open === 1)
  })

  test('of a peer that has been removed still hold for what is under way', async () => {
    const peer = await securePeer()
    const served = await serve({ upstream: [{ url: peer.url, tls: { verify: false } }] })
    let answer: () => void = () => undefined
    peer.hold = new Promise((resolve) => (answer = resolve))
    const running = ask(served.port)
    await peer.seen(() => peer.requests.length === 1)
    const { upstream: group } = served.balancer
    const gone = peerAt(served, 0)
    const plain = await upstream()
    group.replace([plain.url])
    answer()
    expect(await running).toMatchObject({ status: 200, body: 'good' })
    await peer.seen(() => peer.open === 0)
    expect(gone.connections).toBe(0)
    // It comes again: with nothing of its own, the certificate is checked.
    group.replace([peer.url])
    expect((await ask(served.port)).status).toBe(502)
  })
})

async function bodies(port: number, count: number): Promise<string[]> {
  const all: string[] = []
  for (let i = 0; i < count; i++) all.push((await ask(port)).body)
  return all.sort()
}
