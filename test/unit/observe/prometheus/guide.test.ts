/** docs/metrics.md says what there is. */
import { expect, it } from 'vitest'
import { METRICS } from '../../../../src/observe/prometheus/definitions.js'
import {
  METHODS,
  MECHANISMS,
  QUEUE_OUTCOMES,
  STATES,
  STATUS_CLASSES,
} from '../../../../src/observe/prometheus/labels.js'
import { membersOf, read, tableRows } from '../../../integration/examples/documents.js'

const guide = read('docs/metrics.md')

it('has every metric with its type, labels and meaning, and no other', () => {
  const told = tableRows(guide, 'The metrics').filter(([name]) => name?.startsWith('evenkeel_'))
  const rows = METRICS.map(({ name, type, labels, perPeer, help }) => [
    `evenkeel_${name}`,
    type,
    ['upstream', ...(perPeer ? ['peer'] : []), ...labels].join(' '),
    help,
  ])
  const plain = told.map((row) => row.map((cell) => cell.replaceAll('`', '')))
  expect(plain).toEqual(rows)
})

it('has every option', () => {
  const options = (file: string, name: string): string[] => membersOf(file, name).sort()
  const rows = (file: string, heading: string): string[] =>
    tableRows(read(file), heading)
      .map(([name]) => name ?? '')
      .sort()
  expect(rows('docs/metrics.md', 'In an application')).toEqual(
    options('src/observe/prometheus/options.ts', 'MetricsOptions'),
  )
  expect(rows('docs/tracing.md', 'Traces')).toEqual(
    options('src/observe/opentelemetry/options.ts', 'TraceOptions'),
  )
})

it('has the values of the labels', () => {
  for (const value of [...METHODS, ...STATUS_CLASSES, ...STATES, ...QUEUE_OUTCOMES])
    expect(guide).toContain(`\`${value}\``)
  // Those of an incident are the event's.
  expect(MECHANISMS).toContain('unknown')
})
