/** A balancer behind a server on loopback, ended with the test. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http'
import { createSecureServer } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { createBalancer } from 'evenkeel'
import type { Balancer, BalancerOptions, BalancerError, FinishEvent, NextEvent } from 'evenkeel'
import { createMockUpstream } from 'evenkeel/testing'
import type { MockUpstream, MockUpstreamOptions } from 'evenkeel/testing'
import { onTestFinished } from 'vitest'
import { forLocalhost } from '../fixtures/test-only-certificates.js'

type ServerKind = 'http' | 'https' | 'http2'

export interface ServeOptions {
  /** Default `'http'`. `'http2'` speaks HTTP/1.1, too. */
  kind?: ServerKind
  server?: ServerOptions
  /** Sees each request before the balancer does. */
  before?: (req: IncomingMessage, res: ServerResponse) => void
  /** Listen on a unix socket instead. */
  path?: string
}

export interface Served {
  readonly balancer: Balancer
  readonly port: number
  /** What the balancer told of its requests. */
  readonly finished: FinishEvent[]
  readonly next: NextEvent[]
  readonly errors: BalancerError[]
  /** Resolves when so many requests are over. */
  over(count: number): Promise<void>
}

/** A mock upstream that is closed with the test. */
export async function upstream(options: MockUpstreamOptions = {}): Promise<MockUpstream> {
  const mock = await createMockUpstream(options)
  onTestFinished(() => mock.close())
  return mock
}

/** Several of them. */
export function upstreams(
  count: number,
  options: MockUpstreamOptions = {},
): Promise<MockUpstream[]> {
  return Promise.all(Array.from({ length: count }, () => upstream(options)))
}

type Peers = BalancerOptions['upstream']

export type BalancerSettings = Omit<BalancerOptions, 'upstream'>

/** Starts a balancer in front of `peers`. */
export async function serve(
  peers: readonly MockUpstream[] | { readonly upstream: Peers },
  options: BalancerSettings = {},
  { kind = 'http', server: serverOptions = {}, before, path }: ServeOptions = {},
): Promise<Served> {
  const list = 'upstream' in peers ? peers.upstream : peers.map(({ url }) => url)
  const balancer = createBalancer({ ...options, upstream: list })
  const finished: FinishEvent[] = []
  const next: NextEvent[] = []
  const errors: BalancerError[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  balancer.on('next', (event) => void next.push(event))
  balancer.on('error', (error) => void errors.push(error))
  balancer.on('finish', (event) => {
    finished.push(event)
    for (const { count, resolve } of waiting) if (finished.length >= count) resolve()
  })
  const handler = (req: IncomingMessage, res: ServerResponse): void => {
    before?.(req, res)
    balancer(req, res)
  }
  const server = makeServer(kind, serverOptions, handler)
  server.on('upgrade', balancer.upgrade)
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  if (path === undefined) server.listen(0, '127.0.0.1')
  else server.listen(path)
  await once(server, 'listening')
  onTestFinished(async () => {
    server.close()
    for (const socket of sockets) socket.destroy()
    await balancer.close({ timeout: 2000 })
  })
  return {
    balancer,
    port: path === undefined ? (server.address() as AddressInfo).port : 0,
    finished,
    next,
    errors,
    over: (count) =>
      finished.length >= count
        ? Promise.resolve()
        : new Promise((resolve) => waiting.push({ count, resolve })),
  }
}

type Handler = (req: IncomingMessage, res: ServerResponse) => void

function makeServer(kind: ServerKind, options: ServerOptions, handler: Handler): Server {
  switch (kind) {
    case 'http':
      return createServer(options, handler)
    case 'https':
      return createHttpsServer({ ...options, ...forLocalhost }, handler)
    case 'http2':
      return createSecureServer(
        { ...forLocalhost, allowHTTP1: true },
        handler as never,
      ) as unknown as Server
  }
}
