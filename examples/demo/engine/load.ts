/** Steady open-loop load: requests leave by the clock, whether earlier ones have been answered or not. */
import type { Answered, Ask, Client, Poison } from './client.js'
import { now } from './monotonic.mjs'

export interface Mix {
  /** Requests a second. */
  readonly rate: number
  /** One request in so many is a POST; 0 is none. */
  readonly postEvery: number
  /** A broken URL, asked for by one request in `every`. */
  readonly poison?: { readonly kind: Poison; readonly every: number }
}

const TICK = 5
/** Sent in one tick at most: after a standstill the lost time is not made up for in one blow. */
const CATCH_UP = 20

export class Load {
  readonly answered: Answered[] = []
  /** Sent so far. */
  sent = 0
  readonly #client: Client
  readonly #name: string
  readonly #open = new Set<Promise<Answered>>()
  #openPosts = 0
  #held: Ask[] | undefined
  #timer: NodeJS.Timeout | undefined

  /** `name` begins the id of each request. */
  constructor(client: Client, name: string) {
    this.#client = client
    this.#name = name
  }

  start(mix: Mix): void {
    this.stop()
    let begun = now()
    let due = 0
    this.#timer = setInterval(() => {
      const owed = Math.floor(((now() - begun) * mix.rate) / 1000) - due
      if (owed > CATCH_UP) begun += ((owed - CATCH_UP) * 1000) / mix.rate
      for (let n = 0; n < Math.min(owed, CATCH_UP); n++, due++) void this.#dispatch(this.#next(mix))
    }, TICK)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** So many at the same moment; resolves when the last is answered. */
  async burst(count: number, mix: Mix): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#dispatch(this.#next(mix))))
  }

  /** One request for a broken URL. */
  poison(kind: Poison): Promise<Answered> {
    return this.#send({ id: this.#id(), method: 'GET', poison: kind })
  }

  /** All that was sent has been answered or has failed; bounded by the client's patience. */
  async settled(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open)
  }

  /** Runs `action` at a moment when no POST is on its way; POSTs that fall due meanwhile leave after it. */
  async betweenPosts(action: () => Promise<void>): Promise<void> {
    this.#held = []
    while (this.#openPosts > 0) await Promise.race(this.#open)
    await action()
    const held = this.#held
    this.#held = undefined
    for (const ask of held) void this.#send(ask)
  }

  #id(): string {
    return `${this.#name}-${++this.sent}`
  }

  #next(mix: Mix): Ask {
    const id = this.#id()
    const nth = this.sent
    const poison = mix.poison !== undefined && nth % mix.poison.every === 0
    if (poison) return { id, method: 'GET', poison: mix.poison.kind }
    const post = mix.postEvery > 0 && nth % mix.postEvery === 1
    return { id, method: post ? 'POST' : 'GET', poison: undefined }
  }

  #dispatch(ask: Ask): Promise<unknown> {
    if (ask.method === 'POST' && this.#held !== undefined)
      return Promise.resolve(this.#held.push(ask))
    return this.#send(ask)
  }

  async #send(ask: Ask): Promise<Answered> {
    const isPost = ask.method === 'POST'
    if (isPost) this.#openPosts++
    const answer = this.#client.send(ask)
    this.#open.add(answer)
    const answered = await answer
    this.#open.delete(answer)
    if (isPost) this.#openPosts--
    this.answered.push(answered)
    return answered
  }
}
