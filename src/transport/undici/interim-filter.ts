/** Keeps 100 (Continue) from undici, which closes the connection at it. RFC 9110 section 15.2: it is to be borne unasked for. */

/** Who is told of each. */
export interface InterimObserver {
  continued(): void
}

const CONTINUE = Buffer.from('HTTP/1.1 100')
const END_OF_HEAD = '\r\n\r\n'

export class InterimFilter {
  readonly #limit: number
  /** The beginning of what may be one. */
  #rest: Buffer | undefined

  /** @param limit bytes of one at most. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** What has been read while a head is awaited. Returns what is left for undici; null: nothing for now. */
  pass(read: Buffer, observer: InterimObserver): Buffer | null {
    let bytes = read
    if (this.#rest !== undefined) {
      bytes = Buffer.concat([this.#rest, read])
      this.#rest = undefined
    }
    while (isContinue(bytes)) {
      const end = bytes.indexOf(END_OF_HEAD)
      if (end === -1) {
        if (bytes.length > this.#limit) return bytes
        this.#rest = bytes
        return null
      }
      observer.continued()
      bytes = bytes.subarray(end + END_OF_HEAD.length)
    }
    return bytes.length === 0 ? null : bytes
  }
}

/** Or could it become one? */
function isContinue(bytes: Buffer): boolean {
  const { length } = bytes
  // Nearly all are told apart here: the second digit of the status.
  if (length > 10 && bytes[10] !== 0x30) return false
  if (length === 0) return false
  const known = Math.min(length, CONTINUE.length)
  return bytes.compare(CONTINUE, 0, known, 0, known) === 0
}
