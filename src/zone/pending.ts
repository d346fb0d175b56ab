/** What a worker has said, or is about to say, and the hub has not confirmed: it is put on top of what the hub says. */
import { Membership } from './membership.js'
import type { Description, Key, MembershipChange } from './membership.js'
import { apply, merge, NO_CHANGE, SPOTLESS } from './standing.js'
import type { Standing, StandingChange } from './standing.js'

/** More than this becomes one: the whole list. */
const MOST_MEMBERSHIP_CHANGES = 64
/** Batches that may be under way without a confirmation; what comes then waits, and becomes one. */
const MOST_UNDER_WAY = 16

export interface Batch {
  readonly seq: number
  readonly standings: ReadonlyMap<Key, StandingChange>
  readonly membership: readonly MembershipChange[]
}

export class Pending {
  #standings = new Map<Key, StandingChange>()
  #membership: MembershipChange[] = []
  #underWay: Batch[] = []
  /** Of the last batch. */
  seq = 0

  /** Something waits, and may be sent. */
  get ready(): boolean {
    if (this.#underWay.length >= MOST_UNDER_WAY) return false
    return this.#standings.size > 0 || this.#membership.length > 0
  }

  get changesMembership(): boolean {
    return this.#membership.length > 0 || this.#underWay.some((each) => each.membership.length > 0)
  }

  standing(key: Key, change: StandingChange): void {
    this.#standings.set(key, merge(this.#standings.get(key) ?? NO_CHANGE, change))
  }

  /** `whole`: the list as it then is. */
  membership(changes: readonly MembershipChange[], whole: () => readonly Description[]): void {
    this.#membership.push(...changes)
    if (this.#membership.length > MOST_MEMBERSHIP_CHANGES)
      this.#membership = [{ kind: 'list', list: whole() }]
  }

  /** To be sent now. */
  take(): Batch {
    this.seq++
    const batch = { seq: this.seq, standings: this.#standings, membership: this.#membership }
    this.#underWay.push(batch)
    this.#standings = new Map()
    this.#membership = []
    return batch
  }

  /** The hub has taken in all batches up to `seq`. Returns the keys of their standings. */
  confirmed(seq: number): ReadonlySet<Key> {
    const keys = new Set<Key>()
    while (this.#underWay[0] !== undefined && this.#underWay[0].seq <= seq)
      for (const key of this.#underWay.shift()?.standings.keys() ?? []) keys.add(key)
    return keys
  }

  onTopOf(standing: Standing | undefined, key: Key): Standing {
    let result = standing ?? SPOTLESS
    for (const { standings } of this.#underWay) {
      const change = standings.get(key)
      if (change !== undefined) result = apply(result, change)
    }
    const waiting = this.#standings.get(key)
    return waiting === undefined ? result : apply(result, waiting)
  }

  onTopOfMembership(known: Membership): Membership {
    if (!this.changesMembership) return known
    const result = new Membership(known.entries)
    for (const { membership } of this.#underWay)
      for (const change of membership) result.apply(change)
    for (const change of this.#membership) result.apply(change)
    return result
  }
}
