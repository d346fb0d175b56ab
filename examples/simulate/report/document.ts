/** docs/simulation.md, whole. */
import { format } from 'prettier'
import { markdownTable } from '../../bench/report/table.js'
import { KEYS } from '../engine/simulate.js'
import type { KeysOutcome } from '../keys.js'
import { PEERS } from '../keys.js'
import { STANDARD } from '../run.js'
import type { Row } from '../run.js'
import type { Scenario } from '../scenarios.js'
import { keysCells, outcomeCells } from './table.js'

export interface ScenarioRows {
  readonly scenario: Scenario
  readonly rows: readonly Row[]
}

const { seed, requests } = STANDARD

const INTRODUCTION = `# The selectors, simulated

This page is written by \`npm run simulate\`: another run gives the same bytes (seed ${seed}). Clock and peers are simulated,
and there are no sockets. Everything that decides is the library itself: the registry and its marks, the selectors, what
is done after a failed attempt, the retry budget, slow start, the probes.

What the peers are: servers with some workers each (four, where nothing else is said) and a queue in front of them, so
that answers take longer as there is more to do. A request is 20 ms of work on average: nine of ten are shorter, one is
five times as long as these. Requests come as a Poisson process, ${requests.toLocaleString('en')} in each scenario, at a rate that is the given share of
what all peers can do together. For one scenario all selectors get the same requests at the same times. All may be
repeated (they are GETs, each for one of 2,000 paths) where nothing else is said. An attempt times out after one second. Other options are as they are
by default; \`hash\` goes by the path, and \`first\` has \`maxConns: 8\` for each peer, without which it would be no balancer: when
all are full, a request fails.

What is left out: the network's time, connections (each attempt has a fresh one), bodies, and the CPU time of choosing,
for which see \`npm run bench:micro\`. A simulation shows how things hang together. How long they take at your place it
does not know.

How to read the tables: times are from a request's arrival to its answer, all attempts and all waiting included, also of
those that failed. _Failed_ is what clients got a 5xx for. _Most in flight at a peer_ is at any moment and at any of the
peers, what waits there included. The last column is a part of all attempts.`

function scenarioSection({ scenario, rows }: ScenarioRows): string {
  const { name, title, setting, reading } = scenario
  const refused = rows.filter(({ outcome }) => outcome.kind === 'refused')
  return [
    `## ${title}`,
    setting,
    `![${title}](simulation/${name}.svg)`,
    markdownTable(outcomeCells(scenario, rows), 'figures'),
    ...(refused.length === 0 ? [] : ['–: the configuration refuses to combine them.']),
    reading,
  ].join('\n\n')
}

function keysSection(keys: readonly KeysOutcome[]): string {
  if (keys.length === 0) return ''
  return [
    '## Where the keys are',
    `${KEYS.toLocaleString('en')} keys on ${PEERS} equal peers, no load, for those that go by a key. 1× is a fair share. _Skewed_: the k-th key is asked for in proportion to 1/k. Then one peer is \`down\` (or marked), comes back, and is taken out of the list for good. A tenth of the keys has to move; those whose peer is still there move needlessly.`,
    markdownTable(keysCells(keys), 'figures'),
    KEYS_READING,
  ].join('\n\n')
}

const KEYS_READING = `As long as the list stays as it is, all of them move what they must, and bring it back. When a peer is taken out of the
list, \`hash\` and \`ip_hash\` give nearly every key another peer (nginx says to mark it \`down\` instead), and consistent
hashing moves a tenth. A bound moves nothing while there is no load.`

export async function documentOf(
  results: readonly ScenarioRows[],
  keys: readonly KeysOutcome[],
): Promise<string> {
  const sections = [INTRODUCTION, ...results.map(scenarioSection), keysSection(keys)]
  return format(sections.join('\n\n'), {
    parser: 'markdown',
    printWidth: 100,
    proseWrap: 'preserve',
  })
}
