/** `Expect: 100-continue`, end to end (RFC 9110 section 10.1.1). */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { createBalancer } from 'evenkeel'
import type { BalancerOptions } from 'evenkeel'
import { describe, expect, it, onTestFinished } from 'vitest'
import { watchProcess } from '../../helpers/watch-process.js'

watchProcess()

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

interface Seen {
  expect: (string | undefined)[]
  bodies: string[]
}

/** A peer that decides by itself what it makes of `Expect`. */
async function peer(onExpect: RequestListener): Promise<{ port: number; seen: Seen }> {
  const seen: Seen = { expect: [], bodies: [] }
  const server = createServer()
  const take: RequestListener = (req, res) => {
    let body = ''
    req.on('data', (chunk: Buffer) => (body += chunk.toString()))
    req.on('end', () => {
      seen.bodies.push(body)
      res.end('taken')
    })
  }
  server.on('request', (req, res) => {
    seen.expect.push(req.headers.expect)
    take(req, res)
  })
  server.on('checkContinue', (req, res) => {
    seen.expect.push(req.headers.expect)
    onExpect(req, res)
    if (!res.writableEnded) take(req, res)
  })
  return { port: await listen(server), seen }
}

async function edge(
  ports: readonly number[],
  options: Omit<BalancerOptions, 'upstream'> = {},
): Promise<number> {
  const upstream = ports.map((port) => `http://127.0.0.1:${port}`)
  const balancer = createBalancer({ upstream, ...options })
  onTestFinished(() => balancer.close({ timeout: 1000 }))
  return listen(createServer(balancer).on('checkContinue', balancer))
}

const HEAD = 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n'

/** A client that sends its body only after 100, and tells all that it got. */
function cautious(port: number, head = HEAD): Promise<string> {
  return new Promise((resolve, reject) => {
    let got = ''
    const socket: Socket = connect(port, '127.0.0.1')
    socket.on('error', reject)
    socket.on('data', (chunk: Buffer) => {
      got += chunk.toString('latin1')
      if (got === 'HTTP/1.1 100 Continue\r\n\r\n') socket.write('hello')
      else if (got.endsWith('taken') || got.endsWith('taken\r\n0\r\n\r\n')) socket.end()
    })
    socket.on('close', () => resolve(got))
    socket.write(head)
  })
}

describe('Expect: 100-continue', () => {
  it('is asked of the peer, and its 100 reaches the client before the body is sent', async () => {
    const one = await peer((_req, res) => res.writeContinue())
    const got = await cautious(await edge([one.port]))
    expect(got).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/)
    expect(one.seen).toEqual({ expect: ['100-continue'], bodies: ['hello'] })
  })

  it('lets the peer refuse: 417 without 100, and the connection is closed', async () => {
    const one = await peer((_req, res) => void res.writeHead(417).end())
    const got = await cautious(await edge([one.port]))
    expect(got).toMatch(/^HTTP\/1\.1 417 /)
    expect(got).toMatch(/\r\nConnection: close\r\n/i)
    expect(one.seen.bodies).toEqual([])
  })

  it('goes to the next upstream when the first is not there', async () => {
    const gone = createServer()
    const port = await listen(gone)
    gone.close()
    const one = await peer((_req, res) => res.writeContinue())
    const got = await cautious(await edge([port, one.port]))
    expect(got.match(/100 Continue/g)).toHaveLength(1)
    expect(one.seen.bodies).toEqual(['hello'])
  })

  it('with requestBuffering full is answered by us', async () => {
    const one = await peer((_req, res) => res.writeContinue())
    const got = await cautious(await edge([one.port], { requestBuffering: 'full' }))
    expect(got).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/)
    expect(one.seen).toEqual({ expect: [undefined], bodies: ['hello'] })
  })

  it('is not asked of the peer when the server has answered it already', async () => {
    const one = await peer((_req, res) => res.writeContinue())
    const balancer = createBalancer({ upstream: [`http://127.0.0.1:${one.port}`] })
    onTestFinished(() => balancer.close({ timeout: 1000 }))
    const got = await cautious(await listen(createServer(balancer)))
    expect(got.match(/100 Continue/g)).toHaveLength(1)
    expect(one.seen).toEqual({ expect: [undefined], bodies: ['hello'] })
  })

  it('a peer that says nothing gets the body after a second', async () => {
    const silent = await peer(() => undefined)
    const got = await cautious(await edge([silent.port]))
    expect(got).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/)
    expect(silent.seen.bodies).toEqual(['hello'])
  })

  it('a chunked body waits as well', async () => {
    const one = await peer((_req, res) => void res.writeHead(413).end())
    const head = HEAD.replace('Content-Length: 5', 'Transfer-Encoding: chunked')
    expect(await cautious(await edge([one.port]), head)).toMatch(/^HTTP\/1\.1 413 /)
    expect(one.seen.bodies).toEqual([])
  })
})
