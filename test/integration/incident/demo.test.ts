/** What the demo says at its end, and how it leaves the terminal. The demo itself is `npm run demo`. */
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { ACTS } from '../../../examples/demo/acts.js'
import type { Verdict } from '../../../examples/demo/engine/judge.js'
import { conclusion, noticed, outcome, table } from '../../../examples/demo/report.js'
import type { Played } from '../../../examples/demo/report.js'
import { TerminalView } from '../../../examples/demo/view/terminal-view.js'

const quiet: Verdict = {
  served: 100,
  wrong: 0,
  unjust: 0,
  lost: 0,
  outage: 0,
  standstill: 0,
  requests: 100,
  posts: 20,
  poison: 0,
  bystanders: 0,
  retried: 3,
  runTwice: 0,
  duringOutage: 0,
  duringOutageServed: 0,
  complaints: [],
}

function played(more: Partial<Verdict> = {}): Played[] {
  return ACTS.map((act, at) => ({ act, verdict: at === 2 ? { ...quiet, ...more } : quiet }))
}

describe('the demo', () => {
  it('says that nobody noticed only when nothing at all failed and nothing ran twice', () => {
    expect(noticed(played())).toBe(false)
    expect(conclusion(played())[0]).toBe('Nobody noticed: 0 failed, 0 run twice.')
    for (const bad of [{ unjust: 1 }, { wrong: 1 }, { lost: 1 }, { outage: 1 }, { runTwice: 1 }]) {
      expect(noticed(played(bad))).toBe(true)
      expect(conclusion(played(bad))[0]).toContain('Somebody noticed')
    }
  })

  it("does not count what nginx's rules do, but says it", () => {
    const all = played().map((one) =>
      one.act.balancer === 'nginx'
        ? { ...one, verdict: { ...quiet, unjust: 80, bystanders: 77 } }
        : one,
    )
    expect(noticed(all)).toBe(false)
    expect(conclusion(all).join('\n')).toContain('77 bystanders')
    expect(table(all).join('\n')).not.toContain("nginx's rules")
  })

  it('draws lines that fit, and gives the cursor back', () => {
    let written = ''
    const view = new TerminalView({ columns: 60, write: (text) => (written += text) })
    const [first] = played()
    if (first === undefined) throw new Error('no acts')
    const peers = [
      { name: '127.0.0.1:21000', server: 'killed', seen: 'ejected', attempts: 7 },
    ] as const
    const moment = { act: first.act, index: 0, acts: 8, peers, requests: 1, retried: 0, failed: 0 }
    view.begin(moment)
    view.tick(moment)
    view.end(moment, outcome(first), true)
    view.close()
    view.close()
    expect(written.startsWith('\x1b[?25l')).toBe(true)
    expect(written.split('\x1b[?25h')).toHaveLength(2)
    expect(written.endsWith('\x1b[?25h')).toBe(true)
    for (const line of stripVTControlCharacters(written).split('\n'))
      expect(line.length).toBeLessThan(60)
  })
})
