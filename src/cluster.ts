/** `evenkeel/cluster`: the hub of the zones, for the primary of node:cluster and for processes of your own. */
import cluster from 'node:cluster'
import type { Worker } from 'node:cluster'
import { systemClock } from './clock.js'
import type { Clock } from './clock.js'
import type { ZoneChannel } from './zone/channel.js'
import { ZoneHub } from './zone/hub.js'

export type { ZoneChannel } from './zone/channel.js'

export interface ZoneHubOptions {
  /** Where time comes from. Default: the system. */
  clock?: Clock
}

/** Keeps what the workers know together. */
export interface Hub {
  /**
   * Serves the process at the other end, until it is gone or the returned function is called. For processes and threads
   * that node:cluster knows nothing of.
   */
  connect(channel: ZoneChannel): () => void
  /** For good. Workers go on with what they know. */
  close(): void
}

/** A hub for channels of your own. */
export function createHub({ clock = systemClock }: ZoneHubOptions = {}): Hub {
  return new ZoneHub(clock)
}

/**
 * Called once in the primary of node:cluster, before or after workers are forked: the upstreams of all workers that name
 * the same `zone` then know what one of them knows. Returns how to end that.
 * @example
 * if (cluster.isPrimary) {
 *   shareZones()
 *   for (let i = 0; i < availableParallelism(); i++) cluster.fork()
 * }
 * @throws {Error} in a worker
 */
export function shareZones(options: ZoneHubOptions = {}): () => void {
  if (!cluster.isPrimary) throw new Error('shareZones() is for the primary')
  const hub = createHub(options)
  const connect = (worker: Worker): void => {
    hub.connect(workerChannel(worker))
  }
  for (const worker of Object.values(cluster.workers ?? {}))
    if (worker !== undefined) connect(worker)
  cluster.on('fork', connect)
  return () => {
    cluster.off('fork', connect)
    hub.close()
  }
}

function workerChannel(worker: Worker): ZoneChannel {
  return {
    send(message, sent) {
      if (!worker.isConnected()) sent()
      else worker.process.send(message, undefined, {}, () => sent())
    },
    onMessage(listener) {
      worker.on('message', listener)
      return () => worker.off('message', listener)
    },
    onClose(listener) {
      // The channel ends before the process does, and with a killed process, too.
      worker.once('disconnect', listener)
      return () => worker.off('disconnect', listener)
    },
  }
}
