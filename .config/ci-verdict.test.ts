import { describe, expect, it } from 'vitest'
import { linesOf, toBePlayedAgain, UNSTEADY_AT_MOST, verdictOf } from './ci-verdict.mjs'
import type { Fault, Replay, Report, Run } from './ci-verdict.mjs'

const fault = (file: string, name = 'adds', kind: Fault['kind'] = 'test'): Fault => ({
  kind,
  project: 'p',
  file,
  name,
  message: `expected 1 to be 2\nat ${file}:1`,
})

const reportOf = (faults: Fault[] = [], more: Partial<Report> = {}): Report => ({
  node: 'v22.1.0',
  finished: true,
  passed: 10,
  faults,
  unhandled: [],
  ...more,
})

const runOf = (report: Report | undefined, more: Partial<Run> = {}): Run => ({
  name: 'node 22',
  node: 'v22.',
  status: report?.faults.length === 0 && report.unhandled.length === 0 ? 0 : 1,
  report,
  coverage: [],
  ...more,
})

const again = (run: Run, file: string, faults: Fault[] = []): Replay => ({
  run,
  project: 'p',
  file,
  status: faults.length === 0 ? 0 : 1,
  report: reportOf(faults),
})

const failedNames = (run: Run, replays: Replay[] = []): string[] =>
  verdictOf([run], replays).failures.map(({ name }) => name)

describe('what is played again', () => {
  it('is each file once, by project', () => {
    const other = { ...fault('a'), project: 'q' }
    const run = runOf(reportOf([fault('a', 'one'), fault('a', 'two'), other]))
    expect(toBePlayedAgain([run])).toEqual([
      { run, project: 'p', file: 'a' },
      { run, project: 'q', file: 'a' },
    ])
  })

  it('is nothing when more failed, on all Nodes, than would be excused', () => {
    const files = Array.from({ length: UNSTEADY_AT_MOST }, (_, n) => fault(String(n)))
    const run = runOf(reportOf(files))
    expect(toBePlayedAgain([run])).toHaveLength(UNSTEADY_AT_MOST)
    const runs = [run, runOf(reportOf([fault('0')]))]
    expect(toBePlayedAgain(runs)).toEqual([])
    expect(verdictOf(runs, []).failures).toHaveLength(UNSTEADY_AT_MOST + 1)
  })
})

describe('what fails', () => {
  it('is nothing when all is well', () => {
    expect(verdictOf([runOf(reportOf())], [])).toEqual({ passed: 10, failures: [], unsteady: [] })
  })

  it('is what fails twice', () => {
    const run = runOf(reportOf([fault('a')]))
    const verdict = verdictOf([run], [again(run, 'a', [fault('a')])])
    expect(verdict).toMatchObject({ passed: 10, unsteady: [] })
    expect(verdict.failures).toMatchObject([{ where: 'node 22 | p | a, twice', name: 'adds' }])
  })

  it('is not what passes alone: that is unsteady, and has passed', () => {
    const run = runOf(reportOf([fault('a')]))
    const verdict = verdictOf([run], [again(run, 'a')])
    expect(verdict).toMatchObject({ passed: 11, failures: [], unsteady: [{ name: 'adds' }] })
  })

  it('is what another Node has not played again', () => {
    const first = runOf(reportOf([fault('a')]))
    const runs = [first, runOf(reportOf([fault('a')]))]
    expect(verdictOf(runs, [again(first, 'a')]).failures).toHaveLength(1)
  })

  it('is what fails alone and not before, and what failed with it', () => {
    const run = runOf(reportOf([fault('a', 'one')]))
    expect(failedNames(run, [again(run, 'a', [fault('a', 'two')])])).toEqual(['one', 'two'])
  })

  it('is a file that did not load, whatever it does alone', () => {
    const run = runOf(reportOf([fault('a', '', 'file')]))
    expect(verdictOf([run], [again(run, 'a')]).failures).toMatchObject([
      { where: 'node 22 | p | a, not when alone' },
    ])
  })

  it('is a replay of nothing', () => {
    const run = runOf(reportOf([fault('a')]))
    const nothing = { ...again(run, 'a'), report: reportOf([], { passed: 0 }) }
    expect(failedNames(run, [nothing])).toEqual(['adds'])
    expect(failedNames(run, [{ ...nothing, report: undefined }])).toEqual(['adds'])
  })

  it.each<[string, Run]>([
    ['unhandled error', runOf(reportOf([], { unhandled: ['Error: stray'] }))],
    ['coverage', runOf(reportOf(), { status: 1, coverage: ['lines (80%)'] })],
    ['was interrupted', runOf(reportOf([], { finished: false }))],
    ['no test passed', runOf(reportOf([], { passed: 0 }))],
    ['ran on node v20.1.0, not v22.', runOf(reportOf([], { node: 'v20.1.0' }))],
    ['ended with status 3', runOf(reportOf(), { status: 3 })],
    ['ended with status 3 and without a report', runOf(undefined, { status: 3 })],
  ])('is %s', (name, run) => {
    expect(failedNames(run)).toEqual([name])
  })

  it('is an unhandled error beside a test that passed alone', () => {
    const run = runOf(reportOf([fault('a')], { unhandled: ['Error: stray'] }))
    expect(failedNames(run, [again(run, 'a')])).toEqual(['unhandled error'])
  })
})

describe('the end of the output', () => {
  it('names all, and what is unsteady under its own headline', () => {
    const unsteady = { where: 'node 22 | p | b', name: 'waits', message: 'late' }
    const failure = { where: 'node 22 | p | a', name: 'adds', message: 'expected 1\n\nto be 2' }
    expect(linesOf({ passed: 5, failures: [failure], unsteady: [unsteady] })).toEqual([
      '',
      'failed: node 22 | p | a',
      '  adds',
      '    expected 1',
      '    to be 2',
      '',
      '=== unsteady: failed in the whole run, passed alone',
      'unsteady: node 22 | p | b',
      '  waits',
      '    late',
      '',
      '5 passed, 1 failed',
    ])
  })

  it.each([1, 3, 15, 500])('fits into 60 lines with %i failures', (count) => {
    const failure = { where: 'w', name: 'n', message: Array(50).fill('x'.repeat(999)).join('\n') }
    const lines = linesOf({
      passed: 0,
      failures: Array(count).fill(failure) as (typeof failure)[],
      unsteady: Array(UNSTEADY_AT_MOST).fill(failure) as (typeof failure)[],
    })
    expect(lines.length).toBeLessThanOrEqual(60)
    expect(lines.at(-1)).toBe(`0 passed, ${count} failed`)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(240)
  })
})
