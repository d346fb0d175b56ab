/** The peers of a registry as a zone sees them: notes what happens to them, and puts in place what others tell. */
import { isDeepStrictEqual } from 'node:util'
import type { Timer } from '../clock.js'
import type { PeerEntry } from '../upstream/membership.js'
import type { FailedStep, Peer, PeerParameters, PeerState } from '../upstream/peer.js'
import type { PeerRegistry } from '../upstream/registry.js'
import type { PeerSharing } from '../upstream/sharing.js'
import type { EjectReason, ReturnReason, UpstreamObserver } from '../upstream/upstream.js'
import type { ZoneChannel } from './channel.js'
import { ZoneMember } from './member.js'
import type { MemberSettings, SharedPeers } from './member.js'
import type { Description, Key, Membership, MembershipChange } from './membership.js'
import { changeOf } from './observed.js'
import { Roster, urlOf } from './roster.js'
import { isSpotless } from './standing.js'
import type { Standing } from './standing.js'
import { COUNTS_EVERY_MS } from './wire.js'

export interface PeerRules {
  /** A peer as it would be in the configuration; undefined: it could not be. */
  readonly entryOf: (description: Description) => PeerEntry | undefined
  readonly parametersOf: (peer: PeerState) => PeerParameters
  /** This worker is to look after a peer that is marked already. */
  readonly onLead: (peer: Peer, step: FailedStep, reason: string) => void
}

interface Failure {
  readonly reason: EjectReason
  readonly step: FailedStep
}

/** More changes than this are told as a new list. */
const MOST_SINGLE_CHANGES = 64

export class RegistryPeers implements SharedPeers, PeerSharing, UpstreamObserver {
  readonly #registry: PeerRegistry
  readonly #rules: PeerRules
  readonly #member: ZoneMember
  readonly #roster: Roster
  /** Until when peers are marked, as it was last told or learnt. */
  readonly #marks = new WeakMap<PeerState, number>()
  readonly #lastFailures = new WeakMap<PeerState, Failure>()
  readonly #toldCounts = new WeakMap<PeerState, number>()
  #touched: PeerState[] = []
  #tick: Timer | undefined
  readonly #news = new Map<Key, 'set' | 'drop'>()
  #listIsNew = false
  /** What others have told is being put in place: it is no news for them. */
  #applying = false

  constructor(
    registry: PeerRegistry,
    channel: ZoneChannel,
    settings: MemberSettings,
    rules: PeerRules,
  ) {
    this.#registry = registry
    this.#rules = rules
    this.#roster = new Roster(() => registry.peers)
    this.#member = new ZoneMember(settings, registry.clock, channel, this)
    registry.observers.add(this)
    registry.sharing = this
    registry.joining = this.#member.ready.then(() => {
      registry.joining = undefined
    })
  }

  /** This worker does what needs to be done by one of them only. So does each that stands alone. */
  get leads(): boolean {
    return this.#member.leads
  }

  /** The registry is left to itself. */
  close(): void {
    this.#tick?.cancel()
    this.#registry.observers.delete(this)
    if (this.#registry.sharing === this) this.#registry.sharing = undefined
    this.#member.close()
    this.aloneAgain()
  }

  /** Why the peer is marked, if another worker says so; else `reason`. */
  reasonOf(peer: Peer, reason: EjectReason): string {
    const key = reason === 'shared' ? this.#roster.keyOf(peer) : undefined
    return (key === undefined ? undefined : this.#member.known(key).mark?.reason) ?? reason
  }

  // ---- what happens here

  touched(peer: PeerState): void {
    if (this.#applying || !this.#member.joined) return
    if (!peer.touched) {
      peer.touched = true
      this.#touched.push(peer)
    }
    if (this.#tick !== undefined) return
    this.#tick = this.#registry.clock.after(COUNTS_EVERY_MS, () => {
      this.#tick = undefined
      this.#member.tellCounts()
    })
    // One request may try a marked peer: the others are to know at once.
    if (peer.ejectedUntil !== 0) this.#member.soon()
  }

  failed(peer: PeerState, reason: EjectReason, step: FailedStep): void {
    this.#lastFailures.set(peer, { reason, step })
    this.touched(peer)
  }

  ejected(peer: Peer, reason: EjectReason, _step: FailedStep): void {
    if (reason !== 'shared') this.#changedHere(peer)
  }

  returned(peer: Peer, reason: ReturnReason): void {
    if (reason !== 'shared') this.#changedHere(peer)
  }

  joined(peer: Peer): void {
    if (!this.#applying) this.#listed(peer, 'set')
  }

  left(peer: Peer): void {
    if (!this.#applying) this.#listed(peer, 'drop')
  }

  changed(peer: Peer): void {
    if (this.#applying) return
    this.#changedHere(peer)
    this.#listed(peer, 'set')
  }

  replaced(): void {
    if (this.#applying) return
    this.#listIsNew = true
    this.#member.soon()
  }

  #changedHere(peer: Peer): void {
    const state = this.#registry.stateOf(peer)
    if (state === undefined || this.#applying) return
    if (!state.touched) {
      state.touched = true
      this.#touched.push(state)
    }
    this.#member.soon()
  }

  #listed(peer: Peer, what: 'set' | 'drop'): void {
    const key = this.#roster.keyOf(peer)
    if (key !== undefined) this.#news.set(key, what)
    this.#member.soon()
  }

  // ---- what is told of it

  list(): readonly Description[] {
    return this.#registry.peers.map((peer) => this.#describe(peer))
  }

  collect(): void {
    this.#collectMembership()
    for (const peer of this.#touched) this.#note(peer)
  }

  takeCounts(): readonly (readonly [Key, number])[] {
    const counts: (readonly [Key, number])[] = []
    for (const peer of this.#touched) {
      peer.touched = false
      const own = peer.connections - peer.elsewhere
      const key = peer.removed ? undefined : this.#roster.keyOf(peer)
      if (key === undefined || own === (this.#toldCounts.get(peer) ?? 0)) continue
      this.#toldCounts.set(peer, own)
      counts.push([key, own])
    }
    this.#touched = []
    return counts
  }

  retell(): void {
    for (const peer of this.#registry.peers) {
      this.#toldCounts.delete(peer)
      if (peer.touched) continue
      peer.touched = true
      this.#touched.push(peer)
    }
  }

  #collectMembership(): void {
    if (!this.#listIsNew && this.#news.size === 0) return
    const known = this.#member.knownMembership()
    const changes: MembershipChange[] = []
    for (const [key, what] of this.#news) {
      const change = what === 'drop' ? dropped(known, key) : this.#set(known, key)
      if (change !== undefined) changes.push(change)
    }
    const isWhole =
      this.#listIsNew ||
      changes.length > MOST_SINGLE_CHANGES ||
      [...this.#news.keys()].some((key) => isRepeated(key, known))
    this.#news.clear()
    this.#listIsNew = false
    if (!isWhole) this.#member.sayMembership(changes)
    else if (!this.#isAs(known)) this.#member.sayMembership([{ kind: 'list', list: this.list() }])
  }

  #set(known: Membership, key: Key): MembershipChange | undefined {
    const peer = this.#roster.peerOf(key)
    if (peer === undefined) return undefined
    const description = this.#describe(peer)
    const { parameters } = known.entries.get(key) ?? {}
    if (isDeepStrictEqual(parameters, description.parameters)) return undefined
    return { kind: 'set', key, description }
  }

  #isAs(known: Membership): boolean {
    const entries = known.inOrder()
    const { peers } = this.#registry
    const keys = this.#roster.keys()
    if (entries.length !== keys.length) return false
    return entries.every(([key, { parameters }], index) => {
      const peer = peers[index]
      if (key !== keys[index] || peer === undefined) return false
      return isDeepStrictEqual(parameters, this.#describe(peer).parameters)
    })
  }

  #note(peer: PeerState): void {
    const key = peer.removed ? undefined : this.#roster.keyOf(peer)
    if (key === undefined) return
    const known = this.#member.known(key)
    if (isClean(peer) && isSpotless(known)) return
    const { countsFails } = this.#registry
    const now = this.#registry.sharedStanding(peer)
    const last = this.#lastFailures.get(peer)?.reason ?? 'error'
    const reason = now.mark?.reason === 'retry_after' ? now.mark.reason : last
    const knownUntil = this.#marks.get(peer)
    const change = changeOf({ peer, now, countsFails, reason, knownUntil }, known)
    this.#remember(peer, now.mark?.until)
    if (change !== undefined) this.#member.say(key, change)
  }

  #remember(peer: PeerState, until: number | undefined): void {
    if (until === undefined) this.#marks.delete(peer)
    else this.#marks.set(peer, until)
  }

  #describe(peer: PeerState): Description {
    return { url: urlOf(peer), parameters: definedOnly(this.#rules.parametersOf(peer)) }
  }

  // ---- what is put in place

  accepts(description: Description): boolean {
    return this.#rules.entryOf(description) !== undefined
  }

  putMembership(membership: Membership, changed: ReadonlySet<Key> | undefined): void {
    this.#apply(() => {
      const wanted = membership.inOrder()
      const keys = this.#roster.keys()
      const isSameList =
        wanted.length === keys.length && wanted.every(([key], index) => key === keys[index])
      if (!isSameList) {
        const entries = wanted.map(([, entry]) => this.#rules.entryOf(entry))
        this.#registry.replace(entries.filter((entry) => entry !== undefined))
        return
      }
      for (const key of changed ?? keys) this.#update(key, membership)
    })
  }

  #update(key: Key, membership: Membership): void {
    const peer = this.#roster.peerOf(key)
    const entry = membership.entries.get(key)
    if (peer === undefined || entry === undefined) return
    if (isDeepStrictEqual(entry.parameters, this.#describe(peer).parameters)) return
    const checked = this.#rules.entryOf(entry)
    if (checked !== undefined) this.#registry.update(peer, checked.parameters)
  }

  putStanding(key: Key, standing: Standing, mine: 'confirmed' | 'news'): void {
    const peer = this.#roster.peerOf(key)
    if (peer === undefined) return
    this.#apply(() => {
      const { healthy = true } = standing
      if (peer.healthy !== healthy) peer.healthy = healthy
      const now = this.#registry.sharedStanding(peer)
      if (isAs(now, standing)) return
      const { countsFails } = this.#registry
      this.#registry.applyShared(peer, countsFails ? standing : { ...standing, ...failsOf(now) })
      this.#remember(peer, this.#registry.sharedStanding(peer).mark?.until)
    })
    if (mine === 'confirmed') this.#markTogether(peer, standing)
  }

  /** nginx: whoever brings `fails` to `max_fails` marks the peer. All of them see it; the last to add to it does it. */
  #markTogether(peer: PeerState, { mark, fails, statusFails }: Standing): void {
    const reached = Math.max(fails, statusFails) >= peer.maxFails && peer.maxFails > 0
    const last = this.#lastFailures.get(peer)
    if (!reached || mark !== undefined || last === undefined) return
    const { countsFails, nginx, single } = this.#registry
    if (!countsFails || (nginx && single)) return
    const { failedAt } = peer
    const until = this.#registry.clock.now() + peer.failTimeout
    const together = { fails, statusFails, failedAt, mark: { ...last, until } }
    this.#registry.applyShared(peer, together, last.reason)
  }

  putElsewhere(key: Key, count: number): void {
    const peer = this.#roster.peerOf(key)
    if (peer !== undefined) this.#apply(() => this.#registry.busyElsewhere(peer, count))
  }

  aloneAgain(): void {
    for (const peer of this.#registry.peers)
      if (peer.elsewhere > 0) this.#apply(() => this.#registry.busyElsewhere(peer, 0))
  }

  lead(): void {
    for (const peer of this.#registry.peers) {
      const key = peer.ejectedUntil === 0 ? undefined : this.#roster.keyOf(peer)
      if (key === undefined) continue
      const { mark } = this.#member.known(key)
      if (mark !== undefined) this.#rules.onLead(peer, peer.failedStep, mark.reason)
    }
  }

  #apply(put: () => void): void {
    this.#applying = true
    try {
      put()
    } finally {
      this.#applying = false
    }
  }
}

/** Peers of one address are told from each other by their order. */
function isRepeated(key: Key, { entries }: Membership): boolean {
  return key.includes('#') || entries.has(`${key}#2`)
}

function dropped(known: Membership, key: Key): MembershipChange | undefined {
  return known.entries.has(key) ? { kind: 'drop', key } : undefined
}

function isClean(peer: PeerState): boolean {
  const { fails, statusFails, ejectedUntil, restsUntil, healthy } = peer
  if (fails !== 0 || statusFails !== 0 || !healthy) return false
  return ejectedUntil === 0 && restsUntil === Number.NEGATIVE_INFINITY
}

function failsOf({ fails, statusFails }: { fails: number; statusFails: number }) {
  return { fails, statusFails }
}

/** Nothing to be put in place: a mark that ends a millisecond earlier or later is the same. */
function isAs(now: ReturnType<PeerRegistry['sharedStanding']>, { mark, ...standing }: Standing) {
  if (now.fails !== standing.fails || now.statusFails !== standing.statusFails) return false
  if (now.mark === undefined || mark === undefined) return now.mark === mark
  return Math.abs(now.mark.until - mark.until) <= 1
}

/** As it is after it has been a message. */
function definedOnly(parameters: PeerParameters): Description['parameters'] {
  return Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== undefined))
}
