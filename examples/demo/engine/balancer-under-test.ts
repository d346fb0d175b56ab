/** What the replay needs of a balancer. `createBalancer` of evenkeel gives more than this. */
import type { IncomingMessage, ServerResponse } from 'node:http'

/** One attempt, as the balancer's `finish` event tells it. */
export interface Attempt {
  readonly peer: string
  readonly status: number
  readonly outcome: string
  readonly phase: string | undefined
}

export interface Finished {
  readonly request: IncomingMessage
  readonly attempts: readonly Attempt[]
}

export interface BalancerUnderTest {
  (request: IncomingMessage, response: ServerResponse): void
  readonly on: (event: 'finish', listener: (finished: Finished) => void) => unknown
  readonly close: () => Promise<void>
}

/** Makes a balancer in front of these upstream URLs. */
export type MakeBalancer = (urls: string[]) => BalancerUnderTest

/** Every attempt of every request, by request id. */
export class Trails {
  readonly #byId = new Map<string, readonly Attempt[]>()
  follow(balancer: BalancerUnderTest): void {
    balancer.on('finish', ({ request, attempts }) => {
      this.#byId.set(String(request.headers['x-request-id']), attempts)
    })
  }

  /** The balancer has reported on all of these; a request that never reached it is not waited for long. */
  async complete(ids: readonly string[]): Promise<void> {
    for (let n = 0; n < 50 && !ids.every((id) => this.#byId.has(id)); n++) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  of(id: string): readonly Attempt[] {
    return this.#byId.get(id) ?? []
  }
}
