/** The balancer's typed events, each also on a `diagnostics_channel`. One that nobody listens to costs two lookups. */
import { channel } from 'node:diagnostics_channel'
import type { Channel } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AttemptSummary, BalancerError } from './errors.js'
import type { WhyNoNext } from './next-upstream/decide.js'
import type { AttemptCondition } from './next-upstream/condition.js'
import type { EarlyWarning, Incident } from './observe/incident.js'
import type { Peer } from './upstream/peer.js'
import type {
  ConnectionChange,
  DiscoveryEvent,
  EjectReason,
  HealthReason,
  ReturnReason,
  UpstreamObserver,
} from './upstream/upstream.js'

/** What every event but `error` says. */
export interface UpstreamEvent {
  /** The upstream's name. */
  readonly upstream: string
}

/** A request has come. */
export interface StartEvent extends UpstreamEvent {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** An attempt begins. */
export interface AttemptStartEvent extends UpstreamEvent {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly peer: Peer
  /** 1 for the first of the request. */
  readonly number: number
  /** The same peer as before, on a fresh connection. */
  readonly again: boolean
  /**
   * Puts a header field into what this attempt sends, and no other: `traceparent`, for one. Only while the listener runs.
   * @throws {TypeError} for what is no field, and for fields of the connection and the framing.
   */
  setHeader(name: string, value: string): void
}

/** Once for each attempt: when it has failed, or, where it was answered, when the request is over. */
export interface AttemptEndEvent extends UpstreamEvent {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Undefined: none could be chosen. That entry has had no start. */
  readonly peer: Peer | undefined
  readonly number: number
  readonly attempt: AttemptSummary
}

/** A request waits in the upstream's queue, or does not any more. */
export interface QueueEvent extends UpstreamEvent {
  readonly request: IncomingMessage
  /** `left`: the client has, or there is nothing to wait for any more. `full`: there was no room for it. */
  readonly outcome: 'joined' | 'served' | 'timeout' | 'full' | 'left'
  /** Milliseconds. */
  readonly waited: number
}

/** A connection to a peer was opened or closed. */
export interface PoolEvent extends UpstreamEvent {
  readonly peer: Peer
  readonly change: ConnectionChange
  /** Milliseconds that it had been idle when it was closed; undefined: it was in use, or is new. */
  readonly idle: number | undefined
}

/** Two connections were joined (101), or are not any more. */
export interface UpgradeEvent extends UpstreamEvent {
  readonly request: IncomingMessage
  readonly peer: Peer
  readonly protocol: string
  readonly state: 'open' | 'closed'
  /** Milliseconds that it was open. */
  readonly duration: number
}

/** Requests have failed one after another: see {@link Incident}. Once when it is seen, and once when it is over. */
export interface IncidentEvent extends UpstreamEvent {
  readonly incident: Incident
  readonly state: 'open' | 'closed'
}

export interface WarningEvent extends UpstreamEvent {
  readonly warning: EarlyWarning
}

export interface EjectEvent extends UpstreamEvent {
  readonly peer: Peer
  /**
   * What has failed; `'status'`, one that counts, or several in a row; `'rate'`, too many of late; `'retry_after'`, it has
   * asked for it.
   */
  readonly reason: EjectReason
  /**
   * When the peer is tried again if nothing brings it back before: milliseconds of the upstream's clock, which is
   * `performance.now()` unless one is given.
   */
  readonly until: number
}

export interface ReturnEvent extends UpstreamEvent {
  readonly peer: Peer
  readonly reason: ReturnReason
}

export interface HealthEvent extends UpstreamEvent {
  readonly peer: Peer
  readonly healthy: boolean
  readonly reason: HealthReason
  /** Checks in a row that have come to the same; 0: the peer has said it itself. */
  readonly checks: number
}

export interface JoinEvent extends UpstreamEvent {
  readonly peer: Peer
}

export interface LeaveEvent extends UpstreamEvent {
  /** What it has in flight goes on to its end. */
  readonly peer: Peer
}

/** After every attempt that had something the matter. */
export interface NextEvent extends UpstreamEvent {
  readonly request: IncomingMessage
  readonly peer: Peer
  readonly condition: AttemptCondition
  /** `next`: another peer; `again`: the same one on a fresh connection; `wait`; or the request ends here. */
  readonly decision: 'next' | 'again' | 'wait' | 'deliver' | 'deliver_held' | 'finish'
  readonly why: WhyNoNext | undefined
}

/** Once for each request, when its response has been handed to the client's connection, or cannot be any more. */
export interface FinishEvent extends UpstreamEvent {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** What the client was given; 499 when it left first. */
  readonly status: number
  readonly attempts: readonly AttemptSummary[]
  /** Milliseconds. */
  readonly duration: number
  /** Milliseconds of them in the queue. */
  readonly waited: number
  readonly error: BalancerError | undefined
}

export interface BalancerEvents {
  /** A peer was marked by failures. */
  eject: EjectEvent
  /** A marked peer is back. */
  return: ReturnEvent
  /** A peer has become healthy or unhealthy, by active checks or by its own word. */
  health: HealthEvent
  /** There is another peer. */
  join: JoinEvent
  /** A peer is gone for good. */
  leave: LeaveEvent
  /** The source of the peers has brought another list, or something went wrong with it. */
  discovery: DiscoveryEvent & UpstreamEvent
  start: StartEvent
  attemptStart: AttemptStartEvent
  attemptEnd: AttemptEndEvent
  next: NextEvent
  queue: QueueEvent
  pool: PoolEvent
  upgrade: UpgradeEvent
  finish: FinishEvent
  incident: IncidentEvent
  /** The chance that all peers go out together has grown. */
  warning: WarningEvent
  /** A request ended with an answer of our own, or was broken off. Without listeners nothing happens. */
  error: BalancerError
}

export type BalancerEventName = keyof BalancerEvents
export type Listener<E extends BalancerEventName> = (event: BalancerEvents[E]) => void

/** The names are public, and the same in all versions of the library. */
const CHANNELS: Readonly<Record<BalancerEventName, Channel>> = {
  eject: channel('evenkeel:eject'),
  return: channel('evenkeel:return'),
  health: channel('evenkeel:health'),
  join: channel('evenkeel:join'),
  leave: channel('evenkeel:leave'),
  discovery: channel('evenkeel:discovery'),
  start: channel('evenkeel:start'),
  attemptStart: channel('evenkeel:attemptStart'),
  attemptEnd: channel('evenkeel:attemptEnd'),
  next: channel('evenkeel:next'),
  queue: channel('evenkeel:queue'),
  pool: channel('evenkeel:pool'),
  upgrade: channel('evenkeel:upgrade'),
  finish: channel('evenkeel:finish'),
  incident: channel('evenkeel:incident'),
  warning: channel('evenkeel:warning'),
  error: channel('evenkeel:error'),
}

/** `on` and `off`, and an `emit` that no listener can break. */
export class BalancerEmitter {
  /** Name of the upstream whose events they are. */
  readonly upstream: string
  readonly #emitter = new EventEmitter()

  constructor(upstream: string) {
    this.upstream = upstream
  }

  on<E extends BalancerEventName>(event: E, listener: Listener<E>): void {
    this.#emitter.on(event, listener)
  }

  off<E extends BalancerEventName>(event: E, listener: Listener<E>): void {
    this.#emitter.off(event, listener)
  }

  has(event: BalancerEventName): boolean {
    return this.#emitter.listenerCount(event) > 0 || CHANNELS[event].hasSubscribers
  }

  /** A listener that throws must not cost a client its answer: it becomes a warning of the process. */
  emit<E extends BalancerEventName>(event: E, payload: BalancerEvents[E]): void {
    for (const listener of this.#emitter.listeners(event)) {
      try {
        ;(listener as Listener<E>)(payload)
      } catch (error) {
        process.emitWarning(
          error instanceof Error ? error : String(error),
          'EvenkeelListenerWarning',
        )
      }
    }
    CHANNELS[event].publish(payload)
  }
}

/** What happens to the peers, for whoever listens to this balancer. */
export function forwardEvents(emitter: BalancerEmitter): UpstreamObserver {
  const { upstream } = emitter
  return {
    ejected(peer, reason, _step, until) {
      if (emitter.has('eject')) emitter.emit('eject', { upstream, peer, reason, until })
    },
    health(peer, reason, checks) {
      if (emitter.has('health'))
        emitter.emit('health', { upstream, peer, healthy: peer.healthy, reason, checks })
    },
    returned(peer, reason) {
      if (emitter.has('return')) emitter.emit('return', { upstream, peer, reason })
    },
    joined(peer) {
      if (emitter.has('join')) emitter.emit('join', { upstream, peer })
    },
    left(peer) {
      if (emitter.has('leave')) emitter.emit('leave', { upstream, peer })
    },
    discovered(event) {
      if (emitter.has('discovery')) emitter.emit('discovery', { ...event, upstream })
    },
    connection(peer, change, idle) {
      if (emitter.has('pool')) emitter.emit('pool', { upstream, peer, change, idle })
    },
  }
}
