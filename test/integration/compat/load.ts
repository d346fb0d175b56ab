/** Clients that ask without a pause, so that what is done to a peer hits requests of every age. */
import type { Balancer } from 'evenkeel'
import type { PeerProcess } from './peer-process.js'

/** Work that is done over and over, by several at once. */
export interface Load {
  /** Ends it after what is under way; rejects with the first thing that went wrong. */
  stop(): Promise<void>
}

export function load(workers: number, work: () => Promise<void>): Load {
  let stopped = false
  const run = async (): Promise<void> => {
    while (!stopped) await work()
  }
  const running = Promise.all(Array.from({ length: workers }, run)).finally(() => (stopped = true))
  // Told in stop().
  running.catch(() => undefined)
  return {
    async stop() {
      stopped = true
      await running
    },
  }
}

/** Resolves when the balancer has finished so many more requests. */
function requests(balancer: Balancer, count: number): Promise<void> {
  return new Promise((resolve) => {
    let left = count
    const onFinish = (): void => {
      if (--left > 0) return
      balancer.off('finish', onFinish)
      resolve()
    }
    balancer.on('finish', onFinish)
  })
}

/** Kills a peer in the middle of the load, starts it again, and waits until it has its share of the requests. */
export async function killAndRestart(
  balancer: Balancer,
  peer: PeerProcess,
  count = 100,
): Promise<void> {
  await requests(balancer, count)
  await peer.kill()
  await requests(balancer, count)
  await peer.restart()
  await served(balancer, peer)
  await requests(balancer, count)
}

/** Resolves with the next request that the peer has answered. */
async function served(balancer: Balancer, { port }: PeerProcess): Promise<void> {
  const name = `127.0.0.1:${String(port)}`
  await new Promise<void>((resolve) => {
    const onFinish: Parameters<typeof balancer.on<'finish'>>[1] = ({ attempts }) => {
      const last = attempts.at(-1)
      if (last?.peer !== name || last.status !== 200) return
      balancer.off('finish', onFinish)
      resolve()
    }
    balancer.on('finish', onFinish)
  })
}
