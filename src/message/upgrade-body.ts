/** The body of a request to upgrade, which Node leaves on the connection: the new protocol begins behind it. */
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { Duplex } from 'node:stream'
import type { Clock, Timer } from '../clock.js'
import { ChunkedDecoder } from './chunked-decoder.js'

/** Milliseconds between two reads. nginx `client_body_timeout`; Node's own timeouts end at `upgrade`. */
const BODY_TIMEOUT = 60_000

/** Node 26 and newer read it themselves; what comes as the server's `upgrade` event's socket then begins behind it. */
const FIRST_NODE_TO_READ_IT = 26

export interface UpgradeBodySetting {
  readonly clock: Clock
  /** It can never become whole: 400 for bytes that are no body, 408 for a client that sends no more. */
  readonly onFailure: (status: 400 | 408) => void
}

/** Takes bytes from the connection and finds the end of the body among them. */
interface BodyDecoder {
  readonly done: boolean
  readonly rawTrailers: readonly string[]
  /** Returns how many of `bytes` belong to the body. */
  read(bytes: Buffer, onData: (data: Buffer) => void): number
}

/** undefined: there is none, or it can be read from `req`. */
export function upgradeBody(
  req: IncomingMessage,
  socket: Duplex,
  setting: UpgradeBodySetting,
): UpgradeBody | undefined {
  const decoder = decoderOf(req)
  if (decoder === undefined || isReadByNode(req)) return undefined
  return new UpgradeBody(socket, decoder, setting)
}

function decoderOf({ headers }: IncomingMessage): BodyDecoder | undefined {
  if (headers['transfer-encoding'] !== undefined) return new ChunkedDecoder()
  const length = Number(headers['content-length'] ?? 0)
  return length > 0 ? new LengthDecoder(length) : undefined
}

function isReadByNode(req: IncomingMessage): boolean {
  if (!req.complete || req.readableLength > 0) return true
  return parseInt(process.versions.node, 10) >= FIRST_NODE_TO_READ_IT
}

/** Exactly so many bytes. */
export class LengthDecoder implements BodyDecoder {
  readonly rawTrailers: readonly string[] = []
  #left: number

  constructor(length: number) {
    this.#left = length
  }

  get done(): boolean {
    return this.#left === 0
  }

  read(bytes: Buffer, onData: (data: Buffer) => void): number {
    const length = Math.min(this.#left, bytes.length)
    this.#left -= length
    onData(length === bytes.length ? bytes : bytes.subarray(0, length))
    return length
  }
}

/** Reads from the connection only while it is read itself. What follows the body is left there. */
export class UpgradeBody extends Readable {
  readonly #socket: Duplex
  readonly #decoder: BodyDecoder
  readonly #setting: UpgradeBodySetting
  #timer: Timer | undefined
  #listening = false
  #room = true

  constructor(socket: Duplex, decoder: BodyDecoder, setting: UpgradeBodySetting) {
    super()
    this.#socket = socket
    this.#decoder = decoder
    this.#setting = setting
    socket.once('close', this.#onGone)
  }

  /** As a request's; complete at the end. */
  get rawTrailers(): readonly string[] {
    return this.#decoder.rawTrailers
  }

  override _read(): void {
    if (!this.#listening) {
      this.#listening = true
      this.#socket.on('data', this.#onData)
    }
    this.#timer ??= this.#setting.clock.after(BODY_TIMEOUT, () => {
      this.#fail(408)
    })
    this.#socket.resume()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#letGo()
    callback(error)
  }

  readonly #onGone = (): void => {
    this.destroy()
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#timer?.refresh()
    const length = this.#decode(chunk)
    if (length === undefined) return
    if (this.#decoder.done) this.#ended(chunk.subarray(length))
    else if (!this.#room) this.#rest()
  }

  #decode(chunk: Buffer): number | undefined {
    try {
      return this.#decoder.read(chunk, this.#onBody)
    } catch {
      this.#fail(400)
      return undefined
    }
  }

  readonly #onBody = (data: Buffer): void => {
    this.#room = this.push(data)
  }

  #rest(): void {
    this.#socket.pause()
    // A slow peer is not a slow client.
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #ended(rest: Buffer): void {
    this.#letGo()
    this.#socket.pause()
    if (rest.length > 0) this.#socket.unshift(rest)
    this.push(null)
  }

  #fail(status: 400 | 408): void {
    this.destroy()
    this.#setting.onFailure(status)
  }

  #letGo(): void {
    this.#timer?.cancel()
    this.#socket.off('close', this.#onGone)
    if (this.#listening) this.#socket.off('data', this.#onData)
  }
}
