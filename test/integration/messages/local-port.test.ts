/** `X-Forwarded-Port`: the port that the client has come to, however its connection has come to the server. */
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { Server } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Server as TcpServer } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { createBalancer } from '../../../src/index.js'
import { localPort } from '../../../src/message/local-port.js'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function listening(server: TcpServer, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function closed(server: TcpServer): Promise<void> {
  if (!server.listening) return
  server.close()
  if ('closeAllConnections' in server) (server as Server).closeAllConnections()
  await once(server, 'close')
}

/** The value that reaches the peer. */
async function portSeen(port: number): Promise<unknown> {
  const [response] = (await once(
    request({ port, host: '127.0.0.1', agent: false }).end(),
    'response',
  )) as [NodeJS.ReadableStream]
  let body = ''
  for await (const chunk of response) body += String(chunk)
  return body
}

async function edge(): Promise<Server> {
  const upstream = createServer((req, res) => {
    res.end(req.headers['x-forwarded-port'])
  })
  const peer = await listening(upstream)
  const balancer = createBalancer({ upstream: [`http://127.0.0.1:${String(peer)}`] })
  const server = createServer(balancer)
  cleanUps.push(
    () => closed(upstream),
    () => balancer.close(),
    () => closed(server),
  )
  return server
}

it('is the port of the server, and of the next one when it listens again', async () => {
  const server = await edge()
  const first = await listening(server)
  expect([await portSeen(first), await portSeen(first)]).toEqual([String(first), String(first)])
  await closed(server)
  const other = createTcpServer()
  cleanUps.push(() => closed(other))
  // So that the next one is another.
  await listening(other, first)
  const second = await listening(server)
  expect(second).not.toBe(first)
  expect([await portSeen(second), await portSeen(second)]).toEqual([String(second), String(second)])
})

it('is that of the server which accepted, where another one serves the connection', async () => {
  const server = await edge()
  const own = await listening(server)
  expect(await portSeen(own)).toBe(String(own))
  const front = createTcpServer((socket) => {
    server.emit('connection', socket)
  })
  cleanUps.push(() => closed(front))
  const port = await listening(front)
  expect(await portSeen(port)).toBe(String(port))
  expect(await portSeen(own)).toBe(String(own))
})

it('asks no socket for its address that its own server has accepted', async () => {
  const server = createServer((req, res) => {
    const port = localPort(req.socket)
    const { _sockname: kept } = req.socket as { _sockname?: unknown }
    res.end(`${String(port)} ${String(kept)}`)
  })
  cleanUps.push(() => closed(server))
  const port = await listening(server)
  expect(await portSeen(port)).toBe(`${String(port)} null`)
})
