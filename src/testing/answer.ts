/** What a mock upstream does with one request. */
import type { Socket } from 'node:net'
import type { MockRequest } from './mock-request.js'

/** How a connection is closed: an orderly FIN, or a RST that drops what is on its way. */
export type CloseHow = 'fin' | 'reset'

/** One request on one connection, as an answer sees it. All promises end (by rejecting) with the connection. */
export interface Exchange {
  readonly request: MockRequest
  /** The connection may be used again after this answer, as far as the request is concerned. */
  readonly persistent: boolean
  /** Seconds to announce in a `Keep-Alive` field; 0 is none. */
  readonly announceKeepAlive: number
  /** Sends bytes; resolves when the kernel has them. A string goes out as latin1. */
  write(bytes: string | Uint8Array): Promise<void>
  /** Milliseconds. */
  wait(ms: number): Promise<void>
  /** Resolves when the whole request is here. */
  received(): Promise<void>
  /** Never resolves: rejects when the connection is gone. */
  gone(): Promise<never>
  /**
   * Gives the client 10 ms (of real time) to read what was sent. Wanted before a reset: bytes and a RST
   * that a Node client finds together look to it like an orderly end.
   */
  beRead(): Promise<void>
  /** Reads no more from this connection. */
  stall(): void
  /** The connection is closed in an orderly way once this answer is through. */
  closeAfter(): void
  /** Closes the connection now. A FIN lets what was written go out first. */
  close(how: CloseHow): void
  /** The connection itself, for another protocol; what came after the request is read from it first. */
  takeOver(): Socket
}

/** Something that a mock upstream can do with a request: made by `respond`, `raw`, `reset`, `hang` … */
export interface Answer {
  /** Begins when the whole `request` is here, or already with its `head`. */
  readonly startsAt: 'request' | 'head'
  play(exchange: Exchange): Promise<void>
}

/** Works an answer out when the whole request is here. */
export type AnswerFunction = (request: MockRequest) => Answer | Promise<Answer>

/** What can be given wherever an answer is wanted. */
export type AnswerSource = Answer | AnswerFunction

export interface StartOptions {
  /** Begin when the whole request is here, or already with its head (its body is then not read). Default `'request'`. */
  after?: 'request' | 'head'
}
