/** A client made of nothing but TCP. */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { turns } from '../../helpers/watch-process.js'
import { finals, readResponses } from './responses.js'
import type { Ending, Got } from './responses.js'

/** How long anything may take before it counts as hanging. Milliseconds; only what is broken takes so long. */
const HANGS = 2500

export class RawClient {
  bytes = ''
  ending: Ending = 'open'
  readonly #socket: Socket
  #wake: () => void = () => undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      this.bytes += chunk
      this.#wake()
    })
    socket.on('end', () => {
      if (this.ending === 'open') this.ending = 'fin'
      this.#wake()
    })
    socket.on('error', () => {
      // A reset that comes after the end (for what we sent too late) changes nothing of what was got.
      if (this.ending === 'open') this.ending = 'reset'
      this.#wake()
    })
    socket.on('close', () => {
      if (this.ending === 'open') this.ending = 'reset'
      this.#wake()
    })
  }

  static to(port: number): RawClient {
    return new RawClient(connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true }))
  }

  /** Each segment is given time to be read before the next is sent. */
  async send(segments: readonly string[]): Promise<void> {
    for (const [index, segment] of segments.entries()) {
      if (index > 0) await turns(3)
      if (segment !== '' && this.#socket.writable) this.#socket.write(segment, 'latin1')
    }
  }

  /** Sends no more. */
  finish(): void {
    this.#socket.end()
  }

  reset(): void {
    this.#socket.resetAndDestroy()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** Resolves when `holds`, or when the connection has ended; false when neither comes about. */
  async until(holds: () => boolean): Promise<boolean> {
    const deadline = performance.now() + HANGS
    while (!holds() && this.ending === 'open') {
      const left = deadline - performance.now()
      if (left <= 0) return false
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    return true
  }

  got(isHead?: (index: number) => boolean): Got {
    return readResponses(this.bytes, this.ending, isHead)
  }

  /** Final responses that have come whole. */
  answered(isHead?: (index: number) => boolean): number {
    return finals(this.got(isHead)).filter(({ whole }) => whole).length
  }
}
