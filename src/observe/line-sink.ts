/** Where log lines go: many with one write when there are many, never more than fits, never lost unsaid. */
import { Writable } from 'node:stream'
import { systemClock } from '../clock.js'
import type { Clock, Timer } from '../clock.js'
import { afterReading } from '../turn.js'
import { asNodeStream, LogOutlet } from './log-outlet.js'
import type { LogStream, NodeStream, OutletUser } from './log-outlet.js'

/**
 * A write to a file wakes another thread, and that wakes ours: under load it costs more than all that is in the lines. So
 * the first lines are written at once, and the next after this many milliseconds, or when there are so many characters.
 */
const PAUSE = 10
const ENOUGH = 65_536

export interface LineSinkOptions {
  readonly stream: LogStream
  /** Characters that may wait for a slow stream. */
  readonly limit: number
  /** What the lines are, for the warning: `access log`. */
  readonly what: string
  /** Called when the lines of a turn of the event loop are written. */
  readonly onTurnEnd?: () => void
  /** Milliseconds between two writes; default 10. */
  readonly pause?: number
  /** Default: the system's. */
  readonly clock?: Clock
}

export class LineSink implements OutletUser {
  readonly #stream: LogStream
  readonly #nodeStream: NodeStream | undefined
  readonly #outlet: LogOutlet
  readonly #limit: number
  readonly #what: string
  readonly #onTurnEnd: (() => void) | undefined
  readonly #clock: Clock
  readonly #least: number
  #pause: Timer | undefined
  #writtenAt = Number.NEGATIVE_INFINITY
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

  constructor(options: LineSinkOptions) {
    const { stream, limit, what, onTurnEnd, pause = PAUSE, clock = systemClock } = options
    this.#clock = clock
    this.#least = pause
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

  /** The turn is over: what waits is handed over, unless the stream has asked to wait, or was written to just now. */
  flush(): void {
    this.#scheduled = false
    this.#onTurnEnd?.()
    if (this.#full || this.#pause !== undefined) return
    const since = this.#clock.now() - this.#writtenAt
    if (since >= this.#least || this.#waiting.length >= ENOUGH) this.#write()
    else this.#pause = this.#clock.after(this.#least - since, this.#paused)
  }

  readonly #paused = (): void => {
    this.#pause = undefined
    if (!this.#full) this.#write()
  }

  /** Resolves when the stream has taken everything. The stream stays open: it is whoever's who has made it. */
  async close(): Promise<void> {
    this.#pause?.cancel()
    this.#pause = undefined
    this.#onTurnEnd?.()
    if (!this.#full) this.#write()
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
    this.#write()
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
    this.#writtenAt = this.#clock.now()
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
