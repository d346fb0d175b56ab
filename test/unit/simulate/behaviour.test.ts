/** What docs/simulation.md says of the selectors, and the document itself: it is what the simulation gives again. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { contenders } from '../../../examples/simulate/contenders.js'
import type { Outcome } from '../../../examples/simulate/engine/simulate.js'
import { simulate } from '../../../examples/simulate/engine/simulate.js'
import { keysOf } from '../../../examples/simulate/keys.js'
import { chartOf } from '../../../examples/simulate/report/chart.js'
import { keysCells, outcomeCells, shareOf } from '../../../examples/simulate/report/table.js'
import { rowOf, rowsOf } from '../../../examples/simulate/run.js'
import { scenarios } from '../../../examples/simulate/scenarios.js'
import type { Scenario } from '../../../examples/simulate/scenarios.js'

const docs = new URL('../../../docs/', import.meta.url)

function scenario(name: string): Scenario {
  const found = scenarios.find((each) => each.name === name)
  if (found === undefined) throw new Error(`no scenario ${name}`)
  return found
}

const kept = new Map<string, Outcome>()

/** As in the document. */
function outcomeOf(name: string, contender: string): Outcome {
  const key = `${name}, ${contender}`
  const known = kept.get(key)
  if (known !== undefined) return known
  const one = contenders.find((each) => each.name === contender)
  if (one === undefined) throw new Error(`no selector ${contender}`)
  const { outcome } = rowOf(scenario(name), one)
  if (outcome.kind === 'refused') throw new Error(outcome.why)
  kept.set(key, outcome)
  return outcome
}

const oddShare = (name: string, contender: string): number =>
  shareOf(outcomeOf(name, contender), scenario(name).odd?.peers ?? [])

describe('every request', () => {
  it.each(scenarios.map(({ name }) => name))('ends once, and leaves nothing: %s', (name) => {
    for (const contender of contenders) {
      const outcome = simulate({ ...scenario(name), seed: 5, requests: 2000 }, contender)
      if (outcome.kind === 'refused') continue
      expect(outcome.left, contender.name).toEqual({ connections: 0, inFlight: 0, unbalanced: 0 })
      expect(outcome.shares.reduce((sum, each) => sum + each, 0)).toBeCloseTo(1)
      expect(outcome.retries).toBeGreaterThanOrEqual(0)
    }
  })
})

describe('docs/simulation.md', () => {
  const page = readFileSync(new URL('simulation.md', docs), 'utf8')
  const squeezed = page.replace(/ {2,}/g, ' ')
  const lineOf = (cells: readonly string[] = []): string => `| ${cells.join(' | ')} |`

  it.each(scenarios.map(({ name }) => name))('has what is computed now: %s', (name) => {
    const rows = ['round_robin', 'least_conn'].map((contender) => ({
      contender,
      outcome: outcomeOf(name, contender),
    }))
    for (const cells of outcomeCells(scenario(name), rows))
      expect(squeezed, 'npm run simulate').toContain(lineOf(cells))
  })

  it('has every selector in every scenario, and a chart of each', () => {
    const rows = (name: string): number =>
      page.split('\n').filter((line) => line.startsWith(`| ${name} `)).length
    for (const { name } of contenders)
      expect(rows(name), name).toBeGreaterThanOrEqual(scenarios.length)
    expect(readdirSync(new URL('simulation/', docs)).sort()).toEqual(
      scenarios.map(({ name }) => `${name}.svg`).sort(),
    )
    expect(existsSync(new URL('simulation/equal.svg', docs))).toBe(true)
  })

  it('has one scenario whole, byte for byte', () => {
    const slow = scenario('slow')
    const rows = rowsOf(slow)
    for (const cells of outcomeCells(slow, rows)) expect(squeezed).toContain(lineOf(cells))
    const chart = readFileSync(new URL('simulation/slow.svg', docs), 'utf8')
    expect(chartOf(slow, rows)).toBe(chart)
    expect(chart).toContain('prefers-color-scheme: dark')
    expect(chart).not.toMatch(/NaN|Infinity|undefined/)
  })

  it('has the keys as they are computed now', () => {
    const keys = contenders.flatMap((contender) => keysOf(contender, 1) ?? [])
    for (const cells of keysCells(keys).slice(1)) expect(squeezed).toContain(lineOf(cells))
  })
})

const COUNTING = ['least_conn', 'random two', 'least_time', 'peak_ewma', 'bounded hash']
const BLIND = ['round_robin', 'random', 'ip_hash', 'hash', 'consistent hash']

describe('the selectors', () => {
  const p50 = (name: string, contender: string): number => outcomeOf(name, contender).latencies.p50
  const p99 = (name: string, contender: string): number => outcomeOf(name, contender).latencies.p99

  it('share the work better by what is in flight than by turns, and by turns than by chance', () => {
    for (const counting of COUNTING)
      expect(p50('equal-busy', counting), counting).toBeLessThan(
        0.7 * p50('equal-busy', 'round_robin'),
      )
    for (const blind of ['random', 'ip_hash', 'hash', 'consistent hash'])
      expect(p50('equal-busy', blind), blind).toBeGreaterThan(p50('equal-busy', 'round_robin'))
    expect(p50('equal-busy', 'random two')).toBeLessThan(1.5 * p50('equal-busy', 'least_conn'))
  })

  it('know less, and choose worse, where each balancer counts for itself', () => {
    expect(p50('herd', 'least_conn')).toBeGreaterThan(1.5 * p50('equal-busy', 'least_conn'))
    expect(p50('herd', 'least_conn')).toBeLessThan(0.8 * p50('herd', 'round_robin'))
    expect(outcomeOf('herd', 'first').mostInFlight).toBe(128)
  })

  it('are as good for uneven peers with weights, when they heed these', () => {
    for (const { name } of contenders.filter((each) => each.name !== 'first'))
      expect(outcomeOf('uneven-known', name).failures, name).toBe(0)
  })

  it('drown small peers that have no weight, when they do not look', () => {
    for (const blind of BLIND) expect(p99('uneven-unknown', blind), blind).toBeGreaterThan(1000)
    for (const counting of COUNTING) {
      const { failures, retries } = outcomeOf('uneven-unknown', counting)
      expect({ failures, retries }, counting).toEqual({ failures: 0, retries: 0 })
      expect(oddShare('uneven-unknown', counting)).toBeGreaterThan(0.63)
    }
  })

  it('give a slow peer less when they look at it', () => {
    for (const counting of COUNTING) {
      expect(oddShare('slow', counting), counting).toBeLessThan(
        0.5 * oddShare('slow', 'round_robin'),
      )
      expect(p99('slow', counting), counting).toBeLessThan(0.3 * p99('slow', 'round_robin'))
    }
  })

  it('are drawn to a peer that fails at once when they go by load or time; two choices bound it', () => {
    expect(oddShare('fast-errors', 'round_robin')).toBeCloseTo(0.1, 2)
    for (const drawn of ['least_conn', 'least_time'])
      expect(oddShare('fast-errors', drawn), drawn).toBeGreaterThan(0.4)
    for (const bounded of ['random two', 'peak_ewma'])
      expect(oddShare('fast-errors', bounded), bounded).toBeLessThan(0.2)
  })

  it('keep away from a peer that hangs when they count what is in flight', () => {
    for (const counting of COUNTING) expect(p99('hanging', counting), counting).toBeLessThan(250)
    for (const blind of BLIND) expect(p99('hanging', blind), blind).toBeGreaterThan(1000)
  })

  it('overload the peer of a key that is wanted much, unless its load is bounded', () => {
    for (const hash of ['ip_hash', 'hash', 'consistent hash'])
      expect(p99('skewed-keys', hash), hash).toBeGreaterThan(1000)
    expect(p99('skewed-keys', 'bounded hash')).toBeLessThan(200)
  })

  it.each(contenders)('let no client see a peer that comes and goes: $name', (contender) => {
    const settings = { ...scenario('flapping'), seed: 1, requests: 6000 }
    // `first` refuses by itself when all are full.
    const roomy = { selector: contender.selector }
    expect(simulate(settings, roomy).kind).toBe('outcome')
    if (contender.name !== 'first') expect(simulate(settings, roomy)).toMatchObject({ failures: 0 })
  })

  it.each(contenders)('send nobody but a trial to who is marked: $name', ({ name }) => {
    expect(oddShare('fast-errors-marked', name)).toBeLessThan(0.02)
  })
})

describe('keys', () => {
  const moved = (name: string) => {
    const contender = contenders.find((each) => each.name === name)
    const outcome = contender && keysOf(contender, 1)
    if (outcome === undefined) throw new Error(`${name} does not go by keys`)
    return outcome
  }

  it('move when they must, and come back', () => {
    for (const name of ['ip_hash', 'hash', 'consistent hash', 'bounded hash']) {
      expect(moved(name).moved.needless, name).toBe(0)
      expect(moved(name).movedAfterReturn, name).toBe(0)
    }
  })

  it('stay where they are when another peer is removed, if hashed consistently', () => {
    for (const name of ['consistent hash', 'bounded hash'])
      expect(moved(name).movedByRemoval.needless, name).toBe(0)
    for (const name of ['ip_hash', 'hash'])
      expect(moved(name).movedByRemoval.needless, name).toBeGreaterThan(0.7)
  })

  it('are nothing to the others', () => {
    for (const name of ['round_robin', 'least_conn', 'random', 'first'])
      expect(() => moved(name), name).toThrow()
  })
})

describe('slow start', () => {
  const after = (name: string, contender: string): number => outcomeOf(name, contender).focus.p99

  it('spares who is sent to a cold peer', () => {
    expect(after('recovery-eased', 'round_robin')).toBeLessThan(
      0.5 * after('recovery', 'round_robin'),
    )
  })

  it('does so for those who look for themselves when there are many of them', () => {
    for (const contender of ['least_conn', 'peak_ewma'])
      expect(after('recovery-herd-eased', contender), contender).toBeLessThan(
        0.8 * after('recovery-herd', contender),
      )
    expect(outcomeOf('recovery-herd-eased', 'peak_ewma').mostInFlight).toBeLessThan(
      0.5 * outcomeOf('recovery-herd', 'peak_ewma').mostInFlight,
    )
  })
})
