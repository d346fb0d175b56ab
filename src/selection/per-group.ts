/** What is computed from a group's peers, kept until they change. */
import type { PeerGroup } from '../upstream/peer-selector.js'

interface Known<T> {
  readonly version: number
  readonly value: T
}

export class PerGroup<T> {
  readonly #compute: (group: PeerGroup, before: T | undefined) => T
  /** There may be several groups: tiers, subsets. They live as long as they live. */
  readonly #known = new WeakMap<PeerGroup, Known<T>>()
  /** The one asked for last: mostly there is no other. */
  #group: PeerGroup | undefined
  #last: Known<T> | undefined

  /** `before` is what was computed from the group's earlier peers; it is not used any more and may be changed. */
  constructor(compute: (group: PeerGroup, before: T | undefined) => T) {
    this.#compute = compute
  }

  of(group: PeerGroup): T {
    const last = this.#last
    if (group === this.#group && last?.version === group.version) return last.value
    return this.#look(group)
  }

  #look(group: PeerGroup): T {
    let known = this.#known.get(group)
    if (known?.version !== group.version) {
      known = { version: group.version, value: this.#compute(group, known?.value) }
      this.#known.set(group, known)
    }
    this.#group = group
    this.#last = known
    return known.value
  }
}
