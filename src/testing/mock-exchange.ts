/** The {@link Exchange} of one request with the mock upstream's connection. */
import type { Socket } from 'node:net'
import type { CloseHow, Exchange } from './answer.js'
import type { RequestRecord } from './mock-request.js'
import { MalformedRequest } from './request-parser.js'

/** The connection is no more: what an answer's promises reject with. */
export class ConnectionGone extends Error {}

/** What an exchange needs of its connection. */
export interface ExchangeConnection {
  readonly announceKeepAlive: number
  /** Rejects with {@link ConnectionGone} when the connection can carry no more. */
  write(bytes: Buffer): Promise<void>
  wait(ms: number): Promise<void>
  beRead(): Promise<void>
  gone(): Promise<never>
  stall(): void
  close(how: CloseHow): void
  takeOver(): Socket
}

export class MockExchange implements Exchange {
  readonly request: RequestRecord
  persistent: boolean
  /** An answer wants the connection closed after it. */
  closing = false
  wrote = false
  tookOver = false
  readonly #connection: ExchangeConnection

  constructor(request: RequestRecord, connection: ExchangeConnection) {
    this.request = request
    this.#connection = connection
    this.persistent =
      request.httpVersion === '1.1'
        ? !request.hasToken('connection', 'close')
        : request.hasToken('connection', 'keep-alive')
  }

  get announceKeepAlive(): number {
    return this.#connection.announceKeepAlive
  }

  write(bytes: string | Uint8Array): Promise<void> {
    this.wrote = true
    const buffer = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.from(bytes)
    return observed(this.#connection.write(buffer))
  }

  wait(ms: number): Promise<void> {
    return observed(this.#connection.wait(ms))
  }

  beRead(): Promise<void> {
    return observed(this.#connection.beRead())
  }

  received(): Promise<void> {
    return observed(
      this.request.received.then((reception) => {
        if (reception === 'gone') throw new ConnectionGone()
        if (reception === 'malformed') throw new MalformedRequest('malformed body')
      }),
    )
  }

  gone(): Promise<never> {
    return observed(this.#connection.gone())
  }

  stall(): void {
    this.#connection.stall()
  }

  closeAfter(): void {
    this.closing = true
  }

  close(how: CloseHow): void {
    this.#connection.close(how)
  }

  takeOver(): Socket {
    this.tookOver = true
    return this.#connection.takeOver()
  }
}

/** An answer that does not wait for what it started must not end the process when the connection goes. */
function observed<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}
