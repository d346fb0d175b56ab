/** Those who watch the page: server-sent events, as fast as each of them takes them. */
import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from '../../clock.js'
import { Changes } from './changes.js'
import type { StatusSnapshot } from './report.js'

/** Milliseconds between two looks at what is new, and for each peer that there is. */
const PAUSE = 500
const PAUSE_FOR_PEER = 2
/** What nobody should have to wait for is collected this long, and told no more often than that. */
const COLLECTED = 20
const NO_MORE_OFTEN = 100
/** Without any news a sign of life is sent. */
const BEAT = 2000
/** Whoever takes nothing for so long is let go. */
const PATIENCE = 30_000

export interface Source {
  snapshot(): StatusSnapshot
}

/** One connection. It is sent nothing while it has not taken what it was sent before. */
class Watcher {
  readonly res: ServerResponse
  /** When it was sent what it has not taken yet; undefined: it has taken everything. */
  blockedAt: number | undefined
  /** It has missed something, and needs a whole snapshot. */
  behind = true

  constructor(res: ServerResponse) {
    this.res = res
  }

  send(frame: string, now: number): void {
    if (this.res.write(frame)) return
    this.blockedAt = now
    this.res.once('drain', () => (this.blockedAt = undefined))
  }
}

export class Watchers {
  readonly #clock: Clock
  readonly #source: Source
  readonly #most: number
  readonly #watchers = new Set<Watcher>()
  #changes = new Changes()
  #timer: Timer | undefined
  #soon: Timer | undefined
  #toldAt = Number.NEGATIVE_INFINITY
  #beatAt = Number.NEGATIVE_INFINITY
  #closed = false

  constructor(clock: Clock, source: Source, most: number) {
    this.#clock = clock
    this.#source = source
    this.#most = most
  }

  get size(): number {
    return this.#watchers.size
  }

  get open(): boolean {
    return !this.#closed && this.size < this.#most
  }

  /** The head of the response has been set, and not written. */
  add(res: ServerResponse): void {
    const watcher = new Watcher(res)
    this.#watchers.add(watcher)
    res.once('close', () => {
      this.#left(watcher)
    })
    res.on('error', () => {
      this.#left(watcher)
    })
    // Whoever comes is told at once, and what the others have not been told yet they are told, too.
    this.#tell()
    this.#timer ??= this.#clock.after(this.#pause(), this.#tick)
  }

  /** Something has happened that they should not have to wait for. */
  news(): void {
    if (this.size === 0 || this.#soon !== undefined) return
    const wait = Math.max(COLLECTED, this.#toldAt + NO_MORE_OFTEN - this.#clock.now())
    this.#soon = this.#clock.after(wait, () => {
      this.#soon = undefined
      this.#tell()
    })
  }

  close(): void {
    this.#closed = true
    for (const { res } of this.#watchers) res.end()
    this.#watchers.clear()
    this.#rest()
  }

  readonly #tick = (): void => {
    this.#tell()
    this.#timer = this.size === 0 ? undefined : this.#clock.after(this.#pause(), this.#tick)
  }

  #pause(): number {
    return Math.max(PAUSE, this.#peers * PAUSE_FOR_PEER)
  }

  #peers = 0

  #tell(): void {
    const now = this.#clock.now()
    const snapshot = this.#source.snapshot()
    this.#peers = snapshot.peers.length
    this.#toldAt = now
    const change = this.#changes.since(snapshot)
    const news = change && frameOf('change', change)
    const beat = news === undefined && now >= this.#beatAt + BEAT ? frameOf('beat', {}) : undefined
    if (news !== undefined || beat !== undefined) this.#beatAt = now
    let whole: string | undefined
    for (const watcher of this.#watchers) {
      if (watcher.blockedAt !== undefined) {
        watcher.behind ||= news !== undefined
        if (now - watcher.blockedAt > PATIENCE) watcher.res.destroy()
      } else if (watcher.behind) {
        watcher.behind = false
        watcher.send((whole ??= frameOf('snapshot', snapshot)), now)
      } else {
        const frame = news ?? beat
        if (frame !== undefined) watcher.send(frame, now)
      }
    }
  }

  #left(watcher: Watcher): void {
    this.#watchers.delete(watcher)
    if (this.size === 0) this.#rest()
  }

  /** Nobody watches: nothing runs, and nothing is kept. */
  #rest(): void {
    this.#timer?.cancel()
    this.#soon?.cancel()
    this.#timer = undefined
    this.#soon = undefined
    this.#changes = new Changes()
  }
}

function frameOf(event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
