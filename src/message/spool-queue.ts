/** Bytes that wait in memory: first in, first out, and as cheap in a thousand crumbs as in one piece. */

/** A shorter piece is copied: as an object of its own it would take more memory than it holds. */
const CRUMB = 1024
const LARGEST_BLOCK = 16 * 1024

export class SpoolQueue {
  #pieces: Buffer[] = []
  #bytes = 0
  /** Where crumbs are gathered; those between `#from` and `#to` are not among the pieces yet, but behind them. */
  #block: Buffer | undefined
  #from = 0
  #to = 0

  get bytes(): number {
    return this.#bytes
  }

  /** The memory of a piece that is no crumb is not copied, and must not change. */
  push(piece: Buffer): void {
    if (piece.length === 0) return
    if (piece.length < CRUMB) this.#gather(piece)
    else {
      this.#seal()
      this.#pieces.push(piece)
    }
    this.#bytes += piece.length
  }

  /** The oldest piece; the cuts are not those of {@link SpoolQueue.push}. */
  shift(): Buffer | undefined {
    if (this.#pieces.length === 0) this.#seal()
    const piece = this.#pieces.shift()
    this.#took(piece)
    return piece
  }

  /** The newest piece. */
  pop(): Buffer | undefined {
    this.#seal()
    const piece = this.#pieces.pop()
    this.#took(piece)
    return piece
  }

  /** All that is there, oldest first. */
  takeAll(): Buffer[] {
    this.#seal()
    const pieces = this.#pieces
    this.clear()
    return pieces
  }

  clear(): void {
    this.#pieces = []
    this.#bytes = 0
    this.#block = undefined
    this.#from = this.#to = 0
  }

  #took(piece: Buffer | undefined): void {
    this.#bytes -= piece?.length ?? 0
    if (this.#bytes === 0) this.#block = undefined
  }

  #gather(crumb: Buffer): void {
    if (this.#block === undefined || this.#block.length - this.#to < crumb.length) {
      this.#seal()
      // It grows with what there is: an event or two that wait for a client do not take a whole block.
      const size = Math.min(LARGEST_BLOCK, Math.max(CRUMB, this.#bytes))
      this.#block = Buffer.allocUnsafeSlow(size)
      this.#from = this.#to = 0
    }
    this.#to += crumb.copy(this.#block, this.#to)
  }

  #seal(): void {
    if (this.#block === undefined || this.#from === this.#to) return
    this.#pieces.push(this.#block.subarray(this.#from, this.#to))
    this.#from = this.#to
  }
}
