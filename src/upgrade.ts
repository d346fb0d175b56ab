/**
 * Requests to change the protocol (RFC 9110 section 7.8). They are served like all others, on a response of our own,
 * until a peer answers 101; what a peer answers else is an ordinary response, after which the connection is closed.
 */
import { ServerResponse, STATUS_CODES } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from './clock.js'
import type { BodyStream } from './message/request-body.js'
import { checkHead, switchedTo, switchingHeaders } from './message/switching-protocols.js'
import { upgradeBody } from './message/upgrade-body.js'
import type { UpstreamResponse } from './next-upstream/attempt-result.js'

/** What the server's `upgrade` event brings besides the request. */
export interface UpgradeRequest {
  /** The client's connection; what has come behind the request is read from it. */
  readonly socket: Duplex
  /** The request's body, where it is not in the request. */
  readonly body: BodyStream | undefined
}

/** Milliseconds that a client has to read its answer and to close. nginx `lingering_timeout`. */
const LINGER = 5000

const CONTINUE = /(?:^|\W)100-continue(?:$|\W)/i

/** A response's connection as Node keeps it. */
interface HttpSocket {
  readonly _httpMessage?: ServerResponse | null
}

/** Marks of Node's own on a response. */
interface Marks {
  _expect_continue?: boolean
  _sent100?: boolean
  _closed?: boolean
}

/**
 * For the server's `upgrade` event: makes a response for the request, and has it served when the responses to earlier
 * requests on the connection are through. A client that ends its side before it is answered has left, as it has for
 * Node. Requests that Node refuses by itself when they are none to upgrade are refused here.
 */
export function acceptUpgrade(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  clock: Clock,
  serve: (res: ServerResponse, upgrade: UpgradeRequest) => void,
): void {
  // Node's server has taken its own listeners off.
  socket.on('error', ignore)
  const handshake = new Handshake(socket)
  if (head.length > 0) socket.unshift(head)
  inTurn(req.socket, () => {
    const res = upgradeResponse(req, socket)
    const body = upgradeBody(req, socket, {
      clock,
      onFailure: (status) => {
        if (!res.headersSent) socket.write(bareAnswer(status))
        socket.destroy()
      },
    })
    if ((res as Marks)._expect_continue === true) (body ?? req).once('resume', () => goOn(res))
    res.once('finish', () => {
      handshake.over()
      if (res.socket !== null) {
        res.detachSocket(res.socket)
        body?.destroy()
        lingeringClose(socket, clock)
      }
      process.nextTick(close, res)
    })
    const refusal = refusalOf(req)
    if (refusal === undefined) serve(res, { socket, body })
    else res.writeHead(refusal, { 'Content-Length': '0' }).end()
  })
}

/** Calls back when no earlier response is under way on the connection; never, if it ends before that. */
function inTurn(socket: Socket, run: () => void): void {
  if (!socket.writable) return
  const earlier = (socket as HttpSocket)._httpMessage
  if (earlier === undefined || earlier === null) {
    run()
    return
  }
  earlier.once('close', () => {
    inTurn(socket, run)
  })
}

function upgradeResponse(req: IncomingMessage, socket: Duplex): ServerResponse {
  const res = new ServerResponse(req)
  res.shouldKeepAlive = false
  if (req.httpVersion === '1.1' && CONTINUE.test(req.headers.expect ?? ''))
    (res as Marks)._expect_continue = true
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- any Duplex will do
  res.assignSocket(socket as Socket)
  return res
}

/** 100 (Continue), when the body is wanted: no peer may be asked for it, and before a 101 it must be said. */
function goOn(res: ServerResponse): void {
  if ((res as Marks)._sent100 !== true && !res.headersSent) res.writeContinue()
}

/** What Node's server looks at, but not when a request asks for an upgrade. */
function refusalOf({ httpVersion, headers }: IncomingMessage): 400 | 417 | undefined {
  if (httpVersion !== '1.1') return undefined
  if (headers.host === undefined) return 400
  return headers.expect === undefined || CONTINUE.test(headers.expect) ? undefined : 417
}

/** Watches the connection from the `upgrade` event to the answer. */
class Handshake {
  readonly #socket: Duplex

  constructor(socket: Duplex) {
    this.#socket = socket
    socket.on('drain', this.#onDrain)
    socket.on('end', this.#onEnd)
  }

  over(): void {
    this.#socket.off('drain', this.#onDrain)
    this.#socket.off('end', this.#onEnd)
  }

  get #response(): ServerResponse | undefined {
    return (this.#socket as HttpSocket)._httpMessage ?? undefined
  }

  /** Node's server does this for responses; its listener is gone. */
  readonly #onDrain = (): void => {
    const response = this.#response
    if (response?.writableNeedDrain === true) response.emit('drain')
  }

  readonly #onEnd = (): void => {
    if (this.#response !== undefined) this.#socket.destroy()
  }
}

/**
 * Lets the answer arrive: bytes that nobody reads would make a reset of the end, which can overtake what was sent.
 * nginx `lingering_close`.
 */
function lingeringClose(socket: Duplex, clock: Clock): void {
  const timer = clock.after(LINGER, () => {
    socket.destroy()
  })
  socket.once('close', () => {
    timer.cancel()
  })
  socket.end()
  socket.resume()
}

/** As Node's server does it after `finish`. */
function close(res: ServerResponse): void {
  ;(res as Marks)._closed = true
  res.destroyed = true
  res.emit('close')
}

function bareAnswer(status: 400 | 408): string {
  return `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\n\r\n`
}

function ignore(): void {
  // An error is followed by `close`.
}

/**
 * Writes the head of a 101 and ends the response with it; from then on `socket` is a connection like any other. Returns
 * the new protocol; undefined, with nothing written, where the peer's answer cannot be passed on.
 */
export function writeSwitchingProtocols(
  res: ServerResponse,
  socket: Duplex,
  { statusMessage, rawHeaders }: Pick<UpstreamResponse, 'statusMessage' | 'rawHeaders'>,
): string | undefined {
  const protocol = switchedTo(res.req.headers.upgrade ?? '', rawHeaders)
  if (protocol === undefined) return undefined
  const fields = switchingHeaders(rawHeaders, protocol)
  try {
    checkHead(statusMessage, fields)
  } catch {
    return undefined
  }
  res.sendDate = false
  res.writeHead(101, statusMessage, fields)
  res.end()
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- the one that was assigned
  res.detachSocket(socket as Socket)
  return protocol
}
