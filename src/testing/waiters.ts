/** Tests that wait for a condition, looked at whenever something happens. */

interface Waiter {
  readonly condition: () => boolean
  readonly resolve: () => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout
}

export class Waiters {
  readonly #waiters = new Set<Waiter>()

  wait(condition: () => boolean, timeout: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter)
        reject(new Error(`waitFor: not within ${timeout} ms: ${String(condition)}`))
      }, timeout)
      const waiter: Waiter = { condition, resolve, reject, timer }
      this.#waiters.add(waiter)
      this.#look(waiter)
    })
  }

  /** Something has happened. */
  look(): void {
    for (const waiter of [...this.#waiters]) this.#look(waiter)
  }

  #look(waiter: Waiter): void {
    try {
      if (!waiter.condition()) return
      waiter.resolve()
    } catch (error) {
      waiter.reject(error as Error)
    }
    clearTimeout(waiter.timer)
    this.#waiters.delete(waiter)
  }
}
