/** How long peers take, as nginx 1.31 keeps it for `least_time` (`ngx_http_upstream_least_time_module.c`). */
import type { Peer, PeerSelector, SelectorContext } from '../upstream/peer-selector.js'
import type { LeastTimeSelectorOptions } from './options.js'

/** All longer times are equally bad: then what is in flight decides. */
const LONGEST_MS = 5000
/** Times within one step of this size are the same. */
const CLUSTER_MS = 20

/** nginx `ngx_http_upstream_response_time_avg`: whole milliseconds. */
function averaged(average: number, ms: number): number {
  return average === 0 ? ms : Math.floor(0.5 + ms * 0.05 + average * 0.95)
}

function clustered(ms: number): number {
  return ms > LONGEST_MS ? LONGEST_MS : ms + CLUSTER_MS - (ms % CLUSTER_MS)
}

class PeerTimes {
  readonly peer: Peer
  average = 0
  /** Seconds; nginx `checked`: when it was last chosen for the first time in its `failTimeout`, or failed. */
  checked = 0
  /** What is reckoned with: halved while it is not used, in clusters. */
  reckoned = CLUSTER_MS
  /** Attempts that wait (nginx `inflight_reqs`), how long they did until `since` in all, and the average of that. */
  waiting = 0
  waited = 0
  since = 0
  waitingAverage = 0

  constructor(peer: Peer) {
    this.peer = peer
  }

  /** Once in a `failTimeout` without use the time is halved: a slow peer is to have its chance. */
  halvedAt(second: number): number {
    const failTimeout = Math.floor(this.peer.failTimeout / 1000)
    const idle = second - this.checked
    if (idle <= failTimeout) return this.average
    return Math.floor(this.average / 2 ** Math.floor(idle / (failTimeout + 1)))
  }

  began(now: number): void {
    this.waited += (now - this.since) * this.waiting
    this.since = now
    this.waiting++
  }

  /** One that has waited so long does so no more. */
  ended(now: number, ms: number): void {
    if (this.waiting === 0) return
    this.waited = this.waiting === 1 ? 0 : this.waited + (now - this.since) * this.waiting - ms
    this.since = now
    this.waiting--
  }
}

export class ResponseTimes implements Omit<PeerSelector, 'name' | 'begin'> {
  readonly #now: () => number
  readonly #ofHeader: boolean
  readonly #inflight: boolean
  readonly #known = new WeakMap<Peer, PeerTimes>()
  /** By index: found without a search. */
  readonly #slots: (PeerTimes | undefined)[] = []
  #second = -1

  constructor(
    { now }: Pick<SelectorContext, 'now'>,
    { time, inflight }: Pick<LeastTimeSelectorOptions, 'time' | 'inflight'>,
  ) {
    this.#now = now
    this.#ofHeader = time !== 'last_byte'
    this.#inflight = inflight === true
  }

  began(peer: Peer): void {
    const now = this.#now()
    const times = this.#of(peer)
    const second = Math.floor(now / 1000)
    if (second - times.checked > Math.floor(peer.failTimeout / 1000)) {
      times.checked = second
      times.reckoned = clustered(times.average)
    }
    if (this.#inflight) times.began(now)
  }

  answered(peer: Peer, ms: number): void {
    if (!this.#inflight || !this.#ofHeader) return
    this.#measured(peer, ms)
    this.#of(peer).ended(this.#now(), ms)
  }

  finished(peer: Peer, outcome: 'ok' | 'next' | 'failed', ms: number, headMs?: number): void {
    const isWaiting = !this.#ofHeader || headMs === undefined
    if (this.#inflight && isWaiting) this.#of(peer).ended(this.#now(), ms)
    if (outcome === 'failed') this.#of(peer).checked = Math.floor(this.#now() / 1000)
    // A peer that fails quickly is not to be preferred.
    if (outcome !== 'ok' || headMs === undefined) return
    if (!this.#ofHeader) this.#measured(peer, ms)
    else if (!this.#inflight) this.#measured(peer, headMs)
  }

  dropped(peer: Peer, ms: number): void {
    if (this.#inflight) this.#of(peer).ended(this.#now(), ms)
  }

  /** To be called before a pick: times change with the seconds. */
  settle(peers: readonly Peer[]): void {
    const second = Math.floor(this.#now() / 1000)
    if (second === this.#second) return
    this.#second = second
    for (const peer of peers) {
      const times = this.#of(peer)
      times.reckoned = clustered(times.halvedAt(second))
    }
  }

  /** Milliseconds that a peer would need for what it has, and one request more. */
  outlook(peer: Peer): number {
    const slot = this.#slots[peer.index]
    const times = slot?.peer === peer ? slot : this.#of(peer)
    const ms = times.waiting === 0 ? times.reckoned : this.#withWaiting(times)
    return ms * (1 + peer.connections)
  }

  /** Waiting for longer than others took is a bad sign. */
  #withWaiting(times: PeerTimes): number {
    const now = this.#now()
    const each = Math.floor(times.waited / times.waiting) + Math.floor(now - times.since)
    times.waitingAverage = averaged(times.waitingAverage, each)
    const ms = times.halvedAt(Math.floor(now / 1000))
    return clustered(Math.max(ms, times.waitingAverage))
  }

  #measured(peer: Peer, ms: number): void {
    const times = this.#of(peer)
    times.average = averaged(times.average, Math.floor(ms))
    times.reckoned = clustered(times.halvedAt(Math.floor(this.#now() / 1000)))
  }

  #of(peer: Peer): PeerTimes {
    let times = this.#known.get(peer)
    if (times === undefined) {
      times = new PeerTimes(peer)
      this.#known.set(peer, times)
    }
    this.#slots[peer.index] = times
    return times
  }
}
