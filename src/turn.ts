/** The event loop's turn: what is readable is read first, and then answered. */

/**
 * Calls `run` when all that can be read now has been read: in Node's check phase, right behind the poll phase. Writes that
 * follow each other wake their readers up less often than writes between reads, and to wake somebody up is a good part of
 * what a write costs. The caller's async context is kept.
 */
export function afterReading<Of>(run: (of: Of) => void, of: Of): void {
  setImmediate(run, of)
}
