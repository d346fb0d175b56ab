// A primary and its workers, as they are measured. Plain JavaScript over the built package, as for the other benchmarks.
import cluster from 'node:cluster'
import { createServer } from 'node:http'

/** @typedef {{ workers: number, zone: boolean, peers: string[] }} Start */

/** @type {Start} */
const { workers, zone, peers } = JSON.parse(process.argv[2] ?? '')

async function primary() {
  if (zone) {
    const { shareZones } = await import('evenkeel/cluster')
    shareZones()
  }
  let listening = 0
  cluster.on('listening', (_worker, { port }) => {
    listening++
    if (listening === workers) process.send?.(port)
  })
  for (let i = 0; i < workers; i++) cluster.fork()
}

async function worker() {
  const { createBalancer } = await import('evenkeel')
  const balancer = createBalancer({ upstream: peers, ...(zone ? { zone: 'bench' } : {}) })
  // Clients that are cut off are what the end of a measurement is made of.
  balancer.on('error', () => undefined)
  createServer(balancer).listen(0, '127.0.0.1')
}

await (cluster.isPrimary ? primary() : worker())
