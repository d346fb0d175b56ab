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
  readonly #inFlight = new Set<Exchange>()
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

  entered(x: Exchange): void {
    this.#inFlight.add(x)
    const session = x.res.stream?.session
    if (session !== undefined) this.#met(session)
    const { server } = x.req.socket as { server?: AcceptingServer }
    if (server === undefined || server === this.#latest) return
    this.#latest = server
    this.#servers.add(server)
  }

  left(x: Exchange): void {
    this.#inFlight.delete(x)
    if (this.#inFlight.size === 0) this.#idle()
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
    if (this.#inFlight.size === 0) this.#idle()
  }

  /** Gives up what still runs: 503, or a broken response where one has begun. */
  stop(): void {
    for (const x of this.#inFlight) x.stop('closing')
    for (const tunnel of this.#tunnels) tunnel.destroy()
    this.#servers.clear()
    if (this.#endLinger !== undefined) this.#endLinger()
    else if (this.#inFlight.size === 0) this.#idle()
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
      if (this.#inFlight.size === 0) this.#idle()
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
