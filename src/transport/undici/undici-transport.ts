/** The fast transport: undici's dispatch API, over connections of our own. */
import type { AttemptResult } from '../../next-upstream/attempt-result.js'
import type { Peer } from '../../upstream/peer.js'
import type { ConnectionHolder, PoolStatus } from '../connections.js'
import type {
  Attempt,
  AttemptSignal,
  Settle,
  Transport,
  TransportContext,
  TransportFactory,
} from '../transport.js'
import { UndiciAttempt } from './attempt.js'
import type { AttemptParts } from './attempt-ends.js'
import { isCarried } from './carried.js'
import { takesRawHandlers } from './client.js'
import { ControlledAttempt } from './controlled-attempt.js'
import { PeerPool } from './peer-pool.js'

/**
 * The transport of `createBalancer({ transport: undiciTransport() })`: about a sixth less CPU time for a small request
 * than the default one takes (docs/benchmarks.md), and less for long bodies, too. With an upstream that has a `pool` of
 * its own, the default transport is used: a pool of agents is nothing that undici could take connections from.
 */
export function undiciTransport(): TransportFactory {
  return {
    create: (context) =>
      context.pool === 'given' ? context.standard() : new UndiciTransport(context),
  }
}

class UndiciTransport implements Transport, ConnectionHolder {
  readonly name = 'undici'
  readonly #context: TransportContext
  readonly #parts: AttemptParts
  readonly #pools = new Map<Peer, PeerPool>()
  /** Of peers that are gone, as long as there are connections to them. */
  readonly #ending = new Map<Peer, PeerPool>()
  readonly #remove: () => void
  #standard: Transport | undefined

  constructor(context: TransportContext) {
    const { clock, timeouts, maxHeaders, maxHeaderSize, connections } = context
    this.#context = context
    this.#parts = {
      clock,
      timeouts,
      maxHeaders,
      maxHeaderSize,
      standard: (attempt, signal, settle) => {
        this.#startStandard(attempt, signal, settle)
      },
    }
    this.#remove = connections.add(this)
  }

  roundTrip(attempt: Attempt, signal: AttemptSignal): Promise<AttemptResult> {
    return new Promise((resolve) => {
      this.start(attempt, signal, resolve)
    })
  }

  start(attempt: Attempt, signal: AttemptSignal, settle: Settle): void {
    if (!isCarried(attempt)) {
      this.#startStandard(attempt, signal, settle)
      return
    }
    const pool = this.#pool(attempt.peer)
    const running = takesRawHandlers
      ? new UndiciAttempt(this.#parts, pool, attempt, signal, settle)
      : new ControlledAttempt(this.#parts, pool, attempt, signal, settle)
    running.begin()
  }

  status(peer: Peer): PoolStatus {
    const { active = 0, idle = 0 } = this.#pools.get(peer) ?? this.#ending.get(peer) ?? {}
    return { active, idle }
  }

  renew(peer: Peer | undefined): void {
    for (const [each, pool] of this.#pools) {
      if (each.protocol === 'https:' && (peer === undefined || each === peer)) pool.renew()
    }
  }

  forget(peer: Peer): void {
    const pool = this.#pools.get(peer)
    if (pool === undefined) return
    this.#pools.delete(peer)
    pool.renew()
    // The sockets that were idle close in a moment.
    if (!pool.isEmpty) this.#keepUntilEmpty(peer, pool)
  }

  async close(): Promise<void> {
    this.#remove()
    this.closeConnections()
    await this.#standard?.close()
  }

  closeConnections(): void {
    for (const pool of [...this.#pools.values(), ...this.#ending.values()]) pool.close()
  }

  #pool(peer: Peer): PeerPool {
    const known = this.#pools.get(peer) ?? this.#ending.get(peer)
    if (known !== undefined) return known
    const { connections, clock, maxHeaderSize } = this.#context
    const pool = new PeerPool(peer, connections, clock, maxHeaderSize)
    if (connections.rulesOf(peer).ended) this.#keepUntilEmpty(peer, pool)
    else this.#pools.set(peer, pool)
    return pool
  }

  #keepUntilEmpty(peer: Peer, pool: PeerPool): void {
    this.#ending.set(peer, pool)
    pool.onEmpty = () => {
      this.#ending.delete(peer)
    }
  }

  #startStandard(attempt: Attempt, signal: AttemptSignal, settle: Settle): void {
    this.#standard ??= this.#context.standard()
    const standard = this.#standard
    if (standard.start !== undefined) {
      standard.start(attempt, signal, settle)
      return
    }
    throw new Error('the standard transport has no start()')
  }
}
