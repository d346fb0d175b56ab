/** The incident with two peers, a TLS edge, 200 requests a second, one fifth of them POSTs; options by default. */
import { createBalancer } from 'evenkeel'
import type { BalancerOptions } from 'evenkeel'
import { expect } from 'vitest'
import type { Verdict } from '../../../examples/demo/engine/judge.js'
import type { Mix } from '../../../examples/demo/engine/load.js'
import type { Script } from '../../../examples/demo/engine/failures.js'
import { playAlone } from '../../../examples/demo/engine/stage.js'

/** `EVENKEEL_INCIDENT_SECONDS=14 npm test -- incident` plays each failure for longer. */
const seconds = Number(process.env['EVENKEEL_INCIDENT_SECONDS'] ?? '4')

/** How long each failure is played, in milliseconds. */
export const DURATION = seconds * 1000
/** For a test as a whole: nothing in it waits for this. */
export const TEST_TIMEOUT = DURATION * 3 + 90_000

export const MIX: Mix = { rate: 200, postEvery: 5 }

type Options = Omit<BalancerOptions, 'upstream'>

/** Plays the failure and prints what came of it. */
export async function replay(
  name: string,
  script: Script,
  options: Options = {},
  patience = 0,
): Promise<Verdict> {
  const make = (urls: string[]): ReturnType<typeof createBalancer> =>
    createBalancer({ readTimeout: '1s', ...options, upstream: urls })
  const verdict = await playAlone(2, make, {
    name: name.replaceAll(/[^a-z0-9]+/gi, '_'),
    patience,
    script,
  })
  process.stdout.write(`incident: ${name}: ${figures(verdict)}\n`)
  return verdict
}

/** The promise, in full. What is excused is excused by name, and where nothing is to be excused it is said so too. */
export function expectNobodyHarmed(
  verdict: Verdict,
  excused: readonly ('lost' | 'outage')[] = [],
): void {
  expect(verdict.complaints).toEqual([])
  expect(verdict).toMatchObject({ unjust: 0, wrong: 0, runTwice: 0 })
  if (!excused.includes('lost')) expect(verdict.lost).toBe(0)
  if (!excused.includes('outage')) expect(verdict.outage).toBe(0)
  // A verdict over too little is none. Far below the load that was meant: a slow machine is no failure.
  expect(verdict.requests).toBeGreaterThan(50)
  expect(verdict.posts).toBeGreaterThan(5)
}

function figures(verdict: Verdict): string {
  const { requests, posts, poison, unjust, runTwice, wrong, retried, lost, outage, standstill } =
    verdict
  const { duringOutage, duringOutageServed } = verdict
  const more = [
    duringOutage > 0
      ? `${duringOutage} sent while no peer was there, ${duringOutageServed} served`
      : '',
    outage > 0 ? `${outage} failed while no peer was there` : '',
    lost > 0 ? `${lost} POSTs lost with their peer` : '',
    standstill > 0 ? `${standstill} not counted (the machine stood still)` : '',
  ].filter(Boolean)
  const all = `${requests} requests (${posts} POSTs, ${poison} to a broken URL)`
  return [
    `${all}, ${unjust} unjust, ${runTwice} run twice, ${wrong} wrong, ${retried} retried`,
    ...more,
  ].join(', ')
}
