/** Where log lines go: many with one write when there are many, never more than fits, never lost unsaid. */
import type { Writable } from 'node:stream'
import { systemClock } from '../clock.js'
import type { Clock, Timer } from '../clock.js'
import { afterReading } from '../turn.js'
import { LineBytes } from './line-bytes.js'
import { asNodeStream, isNodesOwn, LogOutlet, takesBytes } from './log-outlet.js'
import type { LogStream, NodeStream, OutletUser } from './log-outlet.js'
import { LogWarning } from './log-warning.js'

/**
 * A write to a file wakes another thread, and that wakes ours: under load it costs more than all that is in the lines. So
 * the first lines are written at once, and the next after this many milliseconds, or when there are so many bytes.
 */
const PAUSE = 50
const ENOUGH = 65_536

export interface LineSinkOptions {
  readonly stream: LogStream
  /** Bytes that may wait for a slow stream. */
  readonly limit: number
  /** What the lines are, for the warning: `access log`. */
  readonly what: string
  /** Called before the lines of a turn of the event loop are written; it may still add some. */
  readonly onTurnEnd?: () => void
  /** Milliseconds between two writes; default 50. */
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
  /** Lines of this turn of the event loop, and those of earlier ones. */
  #turn = ''
  readonly #waiting = new LineBytes()
  readonly #asBytes: boolean
  #lines = 0
  #scheduled = false
  /** The stream has asked to wait. */
  #full = false
  #started = false
  #onRoom: (() => void) | undefined
  #dropped = 0
  /** Of these it has been told already. */
  #said = 0
  readonly #lost: LogWarning
  readonly #broken: LogWarning

  constructor(options: LineSinkOptions) {
    const { stream, limit, what, onTurnEnd, pause = PAUSE, clock = systemClock } = options
    this.#clock = clock
    this.#lost = new LogWarning(clock)
    this.#broken = new LogWarning(clock)
    this.#least = pause
    this.#stream = stream
    this.#nodeStream = asNodeStream(stream)
    this.#asBytes = takesBytes(stream)
    this.#outlet = LogOutlet.of(stream)
    this.#limit = limit
    this.#what = what
    this.#onTurnEnd = onTurnEnd
  }

  /** Lines that nobody has taken. */
  get dropped(): number {
    return this.#dropped
  }

  /** There will be lines when the turn is over. */
  expect(): void {
    if (!this.#scheduled) this.#schedule()
  }

  /** One line, without its end. */
  line(text: string): void {
    this.expect()
    const waiting = this.#waiting.length + this.#turn.length
    if (waiting + text.length >= this.#limit && !this.#makeRoom()) {
      this.#dropped++
      return
    }
    this.#turn += text
    this.#turn += '\n'
    this.#lines++
  }

  /** The turn is over: what waits is handed over, unless the stream has asked to wait, or was written to just now. */
  flush(): void {
    this.#onTurnEnd?.()
    this.#scheduled = false
    this.#endTurn()
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
    if (stream?.writable === true && isNodesOwn(stream)) await taken(stream)
    if (this.#dropped > this.#said) this.#lost.sayNow(this.#lostText())
    this.#said = this.#dropped
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
    this.#broken.say(`the ${this.#what} cannot be written: ${error.message}`)
    this.#onRoom?.()
  }

  /** Files and terminals are written to at once: what waits arrives. */
  ending(): void {
    this.#onTurnEnd?.()
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

  #endTurn(): void {
    if (this.#turn === '') return
    this.#waiting.add(this.#turn)
    this.#turn = ''
  }

  #makeRoom(): boolean {
    if (!this.#full) this.#write()
    return !this.#full
  }

  #write(): void {
    this.#endTurn()
    const waiting = this.#waiting
    if (waiting.length === 0) return
    const chunk = this.#asBytes ? waiting.takeBytes() : waiting.takeText()
    const lines = this.#lines
    this.#lines = 0
    this.#writtenAt = this.#clock.now()
    const stream = this.#nodeStream
    try {
      if (stream?.writable === false) {
        this.#dropped += lines
      } else this.#full = this.#stream.write(chunk as string) === false && stream !== undefined
    } catch (error) {
      this.#dropped += lines
      this.#broken.say(`the ${this.#what} cannot be written: ${String(error)}`)
    }
    // Also what it was too soon for.
    this.#say()
  }

  #say(): void {
    if (this.#dropped > this.#said && this.#lost.say(this.#lostText())) this.#said = this.#dropped
  }

  #lostText(): string {
    const lines = String(this.#dropped - this.#said)
    return `${lines} lines of the ${this.#what} were dropped: its stream did not take them`
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
