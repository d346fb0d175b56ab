/** Requests that wait for a place, over real sockets. */
import { request } from 'node:http'
import { hang, respond } from 'evenkeel/testing'
import type { MockUpstream } from 'evenkeel/testing'
import { expect, test } from 'vitest'
import { ask } from '../../helpers/clients.js'
import { serve, upstream, upstreams } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'

watchProcess()

/** Requests that a peer has and has not answered, at most. */
function mostAtOnce(mocks: readonly MockUpstream[]): {
  readonly most: number[]
  targets: string[]
} {
  const most = mocks.map(() => 0)
  const now = mocks.map(() => 0)
  const targets: string[] = []
  for (const [i, mock] of mocks.entries()) {
    mock.reply(({ target }) => {
      targets.push(target)
      now[i] = (now[i] ?? 0) + 1
      most[i] = Math.max(most[i] ?? 0, now[i] ?? 0)
      const answer = respond({ body: target, delay: 5 })
      return {
        startsAt: 'request',
        async play(exchange) {
          // Its last byte is what frees the place.
          await exchange.wait(5)
          now[i] = (now[i] ?? 0) - 1
          await answer.play(exchange)
        },
      }
    })
  }
  return { most, targets }
}

test('2 peers of maxConns 5, and 100 requests at once: all are served, in order, and none over the limit', async () => {
  const mocks = await upstreams(2)
  const { most, targets } = mostAtOnce(mocks)
  const { port, balancer, errors } = await serve(
    { upstream: mocks.map(({ url }) => ({ url, maxConns: 5 })) },
    { queue: { size: 90, timeout: '20s' } },
  )
  const came: string[] = []
  const { upstream: group } = balancer
  const answers = []
  for (let i = 0; i < 100; i++) {
    const path = `/${i}`
    answers.push(ask(port, { path }))
    came.push(path)
  }
  const replies = await Promise.all(answers)
  expect(replies.map(({ status, whole }) => whole && status)).toEqual(came.map(() => 200))
  expect(replies.map(({ body }) => body)).toEqual(came)
  expect(Math.max(...most)).toBeLessThanOrEqual(5)
  expect(errors).toEqual([])
  expect(targets).toHaveLength(100)
  expect(group.waiting).toBe(0)
  expect(group.peers.map(({ connections }) => connections)).toEqual([0, 0])
})

test('they are served in the order in which they came', async () => {
  const mock = await upstream()
  const { targets } = mostAtOnce([mock])
  const came: string[] = []
  const { port } = await serve(
    { upstream: [{ url: mock.url, maxConns: 1 }] },
    { queue: { size: 100 } },
    { before: ({ url = '' }) => void came.push(url) },
  )
  await Promise.all(Array.from({ length: 60 }, (_, i) => ask(port, { path: `/${i}` })))
  expect(targets).toHaveLength(60)
  expect(targets).toEqual(came)
})

test('with the queue full: 503 at once, and after how long to come again', async () => {
  const mocks = await upstreams(2, { answer: hang() })
  const { port, balancer, errors } = await serve(
    { upstream: mocks.map(({ url }) => ({ url, maxConns: 5 })) },
    { queue: { size: 20, timeout: '30s' } },
  )
  const running = Array.from({ length: 30 }, (_, i) => {
    const outgoing = request({ port, host: '127.0.0.1', path: `/${i}`, agent: false })
    outgoing.on('error', () => undefined)
    outgoing.end()
    return outgoing
  })
  await mocks[0]!.waitFor(() => mocks[0]!.requests.length === 5)
  await mocks[1]!.waitFor(() => mocks[1]!.requests.length === 5)
  await expect.poll(() => balancer.upstream.waiting).toBe(20)
  const begun = performance.now()
  const turnedAway = await Promise.all(Array.from({ length: 70 }, () => ask(port)))
  expect(turnedAway.map(({ status }) => status)).toEqual(turnedAway.map(() => 503))
  expect(turnedAway.map(({ headers }) => headers['retry-after'])).toEqual(
    turnedAway.map(() => '30'),
  )
  expect(performance.now() - begun).toBeLessThan(10_000)
  expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['ERR_QUEUE_FULL']))
  for (const mock of mocks) expect(mock.requests).toHaveLength(5)
  for (const outgoing of running) outgoing.destroy()
  await expect.poll(() => balancer.upstream.waiting).toBe(0)
  await expect
    .poll(() => balancer.upstream.peers.map(({ connections }) => connections))
    .toEqual([0, 0])
})

test('a client that leaves leaves the queue, and its place is had by another', async () => {
  const mock = await upstream({ answer: hang() })
  const { port, balancer, over } = await serve(
    { upstream: [{ url: mock.url, maxConns: 1 }] },
    { queue: { size: 1 } },
  )
  const go = (path: string): ReturnType<typeof request> => {
    const outgoing = request({ port, host: '127.0.0.1', path, agent: false })
    outgoing.on('error', () => undefined)
    outgoing.end()
    return outgoing
  }
  const first = go('/first')
  await mock.waitFor(() => mock.requests.length === 1)
  const second = go('/second')
  await expect.poll(() => balancer.upstream.waiting).toBe(1)
  second.destroy()
  await over(1)
  expect(balancer.upstream.waiting).toBe(0)
  const third = ask(port, { path: '/third' })
  await expect.poll(() => balancer.upstream.waiting).toBe(1)
  mock.reply(respond())
  first.destroy()
  expect(await third).toMatchObject({ status: 200 })
  expect(mock.requests.map(({ target }) => target)).toEqual(['/first', '/third'])
})
