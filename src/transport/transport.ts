/** The plug-in contract of the transports: one attempt, to one peer, as one value. */
import type { Peer } from '../upstream/peer.js'
import type { Clock } from '../clock.js'
import type { AttemptResult } from '../next-upstream/attempt-result.js'
import type { UpstreamConnections } from './connections.js'

/** Takes the bytes of a request body. A subset of a Node `Writable`. */
export interface RequestSink {
  /** Returns false when the peer is slower than the client; `onDrain` of the source's `attach` is then awaited. */
  write(chunk: Buffer): boolean
  /** @param rawTrailers name, value, name, value …; only after a chunked body are there any. */
  end(rawTrailers: readonly string[]): void
}

/** A request body as an attempt sees it: attached to one attempt at a time, replayed from its first byte at each. */
export interface RequestSource {
  /** `none`: there is no body at all. `known`: exactly `length` bytes. `chunked`: length unknown. */
  readonly framing: 'none' | 'known' | 'chunked'
  /** Bytes, when `framing` is `known`; else 0. */
  readonly length: number
  /** Starts (again, from the first byte) towards `sink`. An attachment ends the one before. */
  attach(sink: RequestSink): void
  /** The sink has room again. */
  drained(): void
  /** The sink is gone; what is still to come is kept or waits. */
  detach(): void
}

/** The head of the outbound request; computed once for all attempts and never changed by one. */
export interface RequestHead {
  readonly method: string
  /** Request target, byte for byte. */
  readonly target: string
  /**
   * Name, value, name, value …, in the client's order and case. Without hop-by-hop and framing fields: the transport
   * frames from the source. Where `Host` is missing, the transport puts the peer's name there.
   */
  readonly headers: readonly string[]
  /** The protocol that the client wants to change to (`websocket`); the transport asks the peer for it. */
  readonly upgrade: string | undefined
}

/** One try at one peer. */
export interface Attempt {
  readonly peer: Peer
  readonly head: RequestHead
  readonly body: RequestSource
  /** `fresh`: only a connection that never served before may carry it. */
  readonly connection: 'any' | 'fresh'
  /**
   * The client waits for 100 (Continue) before it sends the body. The peer is asked the same, and the body is attached
   * when it agrees, or says nothing for a second.
   */
  readonly expectContinue: boolean
  /** Filled in by the transport as things happen; read live by the upstream variables. */
  readonly record: AttemptTimes
}

/** What the transport measures of an attempt. Milliseconds since the attempt began; -1 = not reached. */
export interface AttemptTimes {
  /** Connection (and TLS) established; 0 on a kept-alive one. */
  connectTime: number
  /** Response head complete. */
  headerTime: number
  /** Last byte of the response body. */
  responseTime: number
  /** Bytes written to and read from the peer's connection for this attempt, heads included. */
  bytesSent: number
  bytesReceived: number
  /** Bytes of response body. */
  responseLength: number
  reused: boolean
}

/** Cancels an attempt from outside. No AbortController: one is too dear for each request. */
export interface AttemptSignal {
  readonly aborted: boolean
  /** Set by the transport while an attempt runs; called at most once, when it is to be given up. */
  onAbort: (() => void) | undefined
  /** Called by the transport for each interim response: any 1xx but 100 and 101. */
  informational(status: number, rawHeaders: readonly string[]): void
}

/** Carries attempts. Never rejects for an upstream's fault: a rejection is a bug, and becomes a 500. */
export interface Transport {
  readonly name: string
  roundTrip(attempt: Attempt, signal: AttemptSignal): Promise<AttemptResult>
  /**
   * The same without a promise, for transports that have to be cheap: where it is there, the balancer calls nothing else.
   * Calls `settle` exactly once, now or later. What it throws before that is as a rejection.
   */
  start?(attempt: Attempt, signal: AttemptSignal, settle: Settle): void
  /** Gives up what the transport itself holds. The upstream's keepalive pool is not the transport's. */
  close(): Promise<void>
}

/** Takes the result of an attempt. Never throws. */
export type Settle = (result: AttemptResult) => void

/**
 * A transport yet to be made, for one that needs what a balancer knows: its clock, its timeouts, its upstream's keepalive
 * and TLS settings. `createBalancer` calls it once and closes what it made.
 */
export interface TransportFactory {
  create(context: TransportContext): Transport
}

/** What a {@link TransportFactory} is given. */
export interface TransportContext {
  readonly clock: Clock
  /** Milliseconds. */
  readonly timeouts: { readonly connect: number; readonly send: number; readonly read: number }
  /** Fields of a response at most. */
  readonly maxHeaders: number
  /** Bytes of response head at most. */
  readonly maxHeaderSize: number
  /** `given`: the upstream's pool is one of the user's, and all connections are to come from it. */
  readonly pool: 'ours' | 'given'
  /** The upstream's connections: their rules, and a place to announce those that the transport holds itself. */
  readonly connections: UpstreamConnections
  /** The default transport, over the upstream's own pool: for what another one cannot carry. */
  standard(): Transport
}
