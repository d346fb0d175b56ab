/** The channel between a process and the one that has forked it: node:cluster, child_process. */
import type { ZoneChannel } from './channel.js'

type Listener = (message: unknown) => void

/** What is used of `process`. */
export interface IpcProcess {
  readonly connected?: boolean
  send?(message: object, handle: undefined, options: object, done: () => void): boolean
  on(event: 'message', listener: Listener): unknown
  on(event: 'disconnect', listener: () => void): unknown
  off(event: 'message', listener: Listener): unknown
  off(event: 'disconnect', listener: () => void): unknown
  getMaxListeners(): number
  setMaxListeners(count: number): unknown
}

/** Undefined: nobody has forked this process, or they do not speak. */
export function processChannel(from: IpcProcess): ZoneChannel | undefined {
  if (from.send === undefined || from.connected === false) return undefined
  return {
    send(message, sent) {
      // A closed channel tells that to the callback; what it was is of no use then.
      if (from.connected === false) sent()
      else from.send?.(message, undefined, {}, () => sent())
    },
    onMessage: (listener) => listen(from, 'message', listener),
    onClose: (listener) => listen(from, 'disconnect', listener),
  }
}

/** One listener for each upstream with a zone is no leak. */
function listen(from: IpcProcess, event: 'message' | 'disconnect', listener: Listener): () => void {
  // The events' own types differ in what listeners are given, and not in how they are added.
  const name = event as 'message'
  from.setMaxListeners(from.getMaxListeners() + 1)
  from.on(name, listener)
  return () => {
    from.off(name, listener)
    from.setMaxListeners(Math.max(0, from.getMaxListeners() - 1))
  }
}
