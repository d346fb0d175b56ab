/** A worker's end of a zone, without the peers themselves: what was told, what is to be told, and what is known. */
import type { Clock } from '../clock.js'
import { Sender } from './channel.js'
import type { ZoneChannel } from './channel.js'
import { Membership } from './membership.js'
import type { Description, Key, MembershipChange } from './membership.js'
import { Pending } from './pending.js'
import type { Standing, StandingChange } from './standing.js'
import { isSpotless } from './standing.js'
import { bye, changes, hello, readLearnt } from './wire.js'
import type { Learnt } from './wire.js'

export interface MemberSettings {
  readonly name: string
  /** Of this end; no other has the same. */
  readonly id: string
  /** Of the configured list of peers: workers that have the same share their list. */
  readonly config: string
  /** Milliseconds until it is given up to wait for what the others know. */
  readonly wait: number
  /** Nobody has answered. */
  readonly onAlone: () => void
}

/** The peers, as the zone sees them. */
export interface SharedPeers {
  /** As they are now. */
  list(): readonly Description[]
  /** Says what has changed here and was not said yet. Called before anything is sent or put in place. */
  collect(): void
  /** Attempts in flight that the others have not been told of. */
  takeCounts(): readonly (readonly [Key, number])[]
  /** Everything has to be told again. */
  retell(): void
  /** Could it be a peer of this upstream? Who says so is another process. */
  accepts(description: Description): boolean
  /** The list, in order. `changed`: of which the parameters may be others; undefined: of all. */
  putMembership(membership: Membership, changed: ReadonlySet<Key> | undefined): void
  /** `mine`: what was said here is in it from now on. */
  putStanding(key: Key, standing: Standing, mine: 'confirmed' | 'news'): void
  putElsewhere(key: Key, count: number): void
  aloneAgain(): void
  /** From now on this worker does what needs to be done by one of them only. */
  lead(): void
}

type State = Learnt & { readonly kind: 'state' }

export class ZoneMember {
  readonly #settings: MemberSettings
  readonly #clock: Clock
  readonly #channel: ZoneChannel
  readonly #peers: SharedPeers
  readonly #sender: Sender
  readonly #pending = new Pending()
  readonly #configured: readonly Description[]
  #standings = new Map<Key, Standing>()
  #membership: Membership
  #state: 'joining' | 'joined' | 'alone' | 'closed' = 'joining'
  #leads = true
  #willSend = false
  #countsDue = false
  readonly #stops: (() => void)[]
  #open: () => void = () => undefined
  /** Settles when it is known what the others know, or that nobody says. */
  readonly ready: Promise<void>

  constructor(settings: MemberSettings, clock: Clock, channel: ZoneChannel, peers: SharedPeers) {
    this.#settings = settings
    this.#clock = clock
    this.#channel = channel
    this.#peers = peers
    this.#configured = peers.list()
    this.#membership = Membership.of(this.#configured)
    this.#sender = new Sender(channel, () => {
      this.#send()
    })
    this.ready = new Promise((resolve) => (this.#open = resolve))
    const timer = clock.after(settings.wait, () => {
      if (this.#state === 'joining') this.#standAlone()
    })
    const stopClose = channel.onClose?.(() => {
      this.#lost()
    })
    const stopMessages = channel.onMessage((message) => {
      this.#receive(message)
    })
    this.#stops = [(): void => timer.cancel(), stopMessages, stopClose ?? ((): void => undefined)]
    this.#hello()
  }

  /** This worker does what needs to be done by one of them only. So does each that stands alone. */
  get leads(): boolean {
    return this.#leads
  }

  get joined(): boolean {
    return this.#state === 'joined'
  }

  known(key: Key): Standing {
    return this.#pending.onTopOf(this.#standings.get(key), key)
  }

  knownMembership(): Membership {
    return this.#pending.onTopOfMembership(this.#membership)
  }

  say(key: Key, change: StandingChange): void {
    this.#pending.standing(key, change)
  }

  sayMembership(changes: readonly MembershipChange[]): void {
    this.#pending.membership(changes, () => this.#peers.list())
  }

  /** There is something to be collected: all that happens in one go is one message. */
  soon(): void {
    if (this.#willSend || this.#state !== 'joined') return
    this.#willSend = true
    queueMicrotask(() => {
      this.#willSend = false
      this.#send()
    })
  }

  /** It is time to tell how many attempts are in flight. */
  tellCounts(): void {
    this.#countsDue = true
    this.#send()
  }

  close(): void {
    if (this.#state === 'closed') return
    const wasJoined = this.#state === 'joined'
    this.#state = 'closed'
    for (const stop of this.#stops) stop()
    this.#open()
    const { name: zone, id: member } = this.#settings
    if (wasJoined) new Sender(this.#channel, () => undefined).send(bye({ zone, member }))
  }

  // ---- what is told

  #hello(): void {
    const { name: zone, id: member, config } = this.#settings
    const { seq } = this.#pending
    const message = hello({ kind: 'hello', zone, member, config, seq, list: this.#configured })
    new Sender(this.#channel, () => undefined).send(message)
  }

  #send(): void {
    if (this.#state !== 'joined') return
    this.#peers.collect()
    if (!this.#pending.ready && !this.#countsDue) return
    if (!this.#sender.free) return
    const counts = this.#countsDue ? this.#peers.takeCounts() : []
    this.#countsDue = false
    if (!this.#pending.ready && counts.length === 0) return
    const batch = this.#pending.ready ? this.#pending.take() : undefined
    const { name: zone, id: member } = this.#settings
    const told = {
      ...({ kind: 'changes', zone, member, seq: this.#pending.seq } as const),
      standings: [...(batch?.standings ?? [])],
      membership: batch?.membership ?? [],
      counts,
    }
    this.#sender.send(changes(told, this.#clock.now()))
  }

  // ---- what is learnt

  #receive(message: unknown): void {
    if (this.#state === 'closed') return
    const learnt = readLearnt(message, this.#clock.now())
    if (learnt === undefined) return
    if (learnt.kind === 'hub') {
      this.#hello()
      return
    }
    if (learnt.zone !== this.#settings.name || learnt.member !== this.#settings.id) return
    this.#peers.collect()
    this.#learn(learnt)
    this.#state = 'joined'
    this.#open()
    if (learnt.full) {
      this.#peers.retell()
      this.#countsDue = true
    }
    this.soon()
  }

  #learn(state: State): void {
    const { full, ack, standings, counts, lead } = state
    const takesOver = lead && !this.#leads
    this.#leads = lead
    const confirmed = this.#pending.confirmed(ack)
    const news = new Set<Key>()
    if (full) {
      for (const key of this.#standings.keys()) news.add(key)
      for (const key of confirmed) news.add(key)
      this.#standings = new Map()
    }
    for (const [key, standing] of standings) {
      news.add(key)
      if (isSpotless(standing)) this.#standings.delete(key)
      else this.#standings.set(key, standing)
    }
    this.#learnMembership(state)
    for (const key of news)
      this.#peers.putStanding(key, this.known(key), confirmed.has(key) ? 'confirmed' : 'news')
    for (const [key, count] of counts) this.#peers.putElsewhere(key, count)
    if (takesOver) this.#peers.lead()
  }

  #learnMembership({ full, entries, gone }: State): void {
    if (full) {
      this.#membership =
        entries === undefined
          ? Membership.of(this.#configured)
          : new Membership(entries.filter(([, entry]) => this.#peers.accepts(entry)))
      this.#peers.putMembership(this.knownMembership(), undefined)
      return
    }
    if ((entries ?? []).length === 0 && gone.length === 0) return
    for (const key of gone) {
      this.#membership.entries.delete(key)
      this.#standings.delete(key)
    }
    const changed = new Set<Key>()
    for (const [key, entry] of entries ?? []) {
      if (!this.#peers.accepts(entry)) continue
      this.#membership.entries.set(key, entry)
      changed.add(key)
    }
    this.#peers.putMembership(this.knownMembership(), changed)
  }

  // ---- nobody to talk to

  #standAlone(): void {
    this.#state = 'alone'
    this.#open()
    this.#settings.onAlone()
  }

  /** What is known stays known. */
  #lost(): void {
    if (this.#state === 'closed') return
    this.#state = 'alone'
    this.#open()
    this.#peers.aloneAgain()
    const takesOver = !this.#leads
    this.#leads = true
    if (takesOver) this.#peers.lead()
  }
}
