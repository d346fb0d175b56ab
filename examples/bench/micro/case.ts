/** One call that is measured, again and again. */
export interface Case {
  readonly name: string
  /** What it returns is used, so that the compiler cannot leave the work out. */
  readonly run: (input: never) => unknown
  /** Makes what each call is given, outside of what is measured: V8 remembers much of a string that it has seen. */
  readonly input?: () => unknown
}

/** Cases that are measured in one process: what one does to the compiler's guesses, the others pay for. */
export interface Group {
  readonly name: string
  readonly cases: () => readonly Case[]
}

/** What one call takes. */
export interface Cost {
  readonly name: string
  /** Nanoseconds of the median sample. */
  readonly ns: number
  /** Of a quiet moment: the least sample. */
  readonly least: number
  /** Allocated on the heap. */
  readonly bytes: number
}
