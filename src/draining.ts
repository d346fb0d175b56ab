/** The end of a balancer: what is under way is finished, and everybody is told not to come again. */
import type { ServerHttp2Session } from 'node:http2'
import type { Exchange } from './exchange.js'
import { closeAfter } from './message/client-connection.js'
import type { Tunnel } from './message/tunnel.js'

export class Draining {
  readonly #inFlight = new Set<Exchange>()
  readonly #tunnels = new Set<Tunnel>()
  /** HTTP/2 connections that have brought a request. */
  readonly #sessions = new Set<ServerHttp2Session>()
  #state: 'open' | 'draining' | 'closed' = 'open'
  readonly #onIdle: (() => void)[] = []

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
  }

  #idle(): void {
    if (this.#state === 'open') return
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
