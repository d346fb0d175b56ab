/** The list of peers that the workers of a zone have together, in one order for all of them. */

/** What is said of a peer: its address as a text and its parameters, as the options have them. */
export interface Description {
  readonly url: string
  readonly parameters: Readonly<Record<string, unknown>>
}

export interface Entry extends Description {
  /** Peers stand in this order; with the same number, by key. */
  readonly order: number
}

/** `http://10.0.0.1:80`; the second peer of the same address is `http://10.0.0.1:80#2`. */
export type Key = string

export type MembershipChange =
  /** It comes, behind the others, or its parameters are these. */
  | { readonly kind: 'set'; readonly key: Key; readonly description: Description }
  | { readonly kind: 'drop'; readonly key: Key }
  /** All of them, in this order. */
  | { readonly kind: 'list'; readonly list: readonly Description[] }

export function keysOf(list: readonly { readonly url: string }[]): Key[] {
  const seen = new Map<string, number>()
  return list.map(({ url }) => {
    const count = (seen.get(url) ?? 0) + 1
    seen.set(url, count)
    return count === 1 ? url : `${url}#${count}`
  })
}

/** Changes in the same order lead to the same list everywhere. */
export class Membership {
  readonly entries: Map<Key, Entry>

  constructor(entries: Iterable<readonly [Key, Entry]> = []) {
    this.entries = new Map(entries)
  }

  static of(list: readonly Description[]): Membership {
    const keys = keysOf(list)
    return new Membership(list.map((each, order) => [keys[order] ?? each.url, { ...each, order }]))
  }

  /** Returns the keys that are not as before. */
  apply(change: MembershipChange): ReadonlySet<Key> {
    switch (change.kind) {
      case 'set':
        return this.#set(change.key, change.description)
      case 'drop':
        return new Set(this.entries.delete(change.key) ? [change.key] : [])
      case 'list':
        return this.#replace(change.list)
    }
  }

  inOrder(): readonly (readonly [Key, Entry])[] {
    return [...this.entries].sort(
      ([a, { order: first }], [b, { order: second }]) => first - second || (a < b ? -1 : 1),
    )
  }

  #set(key: Key, description: Description): ReadonlySet<Key> {
    const order = this.entries.get(key)?.order ?? this.#next()
    this.entries.set(key, { ...description, order })
    return new Set([key])
  }

  #next(): number {
    let last = -1
    for (const { order } of this.entries.values()) if (order > last) last = order
    return last + 1
  }

  #replace(list: readonly Description[]): ReadonlySet<Key> {
    const touched = new Set(this.entries.keys())
    this.entries.clear()
    for (const [key, entry] of Membership.of(list).entries) {
      this.entries.set(key, entry)
      touched.add(key)
    }
    return touched
  }
}
