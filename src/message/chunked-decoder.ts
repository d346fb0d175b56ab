/**
 * Chunked bodies that Node has not read: those of requests to upgrade (RFC 9112 section 7.1). Stricter than the RFC
 * asks for: lines end with CRLF, and what is not understood is refused.
 */
import { validateHeaderName, validateHeaderValue } from 'node:http'

const CR = 0x0d
const LF = 0x0a
/** Bytes of one chunk's line, and of all trailers; Node's own limit for a head. */
const LONGEST_LINE = 16_384
const SIZE = /^(0*[0-9a-f]{1,13})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/i

const PADDING = /^[ \t]+|[ \t]+$/g

type Part = 'size' | 'data' | 'data_end' | 'trailer' | 'done'

/** Bytes in, bytes of the body out, whatever pieces they come in. */
export class ChunkedDecoder {
  /** Name, value, name, value … */
  readonly rawTrailers: string[] = []
  #part: Part = 'size'
  #left = 0
  #line = ''
  #trailerBytes = 0

  get done(): boolean {
    return this.#part === 'done'
  }

  /**
   * Returns how many of `bytes` belong to the body: all, unless it ends among them.
   * @throws Error for what is no chunked body.
   */
  read(bytes: Buffer, onData: (data: Buffer) => void): number {
    let i = 0
    while (i < bytes.length && this.#part !== 'done') {
      if (this.#part === 'data') {
        const step = Math.min(this.#left, bytes.length - i)
        onData(bytes.subarray(i, i + step))
        this.#left -= step
        i += step
        if (this.#left === 0) this.#part = 'data_end'
      } else {
        i = this.#readLine(bytes, i)
      }
    }
    return i
  }

  #readLine(bytes: Buffer, from: number): number {
    const end = bytes.indexOf(LF, from)
    const to = end === -1 ? bytes.length : end + 1
    this.#line += bytes.toString('latin1', from, to)
    if (this.#line.length > LONGEST_LINE) throw new Error('a chunk line or trailer is too long')
    if (end === -1) return to
    const line = this.#line
    this.#line = ''
    if (line.charCodeAt(line.length - 2) !== CR) throw new Error('a line does not end with CRLF')
    this.#lineRead(line.slice(0, -2))
    return to
  }

  #lineRead(line: string): void {
    switch (this.#part) {
      case 'size':
        this.#sizeRead(line)
        return
      case 'data_end':
        if (line !== '') throw new Error('a chunk is longer than its size')
        this.#part = 'size'
        return
      default:
        if (line === '') this.#part = 'done'
        else this.#trailerRead(line)
    }
  }

  #sizeRead(line: string): void {
    const size = SIZE.exec(line)?.[1]
    if (size === undefined) throw new Error('bad chunk size')
    this.#left = parseInt(size, 16)
    this.#part = this.#left === 0 ? 'trailer' : 'data'
  }

  #trailerRead(line: string): void {
    this.#trailerBytes += line.length
    if (this.#trailerBytes > LONGEST_LINE) throw new Error('the trailers are too long')
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(0, colon))
    const value = line.slice(colon + 1).replace(PADDING, '')
    validateHeaderName(name)
    validateHeaderValue(name, value)
    this.rawTrailers.push(name, value)
  }
}
