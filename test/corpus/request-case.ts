/** What a case of the request corpus is made of, and the words its expectations are written in. */

/** What is seen of one case on both sides. */
export interface RequestOutcome {
  /**
   * The statuses that the client gets, `…` behind one that is broken off, and then `kept` (the connection takes
   * another request and answers it) or `closed`.
   */
  readonly client: string
  /** What the upstream gets whole: method, target and body, with a space between. */
  readonly upstream: readonly string[]
  /** What the upstream may have seen the beginning of, and never the end: method and target. */
  readonly begun?: string
}

export interface RequestCase {
  readonly name: string
  /** latin1; segments are sent one after the other. */
  readonly bytes: string | readonly string[]
  /** One of these is seen. */
  readonly outcomes: readonly RequestOutcome[]
  /** `fin`, `reset`: the client ends the connection behind its bytes. Default: it waits for what comes. */
  readonly then?: 'fin' | 'reset'
  /** Which of the responses, from 0, answer a HEAD. */
  readonly heads?: readonly number[]
  /** Fields of the first request that the upstream sees; null: there is none. Names in lower case. */
  readonly fields?: Readonly<Record<string, string | null>>
}

type More = Pick<RequestCase, 'then' | 'heads' | 'fields'>

export function request(
  name: string,
  bytes: string | readonly string[],
  outcomes: RequestOutcome | readonly RequestOutcome[],
  more: More = {},
): RequestCase {
  return { name, bytes, outcomes: [outcomes].flat(), ...more }
}

/** Answered with this status by whoever saw first that it is no request; the connection is of no more use. */
export function refused(...statuses: number[]): RequestOutcome[] {
  return statuses.map((status) => ({ client: `${status} closed`, upstream: [] }))
}

/** Refused by the balancer, which has read all of it: the connection goes on. */
export function declined(...statuses: number[]): RequestOutcome[] {
  return statuses.map((status) => ({ client: `${status} kept`, upstream: [] }))
}

/** Closed without a word. */
export const dropped: RequestOutcome = { client: 'closed', upstream: [] }

/** Each is carried and answered with 200, and the connection goes on. */
export function served(...upstream: string[]): RequestOutcome {
  return { client: `${'200 '.repeat(upstream.length)}kept`, upstream }
}

/** As `served`, and then the connection ends. */
export function servedLast(...upstream: string[]): RequestOutcome {
  return { client: `${'200 '.repeat(upstream.length)}closed`, upstream }
}

/** Some other course of events. */
export function seen(client: string, upstream: readonly string[] = []): RequestOutcome {
  return { client, upstream }
}

/** The head is carried while the body still comes, and the body turns out to be none. */
export function begun(client: string, what: string): RequestOutcome {
  return { client, upstream: [], begun: what }
}
