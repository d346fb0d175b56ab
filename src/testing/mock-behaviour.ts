/** How a mock upstream treats its connections, whatever it answers. */

export interface Behaviour {
  /** Milliseconds after which a kept-alive connection that rests is closed, unannounced; 0 is never. Default 0. */
  idleTimeout: number
  /** Closes a connection, unannounced, after that many answers; 0 is never. Default 0. */
  requestsPerConnection: number
  /** Seconds announced by `respond` in `Keep-Alive: timeout=…`, true or not; 0 is none. Default 0. */
  announceKeepAlive: number
  /** After each answer our side of the connection is ended, unannounced; the other is still read. Default false. */
  halfClose: boolean
  /** New connections are accepted, and nothing else: not even a TLS handshake. Default false. */
  acceptAndHang: boolean
  /**
   * `Expect: 100-continue` is answered with 100 (`'continue'`), at once with the answer itself, which then ends the
   * connection (`'final'`), or not at all until the body comes (`'ignore'`). Default `'continue'`.
   */
  expectContinue: 'continue' | 'final' | 'ignore'
  /** A client that has ended its side still gets its answer. Default false: the exchange is abandoned, as in Node. */
  allowHalfOpen: boolean
  /** Keep the bodies of requests; their lengths and hashes are kept in any case. Default true. */
  keepBodies: boolean
  /** Bytes of a head (request line and fields) or of trailers; more is answered 400. Default 65536. */
  maxHeaderSize: number
}

export const DEFAULT_BEHAVIOUR: Readonly<Behaviour> = {
  idleTimeout: 0,
  requestsPerConnection: 0,
  announceKeepAlive: 0,
  halfClose: false,
  acceptAndHang: false,
  expectContinue: 'continue',
  allowHalfOpen: false,
  keepBodies: true,
  maxHeaderSize: 65_536,
}
