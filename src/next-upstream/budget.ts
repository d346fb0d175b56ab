/** The retry budget: repeated work in proportion to real work (Finagle, Envoy), so that trouble is not multiplied. */

/** One second's counts; the window is a ring of them. */
interface Slot {
  second: number
  requests: number
  retries: number
}

export interface BudgetSettings {
  /** Retries as a share of requests. */
  readonly ratio: number
  /** Retries a second that are always allowed. */
  readonly floor: number
  /** Milliseconds. */
  readonly window: number
}

/** Times are milliseconds of the balancer's clock. */
export class RetryBudget {
  readonly #settings: BudgetSettings
  readonly #slots: Slot[]

  constructor(settings: BudgetSettings) {
    this.#settings = settings
    const seconds = Math.max(1, Math.ceil(settings.window / 1000))
    this.#slots = Array.from({ length: seconds }, () => ({ second: -1, requests: 0, retries: 0 }))
  }

  /** A client's request has come. */
  request(now: number): void {
    this.#slot(now).requests++
  }

  /** A retry is made. */
  retry(now: number): void {
    this.#slot(now).retries++
  }

  /** Is there room for one more retry? */
  allows(now: number): boolean {
    return this.room(now) > 0
  }

  /** How many retries may be made now; 0 or less: none. */
  room(now: number): number {
    const oldest = Math.floor(now / 1000) - this.#slots.length
    let requests = 0
    let retries = 0
    for (const slot of this.#slots) {
      if (slot.second <= oldest) continue
      requests += slot.requests
      retries += slot.retries
    }
    return this.#settings.ratio * requests + this.#settings.floor * this.#slots.length - retries
  }

  #slot(now: number): Slot {
    const second = Math.floor(now / 1000)
    const slot = this.#slots[second % this.#slots.length]
    if (slot === undefined) throw new RangeError(`the clock went below zero: ${String(now)}`)
    if (slot.second !== second) {
      slot.second = second
      slot.requests = 0
      slot.retries = 0
    }
    return slot
  }
}
