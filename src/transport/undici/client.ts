/** undici, as far as it is used, and which of its two ways to hand over a response the installed version has. */
import type { Socket } from 'node:net'
import undici from 'undici'
import type { RequestHead } from '../transport.js'

/** Takes a request's events. undici 7; given without a wrapper, which would make objects of the fields. */
export interface RawHandler {
  /** The head is about to be written. */
  onConnect(): void
  /** False asks for a pause. Also called for 1xx. */
  onHeaders(status: number, rawHeaders: Buffer[], resume: () => void, reason: string): boolean
  onData(chunk: Buffer): boolean
  onComplete(rawTrailers: Buffer[] | null): void
  onError(cause: Error): void
}

/** undici 8's part of {@link ControlledHandler}. */
export interface Controller {
  readonly rawHeaders: Buffer[] | null
  readonly rawTrailers: Buffer[] | null
  pause(): void
  resume(): void
}

/** Takes a request's events. undici 8, and nothing else there. Fields are made into objects in any case. */
export interface ControlledHandler {
  onRequestStart(controller: Controller): void
  onResponseStart(controller: Controller, status: number, fields: object, reason: string): void
  onResponseData(controller: Controller, chunk: Buffer): void
  onResponseEnd(controller: Controller, trailers: object): void
  onResponseError(controller: Controller | null, cause: Error): void
}

export class DispatchOptions {
  readonly path: string
  readonly method: string
  /** Name, value, name, value … */
  readonly headers: readonly string[]
  readonly body: object | null
  /** False: the connection is not closed after a HEAD, or after a body with a method that mostly has none. */
  readonly reset = false
  /** False: spares a look at the queue when the head has come; there is nothing in the queue. */
  readonly blocking = false

  constructor({ target, method }: RequestHead, headers: readonly string[], body: object | null) {
    this.path = target
    this.method = method
    this.headers = headers
    this.body = body
  }
}

/** undici's client with one connection. */
export interface OneClient {
  dispatch(options: DispatchOptions, handler: RawHandler | ControlledHandler): boolean
}

type Connected = (error: Error | null, socket: Socket | null) => void

type ClientConstructor = new (origin: string, options: object) => OneClient

const Client = undici.Client as unknown as ClientConstructor

/** Version 8 can wrap handlers for version 7, and brings what does it. */
export const takesRawHandlers = !('Dispatcher1Wrapper' in undici)

/** The longest delay of Node's timers. With it undici's own watch over idle connections is as good as off: ours is on. */
const NEVER = 2 ** 31 - 1

/**
 * A client on a connection that stands. When that is closed and a request still waits to be written, undici wants
 * another one: it is told the error instead, and the request with it.
 * @param origin for `Host`, where a request has none.
 */
export function clientOn(
  socket: Socket,
  origin: string,
  maxHeaderSize: number,
  whyClosed: () => Error,
): OneClient {
  let used = false
  return new Client(origin, {
    connect: (_options: object, done: Connected) => {
      const first = !used
      used = true
      // It goes on only when this has returned.
      queueMicrotask(() => {
        if (first) done(null, socket)
        // Without a code: at some of undici's own it would try for ever.
        else done(new Error('the connection was closed', { cause: whyClosed() }), null)
      })
    },
    pipelining: 1,
    maxHeaderSize,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: NEVER,
    keepAliveMaxTimeout: NEVER,
    keepAliveTimeoutThreshold: -NEVER,
  })
}
