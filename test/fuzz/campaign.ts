/** Runs many cases over many lanes, and makes the first that fails as small as it can be. */
import fc from 'fast-check'
import type { Lane } from './lane.js'

export interface Campaign<C> {
  readonly name: string
  readonly arbitrary: fc.Arbitrary<C>
  readonly lane: () => Promise<Lane<C>>
  /** Shows a case: what was sent, as bytes. */
  readonly show: (test: C) => string
}

export interface CampaignResult {
  readonly cases: number
  /** Seconds. */
  readonly seconds: number
  /** Told whole; undefined when every case was right. */
  readonly failure: string | undefined
}

/** Cases that are made from one seed. */
const BATCH = 500

export interface CampaignOptions {
  readonly cases: number
  readonly seed: number
  readonly lanes: number
  readonly progress?: (cases: number) => void
  /** Something was thrown where nobody catches: the batch that is running is at fault. */
  readonly faulty?: () => boolean
}

interface Failing {
  readonly index: number
  readonly why: string
}

export async function runCampaign<C>(
  campaign: Campaign<C>,
  { cases, seed, lanes: laneCount, progress, faulty }: CampaignOptions,
): Promise<CampaignResult> {
  const startedAt = performance.now()
  const lanes = await Promise.all(Array.from({ length: laneCount }, () => campaign.lane()))
  let done = 0
  let failure: string | undefined
  for (let batch = 0; done < cases && failure === undefined; batch++) {
    const numRuns = Math.min(BATCH, cases - done)
    const tests = fc.sample(campaign.arbitrary, { seed: seed + batch, numRuns })
    const failing = await runBatch(lanes, tests)
    if (failing !== undefined) failure = await explain(campaign, seed + batch, failing)
    else if (faulty?.() === true)
      failure = `${campaign.name}: see below (again: ${again(seed + batch)})`
    done += numRuns
    progress?.(done)
  }
  await Promise.all(lanes.map((lane) => lane.close()))
  return { cases: done, seconds: (performance.now() - startedAt) / 1000, failure }
}

/** The first that fails, of those that did. */
async function runBatch<C>(
  lanes: readonly Lane<C>[],
  tests: readonly C[],
): Promise<Failing | undefined> {
  let next = 0
  const failed: Failing[] = []
  const work = async (lane: Lane<C>): Promise<void> => {
    while (next < tests.length && failed.length === 0) {
      const index = next++
      const test = tests[index]
      const why = test === undefined ? undefined : await lane.run(test)
      if (why !== undefined) failed.push({ index, why })
    }
  }
  await Promise.all(lanes.map(work))
  return failed.sort((a, b) => a.index - b.index)[0]
}

/** Replays the case in a lane of its own, and shrinks it. */
async function explain<C>(
  campaign: Campaign<C>,
  seed: number,
  { index, why }: Failing,
): Promise<string> {
  const { name, arbitrary, lane, show } = campaign
  let smallest = why
  const result = await fc.check(
    fc.asyncProperty(arbitrary, async (test) => {
      const fresh = await lane()
      const wrong = await fresh.run(test)
      await fresh.close()
      if (wrong === undefined) return
      smallest = wrong
      throw new Error(wrong)
    }),
    { seed, path: String(index), numRuns: 1, endOnFailure: false },
  )
  const [counterexample] = result.counterexample ?? []
  if (!result.failed || counterexample === undefined) {
    const [test] = fc.sample(arbitrary, { seed, path: String(index), numRuns: 1 })
    const bytes = test === undefined ? '' : `\n${show(test)}`
    return `${name}: ${why}\nnot seen again when the case ran alone (again: ${again(seed)})${bytes}`
  }
  return (
    `${name}: ${smallest}\nseed ${seed}, path ${String(result.counterexamplePath)} (again: ${again(seed)}), ` +
    `smallest of ${result.numShrinks} shrinks:\n${show(counterexample)}`
  )
}

/** Both kinds have their first batch from the seed that is given. */
function again(seed: number): string {
  return `npm run fuzz -- ${2 * BATCH} ${seed}`
}
