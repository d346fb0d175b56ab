/** What is printed. */
import type { Cost } from './case.js'

/** A group with what its cases take. */
export interface GroupCosts {
  readonly group: string
  readonly costs: readonly Cost[]
}

/** What `--json` prints and `--compare` reads. */
export interface MicroReport {
  readonly node: string
  readonly groups: readonly GroupCosts[]
}

const time = (ns: number): string => (ns < 100 ? ns.toFixed(1) : ns.toFixed(0))

/** Lines of a table; with `before`, what has become of it: below 1 is better. */
export function tableOf({ groups }: MicroReport, before: MicroReport | undefined): string[] {
  const lines = [
    `${''.padEnd(44)}        ns     least     bytes${before === undefined ? '' : '   ns ratio   bytes ratio'}`,
  ]
  for (const { group, costs } of groups) {
    lines.push(group)
    for (const cost of costs) {
      const { name, ns, least, bytes } = cost
      const cells = [
        `  ${name}`.padEnd(44),
        time(ns).padStart(9),
        time(least).padStart(9),
        String(bytes).padStart(9),
      ]
      const old = before === undefined ? undefined : costBefore(before, group, name)
      if (before !== undefined) {
        cells.push(
          ratio(ns, old?.ns).padStart(10),
          old?.bytes === 0 && bytes === 0 ? '' : ratio(bytes, old?.bytes).padStart(13),
        )
      }
      lines.push(cells.join(' ').trimEnd())
    }
  }
  return lines
}

function costBefore(before: MicroReport, group: string, name: string): Cost | undefined {
  return before.groups
    .find((each) => each.group === group)
    ?.costs.find((each) => each.name === name)
}

function ratio(now: number, before: number | undefined): string {
  if (before === undefined) return 'new'
  return before === 0 ? '-' : (now / before).toFixed(2)
}
