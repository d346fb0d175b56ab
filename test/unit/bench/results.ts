/** Results as a run leaves them, made up. */
import type { Row, ScenarioResult } from '../../../examples/bench/report/results.js'
import type { Sample } from '../../../examples/bench/run/measure.js'

export function sample(cpu: number, changes: Partial<Sample> = {}): Sample {
  const times = { p50: 1.234, p99: 12.34, p999: 20 }
  return {
    requests: 9,
    cpu,
    rate: 12_345.6,
    ...times,
    memory: 64,
    foreign: 0,
    errors: '',
    ...changes,
  }
}

export function row(contender: string, cpus: readonly number[], changes: Partial<Row> = {}): Row {
  const words = { versions: '', health: 'none', remark: '' }
  const samples = cpus.map((cpu) => sample(cpu))
  return {
    contender,
    label: contender,
    kind: 'library',
    node: 'v20.1.0',
    ...words,
    samples,
    ...changes,
  }
}

/** nginx runs without Node. */
export function nginx(cpu: number): Row {
  const { node: _none, ...rest } = row('nginx', [cpu], { kind: 'server' })
  return rest
}

export function result(
  rows: readonly Row[],
  changes: Partial<ScenarioResult> = {},
): ScenarioResult {
  return {
    scenario: 'get',
    title: 'small <GET>',
    unit: 'request',
    measuredAt: '2026-01-02T03:04:05.678Z',
    machine: { processor: 'Some CPU', processors: 2, system: 'Linux 6', loadBefore: 0.25 },
    tools: { nginx: '1.22.1' },
    settings: { rounds: 3, seconds: 2, warmup: 1 },
    rows,
    ...changes,
  }
}
