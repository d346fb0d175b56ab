/** A real server on a real socket that answers as it is told, rightly or wrongly. */
import { systemClock } from '../clock.js'
import type { Clock } from '../clock.js'
import type { AnswerSource, CloseHow } from './answer.js'
import { DEFAULT_BEHAVIOUR } from './mock-behaviour.js'
import type { Behaviour } from './mock-behaviour.js'
import type { ConnectionHost } from './mock-connection.js'
import { MockListener } from './mock-listener.js'
import type { ListenOptions } from './mock-listener.js'
import type { MockRequest, RequestRecord } from './mock-request.js'
import { MockScript } from './mock-script.js'
import type { RouteMatch } from './mock-script.js'
import { Waiters } from './waiters.js'

export interface MockUpstreamOptions extends ListenOptions, Partial<Behaviour> {
  /** What is answered where no route and no script says otherwise. Default: an empty 200. */
  answer?: AnswerSource
  /** Where delays and the idle timeout come from. Default: the system's clock. */
  clock?: Clock
}

/** Something that was refused with a 400. */
export interface MalformedInput {
  readonly connectionId: number
  readonly reason: string
}

/** What {@link createMockUpstream} makes. */
export interface MockUpstream {
  /** `http://127.0.0.1:port`, `https://…` or `unix:/path`: as a peer's `url`. */
  readonly url: string
  /** Stays the same over `stop` and `start`; 0 on a unix socket. */
  readonly port: number
  /** `127.0.0.1:port`, `[::1]:port` or `unix:/path`: as a peer's `name`. */
  readonly address: string
  /** Every request whose head has arrived, in order; live. */
  readonly requests: readonly MockRequest[]
  /** Connections accepted so far. */
  readonly connections: number
  /** Connections open now. */
  readonly openConnections: number
  /** What was refused with a 400. */
  readonly malformed: readonly MalformedInput[]
  /** What answer functions threw; the client got a 500 or a reset. */
  readonly errors: readonly unknown[]
  readonly listening: boolean
  /** Answers of the script that are not used yet. */
  readonly scriptLeft: number

  /** Answers everything this way that no route and no script answers. */
  reply(answer: AnswerSource): void
  /** One answer for each request from now on, in place of what is left of an earlier script; then the default again. */
  script(answers: readonly AnswerSource[]): void
  /**
   * Answers requests for a path (compared without the query), or those whose head passes a test.
   * Comes before the script and uses none of it; the latest route that fits wins.
   */
  route(match: RouteMatch, answer: AnswerSource): void
  /** Changes how connections are treated from now on. */
  behave(changes: Partial<Behaviour>): void
  /** The next `count` connections are closed as soon as they are accepted. Default: by a reset. */
  failNextConnections(count: number, how?: CloseHow): void
  /** Closes every connection without a request in progress, now; `'half'` ends our side only. Default `'fin'`. */
  closeIdle(how?: CloseHow | 'half'): void
  /** A hung process: the kernel still accepts connections, but nothing is read, written or closed. */
  pause(): void
  resume(): void
  /** A process that dies: every connection is reset, new ones are refused. */
  crash(): Promise<void>
  /** An orderly exit: new connections are refused, idle ones closed, the others when their answer is through. */
  stop(): Promise<void>
  /** Listens again, on the same port. Rejects when that has been taken, or after `close`. */
  start(): Promise<void>
  /** Forgets requests, malformed input and errors; counts stay. */
  forget(): void
  /**
   * Resolves when `condition` holds; it is looked at now and whenever a connection or a request gets further.
   * Rejects after `timeout` milliseconds. Default 5000.
   */
  waitFor(condition: () => boolean, timeout?: number): Promise<void>
  /** Ends everything at once. Idempotent. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

class Mock implements MockUpstream, ConnectionHost {
  readonly requests: MockRequest[] = []
  readonly malformed: MalformedInput[] = []
  readonly errors: unknown[] = []
  readonly behaviour: Behaviour
  readonly clock: Clock
  stopping = false
  readonly #options: MockUpstreamOptions
  readonly #script: MockScript
  readonly #listener: MockListener
  readonly #waiters = new Waiters()
  #closed = false

  constructor(options: MockUpstreamOptions) {
    this.#options = options
    this.#script = new MockScript(options.answer)
    this.#listener = new MockListener(options, this)
    this.clock = options.clock ?? systemClock
    this.behaviour = { ...DEFAULT_BEHAVIOUR }
    this.behave(options)
  }

  get url(): string {
    if (this.#options.socketPath !== undefined) return this.address
    return `${this.#options.tls === undefined ? 'http' : 'https'}://${this.address}`
  }

  get port(): number {
    return this.#listener.port
  }

  get address(): string {
    const { socketPath } = this.#options
    if (socketPath !== undefined) return `unix:${socketPath}`
    const { host } = this.#listener
    return `${host.includes(':') ? `[${host}]` : host}:${this.port}`
  }

  get connections(): number {
    return this.#listener.accepted
  }

  get openConnections(): number {
    return this.#listener.openConnections
  }

  get listening(): boolean {
    return this.#listener.listening
  }

  get scriptLeft(): number {
    return this.#script.left
  }

  reply(answer: AnswerSource): void {
    this.#script.reply(answer)
  }

  script(answers: readonly AnswerSource[]): void {
    this.#script.script(answers)
  }

  route(match: RouteMatch, answer: AnswerSource): void {
    this.#script.route(match, answer)
  }

  behave(changes: Partial<Behaviour>): void {
    for (const key of Object.keys(DEFAULT_BEHAVIOUR) as (keyof Behaviour)[]) {
      if (changes[key] !== undefined) Object.assign(this.behaviour, { [key]: changes[key] })
    }
  }

  failNextConnections(count: number, how: CloseHow = 'reset'): void {
    this.#listener.failNext(count, how)
  }

  closeIdle(how: CloseHow | 'half' = 'fin'): void {
    for (const connection of this.#listener.connections) {
      if (!connection.idle) continue
      if (how === 'half') connection.end()
      else connection.close(how)
    }
  }

  pause(): void {
    this.#listener.pause()
  }

  resume(): void {
    this.#listener.resume()
  }

  async crash(): Promise<void> {
    this.#listener.unlisten()
    this.#listener.dropAll('reset')
    this.#listener.resume() // only a process that lives can hang
    await this.#allClosed()
  }

  stop(): Promise<void> {
    this.stopping = true
    this.#listener.unlisten()
    this.closeIdle()
    return Promise.resolve()
  }

  start(): Promise<void> {
    if (this.#closed) return Promise.reject(new Error('the mock upstream has been closed'))
    this.stopping = false
    return this.#listener.listen()
  }

  forget(): void {
    this.requests.length = 0
    this.malformed.length = 0
    this.errors.length = 0
  }

  waitFor(condition: () => boolean, timeout = 5000): Promise<void> {
    return this.#waiters.wait(condition, timeout)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#listener.unlisten()
    this.#listener.dropAll('fin')
    this.#listener.resume()
    await this.#allClosed()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Their sockets are gone for the client as soon as they are destroyed; their events come a moment later. */
  #allClosed(): Promise<void> {
    return this.waitFor(() => this.openConnections === 0)
  }

  // --- what connections tell ---

  accept(request: RequestRecord): AnswerSource {
    this.requests.push(request)
    this.changed()
    return this.#script.choose(request)
  }

  paused(): Promise<void> | undefined {
    return this.#listener.paused
  }

  refused(connectionId: number, reason: string): void {
    this.malformed.push({ connectionId, reason })
    this.changed()
  }

  failed(error: unknown): void {
    this.errors.push(error)
    this.changed()
  }

  changed(): void {
    this.#waiters.look()
  }
}

/** Starts a mock upstream; resolves when it listens. */
export async function createMockUpstream(options: MockUpstreamOptions = {}): Promise<MockUpstream> {
  const mock = new Mock(options)
  await mock.start()
  return mock
}
