import { describe, expect, it } from 'vitest'
import { tableOf } from '../../../examples/bench/micro/table.js'
import type { MicroReport } from '../../../examples/bench/micro/table.js'

const report = (ns: number, bytes: number): MicroReport => ({
  node: 'v0',
  groups: [{ group: 'pick', costs: [{ name: 'two peers', ns, least: ns / 2, bytes }] }],
})

const last = (lines: readonly string[]): string => lines.at(-1)!.replace(/ +/g, ' ')

describe('tableOf', () => {
  it('shows what a call takes', () => {
    const lines = tableOf(report(99.96, 480), undefined)
    expect(lines[1]).toBe('pick')
    expect(last(lines)).toBe(' two peers 100.0 50.0 480')
  })

  it('shows what has become of it', () => {
    expect(last(tableOf(report(50, 240), report(200, 480)))).toBe(
      ' two peers 50.0 25.0 240 0.25 0.50',
    )
  })

  it('knows no ratio to nothing, or to what was not there', () => {
    expect(last(tableOf(report(50, 0), report(100, 0)))).toBe(' two peers 50.0 25.0 0 0.50')
    expect(last(tableOf(report(50, 8), report(100, 0)))).toBe(' two peers 50.0 25.0 8 0.50 -')
    const others: MicroReport = { node: 'v0', groups: [] }
    expect(last(tableOf(report(50, 8), others))).toBe(' two peers 50.0 25.0 8 new new')
  })
})
