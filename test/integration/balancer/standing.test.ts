/** How a peer's standing changes, over real sockets: what is learnt of its connections, marks, and closing down. */
import { once } from 'node:events'
import { request } from 'node:http'
import { Agent } from 'node:https'
import { connect } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import type { Peer } from 'evenkeel'
import { respond, closeConnection, earlyResponse, hang, reset } from 'evenkeel/testing'
import { expect, test } from 'vitest'
import { forLocalhost } from '../../fixtures/test-only-certificates.js'
import { ask } from '../../helpers/clients.js'
import { serve, upstream, upstreams } from '../../helpers/serve.js'

const statusesOf = async (answers: Promise<{ status: number }>[]): Promise<number[]> =>
  (await Promise.all(answers)).map(({ status }) => status)

test.each([
  ['drops its connection', closeConnection()],
  ['is never answered', hang()],
])('a URL that %s teaches nothing about idle connections', async (_name, answer) => {
  const peer = await upstream()
  peer.route('/broken', answer)
  const { port } = await serve([peer], { readTimeout: 500 })
  for (let round = 0; round < 4; round++) {
    await ask(port, { path: '/well' })
    await ask(port, { path: '/broken' })
  }
  const before = peer.connections
  for (let round = 0; round < 10; round++) await ask(port, { path: '/well' })
  expect(peer.connections - before).toBeLessThanOrEqual(1)
})

test('a client that leaves teaches nothing about idle connections', async () => {
  const peer = await upstream()
  peer.route('/slow', hang())
  const { port, over } = await serve([peer])
  for (let round = 0; round < 4; round++) {
    await ask(port, { path: '/well' })
    const leaving = request({ port, host: '127.0.0.1', path: '/slow' })
    leaving.on('error', () => undefined)
    leaving.end()
    await peer.waitFor(() => peer.requests.at(-1)?.target === '/slow')
    leaving.destroy()
    await over((round + 1) * 2)
  }
  const before = peer.connections
  for (let round = 0; round < 10; round++) await ask(port, { path: '/well' })
  expect(peer.connections - before).toBeLessThanOrEqual(1)
})

test("a status that counts marks the peer until an answer of a later request, not until the probe's", async () => {
  const [first, second] = await upstreams(2)
  if (first === undefined || second === undefined) throw new Error('two peers')
  first.script([respond({ status: 503, body: 'busy' })])
  const { port, balancer } = await serve([first, second], {
    failOn: ['error', 'http_503'],
    probe: { interval: 5, timeout: 50 },
    failTimeout: 200,
  })
  expect((await ask(port)).status).toBe(200)
  const [peer] = balancer.upstream.peers
  if (peer === undefined) throw new Error('a peer')
  expect(balancer.upstream.status(peer)).toBe('ejected')
  expect(peer.ledgers).toEqual({ transport: 0, status: 1, stale: 0 })
  const returned = new Promise((resolve) =>
    balancer.on('return', ({ reason }) => {
      resolve(reason)
    }),
  )
  // Only the window's end lets a request through to it, and its good answer brings it back.
  let asked = 0
  while (first.requests.length < 2 && asked < 2000) {
    asked++
    await ask(port)
  }
  expect(await returned).toBe('answered')
  expect(first.requests.every(({ method }) => method === 'GET')).toBe(true)
})

test('close({ timeout }) answers what still waits with 503 and lets nothing begin anew', async () => {
  const peers = await upstreams(2)
  for (const peer of peers) peer.reply(hang())
  const { port, balancer, errors } = await serve(peers, { readTimeout: '30s' })
  const waiting = [ask(port), ask(port), ask(port)]
  const seen = (): number => peers.reduce((sum, peer) => sum + peer.requests.length, 0)
  await Promise.all(
    peers.map((peer, index) => peer.waitFor(() => peer.requests.length === 2 - index)),
  )
  await balancer.close({ timeout: 20 })
  expect(await statusesOf(waiting)).toEqual([503, 503, 503])
  expect(seen()).toBe(3)
  expect(errors.map(({ code }) => code)).toEqual(['ERR_CLOSING', 'ERR_CLOSING', 'ERR_CLOSING'])
  expect((await ask(port)).status).toBe(503)
})

test('close() waits for what runs', async () => {
  const peer = await upstream({ answer: respond({ body: 'late', delay: 50 }) })
  const { port, balancer } = await serve([peer])
  const running = ask(port)
  await peer.waitFor(() => peer.requests.length === 1)
  await balancer.close()
  expect(await running).toMatchObject({ status: 200, body: 'late', whole: true })
})

test('a response that dies within its announced length costs a try, not an answer', async () => {
  const [first, second] = await upstreams(2)
  if (first === undefined || second === undefined) throw new Error('two peers')
  first.script([
    {
      startsAt: 'request',
      play: async (exchange) => {
        await exchange.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
        exchange.close('fin')
      },
    },
  ])
  second.reply(respond({ body: 'whole answer' }))
  const { port } = await serve([first, second])
  expect(await ask(port)).toMatchObject({ status: 200, body: 'whole answer', whole: true })
})

test('a request that is reset everywhere is at fault: 502, and nobody is marked', async () => {
  const peers = await upstreams(2)
  for (const peer of peers) peer.route('/poison', reset())
  const { port, balancer } = await serve(peers)
  const answer = await ask(port, { path: '/poison' })
  expect(answer).toMatchObject({ status: 502, whole: true })
  expect(answer.headers['proxy-status']).toContain('connection_terminated')
  expect(balancer.upstream.peers.map((peer) => balancer.upstream.status(peer))).toEqual([
    'up',
    'up',
  ])
})

test('a connection whose request was answered before its body was sent is not used again', async () => {
  const peer = await upstream()
  peer.route('/upload', earlyResponse(respond({ body: 'enough' }), { then: 'stall' }))
  const { port, over } = await serve([peer])
  const upload = request({ port, host: '127.0.0.1', path: '/upload', method: 'PUT' })
  upload.setHeader('content-length', 100)
  const answered = new Promise((resolve) => upload.on('response', resolve))
  upload.write('GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n')
  expect(await answered).toMatchObject({ statusCode: 200 })
  await over(1)
  expect(await ask(port, { path: '/next' })).toMatchObject({ status: 200, whole: true })
  upload.destroy()
  expect(peer.requests.map(({ target }) => target)).toEqual(['/upload', '/next'])
  expect(peer.requests[1]?.connectionId).not.toBe(peer.requests[0]?.connectionId)
})

test('a POST on a TLS connection that a pool of one\u2019s own had opened before is known to be sent', async () => {
  const [first, second] = await upstreams(2, { tls: forLocalhost })
  if (first === undefined || second === undefined) throw new Error('two peers')
  for (const peer of [first, second]) peer.reply(hang())
  const open = await Promise.all([first, second].map(({ port }) => secured(port)))
  const pool = (peer: Peer): Agent => {
    const agent = new Agent()
    const socket = open[peer.index]
    // Node's own name for it; not a reused connection, as far as Node knows.
    Object.assign(agent, { createConnection: () => socket })
    return agent
  }
  const { port } = await serve([first, second], {
    keepalive: pool,
    connectTimeout: 50,
    readTimeout: 50,
  })
  const answer = await ask(port, { method: 'POST', body: 'once' })
  expect(answer.status).toBe(504)
  expect(first.requests.length + second.requests.length).toBe(1)
})

async function secured(port: number): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  socket.on('error', () => undefined)
  await once(socket, 'secureConnect')
  return socket
}
