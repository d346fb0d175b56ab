/** Watches marked peers in the background, so that no user's request has to find out whether they are back. */
import type { Clock, Timer } from '../clock.js'
import { logPeer } from '../debug.js'
import type { FailedStep, Peer } from '../upstream/peer.js'

/** Tries at `peer` the step that failed. Calls back once, unless the returned cancel is called before. */
export type Probe = (
  peer: Peer,
  step: FailedStep,
  timeout: number,
  done: (alive: boolean) => void,
) => () => void

export interface ProberSettings {
  /** Milliseconds between two probes at most. */
  readonly interval: number
  /** Milliseconds until one has failed. */
  readonly timeout: number
}

/** The first probe comes soon: most failures are over in an instant. */
const FIRST_PAUSE_MS = 100

interface Watch {
  readonly peer: Peer
  step: FailedStep
  pause: number
  timer: Timer | undefined
  cancel: (() => void) | undefined
}

export class Prober {
  readonly #probe: Probe
  readonly #settings: ProberSettings
  readonly #clock: Clock
  readonly #onAlive: (peer: Peer) => void
  readonly #watches = new Map<Peer, Watch>()
  #stopped = false

  constructor(probe: Probe, settings: ProberSettings, clock: Clock, onAlive: (peer: Peer) => void) {
    this.#probe = probe
    this.#settings = settings
    this.#clock = clock
    this.#onAlive = onAlive
  }

  /** Starts probing; a peer that is watched already is now watched for `step`. */
  watch(peer: Peer, step: FailedStep): void {
    if (this.#stopped) return
    const known = this.#watches.get(peer)
    if (known !== undefined) {
      known.step = step
      return
    }
    const watch: Watch = {
      peer,
      step,
      pause: Math.min(FIRST_PAUSE_MS, this.#settings.interval),
      timer: undefined,
      cancel: undefined,
    }
    this.#watches.set(peer, watch)
    this.#schedule(watch)
  }

  /** The peer is back, or gone. */
  unwatch(peer: Peer): void {
    const watch = this.#watches.get(peer)
    if (watch === undefined) return
    this.#watches.delete(peer)
    watch.timer?.cancel()
    watch.cancel?.()
  }

  /** For good. */
  stop(): void {
    this.#stopped = true
    for (const peer of [...this.#watches.keys()]) this.unwatch(peer)
  }

  #schedule(watch: Watch): void {
    watch.timer = this.#clock.after(watch.pause, () => {
      watch.cancel = this.#probe(watch.peer, watch.step, this.#settings.timeout, (alive) => {
        watch.cancel = undefined
        this.#done(watch, alive)
      })
    })
  }

  #done(watch: Watch, alive: boolean): void {
    if (this.#watches.get(watch.peer) !== watch) return
    if (logPeer.enabled)
      logPeer('probe of %s (%s): %s', watch.peer.name, watch.step, alive ? 'alive' : 'dead')
    if (alive) {
      this.#watches.delete(watch.peer)
      this.#onAlive(watch.peer)
      return
    }
    watch.pause = Math.min(watch.pause * 2, this.#settings.interval)
    this.#schedule(watch)
  }
}

/** A probe touches no resource: what it is answered says nothing about a status that counts, nor what a peer has asked for. */
export function isProbed(reason: string): boolean {
  return reason !== 'status' && reason !== 'rate' && reason !== 'retry_after'
}
