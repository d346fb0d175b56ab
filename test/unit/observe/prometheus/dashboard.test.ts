/** The dashboard of examples/grafana asks for what there is, and shows all of it. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { METRICS } from '../../../../src/observe/prometheus/definitions.js'

const text = readFileSync(
  new URL('../../../../examples/grafana/evenkeel.json', import.meta.url),
  'utf8',
)

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: {
    readonly x: number
    readonly y: number
    readonly w: number
    readonly h: number
  }
  readonly targets?: readonly {
    readonly expr: string
    readonly datasource: { readonly uid: string }
  }[]
}

const dashboard = JSON.parse(text) as {
  readonly panels: readonly Panel[]
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string }[]
  }
}

/** Metrics that are not shown, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {}

const PARTS = { counter: [''], gauge: [''], histogram: ['_bucket', '_sum', '_count'] }
const samples = new Map(
  METRICS.flatMap(({ name, type, labels, perPeer }) =>
    PARTS[type].map((part) => [
      `evenkeel_${name}${part}`,
      { name, labels: new Set(['upstream', ...(perPeer ? ['peer'] : []), ...labels, 'le']) },
    ]),
  ),
)
const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
const named = [...text.matchAll(/\bevenkeel_\w+/g)].map(([name]) => name)

it('names no metric that is not there', () => {
  expect(named.filter((name) => !samples.has(name))).toEqual([])
})

it('shows every metric that is not left out', () => {
  const shown = new Set(named.map((name) => samples.get(name)?.name))
  const missing = METRICS.map(({ name }) => name).filter((name) => !shown.has(name))
  expect(missing).toEqual(Object.keys(LEFT_OUT))
})

it('asks for no label that a metric does not have', () => {
  for (const expr of expressions) {
    for (const [, name = '', selector = ''] of expr.matchAll(/(evenkeel_\w+)\{([^}]*)\}/g))
      for (const [, label = ''] of selector.matchAll(/(\w+)(?:=|!)/g))
        expect(samples.get(name)?.labels.has(label), `${label} in ${expr}`).toBe(true)
    const by = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(', '))
    const [, first = ''] = /(evenkeel_\w+)/.exec(expr) ?? []
    for (const label of by)
      expect(samples.get(first)?.labels.has(label), `${label} in ${expr}`).toBe(true)
  }
})

it('has its data source as a variable, and panels that do not lie on each other', () => {
  expect(dashboard.templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource' })
  const targets = dashboard.panels.flatMap(({ targets: all = [] }) => all)
  expect(new Set(targets.map(({ datasource }) => datasource.uid))).toEqual(
    new Set(['${datasource}']),
  )
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from(
      { length: w * h },
      (_, i) => `${String(x + (i % w))} ${String(y + Math.floor(i / w))}`,
    ),
  )
  expect(new Set(cells).size).toBe(cells.length)
  const rows = dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title)
  expect(rows).toEqual([
    'Traffic',
    'Errors',
    'Latency',
    'Peers',
    'Retries',
    'Pool',
    'Queue',
    'Incidents',
  ])
})
