/** What is true of every connection to one peer, whoever holds it: nginx's limits, and what its idle limit teaches. */
import type { Socket } from 'node:net'
import type { Clock } from '../clock.js'
import { logPool } from '../debug.js'
import { keepAliveHint } from '../message/response-headers.js'
import type { Peer } from '../upstream/peer.js'
import type { ConnectionChange } from '../upstream/upstream.js'
import { IdleLimit } from './idle-limit.js'

/** The `keepalive` options, resolved. Milliseconds. */
export interface KeepaliveSettings {
  readonly connections: number
  readonly timeout: number
  readonly requests: number
  readonly time: number
}

/** What we know of one connection; hung on the socket itself, which is cheaper than a WeakMap. */
interface ConnectionState {
  requests: number
  readonly openedAt: number
  /** When it went idle; -1 while in use. */
  idleSince: number
  /** When it is to be closed, should it still be idle. */
  idleUntil: number
  /** Bytes read when it went idle: a difference is unasked-for data. */
  bytesRead: number
  /** We close it: nothing to learn from. */
  retired: boolean
}

const kState = Symbol('evenkeel.connection')

/** A connection with what we know of it. */
export type RuledSocket = Socket & { [kState]?: ConnectionState }

/** Told of connections that are opened and closed. */
export type ConnectionWatch = (
  peer: Peer,
  change: ConnectionChange,
  idle: number | undefined,
) => void

/** The rules of one peer's connections. They outlive an agent. */
export class PeerConnections {
  readonly peer: Peer
  readonly settings: KeepaliveSettings
  readonly clock: Clock
  readonly #idleLimit: IdleLimit
  readonly #watch: ConnectionWatch | undefined
  /** The peer is gone: no connection is kept any more. */
  ended = false

  constructor(peer: Peer, settings: KeepaliveSettings, clock: Clock, watch?: ConnectionWatch) {
    this.#watch = watch
    this.peer = peer
    this.settings = settings
    this.clock = clock
    this.#idleLimit = new IdleLimit(clock)
  }

  /** A connection is being opened. */
  opened(socket: RuledSocket): void {
    const state: ConnectionState = {
      requests: 1,
      openedAt: this.clock.now(),
      idleSince: -1,
      idleUntil: -1,
      bytesRead: 0,
      retired: false,
    }
    socket[kState] = state
    socket.once('timeout', () => {
      // Only idle connections have a timeout, and it is ours.
      state.retired = true
    })
    socket.once('close', () => {
      this.#closed(state)
    })
    this.#watch?.(this.peer, 'opened', undefined)
  }

  /**
   * Its response, with these fields, is complete. Returns how long it may now be idle; 0 or less: it is to be closed.
   */
  allowance(socket: RuledSocket, rawHeaders: readonly string[] | undefined): number {
    const state = socket[kState]
    if (state === undefined) return 0
    const now = this.clock.now()
    if (rawHeaders !== undefined) {
      const hint = keepAliveHint(rawHeaders)
      if (hint !== undefined) this.#idleLimit.announced(hint)
    }
    const left = this.settings.time - (now - state.openedAt)
    const { connections, requests } = this.settings
    const retire = this.ended || connections === 0 || state.requests >= requests || left <= 0
    state.idleSince = now
    state.bytesRead = socket.bytesRead
    const allowance = retire ? 0 : Math.min(this.settings.timeout, this.#idleLimit.safeAge(), left)
    state.retired = allowance <= 0
    state.idleUntil = now + allowance
    return allowance
  }

  /** When it is to be closed, should it then be idle, on the clock's scale. */
  endOf(socket: RuledSocket): number {
    return socket[kState]?.idleUntil ?? -1
  }

  /** Closes those of these idle connections whose time is over. Returns when the next one's is; Infinity: there is none. */
  endIdle(idle: readonly RuledSocket[] = [], now: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const socket of [...idle]) {
      const end = this.endOf(socket)
      if (end <= now) this.retire(socket)
      else if (end < next) next = end
    }
    return next
  }

  /** It is taken up again. */
  reused(socket: RuledSocket): void {
    const state = socket[kState]
    if (state === undefined) return
    state.requests++
    state.idleSince = -1
  }

  /** Still good for a request: not past its time, and silent since it went idle (RFC 9112 section 9.5: no unasked-for bytes). */
  usable(socket: RuledSocket): boolean {
    const state = socket[kState]
    if (state === undefined || state.idleSince < 0 || socket.destroyed) return false
    if (socket.bytesRead !== state.bytesRead) return false
    return (
      this.clock.now() - state.idleSince <
      Math.min(this.settings.timeout, this.#idleLimit.safeAge())
    )
  }

  retire(socket: RuledSocket): void {
    const state = socket[kState]
    if (state !== undefined) state.retired = true
    socket.destroy()
  }

  retireAll(sockets: readonly RuledSocket[] = []): void {
    for (const socket of [...sockets]) this.retire(socket)
  }

  #closed(state: ConnectionState): void {
    const age = state.idleSince < 0 ? undefined : this.clock.now() - state.idleSince
    // Of a connection in use nobody can tell who closed it and why: a client that left, a time-out, a broken URL.
    if (state.retired || age === undefined) {
      this.#watch?.(this.peer, 'closed', age)
      return
    }
    this.#watch?.(this.peer, 'closed_by_peer', age)
    const learnt = this.#idleLimit.closedAt(age)
    if (logPool.enabled) {
      logPool(
        '%s closed a connection idle for %d ms%s',
        this.peer.name,
        Math.round(age),
        learnt ? ' (learnt)' : '',
      )
    }
  }
}
