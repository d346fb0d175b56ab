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
      const found = block.filter((directive) => directive.name === name)
      if (found.length > 0) return found
    }
    return []
  }

  /** The one that holds. nginx refuses a second one on the same level: see `duplicates`. */
  one(name: string): Directive | undefined {
    return this.all(name)[0]
  }

  /** On the innermost level only: `proxy_pass`, `rewrite` and other directives that are not inherited. */
  own(name: string): readonly Directive[] {
    return this.blocks.at(-1)?.filter((directive) => directive.name === name) ?? []
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
      !ADDED_UP.has(name) &&
      this.blocks
        .slice(index + 1)
        .some((block) => block.some((directive) => directive.name === name))
    )
  }
}
