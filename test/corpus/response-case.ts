/** What a case of the response corpus is made of, and the words its expectations are written in. */

/** What is seen of one case. */
export interface ResponseOutcome {
  /**
   * What the client gets when there is no other peer: the status and the body; `…` where the response is broken off;
   * for an error page of ours the status and the error of `Proxy-Status`.
   */
  readonly alone: string
  /** What it gets when another peer is there, and well. */
  readonly withSpare: string
  /** What becomes of the connection to the peer. */
  readonly connection: 'kept' | 'retired' | 'either'
}

/** What the client asks with. */
export type Asked = 'GET' | 'HEAD' | 'POST' | 'GET in HTTP/1.0'

export interface ResponseCase {
  readonly name: string
  /** latin1; several parts are sent when the one before has been read. */
  readonly bytes: string | readonly string[]
  /** What the peer does then. `silent`: nothing, until the time is up; `open`: it waits for the next request. */
  readonly then: 'open' | 'fin' | 'reset' | 'silent'
  readonly at?: 'connection' | 'head' | 'request'
  readonly asked: Asked
  /** One of these is seen. */
  readonly outcomes: readonly ResponseOutcome[]
  /** What the body of a response that is broken off begins with. */
  readonly prefixOf?: string
  /** Fields of the response when it is the peer's; null: there is none. Names in lower case. */
  readonly fields?: Readonly<Record<string, string | null>>
}

type More = Partial<Pick<ResponseCase, 'then' | 'at' | 'asked' | 'prefixOf' | 'fields'>>

/** The peer stays open for the next request, and the client asks with GET. */
export function response(
  name: string,
  bytes: string | readonly string[],
  outcomes: ResponseOutcome | readonly ResponseOutcome[],
  more: More = {},
): ResponseCase {
  return { name, bytes, then: 'open', asked: 'GET', outcomes: [outcomes].flat(), ...more }
}

/** `GET /case` at the peer that is well. */
const SPARE = '200 spare GET /case 0'

/** It reaches the client whole. */
export function delivered(
  what: string,
  connection: ResponseOutcome['connection'] = 'kept',
): ResponseOutcome {
  return { alone: what, withSpare: what, connection }
}

/** It is no response: the next peer is asked, and where there is none the client gets a 502 with one of these errors. */
export function failed(...errors: string[]): ResponseOutcome[] {
  return errors.map((error) => ({
    alone: `${error === 'connection_read_timeout' ? 504 : 502} ${error}`,
    withSpare: SPARE,
    connection: 'retired',
  }))
}

/** What is no HTTP. */
export const invalid: readonly ResponseOutcome[] = failed('http_protocol_error')

/** The connection has ended before the head was complete. */
export const ended: readonly ResponseOutcome[] = failed(
  'connection_terminated',
  'http_response_incomplete',
)

/** More than we hold. */
export const tooLarge: readonly ResponseOutcome[] = failed('http_response_header_section_size')

/** As `failed`, but the request was sent and may not be repeated. */
export function failedForGood(...errors: string[]): ResponseOutcome[] {
  return failed(...errors).map((outcome) => ({ ...outcome, withSpare: outcome.alone }))
}

/** The head was right and has gone to the client: the rest of it is missing, and the client can tell. */
export function brokenOff(status: number): ResponseOutcome {
  return { alone: `${status} …`, withSpare: `${status} …`, connection: 'retired' }
}
