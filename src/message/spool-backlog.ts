/** What a slow client has not taken yet: in memory first, then in a temporary file. First in, first out. */
import { SpoolQueue } from './spool-queue.js'
import { TempFile } from './temp-file.js'
import type { TempFileOwner } from './temp-file.js'

export interface BacklogOptions {
  /** Bytes kept in memory, at least 1. */
  readonly buffers: number
  /** Bytes of temporary file at most; 0: none is made. */
  readonly maxTempFile: number
  /** Directory of the temporary file; undefined: the system's. */
  readonly tempPath: string | undefined
}

/** Never called from within a call to the {@link Backlog}, nor after {@link Backlog.close}. */
export interface BacklogOwner {
  /** There may be something to take that was not, or room where there was none. */
  moved(): void
  /** The disk has failed: what is left cannot be had, and the backlog is to be closed. */
  broken(cause: Error): void
}

const READ_BYTES = 64 * 1024

/**
 * Holds at most `buffers` bytes in memory and the piece that went over it, and besides one write and one read (64 kB)
 * that are under way. Oldest first it is: `#head`, the file from `#position` on, `#excess`.
 */
export class Backlog implements TempFileOwner {
  readonly #options: BacklogOptions
  readonly #owner: BacklogOwner
  readonly #head = new SpoolQueue()
  /** What a full file did not take. */
  readonly #excess = new SpoolQueue()
  #file: TempFile | undefined
  /** In the file: where the oldest byte is that was not read. */
  #position = 0
  /** What comes goes behind what is in the file. */
  #spilled = false
  #reading = false
  /** Somebody has asked for bytes that are on their way to the file. */
  #wanted = false
  #bytes = 0

  constructor(options: BacklogOptions, owner: BacklogOwner) {
    this.#options = options
    this.#owner = owner
  }

  get empty(): boolean {
    return this.#bytes === 0
  }

  /** False when a peer should wait. It is no order: what is pushed all the same is kept. */
  get hasRoom(): boolean {
    const { buffers, maxTempFile } = this.#options
    // What is too much for the memory goes to the file with the next piece.
    if (!this.#spilled) return this.#head.bytes < buffers + maxTempFile
    return this.#head.bytes + this.#excess.bytes + (this.#file?.queued ?? 0) < buffers
  }

  push(piece: Buffer): void {
    this.#bytes += piece.length
    const { buffers, maxTempFile } = this.#options
    if (!this.#spilled) {
      if (maxTempFile === 0 || this.#head.bytes + piece.length <= buffers) {
        this.#head.push(piece)
        return
      }
      this.#spill()
    }
    this.#store(piece)
  }

  /** The oldest bytes. Undefined: there are none, or they have to be read first; `moved` is called when they are here. */
  take(): Buffer | undefined {
    const piece = this.#head.shift()
    if (piece === undefined) {
      this.#fetch()
      return undefined
    }
    this.#bytes -= piece.length
    return piece
  }

  /** Nothing is wanted any more. Idempotent. */
  close(): void {
    this.#head.clear()
    this.#excess.clear()
    this.#file?.close()
  }

  // ---- into the file

  /** The newer half goes to the file with the rest to come, so that there is room to gather larger writes in. */
  #spill(): void {
    this.#spilled = true
    const newer: Buffer[] = []
    while (this.#head.bytes > this.#options.buffers / 2) {
      const piece = this.#head.pop()
      if (piece !== undefined) newer.push(piece)
    }
    for (const piece of newer.reverse()) this.#store(piece)
  }

  #store(piece: Buffer): void {
    const file = (this.#file ??= new TempFile(this, this.#options.tempPath))
    const room = this.#options.maxTempFile - file.size
    if (room >= piece.length) {
      file.append(piece)
      return
    }
    if (room > 0) file.append(piece.subarray(0, room))
    this.#excess.push(piece.subarray(room))
  }

  written(batch: readonly Buffer[]): void {
    // Who waits gets it from memory, and the file is out of the way again as soon as the client has caught up.
    if (this.#wanted) this.#unspill(batch)
    this.#owner.moved()
  }

  failed(cause: Error): void {
    this.#owner.broken(cause)
  }

  // ---- out of the file

  #fetch(): void {
    const file = this.#file
    if (!this.#spilled || this.#reading || file === undefined) return
    const length = Math.min(READ_BYTES, file.written - this.#position)
    if (length === 0) {
      this.#wanted = true
      return
    }
    this.#reading = true
    file.read(this.#position, length, (result) => {
      this.#reading = false
      if (result instanceof Error) return this.failed(result)
      this.#position += length
      this.#head.push(result)
      if (this.#position === file.size) this.#unspill([])
      this.#owner.moved()
    })
  }

  /** All that was written is read, or in `batch`: the rest goes back to memory, and the file's space is used again. */
  #unspill(batch: readonly Buffer[]): void {
    this.#wanted = false
    this.#spilled = false
    this.#position = 0
    for (const piece of batch) this.#head.push(piece)
    for (const piece of this.#file?.rewind() ?? []) this.#head.push(piece)
    for (const piece of this.#excess.takeAll()) this.#head.push(piece)
  }
}
