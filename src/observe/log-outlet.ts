/**
 * What the sinks of one stream have in common: however many balancers write to the standard output, it and the process have
 * one listener for all of them.
 */
import { Socket } from 'node:net'
import { Writable } from 'node:stream'

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

/** Node's own way to know whether a stream wants its texts as bytes. */
interface WritableInternals {
  readonly _writableState?: { readonly decodeStrings?: boolean }
}

/** A stream of Node's whose `write` nobody has replaced: what that calls back, or does with bytes, is known. */
export function isNodesOwn(stream: LogStream): stream is Writable {
  return stream instanceof Writable && stream.write === Writable.prototype.write
}

/** It would make bytes of a text. All others are given text. */
export function takesBytes(stream: LogStream): boolean {
  if (!isNodesOwn(stream) || stream.writableObjectMode) return false
  const { _writableState: state } = stream as WritableInternals
  return stream instanceof Socket || state?.decodeStrings === true
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
    followProcess(this)
    const stream = asNodeStream(this.#stream)
    stream?.on('drain', this.#onDrain)
    // Closed without an error: nobody has to wait any more.
    stream?.on('close', this.#onDrain)
    // Without a listener a full disk would end the process.
    stream?.on('error', this.#onError)
  }

  remove(user: OutletUser): void {
    if (!this.#users.delete(user) || this.#users.size > 0) return
    leaveProcess(this)
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

  ending(): void {
    for (const user of this.#users) user.ending()
  }
}

/** In use: the process, too, has one listener for all of them. */
const outlets = new Set<LogOutlet>()

function followProcess(outlet: LogOutlet): void {
  outlets.add(outlet)
  if (outlets.size > 1) return
  process.on('exit', onExit)
  // There is time yet for what is written by another thread.
  process.on('beforeExit', onExit)
}

function leaveProcess(outlet: LogOutlet): void {
  if (!outlets.delete(outlet) || outlets.size > 0) return
  process.off('exit', onExit)
  process.off('beforeExit', onExit)
}

function onExit(): void {
  for (const outlet of outlets) outlet.ending()
}
