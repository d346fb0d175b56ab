/** What checks, a peer's own word and exempt routes do to the requests, over real sockets. */
import { createBalancer } from 'evenkeel'
import { fakeClock, hang, respond } from 'evenkeel/testing'
import type { FakeClock, MockUpstream } from 'evenkeel/testing'
import { expect, test } from 'vitest'
import { ask } from '../../helpers/clients.js'
import { serve, upstream, upstreams } from '../../helpers/serve.js'
import { turns, watchProcess } from '../../helpers/watch-process.js'
import { checked, FIRST } from './rig.js'

watchProcess()

const checksSeen = ({ requests }: MockUpstream): number =>
  requests.filter(({ target }) => target === '/health').length
const requestsSeen = ({ requests }: MockUpstream): number =>
  requests.length - checksSeen({ requests } as MockUpstream)

/** No check is under way, and the next one begins then. */
async function idleUntil(clock: FakeClock, next: number): Promise<void> {
  while (clock.nextDue !== next) await turns(1)
}

async function two(): Promise<[MockUpstream, MockUpstream]> {
  const [a, b] = await upstreams(2)
  if (a === undefined || b === undefined) throw new Error('two peers')
  return [a, b]
}

test('a peer whose checks fail gets no request, while it still answers; and gets them again', async () => {
  const [a, b] = await two()
  a.route('/health', respond({ status: 503 }))
  const { port, clock, event, standing, balancer, told } = await checked([a.url, b.url], {
    path: '/health',
    fall: 2,
    rise: 2,
    fastInterval: 100,
  })
  expect(standing).toEqual(['up', 'up'])
  clock.advance(FIRST)
  await a.waitFor(() => checksSeen(a) === 1)
  await b.waitFor(() => checksSeen(b) === 1)
  await idleUntil(clock, FIRST + 100)
  expect(told).toEqual([])
  clock.advance(100)
  expect(await event(1)).toMatchObject({ healthy: false, reason: 'status', checks: 2 })
  expect(balancer.upstream.status(balancer.upstream.peers[0]!)).toBe('unhealthy')
  for (let i = 0; i < 6; i++) expect((await ask(port)).status).toBe(200)
  expect([requestsSeen(a), requestsSeen(b)]).toEqual([0, 6])
  await idleUntil(clock, FIRST + 2500)
  a.route('/health', respond())
  clock.advance(2500)
  await a.waitFor(() => checksSeen(a) === 3)
  while (clock.nextDue! > clock.now() + 100) await turns(1)
  expect(told).toHaveLength(1)
  clock.advance(100)
  expect(await event(2)).toMatchObject({ healthy: true, reason: 'passed', checks: 2 })
  for (let i = 0; i < 6; i++) expect((await ask(port)).status).toBe(200)
  expect([requestsSeen(a), requestsSeen(b)]).toEqual([3, 9])
})

test('a peer that comes back is eased in', async () => {
  const [a, b] = await two()
  const { port, clock, event } = await checked(
    [a.url, b.url],
    { path: '/health' },
    { slowStart: '10s' },
  )
  a.route('/health', respond({ status: 500 }))
  clock.advance(FIRST)
  await event(1)
  await idleUntil(clock, FIRST + 2500)
  a.route('/health', respond())
  clock.advance(2500)
  await event(2)
  for (let i = 0; i < 20; i++) await ask(port)
  expect(requestsSeen(a)).toBeLessThanOrEqual(1)
  clock.advance(10_000)
  for (let i = 0; i < 20; i++) await ask(port)
  expect(requestsSeen(a)).toBeGreaterThanOrEqual(8)
})

test('with initialState down a peer gets nothing before its first passed check, one that joins neither', async () => {
  const [a, b] = await two()
  const { port, clock, event, balancer } = await checked([a.url], {
    path: '/health',
    initialState: 'down',
  })
  expect((await ask(port)).status).toBe(502)
  clock.advance(FIRST)
  expect(await event(1)).toMatchObject({ healthy: true })
  const joined = balancer.upstream.add(b.url)
  expect(balancer.upstream.status(joined)).toBe('unhealthy')
  for (let i = 0; i < 4; i++) expect((await ask(port)).status).toBe(200)
  expect(requestsSeen(b)).toBe(0)
  clock.advance(FIRST)
  expect(await event(2)).toMatchObject({ peer: joined, healthy: true })
  for (let i = 0; i < 4; i++) await ask(port)
  expect(requestsSeen(b)).toBe(2)
})

test('those that are not healthy are the last resort all the same, where one is asked for', async () => {
  const a = await upstream()
  const { port } = await checked([a.url], { initialState: 'down' }, { whenNoneLive: 'try' })
  expect((await ask(port)).status).toBe(200)
})

test('a peer that failures have marked is back with the next check, which comes soon', async () => {
  const [a, b] = await two()
  const { port, clock, balancer, standing } = await checked([a.url, b.url], {
    path: '/health',
    interval: '1h',
    fall: 9,
  })
  const returned = new Promise((resolve) => balancer.on('return', ({ reason }) => resolve(reason)))
  a.failNextConnections(1)
  expect((await ask(port)).status).toBe(200)
  expect(balancer.upstream.status(balancer.upstream.peers[0]!)).toBe('ejected')
  expect(standing).toHaveLength(2)
  clock.advance(100)
  expect(await returned).toBe('probe')
  expect(checksSeen(a)).toBe(1)
  // No other kind of probe was sent.
  expect(a.requests.every(({ method }) => method === 'GET')).toBe(true)
})

test('a peer that is removed is checked no more, and close() ends all checks', async () => {
  const [a, b] = await two()
  for (const peer of [a, b]) peer.route('/health', hang())
  const { clock, balancer } = await checked([a.url, b.url], { path: '/health' })
  clock.advance(FIRST)
  await a.waitFor(() => checksSeen(a) === 1)
  await b.waitFor(() => checksSeen(b) === 1)
  balancer.upstream.remove(balancer.upstream.peers[0]!)
  await a.waitFor(() => a.openConnections === 0)
  expect(b.openConnections).toBe(1)
  await balancer.close()
  await b.waitFor(() => b.openConnections === 0)
  expect(clock.pending).toBe(0)
})

test('an exempt route that runs into its timeout marks nobody, any other does', async () => {
  const [a, b] = await two()
  for (const peer of [a, b]) for (const path of ['/report', '/other']) peer.route(path, hang())
  const clock = fakeClock()
  const { port, balancer } = await serve([a, b], {
    exempt: ['/report'],
    readTimeout: 1000,
    clock,
    probe: false,
  })
  const standing = (): string[] =>
    balancer.upstream.peers.map((peer) => balancer.upstream.status(peer))
  const timesOut = async (path: string): Promise<number> => {
    const before = a.requests.length + b.requests.length
    const answer = ask(port, { path })
    for (const tries of [1, 2]) {
      while (a.requests.length + b.requests.length < before + tries) await turns(1)
      await turns()
      clock.advance(1000)
    }
    return (await answer).status
  }
  expect(await timesOut('/report')).toBe(504)
  expect(await timesOut('/report')).toBe(504)
  expect([a.requests.length, b.requests.length]).toEqual([2, 2])
  expect(standing()).toEqual(['up', 'up'])
  expect(balancer.upstream.peers.map(({ ledgers }) => ledgers.transport)).toEqual([0, 0])
})

test('a response drains its peer and weighs it anew, and a check brings it back', async () => {
  const [a, b] = await two()
  const feedback = { header: 'X-Upstream-State' }
  const says = (state: string) => respond({ headers: { 'X-Upstream-State': state }, body: state })
  a.reply(says('drain'))
  b.reply(says('50%'))
  const { port, clock, balancer } = await checked(
    [a.url, b.url],
    { path: '/health', interval: '1s' },
    { feedback },
  )
  const { upstream: group } = balancer
  const status = (): string[] => group.peers.map((peer) => group.status(peer))
  a.route('/health', respond({ headers: { 'x-upstream-state': 'up' } }))
  const replies = [await ask(port), await ask(port), await ask(port)]
  expect(replies.map(({ body }) => body)).toEqual(['drain', '50%', '50%'])
  for (const { headers } of replies) expect(headers).not.toHaveProperty('x-upstream-state')
  expect(status()).toEqual(['draining', 'up'])
  expect(group.peers[1]?.easedWeight).toBe(0.5)
  a.route('/health', respond({ headers: { 'x-upstream-state': 'ready, 100%' } }))
  clock.advance(FIRST)
  while (status()[0] !== 'up') await turns(1)
  a.reply(respond({ body: 'a' }))
  b.reply(respond({ body: 'b' }))
  let shareOfA = 0
  for (let i = 0; i < 30; i++) if ((await ask(port)).body === 'a') shareOfA++
  expect(Math.abs(shareOfA - 20)).toBeLessThanOrEqual(1)
})

test('a peer without a word in its checks stays as it has said', async () => {
  const a = await upstream({ answer: respond({ headers: { state: 'down' } }) })
  const options = { feedback: { header: 'state' } }
  const { port, clock, event, told } = await checked([a.url], { path: '/health' }, options)
  a.route('/health', respond())
  expect((await ask(port)).status).toBe(200)
  expect(told).toMatchObject([{ healthy: false, reason: 'feedback', checks: 0 }])
  clock.advance(FIRST)
  await a.waitFor(() => checksSeen(a) === 1)
  await idleUntil(clock, FIRST + 2500)
  expect((await ask(port)).status).toBe(502)
  a.route('/health', respond({ headers: { state: 'up' } }))
  clock.advance(2500)
  expect(await event(2)).toMatchObject({ healthy: true, reason: 'feedback' })
})

test('checks keep no process alive: their timers are those of a clock that does not', async () => {
  const a = await upstream()
  const balancer = createBalancer({ upstream: [a.url], healthCheck: { interval: 1 } })
  await a.waitFor(() => a.requests.length > 3)
  await balancer.close()
  await a.waitFor(() => a.openConnections === 0)
  const seen = a.requests.length
  await turns(20)
  expect(a.requests).toHaveLength(seen)
})
