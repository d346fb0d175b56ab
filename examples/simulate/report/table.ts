/** What came out, in words and figures. */
import { thousands } from '../../bench/report/table.js'
import type { Cells } from '../../bench/report/table.js'
import type { KeysOutcome } from '../keys.js'
import type { Outcome } from '../engine/simulate.js'
import type { Row } from '../run.js'
import type { Scenario } from '../scenarios.js'

export function milliseconds(ms: number): string {
  return ms < 9.95 ? ms.toFixed(1) : thousands(ms)
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

/** Of the attempts, to some of the peers. */
export function shareOf({ shares }: Outcome, peers: readonly number[]): number {
  return peers.reduce((sum, peer) => sum + (shares[peer] ?? 0), 0)
}

export function outcomeCells({ odd, focus }: Scenario, rows: readonly Row[]): Cells {
  const titles = [
    'selector',
    'p50 ms',
    'p99 ms',
    ...(focus === undefined ? [] : [`${focus.title} ms`]),
    'failed',
    'retries',
    'most in flight at a peer',
    odd?.title ?? 'least and most to a peer',
  ]
  return [
    titles,
    ...rows.map(({ contender, outcome }) => {
      if (outcome.kind === 'refused') return [contender, ...titles.slice(1).map(() => '–')]
      const { shares } = outcome
      return [
        contender,
        milliseconds(outcome.latencies.p50),
        milliseconds(outcome.latencies.p99),
        ...(focus === undefined ? [] : [milliseconds(outcome.focus.p99)]),
        thousands(outcome.failures),
        thousands(outcome.retries),
        thousands(outcome.mostInFlight),
        odd === undefined
          ? `${percent(Math.min(...shares))}–${percent(Math.max(...shares))}`
          : percent(shareOf(outcome, odd.peers)),
      ]
    }),
  ]
}

export function keysCells(outcomes: readonly KeysOutcome[]): Cells {
  const titles = [
    'selector',
    'most keys',
    'fewest keys',
    'most requests, skewed',
    'moved: peer down',
    'of them needlessly',
    'moved: peer removed',
    'of them needlessly',
    'elsewhere when it is back',
  ]
  return [
    titles,
    ...outcomes.map(({ contender, even, skewed, moved, movedByRemoval, movedAfterReturn }) => [
      contender,
      times(even.most),
      times(even.least),
      times(skewed.most),
      percent(moved.all),
      percent(moved.needless),
      percent(movedByRemoval.all),
      percent(movedByRemoval.needless),
      percent(movedAfterReturn),
    ]),
  ]
}

const times = (ratio: number): string => `${ratio.toFixed(2)}×`
