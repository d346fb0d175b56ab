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

describe('the selectors', () => {
  it('share the work better by what is in flight than by turns', () => {
    for (const name of ['equal', 'equal-busy', 'herd', 'uneven-known'])
      expect(outcomeOf(name, 'least_conn').latencies.p50, name).toBeLessThan(
        0.8 * outcomeOf(name, 'round_robin').latencies.p50,
      )
  })

  it('know less, and choose worse, where each balancer counts for itself', () => {
    expect(outcomeOf('herd', 'least_conn').latencies.p50).toBeGreaterThan(
      1.3 * outcomeOf('equal-busy', 'least_conn').latencies.p50,
    )
  })

  it('drown small peers that have no weight, when they share by number', () => {
    expect(outcomeOf('uneven-unknown', 'round_robin').failures).toBeGreaterThan(100)
    expect(outcomeOf('uneven-unknown', 'least_conn').failures).toBe(0)
    expect(oddShare('uneven-unknown', 'least_conn')).toBeGreaterThan(
      oddShare('uneven-unknown', 'round_robin'),
    )
  })

  it('give a slow peer less when they look at it', () => {
    expect(oddShare('slow', 'least_conn')).toBeLessThan(0.5 * oddShare('slow', 'round_robin'))
    expect(outcomeOf('slow', 'least_conn').latencies.p99).toBeLessThan(
      0.3 * outcomeOf('slow', 'round_robin').latencies.p99,
    )
  })

  it('are drawn to a peer that fails at once, when they go by load', () => {
    expect(oddShare('fast-errors', 'round_robin')).toBeCloseTo(0.1, 2)
    expect(oddShare('fast-errors', 'least_conn')).toBeGreaterThan(0.3)
  })

  it.each(contenders)('let no client see a peer that comes and goes: $name', (contender) => {
    const settings = { ...scenario('flapping'), seed: 1, requests: 6000 }
    expect(simulate(settings, contender)).toMatchObject({ failures: 0 })
  })

  it.each(contenders)('send nobody but a trial to who is marked: $name', (contender) => {
    const settings = { ...scenario('fast-errors-marked'), seed: 1, requests: 6000 }
    const outcome = simulate(settings, contender)
    if (outcome.kind === 'refused') throw new Error(outcome.why)
    expect(outcome.failures).toBeLessThan(10)
  })
})

describe('slow start', () => {
  const after = (name: string, contender: string): number => outcomeOf(name, contender).focus.p99

  it('spares who is sent to a cold peer', () => {
    expect(after('recovery-eased', 'round_robin')).toBeLessThan(
      0.5 * after('recovery', 'round_robin'),
    )
  })

  it('does so for those who look at what is in flight when there are many of them', () => {
    expect(after('recovery-herd-eased', 'least_conn')).toBeLessThan(
      0.7 * after('recovery-herd', 'least_conn'),
    )
  })
})
