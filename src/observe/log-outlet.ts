/**
 * What the sinks of one stream have in common: however many balancers write to the standard output, it and the process have
 * one listener for all of them.
 */

/** Anything that takes text: a stream, or an object with a `write` of its own. */
export interface LogStream {
  /** A stream's `write`: false asks to wait for `drain`. */
  write(text: string): unknown
}

/** What a stream of Node's has besides. */
export interface NodeStream extends LogStream {
  on(event: string, listener: (error: Error) => void): unknown
  off(event: string, listener: unknown): unknown
  readonly writable?: boolean
}

/** Is told what happens to its stream. */
export interface OutletUser {
  /** There is room again. */
  drained(): void
  failed(error: Error): void
  /** The process ends: what is not written now never is. */
  ending(): void
}

const kOutlet = Symbol('evenkeel.logOutlet')

interface Carrier {
  [kOutlet]?: LogOutlet | undefined
}

/** Undefined: an object that only has `write`. */
export function asNodeStream(stream: LogStream): NodeStream | undefined {
  const { on, off } = stream as Partial<NodeStream>
  const is = typeof on === 'function' && typeof off === 'function'
  return is ? (stream as NodeStream) : undefined
}

export class LogOutlet {
  readonly #stream: LogStream
  readonly #users = new Set<OutletUser>()

  private constructor(stream: LogStream) {
    this.#stream = stream
  }

  /** The stream's; it is made when nobody uses the stream yet. */
  static of(stream: LogStream): LogOutlet {
    const carrier: LogStream & Carrier = stream
    const known = carrier[kOutlet]
    if (known !== undefined) return known
    const outlet = new LogOutlet(stream)
    if (Object.isExtensible(stream)) Object.defineProperty(stream, kOutlet, { value: outlet })
    return outlet
  }

  add(user: OutletUser): void {
    this.#users.add(user)
    if (this.#users.size > 1) return
    process.on('exit', this.#onExit)
    // There is time yet for what is written by another thread.
    process.on('beforeExit', this.#onExit)
    const stream = asNodeStream(this.#stream)
    stream?.on('drain', this.#onDrain)
    // Closed without an error: nobody has to wait any more.
    stream?.on('close', this.#onDrain)
    // Without a listener a full disk would end the process.
    stream?.on('error', this.#onError)
  }

  remove(user: OutletUser): void {
    if (!this.#users.delete(user) || this.#users.size > 0) return
    process.off('exit', this.#onExit)
    process.off('beforeExit', this.#onExit)
    const stream = asNodeStream(this.#stream)
    stream?.off('drain', this.#onDrain)
    stream?.off('close', this.#onDrain)
    stream?.off('error', this.#onError)
  }

  readonly #onDrain = (): void => {
    for (const user of this.#users) user.drained()
  }

  readonly #onError = (error: Error): void => {
    for (const user of this.#users) user.failed(error)
  }

  readonly #onExit = (): void => {
    for (const user of this.#users) user.ending()
  }
}
