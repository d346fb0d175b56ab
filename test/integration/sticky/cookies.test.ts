/** Sticky sessions over real sockets. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import express from 'express'
import session from 'express-session'
import { createBalancer } from 'evenkeel'
import type { Upstream } from 'evenkeel'
import { respond } from 'evenkeel/testing'
import type { MockUpstream } from 'evenkeel/testing'
import { expect, onTestFinished, test } from 'vitest'
import { ask, ask2, http2Session } from '../../helpers/clients.js'
import type { Reply } from '../../helpers/clients.js'
import { serve, upstreams } from '../../helpers/serve.js'

/** Peers that answer with their number. */
async function numbered(count: number): Promise<MockUpstream[]> {
  const peers = await upstreams(count)
  for (const [index, peer] of peers.entries()) {
    peer.reply(respond({ body: String(index), headers: { 'X-Peer': String(index) } }))
  }
  return peers
}

const pairOf = (reply: Reply): string => reply.headers['set-cookie']?.[0]?.split(';')[0] ?? ''

test('Set-Cookie, byte for byte, and no more than once', async () => {
  const { port } = await serve(await numbered(2), {
    sticky: {
      cookie: {
        name: 'edge',
        secret: 'for tests only',
        domain: 'example.com',
        maxAge: '1h',
        secure: true,
        sameSite: 'lax',
        priority: 'high',
        partitioned: true,
      },
    },
  })
  const first = await ask(port)
  const at = first.rawHeaders.indexOf('Set-Cookie')
  expect(first.rawHeaders[at + 1]).toMatch(
    /^edge=[\w-]{22}; Max-Age=3600; Domain=example\.com; Path=\/; HttpOnly; Secure; Partitioned; Priority=High; SameSite=Lax$/,
  )
  expect(first.rawHeaders.slice(at + 2, at + 4)).toEqual(['Cache-Control', 'private'])
  for (let i = 0; i < 4; i++) {
    const again = await ask(port, { headers: { cookie: `a=1; ${pairOf(first)}` } })
    expect(again.body).toBe(first.body)
    expect(again.headers['set-cookie']).toBeUndefined()
    expect(again.headers['cache-control']).toBeUndefined()
  }
})

test.each(['http', 'https', 'http2'] as const)(
  "secure 'auto' over %s goes with the connection, or with what a trusted proxy says",
  async (kind) => {
    const options = { sticky: { cookie: { secure: 'auto' } }, trustProxy: true } as const
    const { port } = await serve(await numbered(1), options, { kind })
    if (kind === 'http') {
      const plain = await ask(port)
      expect(plain.headers['set-cookie']?.[0]).not.toContain('Secure')
      const proxied = await ask(port, { headers: { 'x-forwarded-proto': 'https' } })
      expect(proxied.headers['set-cookie']?.[0]).toContain('; Secure')
      return
    }
    const session = kind === 'http2' ? http2Session(port) : undefined
    const line =
      session === undefined
        ? (await askTls(port))['set-cookie']?.[0]
        : (await ask2(session)).headers['set-cookie']?.[0]
    expect(line).toContain('; Secure')
  },
)

async function askTls(port: number): Promise<Reply['headers']> {
  const { get } = await import('node:https')
  return new Promise((resolve, reject) => {
    const request = get({ port, host: '127.0.0.1', rejectUnauthorized: false, agent: false })
    request.on('error', reject)
    request.on('response', (response) => {
      response.resume()
      response.on('end', () => {
        resolve(response.headers)
      })
    })
  })
}

test('a peer that drains keeps its sessions while new clients go elsewhere; when it is gone they move', async () => {
  const peers = await numbered(3)
  const { port, balancer } = await serve(peers, { sticky: { cookie: {} } })
  const first = await ask(port)
  const { upstream } = balancer
  const own = upstream.peers[Number(first.body)]
  if (own === undefined) throw new Error('no such peer')
  const cookie = pairOf(first)
  upstream.drain(own)
  for (let i = 0; i < 6; i++) {
    expect((await ask(port, { headers: { cookie } })).body).toBe(first.body)
    expect((await ask(port)).body).not.toBe(first.body)
  }
  upstream.remove(own)
  const moved = await ask(port, { headers: { cookie } })
  expect(moved.status).toBe(200)
  expect(moved.body).not.toBe(first.body)
  expect(pairOf(moved)).not.toBe('')
  const after = await ask(port, { headers: { cookie: pairOf(moved) } })
  expect(after.body).toBe(moved.body)
})

test('the cookie of a peer that fails is replaced by that of the one that answers', async () => {
  const peers = await numbered(2)
  const { port } = await serve(peers, { sticky: { cookie: {} } })
  const first = await ask(port)
  await peers[Number(first.body)]?.close()
  const moved = await ask(port, { headers: { cookie: pairOf(first) } })
  expect(moved.status).toBe(200)
  expect(moved.body).toBe(String(1 - Number(first.body)))
  const again = await ask(port, { headers: { cookie: pairOf(moved) } })
  expect(again.body).toBe(moved.body)
  expect(again.headers['set-cookie']).toBeUndefined()
})

test('not in an interim response; with hooks and on other statuses, too', async () => {
  const peers = await numbered(1)
  peers[0]?.route('/hints', {
    startsAt: 'request',
    async play(exchange) {
      await exchange.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')
      await exchange.write('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')
    },
  })
  const { port } = await serve(peers, {
    sticky: { cookie: {} },
    responseHeaders: { remove: ['Set-Cookie'] },
    onUpstreamResponse: async (head) => {
      await Promise.resolve()
      head.headers.set('X-Async', '1')
    },
  })
  const { request } = await import('node:http')
  const seen: Record<string, unknown>[] = []
  await new Promise((resolve) => {
    const outgoing = request({ port, host: '127.0.0.1', path: '/hints' })
    outgoing.on('information', (interim) => seen.push(interim.headers))
    outgoing.on('response', (response) => {
      seen.push(response.headers)
      response.resume().on('end', resolve)
    })
    outgoing.end()
  })
  expect(seen[0]).toEqual({ link: '</a>' })
  expect(seen[1]).toMatchObject({
    'x-async': '1',
    'set-cookie': [expect.stringMatching(/^srv_id=/)],
  })
})

test('indirect: the peers see nothing of it', async () => {
  const peers = await numbered(1)
  const { port } = await serve(peers, { sticky: { cookie: { name: 'edge', indirect: true } } })
  const first = await ask(port)
  await ask(port, { headers: { cookie: `a=1; ${pairOf(first)}; b=2` } })
  await ask(port, { headers: { cookie: pairOf(first) } })
  const cookies = peers[0]?.requests.map(({ headers }) => headers['cookie'])
  expect(cookies).toEqual([undefined, 'a=1; b=2', undefined])
})

test('by default they see what the client has sent', async () => {
  const peers = await numbered(1)
  const { port } = await serve(peers, { sticky: { cookie: { name: 'edge' } } })
  await ask(port, { headers: { cookie: 'edge=x; a=1' } })
  expect(peers[0]?.requests[0]?.headers['cookie']).toBe('edge=x; a=1')
})

test('balancers that share an upstream share the sessions, beside an Express session of one’s own', async () => {
  const peers = await numbered(3)
  const { createUpstream } = await import('evenkeel')
  const shared: Upstream = createUpstream({
    peers: peers.map(({ url }) => url),
    sticky: { cookie: { secret: 'for tests only' } },
  })
  onTestFinished(() => shared.close())
  const app = express()
  app.use(
    session({ secret: 'for tests only', resave: false, saveUninitialized: true, name: 'own' }),
  )
  app.use('/one', createBalancer({ upstream: shared }))
  app.use('/two', createBalancer({ upstream: shared }))
  const server = createServer(app)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const first = await ask(port, { path: '/one/' })
  const lines = first.headers['set-cookie'] ?? []
  expect(lines.map((line) => line.split('=')[0]).sort()).toEqual(['own', 'srv_id'])
  const cookie = lines.map((line) => line.split(';')[0]).join('; ')
  for (const path of ['/two/', '/one/', '/two/']) {
    const again = await ask(port, { path, headers: { cookie } })
    expect(again.body).toBe(first.body)
    expect(again.headers['set-cookie']).toBeUndefined()
  }
})

test('hostile cookies are nobody’s: the request is served all the same', async () => {
  const { port } = await serve(await numbered(2), { sticky: { cookie: { secret: 'x' } } })
  for (const value of [
    'srv_id=',
    'srv_id',
    ';;;=;',
    `srv_id=${'\u00ff'.repeat(999)}`,
    'srv_id="',
  ]) {
    const reply = await ask(port, { headers: { cookie: value } })
    expect(reply.status).toBe(200)
    expect(pairOf(reply)).toMatch(/^srv_id=[\w-]{22}$/)
  }
})

test('learnt sessions, and routes', async () => {
  const peers = await numbered(3)
  for (const [index, peer] of peers.entries()) {
    peer.route(
      '/login',
      respond({ headers: { 'Set-Cookie': `sid=s${index}; Path=/` }, body: 'in' }),
    )
  }
  const learning = await serve(peers, {
    sticky: { learn: { create: { cookie: 'sid' }, lookup: { cookie: 'sid' } } },
  })
  const login = await ask(learning.port, { path: '/login' })
  const cookie = pairOf(login)
  for (let i = 0; i < 4; i++)
    expect((await ask(learning.port, { headers: { cookie } })).body).toBe(cookie.slice(-1))
  const routed = await serve(
    { upstream: peers.map(({ url }, index) => ({ url, labels: { route: `r${index}` } })) },
    { sticky: { route: [{ cookie: 'JSESSIONID' }, { query: 'route' }] } },
  )
  for (let i = 0; i < 3; i++) {
    const headers = { cookie: 'JSESSIONID=0A1B.r2' }
    expect((await ask(routed.port, { headers })).body).toBe('2')
    expect((await ask(routed.port, { path: '/?route=r1' })).body).toBe('1')
  }
})
