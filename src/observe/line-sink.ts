/** Where log lines go: those of one turn of the event loop with one write, never more than fits, never lost unsaid. */
import { Writable } from 'node:stream'
import { afterReading } from '../turn.js'

/** Anything that takes text: a stream, or an object with a `write` of its own. */
export interface LogStream {
  /** A stream's `write`: false asks to wait for `drain`. */
  write(text: string): unknown
}

/** What a stream of Node's has besides. */
interface NodeStream extends LogStream {
  on(event: 'error', listener: (error: Error) => void): unknown
  once(event: string, listener: () => void): unknown
  off(event: string, listener: unknown): unknown
  readonly writable?: boolean
}

export interface LineSinkOptions {
  readonly stream: LogStream
  /** Characters that may wait for a slow stream. */
  readonly limit: number
  /** What the lines are, for the warning: `access log`. */
  readonly what: string
  /** Called when the lines of a turn of the event loop are written. */
  readonly onTurnEnd?: () => void
}

export class LineSink {
  readonly #stream: LogStream
  readonly #limit: number
  readonly #what: string
  readonly #onTurnEnd: (() => void) | undefined
  #waiting = ''
  #lines = 0
  #scheduled = false
  /** The stream has asked to wait. */
  #full = false
  #started = false
  #dropped = 0
  /** Of these it has been told already. */
  #said = 0

  constructor({ stream, limit, what, onTurnEnd }: LineSinkOptions) {
    this.#onTurnEnd = onTurnEnd
    this.#stream = stream
    this.#limit = limit
    this.#what = what
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
    const stream = asNodeStream(this.#stream)
    while (stream !== undefined && this.#full && stream.writable !== false) await roomIn(stream)
    if (stream instanceof Writable && stream.writable) await taken(stream)
    this.#say()
    process.off('exit', this.#onExit)
    stream?.off('error', this.#onError)
    this.#started = false
  }

  #schedule(): void {
    this.#scheduled = true
    if (!this.#started) this.#start()
    afterReading(flush, this)
  }

  #makeRoom(): boolean {
    if (!this.#full) this.#write()
    return !this.#full
  }

  #start(): void {
    this.#started = true
    process.on('exit', this.#onExit)
    // Without a listener a full disk would end the process.
    asNodeStream(this.#stream)?.on('error', this.#onError)
  }

  #write(): void {
    if (this.#waiting === '') return
    const text = this.#waiting
    const lines = this.#lines
    this.#waiting = ''
    this.#lines = 0
    const stream = asNodeStream(this.#stream)
    try {
      if (stream?.writable === false) {
        this.#dropped += lines
        this.#say()
        return
      }
      if (this.#stream.write(text) !== false || stream === undefined) return
      this.#full = true
      stream.once('drain', this.#onDrain)
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

  readonly #onDrain = (): void => {
    this.#full = false
    this.#say()
    this.flush()
  }

  readonly #onError = (error: Error): void => {
    this.#full = false
    this.#warn(`the ${this.#what} cannot be written: ${error.message}`)
  }

  /** Files and terminals are written to at once: what waits arrives. */
  readonly #onExit = (): void => {
    this.#full = false
    this.#write()
  }
}

function flush(sink: LineSink): void {
  sink.flush()
}

function asNodeStream(stream: LogStream): NodeStream | undefined {
  const { once, on, off } = stream as Partial<NodeStream>
  const is = typeof once === 'function' && typeof on === 'function' && typeof off === 'function'
  return is ? (stream as NodeStream) : undefined
}

/** Resolves when the stream has room again, or will never have. */
function roomIn(stream: NodeStream): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of ['drain', 'close', 'error']) stream.off(event, done)
      resolve()
    }
    for (const event of ['drain', 'close', 'error']) stream.once(event, done)
  })
}

/** Resolves when all that was written before has gone on, or has failed. */
function taken(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => {
      resolve()
    })
  })
}
