/** How many requests a balancer serves at the same time. */

/** What is told when another request may come in. */
export interface WaitingLine {
  wakeOne(): void
}

/** A limit that several admissions share. */
export interface SharedLimit {
  readonly hasRoom: boolean
  enter(): void
  leave(): void
  /** A response head has come; milliseconds since the attempt began. */
  answered(ms: number): void
  timedOut(): void
}

/** The one place that counts requests in flight; for a balancer without limits there is none. */
export class Admission {
  /** 0: no limit of its own. */
  readonly #max: number
  readonly #shared: SharedLimit | undefined
  readonly #line: WaitingLine
  #inFlight = 0

  constructor(max: number, shared: SharedLimit | undefined, line: WaitingLine) {
    this.#max = max
    this.#shared = shared
    this.#line = line
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get hasRoom(): boolean {
    if (this.#max > 0 && this.#inFlight >= this.#max) return false
    return this.#shared?.hasRoom ?? true
  }

  enter(): void {
    this.#inFlight++
    this.#shared?.enter()
  }

  /** What an attempt has come to, for a limit that learns of it. */
  answered(ms: number): void {
    this.#shared?.answered(ms)
  }

  timedOut(): void {
    this.#shared?.timedOut()
  }

  leave(): void {
    this.#inFlight--
    this.#shared?.leave()
    this.#line.wakeOne()
  }
}
