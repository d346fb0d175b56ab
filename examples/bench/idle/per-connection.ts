/** What one connection takes: the difference that many have made, divided by their number. */
import type { Snapshot, Tally } from '../growth-support/protocol.js'

/** Bytes. */
export interface PerConnection {
  readonly rss: number
  readonly heapUsed: number
  readonly external: number
}

type Memory = Pick<Snapshot, 'rss' | 'heapUsed' | 'external'>

export function perConnection(before: Memory, after: Memory, count: number): PerConnection {
  return {
    rss: (after.rss - before.rss) / count,
    heapUsed: (after.heapUsed - before.heapUsed) / count,
    external: (after.external - before.external) / count,
  }
}

/** By constructor: objects and bytes that a connection has here, and those that it has where there is no balancer. */
export interface Excess {
  readonly name: string
  readonly count: number
  readonly bytes: number
  readonly bareCount: number
  readonly bareBytes: number
}

type Histogram = Readonly<Record<string, Tally>>
const NONE: Tally = { count: 0, bytes: 0 }

/** Sorted by the bytes that are more than the bare server's; what is less than one byte a connection is left out. */
export function excessOf(
  { before, after }: { before: Histogram; after: Histogram },
  bare: { before: Histogram; after: Histogram },
  connections: number,
): Excess[] {
  const grown = (
    which: { before: Histogram; after: Histogram },
    name: string,
    what: keyof Tally,
  ): number =>
    ((which.after[name] ?? NONE)[what] - (which.before[name] ?? NONE)[what]) / connections
  return [...new Set([...Object.keys(after), ...Object.keys(bare.after)])]
    .map((name) => ({
      name,
      count: grown({ before, after }, name, 'count'),
      bytes: grown({ before, after }, name, 'bytes'),
      bareCount: grown(bare, name, 'count'),
      bareBytes: grown(bare, name, 'bytes'),
    }))
    .filter(({ bytes, bareBytes }) => Math.abs(bytes - bareBytes) >= 1)
    .sort((a, b) => b.bytes - b.bareBytes - (a.bytes - a.bareBytes))
}
