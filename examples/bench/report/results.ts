/** What a run leaves behind: the JSON, and what tables and charts are made from. */
import type { ContenderKind } from '../contender.js'
import type { Sample } from '../run/measure.js'
import type { Facts } from '../run/verify.js'
import type { ScenarioName } from '../scenario.js'
import { median, spreadOf } from './statistics.js'
import type { Spread } from './statistics.js'

export interface Row {
  readonly contender: string
  readonly label: string
  readonly kind: ContenderKind
  /** `v20.20.2`; undefined for programs of the system. */
  readonly node?: string
  readonly versions: string
  /** Seen before measuring; undefined for what is no proxy. */
  readonly facts?: Facts
  readonly health: string
  readonly remark: string
  /** One a round. */
  readonly samples: readonly Sample[]
  /** Why there are no samples. */
  readonly missing?: string
}

export interface Machine {
  readonly processor: string
  readonly processors: number
  readonly system: string
  /** Processes that wanted to run when the benchmark began; near 0 on a quiet machine. */
  readonly loadBefore: number
}

export interface ScenarioResult {
  readonly scenario: ScenarioName
  readonly title: string
  readonly unit: 'request' | 'message'
  readonly measuredAt: string
  readonly machine: Machine
  readonly tools: Readonly<Record<string, string>>
  readonly settings: {
    readonly rounds: number
    readonly seconds: number
    readonly warmup: number
  }
  readonly rows: readonly Row[]
}

export interface Results {
  readonly format: 1
  readonly scenarios: Partial<Record<ScenarioName, ScenarioResult>>
}

/** A row's medians, and its CPU time compared. */
export interface Line {
  readonly row: Row
  readonly cpu: Spread
  readonly rate: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly memory: number
  readonly errors: string
  /** CPU time as a multiple of nginx's, and of the best Node library's under the same Node. */
  readonly toNginx: number | undefined
  readonly toBest: number | undefined
}

/** Rows with samples. */
function measured(rows: readonly Row[]): Row[] {
  return rows.filter(({ samples }) => samples.length > 0)
}

function cpuOf({ samples }: Row): number {
  return median(samples.map(({ cpu }) => cpu))
}

/** The Node library with the least CPU time, without errors, under this Node (any Node: undefined). */
export function bestLibrary(rows: readonly Row[], node: string | undefined): Row | undefined {
  return measured(rows)
    .filter(({ kind }) => kind === 'library')
    .filter((row) => node === undefined || row.node === node)
    .filter(({ samples }) => samples.every(({ errors }) => errors === ''))
    .toSorted((a, b) => cpuOf(a) - cpuOf(b))[0]
}

function lineOf(row: Row, rows: readonly Row[]): Line {
  const { samples } = row
  const of = (key: 'rate' | 'p50' | 'p99' | 'p999' | 'memory') =>
    median(samples.map((sample) => sample[key]))
  const cpu = spreadOf(samples.map((sample) => sample.cpu))
  const nginx = measured(rows).find(({ contender }) => contender === 'nginx')
  const best = bestLibrary(rows, row.node)
  return {
    row,
    cpu,
    rate: of('rate'),
    p50: of('p50'),
    p99: of('p99'),
    p999: of('p999'),
    memory: of('memory'),
    errors: [...new Set(samples.map(({ errors }) => errors).filter(Boolean))].join('; '),
    toNginx: nginx && cpu.median / cpuOf(nginx),
    toBest: best && cpu.median / cpuOf(best),
  }
}

/** In the order of the contenders, as the rows are. */
export function linesOf({ rows }: ScenarioResult): Line[] {
  return measured(rows).map((row) => lineOf(row, rows))
}

/** A row's name; with its Node where there are several. */
export function nameOf(row: Row, rows: readonly Row[]): string {
  const nodes = new Set(rows.map(({ node }) => node).filter((node) => node !== undefined))
  return nodes.size > 1 && row.node !== undefined ? `${row.label}, Node ${row.node}` : row.label
}
