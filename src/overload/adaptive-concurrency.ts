/** Requests in flight at an upstream, from all balancers that share it, and how many there may be. */
import type { Clock } from '../clock.js'
import type { SharedLimit } from './admission.js'
import { Gradient } from './gradient.js'
import type { GradientSettings } from './gradient.js'

export class AdaptiveConcurrency implements SharedLimit {
  readonly #gradient: Gradient
  readonly #clock: Clock
  readonly #raised: () => void
  #inFlight = 0

  /** @param raised called when more may come in than before. */
  constructor(settings: GradientSettings, clock: Clock, raised: () => void) {
    this.#gradient = new Gradient(settings)
    this.#clock = clock
    this.#raised = raised
  }

  get limit(): number {
    return this.#gradient.limit
  }

  get hasRoom(): boolean {
    return this.#inFlight < this.#gradient.limit
  }

  enter(): void {
    this.#inFlight++
  }

  leave(): void {
    this.#inFlight--
  }

  answered(ms: number): void {
    if (this.#gradient.answered(ms, this.#inFlight, this.#clock.now())) this.#raised()
  }

  timedOut(): void {
    if (this.#gradient.timedOut(this.#inFlight, this.#clock.now())) this.#raised()
  }
}
