/**
 * Where the frames of a WebSocket stream end (RFC 6455 section 5.2): between two frames, and nowhere else, one of our
 * own can be put. Only headers are read; payloads are passed over, compressed ones like others.
 */

/** Going Away (RFC 6455 section 7.4.1), from a server: not masked. */
export const CLOSE_GOING_AWAY: Buffer = Buffer.from([0x88, 0x02, 0x03, 0xe9])

const FIN = 0x80
const MASKED = 0x80
const MASK_KEY_BYTES = 4
const OPCODE = 0x0f
const CLOSE = 8
/** Opcodes from here on are control frames: never in pieces, and short. */
const CONTROL = 8
const LONGEST_CONTROL = 125
const LENGTH_16 = 126
const LENGTH_64 = 127

/** What is to come next of a frame. */
type Part = 'opcode' | 'length' | 'extended_length' | 'payload'

/** Follows one direction of a WebSocket connection from its first byte on, in chunks split anywhere. */
export class FrameBoundary {
  #part: Part = 'opcode'
  #first = 0
  #masked = 0
  /** Bytes of an extended length that are still to come. */
  #lengthBytes = 0
  /** The length as far as it has come, then what is left of mask and payload; 0 between two frames. */
  #left = 0
  #state: 'frames' | 'closed' | 'lost' = 'frames'

  /** Every frame that has begun has ended. */
  get between(): boolean {
    return this.#part === 'opcode' && this.#state !== 'lost'
  }

  /** A close frame has passed: nothing may follow it (RFC 6455 section 5.5.1). */
  get closed(): boolean {
    return this.#state === 'closed'
  }

  /** These are no frames: there is no place of which anything is known. */
  get lost(): boolean {
    return this.#state === 'lost'
  }

  /** Takes note of all of `bytes`. */
  push(bytes: Buffer): void {
    for (let i = 0; i < bytes.length;) i = this.advance(bytes, i)
  }

  /** Reads on from `from` to the end of the current frame, or of `bytes` if that comes first; returns where that is. */
  advance(bytes: Buffer, from: number): number {
    const end = bytes.length
    let i = from
    while (i < end && this.#state === 'frames') {
      if (this.#part === 'payload') i = this.#passOver(i, end)
      else this.#header(bytes[i++] ?? 0)
      if (this.#part === 'opcode') return i
    }
    return end
  }

  #passOver(from: number, end: number): number {
    const step = Math.min(this.#left, end - from)
    this.#left -= step
    if (this.#left === 0) this.#frameEnded()
    return from + step
  }

  #header(byte: number): void {
    switch (this.#part) {
      case 'opcode':
        this.#opcode(byte)
        return
      case 'length':
        this.#length(byte)
        return
      default:
        this.#extendedLength(byte)
    }
  }

  /** The RSV bits are left to extensions; the opcodes that are reserved are not in use by any. */
  #opcode(byte: number): void {
    const opcode = byte & OPCODE
    const known = opcode <= 2 || (opcode >= CONTROL && opcode <= 10)
    if (!known || (opcode >= CONTROL && (byte & FIN) === 0)) {
      this.#state = 'lost'
      return
    }
    this.#first = byte
    this.#part = 'length'
  }

  #length(byte: number): void {
    const length = byte & 0x7f
    this.#masked = byte & MASKED
    if ((this.#first & OPCODE) >= CONTROL && length > LONGEST_CONTROL) {
      this.#state = 'lost'
    } else if (length >= LENGTH_16) {
      this.#lengthBytes = length === LENGTH_64 ? 8 : 2
      this.#part = 'extended_length'
    } else {
      this.#payload(length)
    }
  }

  #extendedLength(byte: number): void {
    this.#left = this.#left * 256 + byte
    if (--this.#lengthBytes > 0) return
    if (this.#left > Number.MAX_SAFE_INTEGER - MASK_KEY_BYTES) this.#state = 'lost'
    else this.#payload(this.#left)
  }

  #payload(length: number): void {
    this.#left = this.#masked === 0 ? length : length + MASK_KEY_BYTES
    this.#part = 'payload'
    if (this.#left === 0) this.#frameEnded()
  }

  #frameEnded(): void {
    this.#part = 'opcode'
    if ((this.#first & OPCODE) === CLOSE) this.#state = 'closed'
  }
}
