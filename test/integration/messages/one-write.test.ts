/** A small answer goes to the client's connection as one piece: head, body, and nothing behind them. */
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { IncomingMessage, RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { createBalancer } from '../../../src/index.js'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUps.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

/** What the answer of a balancer before `upstream` is, and how often its connection was written to. */
async function answered(
  upstream: RequestListener,
): Promise<{ status: unknown; body: string; writes: string[] }> {
  const peer = await serve(upstream)
  const balancer = createBalancer({ upstream: [`http://127.0.0.1:${String(peer)}`] })
  cleanUps.push(() => balancer.close())
  const writes: string[] = []
  const port = await serve((req, res) => {
    const { socket } = req
    for (const name of ['_write', '_writev'] as const) {
      const own = socket[name]?.bind(socket) as (...args: unknown[]) => void
      socket[name] = (...args: unknown[]): void => {
        writes.push(name)
        own(...args)
      }
    }
    balancer(req, res)
  })
  const [response] = (await once(
    request({ port, host: '127.0.0.1', agent: false }).end(),
    'response',
  )) as [IncomingMessage]
  let body = ''
  for await (const chunk of response.setEncoding('latin1')) body += String(chunk)
  return { status: response.statusCode, body, writes }
}

it('is written once', async () => {
  expect(await answered((_req, res) => res.end('h\xe9llo'))).toEqual({
    status: 200,
    body: 'h\xc3\xa9llo',
    writes: ['_write'],
  })
})

it('is whole without a body', async () => {
  const empty = await answered((_req, res) => res.writeHead(404, { 'content-length': '0' }).end())
  expect(empty).toMatchObject({ status: 404, body: '' })
})
