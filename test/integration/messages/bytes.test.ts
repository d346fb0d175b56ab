/** `$upstream_bytes_sent` and `_received` are of one attempt, whatever its connection has carried before. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { upstreamVariables } from '../../../src/index.js'
import { ask } from '../../helpers/clients.js'
import { serve } from '../../helpers/serve.js'

it('are the same for the same request on a kept connection', async () => {
  const ports = new Set<number | undefined>()
  const upstream = createServer((req, res) => {
    ports.add(req.socket.remotePort)
    res.end('hello')
  })
  await once(upstream.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    upstream.close()
    upstream.closeAllConnections()
  })
  const peer = `http://127.0.0.1:${String((upstream.address() as AddressInfo).port)}`
  const { port, balancer } = await serve({ upstream: [peer] })
  const bytes: (readonly [sent: number, received: number])[] = []
  balancer.on('finish', ({ response }) => {
    const variables = upstreamVariables(response)
    bytes.push([Number(variables?.upstream_bytes_sent), Number(variables?.upstream_bytes_received)])
  })
  for (let n = 0; n < 3; n++) expect(await ask(port)).toMatchObject({ status: 200 })
  expect(ports.size).toBe(1)
  const [first = [0, 0]] = bytes
  expect(first[0]).toBeGreaterThan('GET / HTTP/1.1\r\n\r\n'.length)
  expect(first[1]).toBeGreaterThan('HTTP/1.1 200 OK\r\n\r\nhello'.length)
  expect(bytes).toEqual([first, first, first])
})
