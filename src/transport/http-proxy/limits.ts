/** What an attempt waits for, and how much of it. */

/** Milliseconds. */
export interface AttemptTimeouts {
  readonly connect: number
  readonly send: number
  readonly read: number
}

export interface AttemptLimits {
  readonly timeouts: AttemptTimeouts
  /** Fields of a response at most. */
  readonly maxHeaders: number
}

/** A peer that says neither 100 nor anything else gets the body after this long, as curl and Go do it. */
export const CONTINUE_TIMEOUT_MS = 1000

/** A peer that has not come to the point by then never will. */
export const MOST_INTERIM_RESPONSES = 64
