/** The last step of a request: a response goes to the client. */
import type { IncomingMessage } from 'node:http'
import type { AttemptRecord } from './attempt-record.js'
import type { Clock } from './clock.js'
import type { Draining } from './draining.js'
import type { Exchange } from './exchange.js'
import { bufferedResponse } from './message/buffered-response.js'
import { HeaderList } from './message/header-list.js'
import type { Intercept } from './message/intercept-errors.js'
import { limitRate } from './message/limit-rate.js'
import { relayBody, writeHead } from './message/relay.js'
import type { RelayOutcome } from './message/relay.js'
import { transformedResponse } from './message/transformed-response.js'
import type { ResponseChanges } from './message/response-changes.js'
import { lineOf, responseHeaders, withoutField } from './message/response-headers.js'
import { Tunnel } from './message/tunnel.js'
import type { ResponseContext, UpstreamResponseHead } from './message-options.js'
import type { UpstreamFailure, UpstreamResponse } from './next-upstream/attempt-result.js'
import type { Outbound } from './outbound.js'
import { unwritableHead } from './refusal.js'
import type { Reporter } from './reporter.js'
import type { StickySessions } from './sticky/sticky-sessions.js'
import { writeSwitchingProtocols } from './upgrade.js'
import type { Lease } from './upstream/peer-session.js'

interface DeliverySettings {
  readonly buffering: 'off' | 'on'
  /** Bytes, as the next. */
  readonly buffers: number
  readonly maxTempFile: number
  readonly tempPath: string | undefined
  /** Bytes a second; 0: no limit. */
  readonly limitRate: number
  /** Milliseconds. */
  readonly tunnelTimeout: number
}

export interface DeliveryParts {
  readonly clock: Clock
  readonly draining: Draining
  readonly reporter: Reporter
  readonly changes: ResponseChanges | undefined
  readonly intercept: Intercept | undefined
  readonly sticky: StickySessions | undefined
  /** Has the client come over TLS? */
  readonly isSecure: (req: IncomingMessage) => boolean
  readonly settings: DeliverySettings
  /** A field that is not for the client, in lower case. */
  readonly hidden: string | undefined
}

/** A response, and what it has taken to get it. */
export class Arrived {
  readonly response: UpstreamResponse
  readonly lease: Lease
  readonly record: AttemptRecord

  constructor(response: UpstreamResponse, lease: Lease, record: AttemptRecord) {
    this.response = response
    this.lease = lease
    this.record = record
  }
}

export type DeliveryOutcome =
  | { readonly kind: 'delivered' }
  /** The response broke off on its way; the client has been told. */
  | { readonly kind: 'truncated'; readonly cause: Error | undefined }
  /** Nothing is written: what the upstream sent cannot be. */
  | { readonly kind: 'refused'; readonly failure: UpstreamFailure }
  /** The client left, or the request was given up. */
  | { readonly kind: 'stopped' }

const DELIVERED: DeliveryOutcome = { kind: 'delivered' }
const STOPPED: DeliveryOutcome = { kind: 'stopped' }

/** The least status that `interceptErrors` is asked about. */
const ERROR_STATUS = 400

export class Delivery {
  readonly #parts: DeliveryParts

  constructor(parts: DeliveryParts) {
    this.#parts = parts
  }

  /**
   * Most responses are through at once: then there is no promise.
   * @throws whatever a hook of the user's throws.
   */
  deliver(
    x: Exchange,
    arrived: Arrived,
    outbound: Outbound,
  ): DeliveryOutcome | Promise<DeliveryOutcome> {
    const { response, lease } = arrived
    if (response.tunnel !== undefined) return this.#switch(x, arrived, response.tunnel)
    const { intercept, changes } = this.#parts
    if (intercept !== undefined && response.status >= ERROR_STATUS)
      return this.#unlessIntercepted(x, arrived, outbound, intercept)
    if (changes?.head !== undefined) return this.#changed(x, arrived, outbound, changes)
    const fields = this.#fieldsOf(x, response)
    changes?.fields(fields, x, outbound.head, lease.peer, response.status)
    return this.#send(x, arrived, outbound, response, fields)
  }

  async #unlessIntercepted(
    x: Exchange,
    arrived: Arrived,
    outbound: Outbound,
    intercept: Intercept,
  ): Promise<DeliveryOutcome> {
    if (await this.#intercepted(x, arrived, intercept)) return DELIVERED
    return isTaken(x) ? STOPPED : this.#changed(x, arrived, outbound, this.#parts.changes)
  }

  /** With what the user's hook makes of it. */
  async #changed(
    x: Exchange,
    arrived: Arrived,
    outbound: Outbound,
    changes: ResponseChanges | undefined,
  ): Promise<DeliveryOutcome> {
    const { response, lease } = arrived
    const fields = this.#fieldsOf(x, response)
    changes?.fields(fields, x, outbound.head, lease.peer, response.status)
    if (changes?.head === undefined) return this.#send(x, arrived, outbound, response, fields)
    const head = headOf(response, fields)
    const changed = changes.head(head, contextOf(x, arrived))
    if (changed !== undefined) await changed
    const outgoing = transformedResponse(response, head)
    if (!isTaken(x)) return this.#send(x, arrived, outbound, outgoing, outgoing.rawHeaders)
    outgoing.discard()
    return STOPPED
  }

  #send(
    x: Exchange,
    arrived: Arrived,
    outbound: Outbound,
    outgoing: UpstreamResponse,
    fields: readonly string[],
  ): DeliveryOutcome | Promise<DeliveryOutcome> {
    this.#parts.draining.announce(x)
    const { sticky, isSecure } = this.#parts
    const { response, lease } = arrived
    // Behind all that options and hooks change: what the client is told here is between it and us.
    const marked = sticky?.answered(fields, x, lease.peer, response, isSecure) ?? fields
    const failure = begin(x, arrived, outgoing, marked)
    if (failure !== undefined) return { kind: 'refused', failure }
    outbound.body.release()
    x.relaying = true
    if (x.over) {
      outgoing.discard()
      return STOPPED
    }
    const outcome = relayBody(x.res, this.#paced(outgoing, lease), x)
    if (!(outcome instanceof Promise)) return relayed(outcome, lease)
    return outcome.then((later) => relayed(later, lease))
  }

  async #intercepted(x: Exchange, arrived: Arrived, intercept: Intercept): Promise<boolean> {
    const { response, lease } = arrived
    const head = headOf(response, this.#seen(responseHeaders(response.rawHeaders, 'drop')))
    const answered = intercept(head, contextOf(x, arrived))
    if (!(answered instanceof Promise ? await answered : answered)) return false
    response.discard()
    lease.release('ok')
    await x.answered()
    return true
  }

  /** Without what is for the next hop alone, or for us. */
  #fieldsOf(x: Exchange, response: UpstreamResponse): string[] {
    const fields = responseHeaders(response.rawHeaders, mayHaveTrailers(x, response))
    // RFC 9110 section 8.6.
    if (response.status === 204) new HeaderList(fields).delete('content-length')
    return this.#seen(fields)
  }

  /** The same list without what is not for clients. */
  #seen(fields: string[]): string[] {
    const { hidden } = this.#parts
    if (hidden !== undefined) new HeaderList(fields).delete(hidden)
    return fields
  }

  /** With a buffer behind the peer, and a brake before the client, as configured. */
  #paced(response: UpstreamResponse, lease: Lease): UpstreamResponse {
    const { settings, clock } = this.#parts
    let paced = response
    if (response.whole === undefined && isBuffered(response, settings.buffering)) {
      paced = bufferedResponse(paced, {
        buffers: settings.buffers,
        maxTempFile: settings.maxTempFile,
        tempPath: settings.tempPath,
        onUpstreamOver: (failure) => {
          lease.release(failure === undefined ? 'ok' : 'next')
        },
      })
    }
    return settings.limitRate === 0 ? paced : limitRate(paced, { rate: settings.limitRate, clock })
  }

  /** 101: from here on bytes go both ways, and nobody looks at them. */
  async #switch(
    x: Exchange,
    { response, lease, record }: Arrived,
    peer: NonNullable<UpstreamResponse['tunnel']>,
  ): Promise<DeliveryOutcome> {
    const { upgrade } = x
    if (upgrade === undefined) throw new Error('a transport has switched protocols unasked')
    const { clock, draining, settings, reporter } = this.#parts
    const protocol = writeSwitchingProtocols(x.res, upgrade.socket, {
      statusMessage: response.statusMessage,
      rawHeaders: withoutField(response.rawHeaders, this.#parts.hidden),
    })
    if (protocol === undefined) {
      response.discard()
      return { kind: 'refused', failure: unwritableHead(undefined, record) }
    }
    x.deadline?.cancel()
    x.dropHeld()
    x.relaying = true
    const tunnel = new Tunnel({
      client: upgrade.socket,
      peer,
      protocol,
      idleTimeout: settings.tunnelTimeout,
      clock,
    })
    const since = clock.now()
    draining.tunnelOpened(tunnel)
    reporter.upgraded(x, lease.peer, protocol, 'open', 0)
    const { toPeer, toClient } = await tunnel.run()
    record.bytesSent += toPeer
    record.bytesReceived += toClient
    record.responseTime = clock.now() - record.startedAt
    draining.tunnelClosed(tunnel)
    reporter.upgraded(x, lease.peer, protocol, 'closed', clock.now() - since)
    response.discard()
    lease.release('ok')
    return DELIVERED
  }
}

function relayed(outcome: RelayOutcome, lease: Lease): DeliveryOutcome {
  if (outcome.kind === 'complete') {
    lease.release('ok')
    return DELIVERED
  }
  lease.release('next')
  if (outcome.kind === 'aborted') return STOPPED
  return { kind: 'truncated', cause: outcome.failure.cause }
}

/** Writes the head; a failure, with nothing written, when what the upstream sent cannot be written. */
function begin(
  x: Exchange,
  { response, record }: Arrived,
  outgoing: UpstreamResponse,
  fields: readonly string[],
): UpstreamFailure | undefined {
  try {
    writeHead(x.res, outgoing, fields)
  } catch (error) {
    outgoing.discard()
    return unwritableHead(error, record)
  }
  x.deadline?.cancel()
  if (x.held?.response !== response) x.dropHeld()
  return undefined
}

function headOf(response: UpstreamResponse, fields: string[]): UpstreamResponseHead {
  const { status, statusMessage } = response
  return { status, statusMessage, headers: new HeaderList(fields), body: undefined }
}

function contextOf({ req, res }: Exchange, { response, lease }: Arrived): ResponseContext {
  return { request: req, response: res, peer: lease.peer, status: response.status }
}

/** Meanwhile the client has left, or somebody else has answered it. */
function isTaken(x: Exchange): boolean {
  return x.over || x.res.headersSent
}

/** Only a chunked body, or HTTP/2, has room for trailers: Node throws at their announcement elsewhere. */
function mayHaveTrailers({ req, method }: Exchange, response: UpstreamResponse): 'keep' | 'drop' {
  const { status, rawHeaders } = response
  if (req.httpVersion === '1.0' || method === 'HEAD' || status === 204 || status === 304)
    return 'drop'
  return lineOf(rawHeaders, 'content-length') === undefined ? 'keep' : 'drop'
}

/** The peer knows best, as in nginx: `X-Accel-Buffering`. */
function isBuffered({ rawHeaders }: UpstreamResponse, buffering: 'off' | 'on'): boolean {
  const wish = lineOf(rawHeaders, 'x-accel-buffering')?.toLowerCase()
  if (wish === 'no') return false
  return wish === 'yes' || buffering === 'on'
}
