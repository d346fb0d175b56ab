/** One accepted connection of a mock upstream: requests in, answers out, in order. */
import type { Socket } from 'node:net'
import type { Timer } from '../clock.js'
import type { AnswerSource, CloseHow } from './answer.js'
import type { Behaviour } from './mock-behaviour.js'
import { ConnectionGone, MockExchange } from './mock-exchange.js'
import type { ExchangeConnection } from './mock-exchange.js'
import { RequestRecord } from './mock-request.js'
import { MockSocket } from './mock-socket.js'
import type { SocketHost } from './mock-socket.js'
import { MalformedRequest, RequestParser } from './request-parser.js'
import type { ParsedHead } from './request-parser.js'
import { section } from './respond.js'

/** What a connection needs of its server. */
export interface ConnectionHost extends SocketHost {
  readonly behaviour: Readonly<Behaviour>
  /** The server is on its way out: no connection outlives its answer. */
  readonly stopping: boolean
  /** Takes note of a request whose head is here, and says how it is answered. */
  accept(request: RequestRecord): AnswerSource
  /** Takes note of input that gets a 400. */
  refused(connectionId: number, reason: string): void
  /** An answer of the test's own threw. */
  failed(error: unknown): void
  /** Something that a test may be waiting for has happened. */
  changed(): void
}

/** A request to be answered, or (undefined) one whose head was not even HTTP. */
type Job = { readonly request: RequestRecord; readonly source: AnswerSource } | undefined

export class MockConnection {
  readonly #socket: MockSocket
  readonly #host: ConnectionHost
  readonly #parser: RequestParser
  readonly #jobs: Job[] = []
  /** As answers see it. */
  readonly #exchanges: ExchangeConnection
  #receiving: RequestRecord | undefined
  #busy = false
  #answered = 0
  #requests = 0
  #deaf = false
  #clientEnded = false
  #idleTimer: Timer | undefined

  constructor(
    readonly id: number,
    socket: Socket,
    tcp: Socket,
    host: ConnectionHost,
  ) {
    this.#socket = new MockSocket(socket, tcp, host)
    this.#host = host
    this.#parser = new RequestParser(
      {
        head: (head) => this.#onHead(head),
        body: (chunk) => this.#receiving?.addBody(chunk),
        complete: (trailers) => this.#onComplete(trailers),
      },
      host.behaviour.maxHeaderSize,
    )
    this.#exchanges = this.#exchangeConnection()
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('close', () => this.#onClose())
  }

  /** Nothing of a request is here, and no answer on its way. */
  get idle(): boolean {
    return !this.#busy && !this.#socket.closing && this.#parser.idle
  }

  // --- requests ---

  readonly #onData = (chunk: Buffer): void => {
    if (this.#deaf) return
    try {
      this.#parser.push(chunk)
    } catch (error) {
      this.#onMalformed(error)
    }
  }

  #onHead(head: ParsedHead): 'go on' | 'hold' {
    const keep = this.#host.behaviour.keepBodies
    const request = new RequestRecord(head, this.id, this.#requests++, keep)
    this.#receiving = request
    this.#jobs.push({ request, source: this.#host.accept(request) })
    this.#work()
    const switches = head.method === 'CONNECT' || request.hasToken('connection', 'upgrade')
    return switches ? 'hold' : 'go on'
  }

  #onComplete(rawTrailers: readonly string[]): void {
    const request = this.#receiving
    this.#receiving = undefined
    if (request === undefined) return
    request.rawTrailers = rawTrailers
    if (request.state === 'receiving') request.state = 'answering'
    request.close('complete')
    this.#host.changed()
  }

  #onMalformed(error: unknown): void {
    if (!(error instanceof MalformedRequest)) throw error
    this.#deaf = true
    this.#host.refused(this.id, error.message)
    if (this.#receiving === undefined) this.#jobs.push(undefined)
    else this.#receiving.close('malformed')
    this.#work()
  }

  readonly #onEnd = (): void => {
    this.#clientEnded = true
    this.#receiving?.close('gone')
    if (this.#busy && this.#host.behaviour.allowHalfOpen) return
    this.close('fin')
  }

  #onClose(): void {
    this.#idleTimer?.cancel()
    this.#receiving?.close('gone')
    for (const job of this.#jobs.splice(0)) if (job) job.request.state = 'abandoned'
    this.#host.changed()
  }

  // --- answers ---

  #work(): void {
    if (this.#busy) return
    this.#busy = true
    queueMicrotask(() => void this.#serveAll())
  }

  async #serveAll(): Promise<void> {
    while (this.#jobs.length > 0 && !this.#socket.closing) {
      await this.#serve(this.#jobs.shift())
      this.#host.changed()
    }
    this.#busy = false
    this.#startIdleTimer()
    this.#host.changed()
  }

  async #serve(job: Job): Promise<void> {
    if (job === undefined) return this.#sendError('400 Bad Request')
    const exchange = new MockExchange(job.request, this.#exchanges)
    try {
      await this.#answer(exchange, job.source)
      job.request.state = 'answered'
      this.#afterAnswer(exchange)
    } catch (error) {
      await this.#onFailedAnswer(exchange, error)
    }
  }

  async #answer(exchange: MockExchange, source: AnswerSource): Promise<void> {
    const { request } = exchange
    const { expectContinue } = this.#host.behaviour
    const expects = request.hasToken('expect', '100-continue') && !request.complete
    const final = expects && expectContinue === 'final'
    if (final) exchange.persistent = false
    const early = final || (typeof source !== 'function' && source.startsAt === 'head')
    if (!early) {
      if (expects && expectContinue === 'continue') await this.#send('100 Continue')
      await exchange.received()
    }
    const answer = typeof source === 'function' ? await source(request) : source
    await answer.play(exchange)
  }

  #afterAnswer(exchange: MockExchange): void {
    this.#answered++
    const { requestsPerConnection: limit, halfClose } = this.#host.behaviour
    if (this.#socket.closing || exchange.tookOver) return
    if (exchange.closing || !exchange.persistent || this.#clientEnded) this.#closeGently()
    else if (this.#host.stopping || (limit > 0 && this.#answered >= limit)) this.close('fin')
    else if (halfClose) this.end()
    else this.#parser.release()
  }

  async #onFailedAnswer(exchange: MockExchange, error: unknown): Promise<void> {
    const { request } = exchange
    if (error instanceof ConnectionGone) {
      request.state = 'abandoned'
      this.close('fin')
    } else if (error instanceof MalformedRequest) {
      request.state = 'malformed'
      if (exchange.wrote) this.#closeGently()
      else await this.#sendError('400 Bad Request')
    } else {
      request.state = 'abandoned'
      this.#host.failed(error)
      if (exchange.wrote) this.close('reset')
      else await this.#sendError('500 The Answer Of The Mock Upstream Threw')
    }
  }

  async #sendError(status: string): Promise<void> {
    await this.#send(status, 'Connection', 'close', 'Content-Length', '0').catch(() => undefined)
    this.#closeGently()
  }

  #send(status: string, ...fields: string[]): Promise<void> {
    return this.#socket.write(Buffer.from(section(`HTTP/1.1 ${status}`, fields)))
  }

  #exchangeConnection(): ExchangeConnection {
    const socket = this.#socket
    const { behaviour } = this.#host
    return {
      get announceKeepAlive() {
        return behaviour.announceKeepAlive
      },
      write: (bytes) => socket.write(bytes),
      wait: (ms) => socket.wait(ms),
      beRead: () => socket.beRead(),
      gone: () => socket.gone(),
      stall: () => socket.stall(),
      close: (how) => this.close(how),
      takeOver: () => this.#takeOver(),
    }
  }

  #takeOver(): Socket {
    const { socket } = this.#socket
    socket.off('data', this.#onData)
    socket.off('end', this.#onEnd)
    socket.on('end', () => socket.end())
    socket.pause()
    const rest = this.#parser.takeRest()
    if (rest.length > 0) socket.unshift(rest)
    return socket
  }

  // --- closing ---

  /** Stops and starts reading, with the whole server. */
  setPaused(state: 'paused' | 'running'): void {
    this.#socket.setPaused(state)
  }

  close(how: CloseHow): void {
    this.#idleTimer?.cancel()
    this.#socket.close(how)
  }

  /** Drops the connection without a flush. */
  destroy(): void {
    this.#socket.destroy()
  }

  /** Ends our side only. */
  end(): void {
    this.#socket.end()
  }

  #closeGently(): void {
    const mayHaveUnread = !this.#clientEnded && (this.#deaf || this.#receiving !== undefined)
    if (!mayHaveUnread) return this.close('fin')
    this.#deaf = true
    this.#socket.closeGently()
  }

  #startIdleTimer(): void {
    const { idleTimeout } = this.#host.behaviour
    if (idleTimeout === 0 || !this.idle) return
    this.#idleTimer?.cancel()
    this.#idleTimer = this.#host.clock.after(idleTimeout, () => void this.#closeIdle())
  }

  async #closeIdle(): Promise<void> {
    await this.#host.paused()
    if (this.idle) this.close('fin')
  }
}
