/** Where log lines go: those of one turn of the event loop with one write, never more than fits, never lost unsaid. */
import { Writable } from 'node:stream'
import { afterReading } from '../turn.js'
import { asNodeStream, LogOutlet } from './log-outlet.js'
import type { LogStream, NodeStream, OutletUser } from './log-outlet.js'

export interface LineSinkOptions {
  readonly stream: LogStream
  /** Characters that may wait for a slow stream. */
  readonly limit: number
  /** What the lines are, for the warning: `access log`. */
  readonly what: string
  /** Called when the lines of a turn of the event loop are written. */
  readonly onTurnEnd?: () => void
}

export class LineSink implements OutletUser {
  readonly #stream: LogStream
  readonly #nodeStream: NodeStream | undefined
  readonly #outlet: LogOutlet
  readonly #limit: number
  readonly #what: string
  readonly #onTurnEnd: (() => void) | undefined
  #waiting = ''
  #lines = 0
  #scheduled = false
  /** The stream has asked to wait. */
  #full = false
  #started = false
  #onRoom: (() => void) | undefined
  #dropped = 0
  /** Of these it has been told already. */
  #said = 0

  constructor({ stream, limit, what, onTurnEnd }: LineSinkOptions) {
    this.#stream = stream
    this.#nodeStream = asNodeStream(stream)
    this.#outlet = LogOutlet.of(stream)
    this.#limit = limit
    this.#what = what
    this.#onTurnEnd = onTurnEnd
  }

  /** Lines that nobody has taken. */
  get dropped(): number {
    return this.#dropped
  }

  /** One line, without its end. */
  line(text: string): void {
    if (!this.#scheduled) this.#schedule()
    if (this.#waiting.length + text.length >= this.#limit && !this.#makeRoom()) {
      this.#dropped++
      return
    }
    this.#waiting += text
    this.#waiting += '\n'
    this.#lines++
  }

  /** All that waits is handed over now, unless the stream has asked to wait. */
  flush(): void {
    this.#scheduled = false
    this.#onTurnEnd?.()
    if (!this.#full) this.#write()
  }

  /** Resolves when the stream has taken everything. The stream stays open: it is whoever's who has made it. */
  async close(): Promise<void> {
    this.flush()
    const stream = this.#nodeStream
    while (this.#full && stream?.writable === true) await this.#room()
    if (stream instanceof Writable && stream.writable) await taken(stream)
    this.#say()
    this.#outlet.remove(this)
    this.#started = false
  }

  drained(): void {
    if (!this.#full) return
    this.#full = false
    this.#say()
    this.flush()
    this.#onRoom?.()
  }

  failed(error: Error): void {
    this.#full = false
    this.#warn(`the ${this.#what} cannot be written: ${error.message}`)
    this.#onRoom?.()
  }

  /** Files and terminals are written to at once: what waits arrives. */
  ending(): void {
    this.#write()
  }

  #schedule(): void {
    this.#scheduled = true
    if (!this.#started) {
      this.#started = true
      this.#outlet.add(this)
    }
    afterReading(flush, this)
  }

  /** Resolves when the stream has room again, or will never have. */
  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#onRoom = resolve
    })
  }

  #makeRoom(): boolean {
    if (!this.#full) this.#write()
    return !this.#full
  }

  #write(): void {
    if (this.#waiting === '') return
    const text = this.#waiting
    const lines = this.#lines
    this.#waiting = ''
    this.#lines = 0
    const stream = this.#nodeStream
    try {
      if (stream?.writable === false) {
        this.#dropped += lines
        this.#say()
        return
      }
      this.#full = this.#stream.write(text) === false && stream !== undefined
    } catch (error) {
      this.#dropped += lines
      this.#warn(`the ${this.#what} cannot be written: ${String(error)}`)
    }
  }

  #say(): void {
    const lines = this.#dropped - this.#said
    if (lines === 0) return
    this.#said = this.#dropped
    this.#warn(
      `${String(lines)} lines of the ${this.#what} were dropped: its stream did not take them`,
    )
  }

  #warn(text: string): void {
    process.emitWarning(text, 'EvenkeelLogWarning')
  }
}

function flush(sink: LineSink): void {
  sink.flush()
}

/** Resolves when all that was written before has gone on, or has failed. */
function taken(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => {
      resolve()
    })
  })
}
