/** The socket under a mock upstream's connection: TCP, TLS or unix; writes, waits and every way to close it. */
import type { Socket } from 'node:net'
import { systemClock } from '../clock.js'
import type { Clock } from '../clock.js'
import type { CloseHow } from './answer.js'
import { ConnectionGone } from './mock-exchange.js'

/** What a socket needs of its server. */
export interface SocketHost {
  readonly clock: Clock
  /** Undefined while the server runs; else settles when it does again. */
  paused(): Promise<void> | undefined
}

/** Milliseconds for which a closing connection still swallows what the client sends. */
const LINGER = 1000

/** Milliseconds in which a client's event loop is trusted to come round to its sockets. */
const MOMENT = 10

export class MockSocket {
  readonly socket: Socket
  /** Under TLS the TCP connection, else the same as `socket`. */
  readonly #tcp: Socket
  readonly #host: SocketHost
  readonly #onGone = new Set<() => void>()
  #closing = false
  #stalled = false

  constructor(socket: Socket, tcp: Socket, host: SocketHost) {
    this.socket = socket
    this.#tcp = tcp
    this.#host = host
    socket.setNoDelay(true)
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#closing = true
      for (const run of [...this.#onGone]) run()
    })
  }

  /** Closed, or on the way to it. */
  get closing(): boolean {
    return this.#closing
  }

  async write(bytes: Buffer): Promise<void> {
    await this.#host.paused()
    if (this.#cannotWrite()) throw new ConnectionGone()
    return new Promise((resolve, reject) => {
      this.socket.write(bytes, (error) => {
        if (error) reject(new ConnectionGone())
        else resolve()
      })
    })
  }

  async wait(ms: number): Promise<void> {
    if (ms > 0) await this.#timeOrEnd(ms, this.#host.clock)
    if (this.#cannotWrite()) throw new ConnectionGone()
  }

  /** A moment for the client to read; always of real time, for it has a real event loop. */
  async beRead(): Promise<void> {
    await this.#timeOrEnd(MOMENT, systemClock)
    // A busy loop comes to its timers late and all at once: a client in this process has only read for certain when
    // the loop has been to its sockets since.
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve))
    if (this.#cannotWrite()) throw new ConnectionGone()
  }

  /** Never resolves; rejects when the socket has closed. */
  gone(): Promise<never> {
    return new Promise((_resolve, reject) => {
      const leave = (): void => reject(new ConnectionGone())
      if (this.socket.destroyed) leave()
      else this.#onGone.add(leave)
    })
  }

  /** Reads no more. Its end is then not noticed either. */
  stall(): void {
    this.#stalled = true
    this.socket.pause()
  }

  setPaused(state: 'paused' | 'running'): void {
    if (state === 'paused') this.socket.pause()
    else if (!this.#stalled) this.socket.resume()
  }

  close(how: CloseHow): void {
    this.#closing = true
    if (how === 'fin') this.socket.destroySoon()
    else resetSocket(this.socket, this.#tcp)
  }

  /** Without the RST that unread bytes cause, and that may overtake the answer. What comes still must be read. */
  closeGently(): void {
    this.#closing = true
    this.socket.end()
    const timer = this.#host.clock.after(LINGER, () => this.socket.destroy())
    this.#onGone.add(() => timer.cancel())
  }

  /** Drops the connection without a flush. */
  destroy(): void {
    this.#closing = true
    this.socket.destroy()
    this.#tcp.destroy()
  }

  /** Ends our side only. */
  end(): void {
    this.socket.end()
  }

  #timeOrEnd(ms: number, clock: Clock): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel()
        this.#onGone.delete(done)
        resolve()
      }
      const timer = clock.after(ms, done)
      this.#onGone.add(done)
    })
  }

  #cannotWrite(): boolean {
    return this.#closing || this.socket.destroyed || this.socket.writableEnded
  }
}

/** RST. A unix socket has none, and is just closed. */
export function resetSocket(socket: Socket, tcp: Socket): void {
  try {
    tcp.resetAndDestroy()
  } catch {
    tcp.destroy()
  }
  socket.destroy()
}

/**
 * Closes a connection that was only just accepted. Its reset waits a moment, so that the client sees it
 * established first; its FIN does not become a RST because of bytes that nobody reads.
 */
export function turnAway(tcp: Socket, how: CloseHow): void {
  const close = how === 'reset' ? () => resetSocket(tcp, tcp) : () => tcp.destroy()
  const timer = systemClock.after(how === 'reset' ? MOMENT : LINGER, close)
  tcp.once('close', () => timer.cancel())
  if (how === 'reset') return
  tcp.resume()
  tcp.end()
}
