/**
 * Lines that wait, as UTF-8 in memory of our own. As text they would wait as ropes of dozens of pieces each, which the
 * garbage collector takes for long-lived and copies.
 */

/** Bytes of what most logs need at once. */
const FIRST = 16_384
/** What is larger has been for a stream that was slow for a while. */
const KEPT = 262_144
/** Bytes in UTF-8 of one UTF-16 unit. */
const MOST = 3

export class LineBytes {
  #bytes: Buffer | undefined
  #length = 0

  /** Bytes. */
  get length(): number {
    return this.#length
  }

  add(lines: string): void {
    const bytes = this.#withRoomFor(lines.length * MOST)
    this.#length += bytes.write(lines, this.#length)
  }

  /** All of it, as it is from now on whoever's asks for it. */
  takeBytes(): Buffer {
    return Buffer.from(this.#take())
  }

  takeText(): string {
    return this.#take().toString()
  }

  #withRoomFor(more: number): Buffer {
    const needed = this.#length + more
    const now = this.#bytes
    if (now !== undefined && needed <= now.length) return now
    let size = Math.max(FIRST, now?.length ?? 0)
    while (size < needed) size *= 2
    const larger = Buffer.allocUnsafeSlow(size)
    now?.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
    return larger
  }

  /** A view of what is valid until the next line comes. */
  #take(): Buffer {
    const bytes = this.#bytes ?? Buffer.alloc(0)
    const taken = bytes.subarray(0, this.#length)
    this.#length = 0
    if (bytes.length > KEPT) this.#bytes = undefined
    return taken
  }
}
