/** The listeners of all outgoing requests are the same functions: closures for each were a good part of an attempt's garbage. */
import type { ClientRequest, IncomingMessage, InformationEvent } from 'node:http'
import type { Duplex } from 'node:stream'

/** What a request tells. */
export interface RequestEvents {
  onUpgrade(message: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Any 1xx but 101. */
  onInformation(status: number, rawHeaders: readonly string[]): void
  onClose(): void
  onDrain(): void
}

const kEvents = Symbol('evenkeel.events')

type TellingRequest = ClientRequest & { [kEvents]?: RequestEvents }

/** @param wanted what may come besides: a change of the protocol, room for more of a body. */
export function listenTo(
  request: TellingRequest,
  events: RequestEvents,
  wanted: { readonly upgrade: boolean; readonly body: boolean },
): void {
  request[kEvents] = events
  request.on('information', onInformation)
  request.on('close', onClose)
  // Without a listener Node destroys the connection without a word, but for `close`.
  if (wanted.upgrade) request.on('upgrade', onUpgrade)
  if (wanted.body) request.on('drain', onDrain)
}

function onUpgrade(
  this: TellingRequest,
  message: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  this[kEvents]?.onUpgrade(message, socket, head)
}

function onInformation(this: TellingRequest, { statusCode, rawHeaders }: InformationEvent): void {
  this[kEvents]?.onInformation(statusCode, rawHeaders)
}

function onClose(this: TellingRequest): void {
  this[kEvents]?.onClose()
}

function onDrain(this: TellingRequest): void {
  this[kEvents]?.onDrain()
}

/** For an error that is told in other ways: without a listener it would be an uncaught one. */
export function ignore(): void {
  // Told in other ways.
}
