/** The balancer's typed events. An event without listeners costs one lookup. */
import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AttemptSummary, BalancerError } from './errors.js'
import type { WhyNoNext } from './next-upstream/decide.js'
import type { AttemptCondition } from './next-upstream/condition.js'
import type { Peer } from './upstream/peer.js'
import type {
  DiscoveryEvent,
  EjectReason,
  HealthReason,
  ReturnReason,
  UpstreamObserver,
} from './upstream/upstream.js'

export interface EjectEvent {
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

export interface ReturnEvent {
  readonly peer: Peer
  readonly reason: ReturnReason
}

export interface HealthEvent {
  readonly peer: Peer
  readonly healthy: boolean
  readonly reason: HealthReason
  /** Checks in a row that have come to the same; 0: the peer has said it itself. */
  readonly checks: number
}

export interface JoinEvent {
  readonly peer: Peer
}

export interface LeaveEvent {
  /** What it has in flight goes on to its end. */
  readonly peer: Peer
}

/** After every attempt that had something the matter. */
export interface NextEvent {
  readonly request: IncomingMessage
  readonly peer: Peer
  readonly condition: AttemptCondition
  /** `next`: another peer; `again`: the same one on a fresh connection; `wait`; or the request ends here. */
  readonly decision: 'next' | 'again' | 'wait' | 'deliver' | 'deliver_held' | 'finish'
  readonly why: WhyNoNext | undefined
}

/** Once for each request, when its response has been handed to the client's connection, or cannot be any more. */
export interface FinishEvent {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** What the client was given; 499 when it left first. */
  readonly status: number
  readonly attempts: readonly AttemptSummary[]
  /** Milliseconds. */
  readonly duration: number
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
  discovery: DiscoveryEvent
  next: NextEvent
  finish: FinishEvent
  /** A request ended with an answer of our own, or was broken off. Without listeners nothing happens. */
  error: BalancerError
}

export type BalancerEventName = keyof BalancerEvents
export type Listener<E extends BalancerEventName> = (event: BalancerEvents[E]) => void

/** `on` and `off`, and an `emit` that no listener can break. */
export class BalancerEmitter {
  readonly #emitter = new EventEmitter()

  on<E extends BalancerEventName>(event: E, listener: Listener<E>): void {
    this.#emitter.on(event, listener)
  }

  off<E extends BalancerEventName>(event: E, listener: Listener<E>): void {
    this.#emitter.off(event, listener)
  }

  has(event: BalancerEventName): boolean {
    return this.#emitter.listenerCount(event) > 0
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
  }
}

/** What happens to the peers, for whoever listens to this balancer. */
export function forwardEvents(emitter: BalancerEmitter): UpstreamObserver {
  return {
    ejected(peer, reason, _step, until) {
      if (emitter.has('eject')) emitter.emit('eject', { peer, reason, until })
    },
    health(peer, reason, checks) {
      if (emitter.has('health'))
        emitter.emit('health', { peer, healthy: peer.healthy, reason, checks })
    },
    returned(peer, reason) {
      if (emitter.has('return')) emitter.emit('return', { peer, reason })
    },
    joined(peer) {
      if (emitter.has('join')) emitter.emit('join', { peer })
    },
    left(peer) {
      if (emitter.has('leave')) emitter.emit('leave', { peer })
    },
    discovered(event) {
      if (emitter.has('discovery')) emitter.emit('discovery', event)
    },
  }
}
