/** Two connections joined after 101 (Switching Protocols): bytes go both ways, and nobody looks at them. */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock, Timer } from '../clock.js'
import { Flow } from './tunnel-flow.js'
import { CLOSE_GOING_AWAY, FrameBoundary } from './websocket-frames.js'

export interface TunnelOptions {
  /** The client's connection. */
  readonly client: Duplex
  /** The peer's. What either has sent already is read from it first. */
  readonly peer: Duplex
  /** The protocol that is spoken; `websocket` is ended in its own way. */
  readonly protocol: string
  /** Milliseconds without a byte in either direction. */
  readonly idleTimeout: number
  readonly clock: Clock
}

export type TunnelSide = 'client' | 'peer'

/** What ended a tunnel, and what it has carried. */
export type TunnelEnd = {
  /** Bytes from the client to the peer. */
  readonly toPeer: number
  /** Bytes from the peer to the client. */
  readonly toClient: number
} & Ending

type Ending =
  /** Both directions were ended in good order; `by` was the first. */
  | { readonly how: 'ended'; readonly by: TunnelSide }
  /** A connection broke. */
  | { readonly how: 'reset'; readonly by: TunnelSide; readonly cause: Error | undefined }
  | { readonly how: 'idle' }
  | { readonly how: 'drained' }
  | { readonly how: 'destroyed' }

/** Milliseconds that a connection which is being ended has to end by itself. */
const LEAVE_TIMEOUT = 10_000

export class Tunnel {
  readonly #client: Duplex
  readonly #peer: Duplex
  readonly #up: Flow
  readonly #down: Flow
  readonly #frames: FrameBoundary | undefined
  readonly #idleTimeout: number
  readonly #clock: Clock
  #state: 'new' | 'open' | 'draining' | 'leaving' | 'over' = 'new'
  /** Before it runs. */
  #wish: 'drain' | 'destroy' | undefined
  #ending: Ending | undefined
  /** Connections that are not closed yet. */
  #open = 2
  #lastActivity = 0
  #idleTimer: Timer | undefined
  #leaveTimer: Timer | undefined
  #resolve: ((end: TunnelEnd) => void) | undefined

  constructor({ client, peer, protocol, idleTimeout, clock }: TunnelOptions) {
    this.#client = client
    this.#peer = peer
    this.#up = new Flow(client, peer, {
      data: (chunk) => {
        this.#touch()
        this.#up.pass(chunk)
      },
      room: this.#touch,
      end: () => this.#ended('client'),
      close: (cause) => this.#closed('client', cause),
    })
    this.#down = new Flow(peer, client, {
      data: (chunk) => this.#fromPeer(chunk),
      room: this.#touch,
      end: () => this.#ended('peer'),
      close: (cause) => this.#closed('peer', cause),
    })
    this.#frames = protocol.toLowerCase() === 'websocket' ? new FrameBoundary() : undefined
    this.#idleTimeout = idleTimeout
    this.#clock = clock
  }

  /** Carries bytes until both connections are closed. Once. Never rejects. */
  run(): Promise<TunnelEnd> {
    return new Promise((resolve) => {
      this.#resolve = resolve
      this.#start()
    })
  }

  /**
   * Ends it in good order, within ten seconds. A WebSocket client is told that the server goes away (1001), and its
   * answer goes to the peer; other protocols just see the connection end. Idempotent.
   */
  drain(): void {
    switch (this.#state) {
      case 'new':
        this.#wish ??= 'drain'
        return
      case 'open':
        this.#ending = { how: 'drained' }
        this.#leaveWithin()
        this.#state = 'draining'
        this.#goodbye()
        return
      default:
    }
  }

  /** Ends it at once. Idempotent. */
  destroy(): void {
    if (this.#state === 'over') return
    if (this.#state === 'new') {
      this.#wish = 'destroy'
      return
    }
    this.#cut({ how: 'destroyed' })
  }

  // ---- the beginning

  #start(): void {
    this.#state = 'open'
    this.#touch()
    this.#armIdle(this.#idleTimeout)
    this.#up.start()
    this.#down.start()
    if (this.#wish === 'drain') this.drain()
    else if (this.#wish === 'destroy') this.destroy()
  }

  // ---- bytes

  #fromPeer(chunk: Buffer): void {
    this.#touch()
    const frames = this.#frames
    if (frames === undefined || this.#state === 'open') {
      frames?.push(chunk)
      this.#down.pass(chunk)
      return
    }
    const end = frames.advance(chunk, 0)
    this.#down.pass(end === chunk.length ? chunk : chunk.subarray(0, end))
    this.#goodbye()
  }

  /** In place of everything that the peer would still say: nothing, or 1001 as soon as a frame has ended. */
  #goodbye(): void {
    const frames = this.#frames
    if (frames === undefined || frames.lost) {
      this.#down.discard()
      this.#up.discard()
      this.#client.end()
      this.#peer.end()
      return
    }
    if (!frames.between) return
    if (!frames.closed && this.#client.writable) this.#client.write(CLOSE_GOING_AWAY)
    this.#down.discard()
  }

  readonly #touch = (): void => {
    this.#lastActivity = this.#clock.now()
  }

  // ---- the end

  #ended(side: TunnelSide): void {
    this.#touch()
    this.#ending ??= { how: 'ended', by: side }
  }

  #closed(side: TunnelSide, cause: Error | undefined): void {
    const [flow, other] = side === 'client' ? [this.#up, this.#down] : [this.#down, this.#up]
    if (!flow.ended) {
      if (this.#state === 'open') this.#ending = { how: 'reset', by: side, cause }
      this.#broken(flow.to)
    }
    if (--this.#open === 0) {
      this.#finish()
      return
    }
    // Nobody is there for what the other side still says.
    if (other.ended) return
    other.discard()
    this.#leaveWithin()
  }

  /** One side has broken off: the other must not take it for an end in good order. */
  #broken(other: Duplex): void {
    // A WebSocket that ends without a close frame says so by itself, and what is on its way to it may still arrive.
    if (this.#frames !== undefined) {
      other.end()
      return
    }
    resetAndDestroy(other)
  }

  #cut(ending: Ending | undefined): void {
    this.#state = 'leaving'
    this.#ending = ending
    this.#client.destroy()
    this.#peer.destroy()
  }

  #leaveWithin(): void {
    this.#state = 'leaving'
    this.#leaveTimer ??= this.#clock.after(LEAVE_TIMEOUT, () => {
      this.#cut(this.#ending)
    })
  }

  /** The timer is not set anew for each chunk: when it rings it is asked how long nothing has come. */
  #armIdle(ms: number): void {
    this.#idleTimer = this.#clock.after(ms, () => {
      const left = this.#lastActivity + this.#idleTimeout - this.#clock.now()
      if (left > 0) this.#armIdle(left)
      else this.#cut({ how: 'idle' })
    })
  }

  #finish(): void {
    this.#state = 'over'
    this.#idleTimer?.cancel()
    this.#leaveTimer?.cancel()
    this.#up.stop()
    this.#down.stop()
    this.#resolve?.({
      ...(this.#ending ?? { how: 'destroyed' }),
      toPeer: this.#up.bytes,
      toClient: this.#down.bytes,
    })
  }
}

/**
 * A FIN would look like a proper end. Only TCP has a reset: Node throws for TLS and for a unix socket. With a FIN on its
 * way libuv refuses it (EINVAL), and Node then never closes the connection.
 */
function resetAndDestroy(stream: Duplex): void {
  try {
    if (!stream.writableEnded) (stream as Partial<Socket>).resetAndDestroy?.()
  } catch {
    // It is destroyed below.
  }
  stream.destroy()
}
