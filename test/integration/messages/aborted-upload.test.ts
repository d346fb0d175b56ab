/** A body that was cut off is never taken for a whole one. */
import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { http2Session } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import type { BalancerSettings } from '../../helpers/serve.js'
import { turns, watchProcess } from '../../helpers/watch-process.js'

watchProcess()

const MODES: BalancerSettings[] = [{}, { requestBuffering: 'off' }, { requestBuffering: 'full' }]

it.each(
  MODES.flatMap((options) =>
    [undefined, new Error('reset')].map((error) => [options, error] as const),
  ),
)('an HTTP/2 stream that is reset in its body (%j, %s)', async (options, error) => {
  const mock = await upstream()
  let arrive = (): void => undefined
  const arrived = new Promise<void>((resolve) => (arrive = resolve))
  const { port, over, finished } = await serve([mock], options, {
    kind: 'http2',
    before: () => arrive(),
  })
  const stream = http2Session(port).request({ ':method': 'PUT', ':path': '/' })
  stream.on('error', () => undefined)
  stream.write('hello')
  await arrived
  if (options.requestBuffering !== 'full') {
    await mock.waitFor(() => mock.requests.length === 1)
    await turns(20)
  }
  stream.destroy(error)
  await over(1)
  expect(finished[0]!.status).toBe(499)
  await turns(20)
  expect(mock.requests.filter(({ complete }) => complete)).toEqual([])
})

it.each(MODES)('an HTTP/1.1 client that leaves in its body (%j)', async (options) => {
  const mock = await upstream()
  const { port, over, finished } = await serve([mock], options)
  const socket = connect(port, '127.0.0.1')
  socket.write('PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')
  if (options.requestBuffering !== 'full') {
    await mock.waitFor(() => mock.requests.length === 1)
    await turns(20)
  }
  socket.end()
  await over(1)
  expect(finished[0]!.status).toBe(499)
  await turns(20)
  expect(mock.requests.filter(({ complete }) => complete)).toEqual([])
})
