/** How long peers take, as nginx 1.31 keeps it for `least_time` (`ngx_http_upstream_least_time_module.c`). */
import type { Peer, PeerGroup, PeerSelector, SelectorContext } from '../upstream/peer-selector.js'
import type { LeastTimeSelectorOptions } from './options.js'

/** All longer times are equally bad: then what is in flight decides. */
const LONGEST_MS = 5000
/** Times within one step of this size are the same. */
const CLUSTER_MS = 20

/** nginx `ngx_http_upstream_response_time_avg`: whole milliseconds. */
function averaged(average: number, ms: number): number {
  return average === 0 ? ms : Math.floor(0.5 + ms * 0.05 + average * 0.95)
}

/** nginx's cluster, less {@link CLUSTER_MS}: so 0 stands for a peer of which nothing is known. */
function clustered(ms: number): number {
  // A small integer: V8 keeps those in the peer itself.
  return ms > LONGEST_MS ? LONGEST_MS - CLUSTER_MS : (ms - (ms % CLUSTER_MS)) | 0
}

class PeerTimes {
  readonly peer: Peer
  average = 0
  /** Seconds; nginx `checked`: when it was last chosen for the first time in its `failTimeout`, or failed. */
  checked = 0
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

/** Milliseconds that a peer would need for what it has, and one request more. */
export function outlook({ connections, reckonedMs }: Peer): number {
  return (reckonedMs + CLUSTER_MS) * (1 + connections)
}

export class ResponseTimes implements Omit<PeerSelector, 'name' | 'begin'> {
  readonly #now: () => number
  readonly #ofHeader: boolean
  readonly #inflight: boolean
  readonly #known = new WeakMap<Peer, PeerTimes>()
  /** By index: found without a search. */
  readonly #slots: (PeerTimes | undefined)[] = []
  /** For which second each group's times have been settled. */
  readonly #settled = new WeakMap<PeerGroup, number>()

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
      peer.reckonedMs = clustered(times.average)
    }
    if (this.#inflight) times.began(now)
  }

  answered(peer: Peer, ms: number): void {
    if (!this.#inflight || !this.#ofHeader) return
    this.#of(peer).ended(this.#now(), ms)
    this.#measured(peer, ms)
  }

  finished(peer: Peer, outcome: 'ok' | 'next' | 'failed', ms: number, headMs?: number): void {
    const isWaiting = !this.#ofHeader || headMs === undefined
    if (this.#inflight && isWaiting) this.dropped(peer, ms)
    if (outcome === 'failed') this.#of(peer).checked = Math.floor(this.#now() / 1000)
    // A peer that fails quickly is not to be preferred.
    if (outcome !== 'ok' || headMs === undefined) return
    if (!this.#ofHeader) this.#measured(peer, ms)
    else if (!this.#inflight) this.#measured(peer, headMs)
  }

  dropped(peer: Peer, ms: number): void {
    if (!this.#inflight) return
    this.#of(peer).ended(this.#now(), ms)
    this.refresh(peer)
  }

  /** To be called before a pick among all of these: times change with the seconds. */
  settle(group: PeerGroup): void {
    const now = this.#now()
    const second = Math.floor(now / 1000)
    if (second !== this.#settled.get(group)) {
      this.#settled.set(group, second)
      for (const peer of group.peers) this.#reckon(peer, second)
    }
    if (!this.#inflight) return
    for (const peer of group.live) if (peer.connections > 0) this.#reckonWaiting(peer, now)
  }

  /** The same for one peer. */
  refresh(peer: Peer): void {
    this.#reckon(peer, Math.floor(this.#now() / 1000))
  }

  /** Waiting for longer than others took is a bad sign. */
  #reckonWaiting(peer: Peer, now: number): void {
    const slot = this.#slots[peer.index]
    const times = slot?.peer === peer ? slot : this.#of(peer)
    if (times.waiting === 0) return
    const each = Math.floor(times.waited / times.waiting + (now - times.since))
    times.waitingAverage = averaged(times.waitingAverage, each)
    const ms = times.halvedAt(Math.floor(now / 1000))
    peer.reckonedMs = clustered(Math.max(ms, times.waitingAverage))
  }

  #measured(peer: Peer, ms: number): void {
    const times = this.#of(peer)
    times.average = averaged(times.average, Math.floor(ms))
    this.refresh(peer)
  }

  #reckon(peer: Peer, second: number): void {
    const times = this.#known.get(peer)
    if (times !== undefined) peer.reckonedMs = clustered(times.halvedAt(second))
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
