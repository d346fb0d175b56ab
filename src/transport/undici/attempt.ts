/** One attempt through undici: the handler of its dispatch, from the connection to the last byte. Settled once. */
import { ResponseArrived } from '../../next-upstream/attempt-result.js'
import type { FailureType } from '../../next-upstream/attempt-result.js'
import type { TransportCondition } from '../../next-upstream/condition.js'
import { MOST_INTERIM_RESPONSES } from '../http-proxy/limits.js'
import { headFault } from '../http-proxy/response-head.js'
import { outgoingFields } from '../outgoing-fields.js'
import { AttemptEnds } from './attempt-ends.js'
import { DispatchOptions } from './client.js'
import type { RawHandler } from './client.js'
import type { Occupant, PeerConnection } from './connection.js'
import { classifyUndici, isRefusal } from './failure.js'
import { fieldsOf } from './raw-fields.js'
import { RequestBodyStream } from './request-body.js'
import { FlowingResponse, ResponseHead, WholeResponse } from './response.js'
import type { ResponseOwner, WholeOwner } from './response.js'

const NO_FIELDS: readonly string[] = []
const NOTHING = Buffer.alloc(0)

/** Came in pieces, and undici has read it as UTF-8. */
const NOT_ASCII = /[^\0-\x7f]/

export class UndiciAttempt
  extends AttemptEnds
  implements RawHandler, Occupant, ResponseOwner, WholeOwner
{
  #interim = 0
  #dispatching = false
  #refused = false
  /** Of the body, until the attempt is settled: the first of it, and the list if there is more. */
  #early: Buffer | undefined
  #moreEarly: Buffer[] | undefined
  #trailers: readonly string[] | undefined
  #response: FlowingResponse | undefined
  /** The connection that has served, and may be serving others. */
  #freed: PeerConnection | undefined
  /** The parser may be told to rest. */
  #mayRest = true
  /** Lets the parser go on, if it rests. */
  #resumeParser: (() => void) | undefined

  begin(): void {
    this.signal.onAbort = () => {
      this.abort()
    }
    const kept = this.attempt.connection === 'any' ? this.pool.take(this) : undefined
    if (kept !== undefined) {
      this.connection = kept
      this.attempt.record.reused = true
      this.attempt.record.connectTime = 0
      this.#dispatch(kept)
      return
    }
    this.attempt.record.reused = false
    this.timer = this.parts.clock.after(this.parts.timeouts.connect, () => {
      this.timedOut(this.phase, 'connection_timeout')
    })
    this.connection = this.pool.open(this)
  }

  // ---- the connection

  get awaitsHead(): boolean {
    return this.requestSent && this.head === undefined
  }

  continued(): void {
    if (!this.over) this.#onInformation(100, NO_FIELDS)
  }

  headTooLong(): void {
    const cause = new Error('a response head of more than bufferSize')
    this.failWith('invalid_header', 'http_response_header_section_size', cause)
  }

  get hasHead(): boolean {
    return this.head !== undefined
  }

  handshaking(): void {
    this.phase = 'tls'
  }

  connected(): void {
    if (this.over || this.connection === undefined) return
    this.timer?.cancel()
    this.timer = undefined
    this.attempt.record.connectTime = this.elapsed()
    this.#dispatch(this.connection)
  }

  notConnected(cause: Error): void {
    this.onError(cause)
  }

  /** The parser may rest for the client's sake, and undici 7 would throw where it then looks for the body's end. */
  peerEnded(): void {
    this.#mayRest = false
    this.resumeParser()
  }

  #dispatch(connection: PeerConnection): void {
    this.phase = 'send'
    const counted = this.attempt.record.reused ? connection : connection.socket
    this.bytesReadBefore = counted.bytesRead
    this.bytesWrittenBefore = counted.bytesWritten
    const { head, body } = this.attempt
    const isPlain = body.framing === 'none' && this.pool.writesHost
    if (body.framing === 'none') this.bodyEnded = true
    this.#dispatching = true
    connection.client.dispatch(
      new DispatchOptions(
        head,
        isPlain ? head.headers : outgoingFields(this.attempt),
        body.framing === 'none' ? null : new RequestBodyStream(body, this),
      ),
      this,
    )
    this.#dispatching = false
    if (this.#refused) this.#passOn(connection)
  }

  /** As if nothing had been tried. */
  #passOn(connection: PeerConnection): void {
    this.over = true
    this.settled = true
    this.attempt.record.connectTime = -1
    this.pool.giveBack(connection, undefined)
    this.parts.standard(this.attempt, this.signal, (result) => {
      this.settle(result)
    })
  }

  // ---- what undici calls

  onConnect(): void {
    this.requestSent = true
    this.connection?.expectHead()
    if (this.bodyEnded) this.awaitHead()
  }

  onHeaders(
    status: number,
    raw: readonly Buffer[],
    resume: (() => void) | undefined,
    reason: string,
  ): boolean {
    if (this.over) return true
    const rawHeaders = fieldsOf(raw)
    if (status < 200 && status >= 100) {
      this.#onInformation(status, rawHeaders)
      return true
    }
    const statusMessage = this.connection?.reason ?? (NOT_ASCII.test(reason) ? '' : reason)
    if (reason.length > this.parts.maxHeaderSize) {
      this.headTooLong()
      return true
    }
    const fault = headFault(status, statusMessage, rawHeaders, this.parts.maxHeaders)
    if (fault !== undefined) {
      this.failWith('invalid_header', fault.type, new Error(fault.text))
      return true
    }
    this.attempt.record.headerTime = this.elapsed()
    this.phase = 'body'
    this.#resumeParser = resume
    this.head = new ResponseHead(status, statusMessage, rawHeaders)
    // All that was read at once is parsed by then: most responses are complete.
    process.nextTick(arrived, this)
    return true
  }

  onData(chunk: Buffer): boolean {
    // A parser that is woken at the end of its connection begins with nothing.
    if (this.over || chunk.length === 0) return true
    this.timer?.refresh()
    if (this.#response !== undefined) return this.#response.data(chunk) || !this.#mayRest
    if (this.#early === undefined) this.#early = chunk
    else (this.#moreEarly ??= [this.#early]).push(chunk)
    return true
  }

  onComplete(rawTrailers: readonly Buffer[] | null): void {
    if (this.over) return
    this.#complete(
      rawTrailers === null || rawTrailers.length === 0 ? NO_FIELDS : fieldsOf(rawTrailers),
    )
    if (this.settled) process.nextTick(ended, this)
  }

  onError(error: Error): void {
    if (this.over) return
    const cause = this.connection?.whyClosed(error) ?? error
    if (this.#dispatching && isRefusal(cause)) {
      this.#refused = true
    } else if (this.head === undefined) {
      const { condition, type } = classifyUndici(cause, this.phase === 'connect')
      this.failWith(condition, type, cause)
    } else if (this.#isBodiless(this.head.status)) {
      // undici 7 waits for the body that the length of a 304 tells of.
      this.#complete(NO_FIELDS)
      if (this.settled) this.deliverEnd()
    } else {
      this.breakOff('error', 'http_response_incomplete', cause)
    }
  }

  // ---- from the head to the end

  /** What has come with the head is all here. */
  deliver(): void {
    if (this.settled || this.head === undefined) return
    this.settled = true
    // From here on the client's leaving is the relay's to tell.
    this.signal.onAbort = undefined
    const early = this.#early
    const all = this.#moreEarly
    this.#early = undefined
    this.#moreEarly = undefined
    const trailers = this.#trailers
    if (trailers !== undefined) this.#giveBack()
    if (trailers?.length === 0) {
      const body = all === undefined ? (early ?? NOTHING) : Buffer.concat(all)
      this.settle(new ResponseArrived(new WholeResponse(this.head, body, this)))
      return
    }
    const held = all ?? (early === undefined ? [] : [early])
    const response = new FlowingResponse(this.head, held, this)
    this.#response = response
    if (trailers !== undefined) response.end(trailers)
    this.settle(new ResponseArrived(response))
  }

  deliverEnd(): void {
    this.#giveBack()
    const response = this.#response
    if (response !== undefined)
      this.runInAsyncScope(response.end, response, this.#trailers ?? NO_FIELDS)
  }

  #complete(trailers: readonly string[]): void {
    this.#trailers = trailers
    this.finish()
    // The peer has answered without waiting for the whole body: undici closes the connection.
    if (!this.bodyEnded) this.attempt.body.detach()
  }

  /** By now undici has closed it, if it must not be used again: for what came behind the response, for example. */
  #giveBack(): void {
    const connection = this.connection
    if (connection === undefined) return
    this.connection = undefined
    this.#freed = connection
    if (this.bodyEnded) this.pool.giveBack(connection, this.head?.rawHeaders)
    else connection.destroy()
  }

  #isBodiless(status: number): boolean {
    return status === 204 || status === 304 || this.attempt.head.method === 'HEAD'
  }

  #onInformation(status: number, rawHeaders: readonly string[]): void {
    this.#interim++
    if (status === 101) {
      const cause = new Error('unasked-for upgrade, status 101')
      this.failWith('invalid_header', 'http_protocol_error', cause)
    } else if (this.#interim > MOST_INTERIM_RESPONSES) {
      this.failWith('invalid_header', 'http_protocol_error', new Error('too many 1xx responses'))
    } else if (status !== 100) {
      const { signal } = this
      this.runInAsyncScope(signal.informational, signal, status, rawHeaders)
    }
  }

  // ---- for the response

  startReading(): void {
    if (this.over) return
    this.reading = true
    if (this.timer === undefined) this.armRead()
    else this.timer.refresh()
  }

  taken(length: number): void {
    this.attempt.record.responseLength += length
  }

  dropped(): void {
    if (this.#freed !== undefined) this.pool.withdraw(this.#freed)
  }

  stopReading(): void {
    this.reading = false
  }

  letFlow(): void {
    if (this.over) return
    // undici's parsers share their memory: none may be woken while another one is at work.
    process.nextTick(wake, this)
  }

  resumeParser(): void {
    this.#resumeParser?.()
  }

  giveUp(): void {
    if (this.over) return
    this.finish()
    if (!this.bodyEnded) this.attempt.body.detach()
    this.connection?.destroy()
  }

  // ---- other ends

  protected override breakOff(
    condition: TransportCondition,
    type: FailureType,
    cause: Error | undefined,
  ): void {
    if (this.over) return
    const failure = this.failure(condition, type, cause)
    this.giveUp()
    this.deliver()
    const response = this.#response
    if (response !== undefined) this.runInAsyncScope(response.fail, response, failure)
  }
}

function arrived(attempt: UndiciAttempt): void {
  attempt.deliver()
}

function ended(attempt: UndiciAttempt): void {
  attempt.deliverEnd()
}

function wake(attempt: UndiciAttempt): void {
  attempt.resumeParser()
}
