/**
 * The selectors that nginx has: a real one and ours choose alike, with random weights, keys and addresses, with peers that
 * are down and peers that refuse connections.
 */
import { createServer, request as httpRequest } from 'node:http'
import type { Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createBalancer, upstreamVariables } from 'evenkeel'
import type { Balancer, SelectorOptions } from 'evenkeel'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nginxBinary, startNginx } from './nginx-process.js'
import type { Nginx } from './nginx-process.js'

const PEERS = 6
const REQUESTS = 200

/** mulberry32: the same seed gives the same scenario again. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

interface Method {
  readonly title: string
  /** In nginx's configuration. */
  readonly directive: string
  readonly selector: SelectorOptions
}

const METHODS: readonly Method[] = [
  { title: 'round robin', directive: '', selector: { name: 'round_robin' } },
  { title: 'least_conn', directive: 'least_conn;', selector: { name: 'least_conn' } },
  { title: 'ip_hash', directive: 'ip_hash;', selector: { name: 'ip_hash' } },
  {
    title: 'hash',
    directive: 'hash $http_x_key;',
    selector: { name: 'hash', key: { header: 'X-Key' } },
  },
  {
    title: 'consistent hash',
    directive: 'hash $http_x_key consistent;',
    selector: { name: 'hash', key: { header: 'X-Key' }, consistent: true },
  },
  {
    title: 'hash of several variables',
    directive: 'hash $remote_addr:$request_uri${arg_id}$cookie_sid;',
    selector: { name: 'hash', key: '$remote_addr:$request_uri${arg_id}$cookie_sid' },
  },
]

interface Peer {
  readonly port: number
  readonly weight: number
  readonly down: boolean
  readonly server: Server | undefined
}

/** The last one, if there are dead ones, refuses connections: nobody listens there. */
async function peersOf(random: () => number): Promise<readonly Peer[]> {
  const peers: Peer[] = []
  for (let i = 0; i < PEERS; i++) {
    const server = createServer((_, response) => response.end(String(i)))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const isDead = i > 2 && random() < 0.4
    if (isDead) await close(server)
    peers.push({
      port,
      weight: 1 + Math.floor(random() * 7),
      down: i > 0 && random() < 0.2,
      server: isDead ? undefined : server,
    })
  }
  return peers
}

async function close(server: Server): Promise<void> {
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}

interface Ask {
  readonly key: string
  readonly address: string
}

/** The upstream addresses that the request went to: of ours by header, of nginx by header as well. */
function ask(port: number, { key, address }: Ask): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      {
        host: '127.0.0.1',
        port,
        localAddress: address,
        path: `/${key}?x=1&ID=${key.length}`,
        agent: false,
        headers: { 'x-key': key, cookie: `a=b; sid=${key}` },
      },
      (response) => {
        response.resume()
        response.on('end', () =>
          resolve(`${response.statusCode} ${String(response.headers['x-went-to'])}`),
        )
      },
    )
    outgoing.on('error', reject).end()
  })
}

class Pair {
  readonly nginx: Nginx
  readonly balancer: Balancer
  readonly server: Server
  readonly peers: readonly Peer[]

  constructor(nginx: Nginx, balancer: Balancer, server: Server, peers: readonly Peer[]) {
    this.nginx = nginx
    this.balancer = balancer
    this.server = server
    this.peers = peers
  }

  static async open({ directive, selector }: Method, random: () => number): Promise<Pair> {
    const peers = await peersOf(random)
    const servers = peers.map(
      ({ port, weight, down }) =>
        `server 127.0.0.1:${port} weight=${weight} max_fails=0${down ? ' down' : ''};`,
    )
    const nginx = await startNginx({
      upstream: `upstream group { ${directive} ${servers.join(' ')} }`,
      location: 'proxy_pass http://group; add_header X-Went-To $upstream_addr always;',
    })
    const balancer = createBalancer({
      preset: 'nginx',
      name: 'group',
      selector,
      upstream: peers.map(({ port, weight, down }) => ({
        url: `http://127.0.0.1:${port}`,
        weight,
        down,
        maxFails: 0,
      })),
      onUpstreamResponse: (head, { response }) => {
        head.headers.set('X-Went-To', upstreamVariables(response)!.upstream_addr)
      },
    })
    const server = createServer(balancer).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Pair(nginx, balancer, server, peers)
  }

  async both(what: Ask): Promise<readonly [nginx: string, ours: string]> {
    const { port } = this.server.address() as AddressInfo
    return [await ask(this.nginx.port, what), await ask(port, what)]
  }

  async close(): Promise<void> {
    await this.nginx.stop()
    await this.balancer.close({ timeout: 1000 })
    await close(this.server)
    for (const { server } of this.peers) if (server !== undefined) await close(server)
  }
}

function randomAsk(random: () => number): Ask {
  const octet = (): number => 1 + Math.floor(random() * 254)
  return {
    // No key now and then.
    key: random() < 0.05 ? '' : Math.floor(random() * 1e9).toString(36),
    address: `127.${octet()}.${octet()}.${octet()}`,
  }
}

describe.skipIf(nginxBinary === undefined)(`selectors against ${nginxBinary?.version}`, () => {
  describe.each(METHODS)('$title', (method) => {
    it.each([1, 2, 3, 4])('seed %i', async (seed) => {
      const random = seeded(seed * 1000 + METHODS.indexOf(method))
      const pair = await Pair.open(method, random)
      try {
        for (let i = 0; i < REQUESTS; i++) {
          const what = randomAsk(random)
          const [theirs, ours] = await pair.both(what)
          expect(ours, JSON.stringify(what)).toBe(theirs)
        }
      } finally {
        await pair.close()
      }
    })
  })

  describe('random', () => {
    let pair: Pair
    beforeAll(async () => {
      pair = await Pair.open(
        { title: 'random', directive: 'random;', selector: { name: 'random' } },
        seeded(7),
      )
    })
    afterAll(() => pair.close())

    it('gives both the same shares, as far as chance goes', async () => {
      const counts = [new Map<string, number>(), new Map<string, number>()]
      for (let i = 0; i < 1500; i++) {
        const answers = await pair.both({ key: 'k', address: '127.0.0.1' })
        for (const [which, answer] of answers.entries()) {
          // The first that was tried; those that refuse are followed by another.
          const [first = ''] = answer.split(' ').slice(1)
          const count = counts[which]!
          count.set(first.replace(',', ''), (count.get(first.replace(',', '')) ?? 0) + 1)
        }
      }
      const able = pair.peers.filter(({ down }) => !down)
      const total = able.reduce((sum, { weight }) => sum + weight, 0)
      for (const count of counts) {
        for (const { port, weight } of able) {
          const share = (count.get(`127.0.0.1:${port}`) ?? 0) / 1500
          // Four standard deviations, and one peer in a hundred thousand is beyond.
          const p = weight / total
          expect(Math.abs(share - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / 1500))
        }
      }
    })
  })
})
