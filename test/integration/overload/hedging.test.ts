/** Attempts beside each other, over real sockets. */
import { request } from 'node:http'
import { hang, respond } from 'evenkeel/testing'
import { expect, test } from 'vitest'
import { ask } from '../../helpers/clients.js'
import { serve, upstreams } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'

watchProcess()

test('the quick one wins; the connection of the other is closed, and its peer is not blamed', async () => {
  const [slow, quick] = await upstreams(2)
  slow!.reply(hang())
  quick!.reply(respond({ body: 'quick' }))
  const { port, balancer, finished } = await serve([slow!, quick!], { hedge: { after: 30 } })
  for (let i = 0; i < 6; i++) {
    expect(await ask(port, { path: `/${i}` })).toMatchObject({ status: 200, body: 'quick' })
  }
  await slow!.waitFor(() => slow!.openConnections === 0)
  expect(slow!.requests.length).toBeGreaterThanOrEqual(3)
  expect(quick!.requests).toHaveLength(6)
  const { peers } = balancer.upstream
  await expect.poll(() => peers.map(({ connections }) => connections)).toEqual([0, 0])
  expect(peers.map((peer) => balancer.upstream.status(peer))).toEqual(['up', 'up'])
  expect(peers.map(({ ledgers }) => ledgers.transport)).toEqual([0, 0])
  const outcomes = finished.map(({ attempts }) => attempts.map(({ outcome }) => outcome).join())
  expect(outcomes).toContain('cancelled,ok')
  // A machine that is busy may take long over the quick one, too.
  for (const one of outcomes) expect(['cancelled,ok', 'ok', 'ok,cancelled']).toContain(one)
  // Nothing of the quick one's was broken off: its connection is kept.
  expect(quick!.connections).toBe(1)
})

test('when the first fails the second goes on', async () => {
  const mocks = await upstreams(2)
  mocks[0]!.reply(hang())
  mocks[1]!.reply(respond({ body: 'second', delay: 150 }))
  const { port, balancer } = await serve(mocks, { hedge: { after: 20 } })
  const answer = ask(port)
  await mocks[1]!.waitFor(() => mocks[1]!.requests.length === 1)
  await mocks[0]!.crash()
  expect(await answer).toMatchObject({ status: 200, body: 'second' })
  expect(mocks[1]!.requests).toHaveLength(1)
  await expect
    .poll(() => balancer.upstream.peers.map(({ connections }) => connections))
    .toEqual([0, 0])
})

test('a client that leaves ends both', async () => {
  const mocks = await upstreams(2, { answer: hang() })
  const { port, balancer, over } = await serve(mocks, { hedge: { after: 20 } })
  const leaving = request({ port, host: '127.0.0.1', agent: false })
  leaving.on('error', () => undefined)
  leaving.end()
  for (const mock of mocks) await mock.waitFor(() => mock.requests.length === 1)
  leaving.destroy()
  await over(1)
  for (const mock of mocks) await mock.waitFor(() => mock.openConnections === 0)
  expect(balancer.upstream.peers.map(({ connections }) => connections)).toEqual([0, 0])
})
