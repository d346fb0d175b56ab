/** A request as a mock upstream received it. */
import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { valuesOf } from './request-parser.js'
import type { ParsedHead } from './request-parser.js'

/**
 * `receiving`: not all of it is here. `answering`: the answer is being worked out or sent.
 * `answered`: the answer was played to its end, whatever it was.
 * `malformed`: its body was; it got a 400. `abandoned`: the connection went away before the answer was through.
 */
export type RequestState = 'receiving' | 'answering' | 'answered' | 'malformed' | 'abandoned'

export interface MockRequest {
  readonly method: string
  /** The request target, byte for byte (latin1). */
  readonly target: string
  readonly httpVersion: '1.0' | '1.1'
  /** Name, value, name, value …, as received. */
  readonly rawHeaders: readonly string[]
  /** Names in lower case; several of one name joined by `, `. */
  readonly headers: Readonly<Record<string, string>>
  /** The body as far as it has come; empty with `keepBodies: false`. */
  readonly body: Buffer
  /** Bytes of body so far. */
  readonly bodyLength: number
  /** SHA-256 of the body so far, in hex. */
  readonly sha256: string
  /** Trailer fields: name, value, name, value … */
  readonly rawTrailers: readonly string[]
  readonly trailers: Readonly<Record<string, string>>
  /** Number of the connection, from 1 in the order of acceptance. */
  readonly connectionId: number
  /** Number of the request on its connection, from 0. */
  readonly index: number
  /** The whole request has arrived. */
  readonly complete: boolean
  readonly state: RequestState
}

export type Reception = 'complete' | 'malformed' | 'gone'

/** The writable side of {@link MockRequest}. */
export class RequestRecord implements MockRequest {
  readonly method: string
  readonly target: string
  readonly httpVersion: '1.0' | '1.1'
  readonly rawHeaders: readonly string[]
  readonly connectionId: number
  readonly index: number
  rawTrailers: readonly string[] = []
  state: RequestState = 'receiving'
  bodyLength = 0
  /** Settles when no more of the request will come; never rejects. */
  readonly received: Promise<Reception>

  readonly #keep: boolean
  readonly #chunks: Buffer[] = []
  readonly #hash: Hash = createHash('sha256')
  #hashed = 0
  #reception: Reception | undefined
  #settle: (reception: Reception) => void = () => undefined

  constructor(head: ParsedHead, connectionId: number, index: number, keepBody: boolean) {
    this.method = head.method
    this.target = head.target
    this.httpVersion = head.httpVersion
    this.rawHeaders = head.rawHeaders
    this.connectionId = connectionId
    this.index = index
    this.#keep = keepBody
    this.received = new Promise((resolve) => (this.#settle = resolve))
  }

  get complete(): boolean {
    return this.#reception === 'complete'
  }

  get headers(): Readonly<Record<string, string>> {
    return joined(this.rawHeaders)
  }

  get trailers(): Readonly<Record<string, string>> {
    return joined(this.rawTrailers)
  }

  get body(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get sha256(): string {
    for (; this.#hashed < this.#chunks.length; this.#hashed++) {
      this.#hash.update(this.#chunks[this.#hashed] ?? '')
    }
    return this.#hash.copy().digest('hex')
  }

  addBody(chunk: Buffer): void {
    this.bodyLength += chunk.length
    if (this.#keep) this.#chunks.push(chunk)
    else this.#hash.update(chunk)
  }

  /** The first call counts. */
  close(reception: Reception): void {
    if (this.#reception !== undefined) return
    this.#reception = reception
    this.#settle(reception)
  }

  /** Whether one of the listed values of a field is `token`, in any case. */
  hasToken(field: string, token: string): boolean {
    return valuesOf(this.rawHeaders, field).some((value) =>
      value.split(',').some((part) => part.trim().toLowerCase() === token),
    )
  }
}

function joined(raw: readonly string[]): Record<string, string> {
  const result: Record<string, string> = {}
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]?.toLowerCase() ?? ''
    const before = Object.hasOwn(result, name) ? `${result[name]}, ` : ''
    Object.defineProperty(result, name, {
      value: before + (raw[i + 1] ?? ''),
      enumerable: true,
      configurable: true,
    })
  }
  return result
}
