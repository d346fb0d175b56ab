/** A place through which cases go one after the other; several work side by side. */
export interface Lane<C> {
  /** Resolves with what was wrong, or undefined. */
  run(test: C): Promise<string | undefined>
  close(): Promise<void>
}
