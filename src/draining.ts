/** The end of a balancer: what is under way is finished, and everybody is told not to come again. */
import type { ServerHttp2Session } from 'node:http2'
import type { Clock } from './clock.js'
import type { Exchange } from './exchange.js'
import { closeAfter } from './message/client-connection.js'
import type { Tunnel } from './message/tunnel.js'

/**
 * How long connections that a closed server has still accepted are waited for, to bring their request: nothing that was
 * accepted is refused. Milliseconds.
 */
const LINGER = 1000

/** What is used of a server; Node hangs it on the sockets that it has accepted. */
interface AcceptingServer {
  readonly listening: boolean
  getConnections(callback: (error: Error | null, count: number) => void): void
  once(event: 'close', listener: () => void): void
  off(event: 'close', listener: () => void): void
}

export class Draining {
  readonly #clock: Clock
  /** A list through the exchanges themselves: to enter and to leave allocates nothing. */
  #first: Exchange | undefined
  readonly #tunnels = new Set<Tunnel>()
  /** HTTP/2 connections that have brought a request. */
  readonly #sessions = new Set<ServerHttp2Session>()
  #state: 'open' | 'draining' | 'closed' = 'open'
  readonly #onIdle: (() => void)[] = []
  /** Servers that have brought a request. */
  readonly #servers = new Set<AcceptingServer>()
  #latest: AcceptingServer | undefined
  /** Ends the waiting for what servers have accepted. */
  #endLinger: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Running requests are finished, and stragglers on kept-alive connections served. */
  get draining(): boolean {
    return this.#state !== 'open'
  }

  /** Nothing is served any more. */
  get closed(): boolean {
    return this.#state === 'closed'
  }

  /** Requests in flight, counted when asked for. */
  get inFlight(): number {
    let count = 0
    for (let x = this.#first; x !== undefined; x = x.nextInFlight) count++
    return count
  }

  /** Those of them that have become tunnels. */
  get openTunnels(): number {
    return this.#tunnels.size
  }

  entered(x: Exchange): void {
    this.#link(x)
    const session = x.res.stream?.session
    if (session !== undefined) this.#met(session)
    const { server } = x.req.socket as { server?: AcceptingServer }
    if (server === undefined || server === this.#latest) return
    this.#latest = server
    this.#servers.add(server)
  }

  /** Its response has been handed over. It is in flight until the client's connection has taken it. */
  left(x: Exchange): void {
    const { res } = x
    const unsent =
      res.stream === undefined && !res.destroyed ? (res.socket?.writableLength ?? 0) : 0
    if (unsent === 0 || res.writableFinished) {
      this.#gone(x)
      return
    }
    const gone = (): void => {
      res.off('finish', gone)
      res.off('close', gone)
      this.#gone(x)
    }
    res.on('finish', gone)
    res.on('close', gone)
  }

  #gone(x: Exchange): void {
    this.#unlink(x)
    if (this.#first === undefined) this.#idle()
  }

  #link(x: Exchange): void {
    const next = this.#first
    x.nextInFlight = next
    if (next !== undefined) next.previousInFlight = x
    this.#first = x
  }

  /** Leaves nothing behind that would lead from one exchange to another. */
  #unlink(x: Exchange): void {
    const { nextInFlight: next, previousInFlight: previous } = x
    if (previous !== undefined) previous.nextInFlight = next
    else if (this.#first === x) this.#first = next
    if (next !== undefined) next.previousInFlight = previous
    x.nextInFlight = undefined
    x.previousInFlight = undefined
  }

  /** For as long as the tunnel is open its exchange is in flight, too. */
  tunnelOpened(tunnel: Tunnel): void {
    this.#tunnels.add(tunnel)
    if (this.draining) tunnel.drain()
  }

  tunnelClosed(tunnel: Tunnel): void {
    this.#tunnels.delete(tunnel)
  }

  /** Tells an HTTP/1 client, before the head of its response is written, that the connection will be closed. */
  announce({ res }: Exchange): void {
    if (this.draining) closeAfter(res)
  }

  /** Calls back when the last request is over. */
  begin(onIdle: () => void): void {
    if (this.#state === 'open') this.#state = 'draining'
    this.#onIdle.push(onIdle)
    // GOAWAY: streams that run are finished, and new ones not begun.
    for (const session of this.#sessions) session.close()
    for (const tunnel of this.#tunnels) tunnel.drain()
    if (this.#first === undefined) this.#idle()
  }

  /** Gives up what still runs: 503, or a broken response where one has begun. */
  stop(): void {
    for (const x of this.#running()) x.stop('closing')
    for (const tunnel of this.#tunnels) tunnel.destroy()
    this.#servers.clear()
    if (this.#endLinger !== undefined) this.#endLinger()
    else if (this.#first === undefined) this.#idle()
  }

  /** As of now: who is stopped leaves the list. */
  #running(): Exchange[] {
    const running: Exchange[] = []
    for (let x = this.#first; x !== undefined; x = x.nextInFlight) running.push(x)
    return running
  }

  #idle(): void {
    if (this.#state === 'open' || this.#endLinger !== undefined) return
    // A server that still listens is for its owner to close.
    const closing = [...this.#servers].filter(({ listening }) => !listening)
    this.#servers.clear()
    if (closing.length > 0) this.#linger(closing)
    else this.#closed()
  }

  /** Nothing is under way; but a connection may have been accepted whose request has not come yet. */
  #linger(servers: readonly AcceptingServer[]): void {
    const waiting = new Set(servers)
    const gone = servers.map((server) => () => {
      waiting.delete(server)
      if (waiting.size === 0) end()
    })
    const end = (): void => {
      if (this.#endLinger === undefined) return
      this.#endLinger = undefined
      timer.cancel()
      servers.forEach((server, i) => {
        server.off('close', gone[i] ?? end)
      })
      if (this.#first === undefined) this.#idle()
    }
    const timer = this.#clock.after(LINGER, end)
    this.#endLinger = end
    servers.forEach((server, i) => {
      server.once('close', gone[i] ?? end)
      // One that is closed already says so no more.
      server.getConnections((_error, count) => {
        if (count === 0) gone[i]?.()
      })
    })
  }

  #closed(): void {
    this.#state = 'closed'
    for (const onIdle of this.#onIdle.splice(0)) onIdle()
  }

  #met(session: ServerHttp2Session): void {
    if (this.#sessions.has(session)) return
    this.#sessions.add(session)
    session.once('close', () => {
      this.#sessions.delete(session)
    })
    if (this.draining) session.close()
  }
}

/** Waits for `work`, or until so many milliseconds have passed; undefined: for as long as it takes. */
export async function atMost(
  clock: Clock,
  ms: number | undefined,
  work: Promise<void>,
): Promise<void> {
  if (ms === undefined) {
    await work
    return
  }
  await new Promise<void>((resolve, reject) => {
    const timer = clock.after(Math.max(0, ms), resolve)
    work.then(resolve, reject).finally(() => {
      timer.cancel()
    })
  })
}

/** Resolves when all that is under way is over; after `timeout` milliseconds it is stopped. */
export function drained(
  draining: Draining,
  clock: Clock,
  timeout: number | undefined,
): Promise<void> {
  return new Promise((resolve) => {
    const timer =
      timeout === undefined
        ? undefined
        : clock.after(timeout, () => {
            draining.stop()
          })
    draining.begin(() => {
      timer?.cancel()
      resolve()
    })
  })
}
