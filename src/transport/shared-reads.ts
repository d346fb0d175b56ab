/** One buffer that all connections of an upstream read into, in place of a new one of 64 kB for each read. */
import type { Socket } from 'node:net'

/** Bytes: as much as Node reads by itself. Four times as much made nothing cheaper, and slow clients hold it. */
const SIZE = 64 * 1024

/**
 * Node's HTTP parser copies what it gives out, so that the buffer is free again when the parser returns. That is not
 * promised: a later Node reads as it likes until its parser has been looked at (a test does it).
 */
const LAST_MAJOR_KNOWN = 26

/** Of `net.connect`. */
interface OnRead {
  readonly buffer: Buffer
  readonly callback: (length: number, buffer: Buffer) => boolean
}

type ParsedSocket = Socket & { readonly parser?: object | null }

/** Memory for reads. Taken when the first connection is opened. */
export class SharedReads {
  #buffer: Buffer | undefined

  /** undefined: this Node is left to read by itself. */
  next(version = process.versions.node): ConnectionReads | undefined {
    if (Number.parseInt(version, 10) > LAST_MAJOR_KNOWN) return undefined
    this.#buffer ??= Buffer.allocUnsafeSlow(SIZE)
    return new ConnectionReads(this.#buffer)
  }
}

/** The reads of one connection. */
export class ConnectionReads implements OnRead {
  readonly buffer: Buffer
  /** Known when it is opened. */
  socket: ParsedSocket | undefined

  constructor(buffer: Buffer) {
    this.buffer = buffer
  }

  /** Returns false when nothing more is wanted for now, as `Readable.push`. */
  readonly callback = (length: number, buffer: Buffer): boolean => {
    const { socket } = this
    if (socket === undefined) return true
    const bytes = buffer.subarray(0, length)
    // Anybody else may keep the bytes: whoever has taken over a connection that has changed its protocol.
    if (!isParsed(socket)) return socket.push(Buffer.from(bytes))
    // As Node does it for a socket that flows.
    socket.emit('data', bytes)
    return true
  }
}

/** Is it Node's parser, and nobody else, that is given the bytes? */
function isParsed(socket: ParsedSocket): boolean {
  return (
    typeof socket.parser === 'object' &&
    socket.parser !== null &&
    socket.readableFlowing === true &&
    socket.readableLength === 0 &&
    socket.listenerCount('data') === 1
  )
}
