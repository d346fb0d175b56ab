/** Which directives hold at a location: nginx's inheritance. */
import type { Directive } from './conf.js'

/** Those of a server run before the location's (`ngx_http_rewrite_module`), and each `include` is a file of its own. */
const ADDED_UP: ReadonlySet<string> = new Set([
  'if',
  'rewrite',
  'return',
  'set',
  'break',
  'include',
])

type ByName = ReadonlyMap<string, readonly Directive[]>

/** A server with thousands of locations is looked through for each of them. */
const indexes = new WeakMap<readonly Directive[], ByName>()

function byName(block: readonly Directive[]): ByName {
  const known = indexes.get(block)
  if (known !== undefined) return known
  const index = new Map<string, Directive[]>()
  for (const directive of block) {
    const same = index.get(directive.name)
    if (same === undefined) index.set(directive.name, [directive])
    else same.push(directive)
  }
  indexes.set(block, index)
  return index
}

/** The blocks around a location, the outermost first, and its own. */
export class Levels {
  readonly blocks: readonly (readonly Directive[])[]

  constructor(blocks: readonly (readonly Directive[])[]) {
    this.blocks = blocks
  }

  /**
   * Those of the innermost level that has any: a level with one `proxy_set_header` has none of those above it. For a
   * directive that is there once a level, this is the usual inheritance.
   */
  all(name: string): readonly Directive[] {
    for (const block of this.blocks.toReversed()) {
      const found = byName(block).get(name)
      if (found !== undefined) return found
    }
    return []
  }

  /** The one that holds. nginx refuses a second one on the same level: see `duplicates`. */
  one(name: string): Directive | undefined {
    return this.all(name)[0]
  }

  /** On the innermost level only: `proxy_pass`, `rewrite` and other directives that are not inherited. */
  own(name: string): readonly Directive[] {
    return byName(this.blocks.at(-1) ?? []).get(name) ?? []
  }

  /** Everything on these levels that holds, or is a block: outer ones only where no inner level has the name. */
  *effective(): Generator<Directive> {
    for (const [index, block] of this.blocks.entries()) {
      for (const directive of block) {
        if (!this.#isOverridden(directive.name, index)) yield directive
      }
    }
  }

  #isOverridden(name: string, index: number): boolean {
    return (
      !ADDED_UP.has(name) && this.blocks.slice(index + 1).some((block) => byName(block).has(name))
    )
  }
}
