/** From single checks to a peer's health: so many in a row, and which pause comes next. */
import type { CheckSchedule } from '../config/types.js'

type TallySettings = Pick<CheckSchedule, 'fall' | 'rise' | 'initialState'>

export class Tally {
  readonly #settings: TallySettings
  #healthy: boolean
  /** Checks in a row that speak against its present state. */
  #against = 0
  #last: 'passed' | 'failed' | undefined
  #inRow = 0

  constructor(settings: TallySettings) {
    this.#settings = settings
    this.#healthy = settings.initialState === 'up'
    // HAProxy `init-state down`: nothing is known against it, and the first check that passes is enough.
    if (!this.#healthy) this.#against = settings.rise - 1
  }

  get healthy(): boolean {
    return this.#healthy
  }

  /** As many checks in a row speak for its state as would bring it about. */
  get isSettled(): boolean {
    const { fall, rise } = this.#settings
    const agrees = (this.#last === 'passed') === this.#healthy
    return agrees && this.#inRow >= (this.#healthy ? rise : fall)
  }

  /** The last ones, that have all come to the same. */
  get inRow(): number {
    return this.#inRow
  }

  /** HAProxy's three intervals (`srv_getinter`): `fastinter` while some checks speak for a change. */
  get pace(): 'interval' | 'fastInterval' | 'downInterval' {
    if (this.#against > 0) return 'fastInterval'
    return this.#healthy ? 'interval' : 'downInterval'
  }

  /** Returns true when the peer has become healthy or unhealthy by it. */
  count(result: 'passed' | 'failed'): boolean {
    this.#inRow = result === this.#last ? this.#inRow + 1 : 1
    this.#last = result
    if ((result === 'passed') === this.#healthy) {
      this.#against = 0
      return false
    }
    this.#against++
    const { fall, rise } = this.#settings
    if (this.#against < (this.#healthy ? fall : rise)) return false
    this.#healthy = !this.#healthy
    this.#against = 0
    return true
  }
}
