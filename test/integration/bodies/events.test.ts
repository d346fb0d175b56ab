/**
 * A stream of events: each is with the client before the next is sent, and has waited for nothing on its way. Turns of
 * the event loop are counted, not milliseconds: upstream, balancer and client live in one process.
 */
import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { connect, createSecureServer } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { createBalancer } from 'evenkeel'
import type { BalancerOptions } from 'evenkeel'
import { describe, expect, it, onTestFinished } from 'vitest'
import { forLocalhost } from '../../fixtures/test-only-certificates.js'
import { turns, watchProcess } from '../../helpers/watch-process.js'
import type { Client } from './stage.js'

watchProcess()

const EVENTS = 51

/** Counts turns of the event loop for as long as the test runs. */
function turnCounter(onTurn: (turn: number) => void = () => undefined): () => number {
  let turn = 0
  let running = true
  const count = (): void => {
    onTurn(turn)
    turn++
    if (running) setImmediate(count)
  }
  setImmediate(count)
  onTestFinished(() => void (running = false))
  return () => turn
}

/** A server that keeps the response of its one request. */
async function openSource(headers: Record<string, string> = {}) {
  const responses: ServerResponse[] = []
  const answer: RequestListener = (_req, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream', ...headers })
    res.flushHeaders()
    responses.push(res)
  }
  return { answer, write: (event: string) => void responses[0]?.write(event) }
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => void sockets.add(socket))
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return (server.address() as AddressInfo).port
}

function serverOf(client: Client, handler: RequestListener): Server {
  return client === 'h1'
    ? createServer(handler)
    : (createSecureServer(forLocalhost, handler as never) as never)
}

/** Resolves with the body when the head is here. */
async function open(client: Client, port: number): Promise<Readable> {
  if (client === 'h1') {
    const outgoing = request({ port, host: '127.0.0.1', agent: false }).end()
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    response.on('error', () => undefined)
    return response
  }
  const session = connect(`https://localhost:${port}`, { ca: forLocalhost.cert })
  session.on('error', () => undefined)
  onTestFinished(() => session.destroy())
  const stream = session.request({ ':path': '/' })
  stream.on('error', () => undefined)
  await once(stream, 'response')
  return stream
}

/** Sends an event, waits until all of it is here, and only then sends the next. Turns that each took, sorted. */
async function lockstep(
  body: Readable,
  write: (event: string) => void,
  turn: () => number,
): Promise<number[]> {
  const taken: number[] = []
  let received = ''
  let expected = ''
  let arrived = (): void => undefined
  body.setEncoding('utf8')
  body.on('data', (text: string) => {
    received += text
    if (received.length >= expected.length) arrived()
  })
  for (let n = 0; n < EVENTS; n++) {
    const event = `id: ${n}\ndata: ${'x'.repeat((n * 37) % 500)}\n\n`
    expected += event
    // Whatever the last event has left to do is done: its cleaning up is not this one's delay.
    await turns(2)
    const here = new Promise<void>((resolve) => (arrived = resolve))
    const sentAt = turn()
    write(event)
    await here
    // It was sent at the end of a turn: the next one, in which it can come at the earliest, is the first that counts.
    taken.push(turn() - sentAt + 1)
    expect(received).toBe(expected)
  }
  return taken.sort((a, b) => a - b)
}

/** The usual number: now and then the system itself takes its time. */
const median = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length / 2)] ?? NaN

/** How many turns an event takes from a server to its client, with nobody in between. */
async function direct(client: Client, turn: () => number): Promise<number> {
  const source = await openSource()
  const body = await open(client, await listen(serverOf(client, source.answer)))
  return median(await lockstep(body, source.write, turn))
}

const SETTINGS: readonly (readonly [string, Partial<BalancerOptions>, Record<string, string>])[] = [
  ['buffering off', { buffering: 'off' }, {}],
  ['X-Accel-Buffering: no', { buffering: 'on' }, { 'x-accel-buffering': 'no' }],
  ['buffering on, of a client that is not slow', { buffering: 'on', buffers: '4k' }, {}],
]

const cases = (['h1', 'h2'] as const).flatMap((client) =>
  SETTINGS.map(([name, options, headers]) => ({ client, name, options, headers })),
)

describe.each(cases)('events over $client, $name', ({ client, options, headers }) => {
  it('come one by one, in as many turns as the two connections take', async () => {
    const turn = turnCounter()
    const source = await openSource(headers)
    const port = await listen(createServer(source.answer))
    const balancer = createBalancer({ upstream: [`http://127.0.0.1:${port}`], ...options })
    const body = await open(client, await listen(serverOf(client, balancer)))
    const through = median(await lockstep(body, source.write, turn))
    const hops = (await direct('h1', turn)) + (await direct(client, turn))
    expect(through).toBeLessThanOrEqual(hops)
  })

  it('leave the balancer in the turn in which they have come', async () => {
    const waits: number[] = []
    let cameAt: number | undefined
    let toClient: Socket | undefined
    let written = 0
    const turn = turnCounter((now) => {
      if (cameAt === undefined || toClient === undefined) return
      if (toClient.bytesWritten === written) return
      written = toClient.bytesWritten
      waits.push(now - cameAt)
      cameAt = undefined
    })
    const agent = new Agent({ keepAlive: true })
    const source = await openSource(headers)
    const port = await listen(createServer(source.answer))
    const balancer = createBalancer({
      upstream: [`http://127.0.0.1:${port}`],
      keepalive: () => agent,
      ...options,
    })
    const server = serverOf(client, balancer)
    server.on('connection', (socket: Socket) => (toClient = socket))
    const body = await open(client, await listen(server))
    const [toPeer] = Object.values(agent.sockets).flat() as Socket[]
    toPeer!.prependListener('data', () => (cameAt = turn()))
    await turns(5)
    written = toClient!.bytesWritten
    await lockstep(body, source.write, turn)
    expect(waits).toHaveLength(EVENTS)
    expect(Math.max(...waits)).toBe(0)
  })
})
