/** A temporary file without a name: nothing of it is left on the disk, not even by a crash. */
import { randomUUID } from 'node:crypto'
import { close, constants, open, read, unlink, writev } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SpoolQueue } from './spool-queue.js'

/** Hears of a {@link TempFile}; never from within a call to it, and never again after {@link TempFile.close}. */
export interface TempFileOwner {
  /** `batch`, in the order of the appends, is in the file now. The next write has not begun: the file may be rewound. */
  written(batch: readonly Buffer[]): void
  /** The file cannot be made or written (EMFILE, ENOSPC, EACCES …). At most once; nothing is written any more. */
  failed(cause: Error): void
}

/** What was asked for, or why it could not be read. Not called any more after {@link TempFile.close}. */
export type ReadDone = (result: Buffer | Error) => void

type Done<Value> = (error: Error | null, value: Value) => void

/**
 * Appends are gathered while a write runs, and written in order, one batch at a time. The file is made with the first
 * append, for its owner's eyes only (mode 0600), under a name that cannot be guessed or be there already (O_EXCL), and
 * unlinked before the first byte is in it.
 */
export class TempFile {
  readonly #directory: string
  readonly #owner: TempFileOwner
  readonly #queue = new SpoolQueue()
  #descriptor: number | undefined
  #size = 0
  #written = 0
  #writing = false
  /** Calls under way: a descriptor that is closed under one of them could be another file's by then. */
  #calls = 0
  #failed = false
  #closed = false

  /** @param directory default: the system's for temporary files. */
  constructor(owner: TempFileOwner, directory = tmpdir()) {
    this.#owner = owner
    this.#directory = directory
  }

  /** Bytes appended since the beginning or the last rewind. */
  get size(): number {
    return this.#size
  }

  /** Of these, bytes that are in the file and can be read. */
  get written(): number {
    return this.#written
  }

  /** Bytes that wait in memory behind the write that is under way; while there is none, they are about to be written. */
  get queued(): number {
    return this.#writing ? this.#queue.bytes : 0
  }

  append(bytes: Buffer): void {
    if (this.#closed || this.#failed) return
    this.#size += bytes.length
    this.#queue.push(bytes)
    this.#next()
  }

  /** Reads `length` bytes at `position`: they must have been written. */
  read(position: number, length: number, done: ReadDone): void {
    const descriptor = this.#descriptor
    if (descriptor === undefined || position + length > this.#written) {
      const error = new RangeError('read beyond what was written')
      process.nextTick(
        this.#call<undefined>(() => done(error)),
        null,
        undefined,
      )
      return
    }
    this.#fill(descriptor, Buffer.allocUnsafe(length), 0, position, done)
  }

  /**
   * Begins anew at 0, and hands back what was not written. Only while neither a write nor a read is under way: in
   * `written` and in a {@link ReadDone} of a file that has nothing to write.
   */
  rewind(): readonly Buffer[] {
    this.#size = 0
    this.#written = 0
    return this.#queue.takeAll()
  }

  /** The file is no more. Also while a call is under way, and more than once. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#queue.clear()
    if (this.#calls === 0) this.#closeDescriptor()
  }

  #next(): void {
    if (this.#writing || this.#queue.bytes === 0) return
    this.#writing = true
    if (this.#descriptor === undefined) this.#open()
    else this.#writeQueue(this.#descriptor)
  }

  #open(): void {
    const path = join(this.#directory, `evenkeel-${randomUUID()}`)
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL
    const unlinked = this.#call<undefined>((error) => {
      if (error !== null) this.#fail(error)
      else if (this.#descriptor !== undefined) this.#writeQueue(this.#descriptor)
    })
    try {
      open(path, flags, 0o600, (error, descriptor) => {
        if (error !== null) return unlinked(error, undefined)
        this.#descriptor = descriptor
        unlink(path, (failure) => unlinked(failure, undefined))
      })
    } catch (error) {
      // A path that is none (with a NUL in it). Told as all other errors are: later.
      process.nextTick(unlinked, error, undefined)
    }
  }

  #writeQueue(descriptor: number): void {
    const batch = this.#queue.takeAll()
    this.#writeRest(descriptor, batch, batch, this.#written)
  }

  /** A disk that is nearly full takes a part. */
  #writeRest(
    descriptor: number,
    batch: readonly Buffer[],
    rest: readonly Buffer[],
    position: number,
  ): void {
    const done = this.#call<number>((error, bytes) => {
      if (error !== null) return this.#fail(error)
      const left = without(rest, bytes)
      if (left.length > 0 && bytes === 0) return this.#fail(new Error('the disk takes no bytes'))
      if (left.length > 0) return this.#writeRest(descriptor, batch, left, position + bytes)
      this.#written = position + bytes
      this.#writing = false
      this.#owner.written(batch)
      if (!this.#closed) this.#next()
    })
    writev(descriptor, rest, position, done)
  }

  #fill(descriptor: number, bytes: Buffer, filled: number, position: number, done: ReadDone): void {
    const filledMore = this.#call<number>((error, count) => {
      if (error !== null) return done(error)
      if (filled + count === bytes.length) return done(bytes)
      if (count === 0) return done(new Error('the temporary file ends early'))
      this.#fill(descriptor, bytes, filled + count, position, done)
    })
    read(descriptor, bytes, filled, bytes.length - filled, position + filled, filledMore)
  }

  /** Counts a call until it is over; after `close` its result is of interest to nobody. */
  #call<Value>(then: Done<Value>): Done<Value> {
    this.#calls++
    return (error, value) => {
      this.#calls--
      if (!this.#closed) then(error, value)
      else if (this.#calls === 0) this.#closeDescriptor()
    }
  }

  #fail(cause: Error): void {
    this.#failed = true
    this.#queue.clear()
    this.#owner.failed(cause)
  }

  #closeDescriptor(): void {
    const descriptor = this.#descriptor
    this.#descriptor = undefined
    // Nobody needs what is in it: an error has no consequence.
    if (descriptor !== undefined) close(descriptor, () => undefined)
  }
}

/** `pieces` without their first `bytes` bytes. */
function without(pieces: readonly Buffer[], bytes: number): readonly Buffer[] {
  let gone = bytes
  for (const [index, piece] of pieces.entries()) {
    if (gone < piece.length) return [piece.subarray(gone), ...pieces.slice(index + 1)]
    gone -= piece.length
  }
  return []
}
