/** One attempt of a request, as a transport is given it. */
import type { AttemptRecord } from './attempt-record.js'
import type {
  Attempt,
  AttemptSignal,
  RequestHead,
  RequestSource,
  Settle,
  Transport,
} from './transport/transport.js'
import type { AttemptContext } from './judge.js'
import type { Peer } from './upstream/peer.js'

/** Of a class, as most things that are made for each request: see `OutboundHead`. */
export class PreparedAttempt implements Attempt {
  readonly peer: Peer
  head: RequestHead
  readonly body: RequestSource
  readonly connection: 'any' | 'fresh'
  readonly expectContinue: boolean
  readonly record: AttemptRecord

  constructor({ x, lease, outbound, record }: AttemptContext, connection: 'any' | 'fresh') {
    this.peer = lease.peer
    this.head = outbound.head
    this.body = outbound.body
    this.connection = connection
    this.expectContinue = x.awaitsContinue
    this.record = record
  }
}

/** Calls `thrown` with what the transport throws: what an upstream does wrong, it says. */
export function startAttempt(
  transport: Transport,
  attempt: Attempt,
  signal: AttemptSignal,
  settle: Settle,
  thrown: (cause: unknown) => void,
): void {
  try {
    if (transport.start !== undefined) transport.start(attempt, signal, settle)
    else transport.roundTrip(attempt, signal).then(settle, thrown)
  } catch (cause) {
    thrown(cause)
  }
}
