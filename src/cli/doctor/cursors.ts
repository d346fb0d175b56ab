/** A log file as it is read, line after line, with the time of the line at hand. */
import type { AccessReader } from '../../doctor/access-reader.js'
import type { Doctor } from '../../doctor/doctor.js'
import { fitsWithin } from '../../doctor/envelope.js'
import { parseErrorLine } from '../../doctor/error-line.js'
import type { ErrorLine } from '../../doctor/error-line.js'
import { evidenceOf } from '../../doctor/evidence.js'
import type { Evidence, ReadFile } from '../../doctor/report.js'
import { systemOffset } from '../../doctor/times.js'
import { linesOf } from './line-source.js'

const EXAMPLES = 3

/** What local time is ahead of UTC, in milliseconds: what is given, what the access log says, or this machine's. */
export class LocalTime {
  readonly #given: number | undefined
  #logged = NaN

  constructor(given: number | undefined) {
    this.#given = given
  }

  /** An access log's. */
  seen(offset: number): void {
    if (!Number.isNaN(offset)) this.#logged = offset
  }

  toUtc(localTime: number): number {
    if (this.#given !== undefined) return localTime - this.#given
    if (!Number.isNaN(this.#logged)) return localTime - this.#logged
    return localTime - systemOffset(localTime)
  }
}

export interface LogFile {
  readonly file: string
  /** Told when it cannot be read to its end. */
  readonly broken: (error: Error) => void
  /** Whether a line is of another log that is in the same file: it is left out without a word. */
  readonly isOther: ((line: string) => boolean) | undefined
}

abstract class Cursor {
  readonly file: string
  /** Of the line at hand, in milliseconds since 1970; Infinity at the end. */
  time = -Infinity
  protected line = ''
  protected number = 0
  protected unmatched = 0
  readonly #chunks: AsyncGenerator<string[], void>
  readonly #isOther: LogFile['isOther']
  readonly #examples: Evidence[] = []
  #lines: string[] = []
  #at = 0
  #from: number | undefined
  #to: number | undefined

  constructor({ file, broken, isOther }: LogFile) {
    this.file = file
    this.#isOther = isOther
    this.#chunks = linesOf(file, broken)
  }

  protected abstract readonly kind: ReadFile['kind']
  /** The time of a line, or NaN if it is none of this log. */
  protected abstract parse(line: string): number
  /** Gives the line at hand to the doctor. */
  abstract give(doctor: Doctor): void

  /** To the next line with a time. False: the lines at hand are used up, see {@link Cursor.fill}. */
  advance(): boolean {
    while (this.#at < this.#lines.length) {
      const line = this.#lines[this.#at++] ?? ''
      this.number++
      if (line === '') continue
      if (!fitsWithin(line, this.#takes)) {
        this.#reject(line)
        continue
      }
      this.line = line
      this.#from ??= this.time
      this.#to = this.time
      return true
    }
    return false
  }

  /** Reads on until there is a line with a time, or the end. */
  async fill(): Promise<void> {
    do {
      const next = await this.#chunks.next()
      if (next.done === true) {
        this.time = Infinity
        return
      }
      this.#lines = next.value
      this.#at = 0
    } while (!this.advance())
  }

  report(): ReadFile {
    return {
      file: this.file,
      kind: this.kind,
      lines: this.number,
      unmatched: this.unmatched,
      examples: this.#examples,
      from: this.#from,
      to: this.#to,
    }
  }

  readonly #takes = (text: string): boolean => {
    const time = this.parse(text)
    if (Number.isNaN(time)) return false
    this.time = time
    return true
  }

  #reject(line: string): void {
    if (this.#isOther !== undefined && fitsWithin(line, this.#isOther)) return
    this.unmatched++
    if (this.#examples.length < EXAMPLES)
      this.#examples.push(evidenceOf(this.file, this.number, line))
  }
}

export type LogCursor = Cursor

export class AccessCursor extends Cursor {
  protected override readonly kind = 'access'
  readonly #reader: AccessReader
  readonly #local: LocalTime

  constructor(log: LogFile, reader: AccessReader, local: LocalTime) {
    super(log)
    this.#reader = reader
    this.#local = local
  }

  override give(doctor: Doctor): void {
    doctor.access(this.#reader, this.file, this.number, this.line)
  }

  protected override parse(line: string): number {
    if (!this.#reader.read(line)) return NaN
    this.#local.seen(this.#reader.offset)
    return this.#reader.time
  }
}

export class ErrorCursor extends Cursor {
  protected override readonly kind = 'error'
  readonly #local: LocalTime
  #error: ErrorLine | undefined

  constructor(log: LogFile, local: LocalTime) {
    super(log)
    this.#local = local
  }

  override give(doctor: Doctor): void {
    if (this.#error !== undefined)
      doctor.error(this.#error, this.time, this.file, this.number, this.line)
  }

  protected override parse(line: string): number {
    this.#error = parseErrorLine(line)
    return this.#error === undefined ? NaN : this.#local.toUtc(this.#error.localTime)
  }
}

/** Gives the lines of all files to the doctor in the order of their times. */
export async function readInOrder(cursors: readonly LogCursor[], doctor: Doctor): Promise<void> {
  for (const cursor of cursors) await cursor.fill()
  for (let next = earliest(cursors); next !== undefined; next = earliest(cursors)) {
    const until = earliestBut(cursors, next)
    let more: boolean
    // The files of a rotated log follow each other: no need to compare after each line.
    do {
      next.give(doctor)
      more = next.advance()
    } while (more && next.time <= until)
    if (!more) await next.fill()
  }
}

function earliest(cursors: readonly LogCursor[]): LogCursor | undefined {
  let first: LogCursor | undefined
  for (const cursor of cursors) if (cursor.time < (first?.time ?? Infinity)) first = cursor
  return first
}

function earliestBut(cursors: readonly LogCursor[], but: LogCursor): number {
  let time = Infinity
  for (const cursor of cursors) if (cursor !== but && cursor.time < time) time = cursor.time
  return time
}
