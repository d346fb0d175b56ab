/** The primary serves nobody: it keeps the workers, and what they know together. */
import cluster from 'node:cluster'
import type { Worker } from 'node:cluster'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { shareZones } from 'evenkeel/cluster'

/** A worker that has not ended by then has hung: it is killed. Above the timeout of its own `close()`. */
const PATIENCE = 30_000
/** A worker that dies at once is not to keep the machine busy with its successors. */
const PAUSE = 1000

export async function runPrimary(): Promise<void> {
  const count = Number(process.env['WORKERS'] ?? availableParallelism())
  // The hub. All that the workers have to do is to name a zone.
  const stopSharing = shareZones()
  let ending = false
  let restarting = Promise.resolve()
  const leaving = new Set<Worker>()

  cluster.on('exit', (worker, code, signal) => {
    if (ending || leaving.has(worker)) return
    console.warn(`worker ${String(worker.process.pid)} has died (${signal || code})`)
    // Its successor learns what the others know before it serves.
    void sleep(PAUSE).then(() => {
      const here = running().filter((each) => !leaving.has(each))
      if (!ending && here.length < count) cluster.fork()
    })
  })
  const restart = async (): Promise<void> => {
    for (const old of running()) {
      if (ending) return
      leaving.add(old)
      // The new one listens before the old one stops: there is always somebody to take a connection. What is on its way
      // to a worker that has just stopped listening comes back to the primary, and goes to another.
      await startWorker()
      await stopWorker(old)
      leaving.delete(old)
    }
    console.log('all workers are new')
  }
  process.on('SIGHUP', () => {
    // One after the other, also when the signal comes twice. If the new code does not start, the old workers stay.
    restarting = restarting.then(restart).catch((error: unknown) => {
      console.error('the restart has been given up', error)
      leaving.clear()
    })
  })
  const end = async (): Promise<void> => {
    if (ending) return
    ending = true
    await Promise.all(running().map(stopWorker))
    stopSharing()
  }
  process.once('SIGTERM', () => void end())
  process.once('SIGINT', () => void end())

  const ports = await Promise.all(Array.from({ length: count }, startWorker))
  console.log(`${ports.length} workers listen on http://127.0.0.1:${String(ports[0])}`)
}

function running(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
}

/** Resolves with the port when it listens. */
async function startWorker(): Promise<number> {
  const worker = cluster.fork()
  return new Promise((resolve, reject) => {
    worker.once('listening', ({ port }) => resolve(port))
    worker.once('exit', (code) => reject(new Error(`a new worker has ended with ${code}`)))
  })
}

async function stopWorker(worker: Worker): Promise<void> {
  if (worker.isDead()) return
  const gone = once(worker, 'exit')
  if (worker.isConnected()) worker.send('stop')
  const timer = setTimeout(() => worker.process.kill('SIGKILL'), PATIENCE)
  await gone
  clearTimeout(timer)
}
