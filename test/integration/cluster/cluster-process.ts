/** A primary with workers that each listen on a port of their own, so that a test can ask the one it means. */
import cluster from 'node:cluster'
import type { Worker } from 'node:cluster'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createBalancer } from 'evenkeel'
import { shareZones } from 'evenkeel/cluster'

/** What the test asks for. */
export type Command =
  | { readonly do: 'fork'; readonly zone?: string }
  | { readonly do: 'kill'; readonly worker: number }
  | { readonly do: 'add'; readonly worker: number; readonly url: string }
  | { readonly do: 'report'; readonly worker: number }

/** What workers say, with their number. Times are of the machine's clock, in milliseconds. */
export type Saying = { readonly worker: number } & (
  | { readonly say: 'listening'; readonly port: number }
  | { readonly say: 'ejected'; readonly reason: string; readonly at: number }
  | { readonly say: 'returned'; readonly reason: string; readonly at: number }
  | {
      readonly say: 'report'
      /** By the peers' names. */
      readonly status: Readonly<Record<string, string>>
      readonly connections: Readonly<Record<string, number>>
      /** Attempts of this worker's own. */
      readonly attempts: Readonly<Record<string, number>>
    }
  | { readonly say: 'gone' }
)

type Own = Saying extends infer S ? (S extends unknown ? Omit<S, 'worker'> : never) : never

function primary(): void {
  if (process.env['HUB'] !== 'none') shareZones()
  cluster.on('message', (worker: Worker, message: Own & { evenkeel?: string }) => {
    if (message.evenkeel === undefined) process.send?.({ ...message, worker: worker.id })
  })
  cluster.on('exit', (worker) => process.send?.({ say: 'gone', worker: worker.id }))
  process.on('message', (command: Command) => {
    if (command.do === 'fork') cluster.fork({ ZONE: command.zone ?? 'edge' })
    else if (command.do === 'kill') cluster.workers?.[command.worker]?.process.kill('SIGKILL')
    else cluster.workers?.[command.worker]?.send(command)
  })
}

function worker(): void {
  const say = (what: Own): void => void process.send?.(what)
  const at = (): number => performance.timeOrigin + performance.now()
  const attempts: Record<string, number> = {}
  const balancer = createBalancer({
    upstream: process.argv.slice(2),
    zone: process.env['ZONE'] ?? 'edge',
    failTimeout: '1h',
    probe: { interval: 100 },
  })
  balancer.on('eject', ({ reason }) => say({ say: 'ejected', reason, at: at() }))
  balancer.on('return', ({ reason }) => say({ say: 'returned', reason, at: at() }))
  balancer.on('finish', (event) => {
    for (const { peer } of event.attempts) attempts[peer] = (attempts[peer] ?? 0) + 1
  })
  const { upstream } = balancer
  process.on('message', (command: Command) => {
    if (command.do === 'add') upstream.add(command.url)
    if (command.do !== 'report') return
    say({
      say: 'report',
      status: Object.fromEntries(upstream.peers.map((peer) => [peer.name, upstream.status(peer)])),
      connections: Object.fromEntries(upstream.peers.map((peer) => [peer.name, peer.connections])),
      attempts,
    })
  })
  const server = createServer(balancer)
  server.listen({ port: 0, host: '127.0.0.1', exclusive: true }, () => {
    say({ say: 'listening', port: (server.address() as AddressInfo).port })
  })
}

if (cluster.isPrimary) primary()
else worker()
