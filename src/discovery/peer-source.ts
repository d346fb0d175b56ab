/** Sources made of whatever calls back: the adapter that all of them are made with. */
import type { PeerList, PeerSource } from '../options.js'

/** Takes the list of all peers there are, or what went wrong; of what nobody has asked for yet, the latest is kept. */
export type Publish = (news: PeerList | Error) => void

/**
 * Watches something until `signal` is aborted, and publishes all peers whenever they change. What it throws, or its promise
 * is rejected with, ends it: a balancer reports that and starts it anew after a pause. To resolve ends nothing.
 */
export type Watch = (publish: Publish, signal: AbortSignal) => void | Promise<void>

export interface PeerSourceOptions {
  /** Ends the source: the last list stays. Default: it ends with the upstream that it is given to. */
  signal?: AbortSignal
}

/**
 * A source of peer lists for `createBalancer({ upstream })`. `watch` is called when the first list is asked for, once for
 * each upstream that the source is given to.
 */
export function peerSource(watch: Watch, { signal }: PeerSourceOptions = {}): PeerSource {
  return { [Symbol.asyncIterator]: () => new Subscription(watch, signal) }
}

/**
 * `list` first, and then what `source` brings. Should `source` have to be asked anew, `list` is not told again.
 */
export function startingWith(list: PeerList, source: PeerSource): PeerSource {
  let told = false
  return {
    [Symbol.asyncIterator]() {
      const rest = source[Symbol.asyncIterator]()
      return {
        next() {
          if (told) return rest.next()
          told = true
          return Promise.resolve({ done: false, value: list })
        },
        return: () => rest.return?.() ?? Promise.resolve(DONE),
      }
    },
  }
}

type News = PeerList | Error
type Step = IteratorResult<News, undefined>

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined }

interface Waiting {
  readonly resolve: (step: Step) => void
  readonly reject: (cause: unknown) => void
}

/** One use of a source. */
class Subscription implements AsyncIterator<News, undefined> {
  readonly #watch: Watch
  readonly #outer: AbortSignal | undefined
  readonly #abort = new AbortController()
  /** What has been published and not been asked for: of lists, and of errors, the latest. */
  #news: News[] = []
  #waiting: Waiting[] = []
  #state: 'new' | 'running' | 'over' = 'new'
  #failure: { readonly cause: unknown } | undefined

  constructor(watch: Watch, outer: AbortSignal | undefined) {
    this.#watch = watch
    this.#outer = outer
  }

  next(): Promise<Step> {
    if (this.#state === 'new') this.#start()
    const news = this.#news.shift()
    if (news !== undefined) return Promise.resolve({ done: false, value: news })
    if (this.#failure !== undefined) {
      const { cause } = this.#failure
      this.#failure = undefined
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as it was thrown
      return Promise.reject(cause)
    }
    if (this.#state === 'over') return Promise.resolve(DONE)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
    })
  }

  /** Ends those who wait, too: nobody has to wait for the next list to be rid of it. */
  return(): Promise<Step> {
    this.#news = []
    this.#end()
    return Promise.resolve(DONE)
  }

  #start(): void {
    if (this.#outer?.aborted === true) {
      this.#state = 'over'
      return
    }
    this.#state = 'running'
    this.#outer?.addEventListener('abort', this.#end)
    try {
      const running = this.#watch(this.#publish, this.#abort.signal)
      running?.catch(this.#fail)
    } catch (cause) {
      this.#fail(cause)
    }
  }

  readonly #publish = (news: News): void => {
    if (this.#state !== 'running') return
    const waiting = this.#waiting.shift()
    if (waiting !== undefined) {
      waiting.resolve({ done: false, value: news })
      return
    }
    const isError = news instanceof Error
    this.#news = this.#news.filter((each) => each instanceof Error !== isError)
    this.#news.push(news)
  }

  readonly #fail = (cause: unknown): void => {
    if (this.#state !== 'running') return
    const waiting = this.#waiting.shift()
    if (waiting === undefined) this.#failure = { cause }
    else waiting.reject(cause)
    this.#end()
  }

  readonly #end = (): void => {
    this.#state = 'over'
    this.#outer?.removeEventListener('abort', this.#end)
    this.#abort.abort()
    for (const { resolve } of this.#waiting) resolve(DONE)
    this.#waiting = []
  }
}
