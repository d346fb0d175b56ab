/** nginx configuration as data. */

/** One directive of a configuration. */
export interface Directive {
  readonly name: string
  /** Unquoted and unescaped, as nginx's own reader hands them out. */
  readonly args: readonly string[]
  /** Of a block, what is in it; undefined for a simple directive. Includes are in place of their `include`. */
  readonly block: readonly Directive[] | undefined
  /** The file that it stands in, and the line there that it begins in. */
  readonly file: string
  readonly line: number
}
