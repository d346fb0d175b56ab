/**
 * Between a connection and undici, until the head of a response has come. 100 (Continue) is kept from undici, which
 * closes the connection at it, although it is to be borne unasked for (RFC 9110 section 15.2). And a head that never
 * ends is noticed: undici counts fields, but no status line.
 */

/** Who is told. */
export interface HeadObserver {
  continued(): void
  headTooLong(): void
}

const INTERIM = Buffer.from('HTTP/1.1 1')
const END_OF_HEAD = '\r\n\r\n'
/** Up to the third digit of the status. */
const STATUS_END = INTERIM.length + 2
const ONE = 0x31
const CR = 0x0d
const NOTHING = Buffer.alloc(0)

export class InterimFilter {
  readonly #limit: number
  /** Of an interim response, whose end has not come. */
  #rest: Buffer = NOTHING
  /** What comes next is the beginning of a head. */
  #atStart = true
  /** Bytes of the final response that undici was given without finding the end of its head. */
  #headBytes = 0

  /** The reason phrase, if it is not ASCII: undici reads UTF-8, and what was something else is lost. */
  reason: string | undefined

  /** @param limit bytes of a head at most. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** A request is sent. */
  expectHead(): void {
    this.#rest = NOTHING
    this.#atStart = true
    this.#headBytes = 0
    this.reason = undefined
  }

  /** What has been read while a head is awaited. Returns what is left for undici; null: nothing for now. */
  pass(read: Buffer, observer: HeadObserver): Buffer | null {
    const isFinal = read.length > 9 && read[9] !== ONE && this.#rest.length === 0
    if (this.#atStart && !isFinal) return this.#passInterim(read, observer)
    if (this.#atStart) this.#beginFinal(read)
    if (this.#headBytes > this.#limit) {
      observer.headTooLong()
      return null
    }
    this.#headBytes += read.length
    return read
  }

  #beginFinal(bytes: Buffer): void {
    this.#atStart = false
    this.reason = obsoleteReason(bytes)
  }

  #passInterim(read: Buffer, observer: HeadObserver): Buffer | null {
    let bytes = this.#rest.length === 0 ? read : Buffer.concat([this.#rest, read])
    this.#rest = NOTHING
    const passed: Buffer[] = []
    while (bytes.length > 0) {
      const end = couldBeInterim(bytes) ? bytes.indexOf(END_OF_HEAD) : 0
      const isOver = end !== -1 && bytes.length >= STATUS_END
      if (!isOver && end !== 0 && bytes.length <= this.#limit) {
        this.#rest = bytes
        break
      }
      const status = end > 0 ? bytes.toString('latin1', 9, STATUS_END) : ''
      if (end <= 0 || status === '101') {
        this.#beginFinal(bytes)
        this.#headBytes = bytes.length
        passed.push(bytes)
        break
      }
      const next = end + END_OF_HEAD.length
      if (status === '100') observer.continued()
      else passed.push(bytes.subarray(0, next))
      bytes = bytes.subarray(next)
    }
    if (passed.length < 2) return passed[0] ?? null
    return Buffer.concat(passed)
  }
}

function obsoleteReason(bytes: Buffer): string | undefined {
  let isAscii = true
  for (let i = STATUS_END; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0
    if (byte === CR) return isAscii ? undefined : bytes.toString('latin1', STATUS_END + 1, i)
    if (byte > 0x7f) isAscii = false
  }
  return undefined
}

function couldBeInterim(bytes: Buffer): boolean {
  const known = Math.min(bytes.length, INTERIM.length)
  return bytes.compare(INTERIM, 0, known, 0, known) === 0
}
