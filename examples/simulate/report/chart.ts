/** A scenario as a picture: for each selector who got how much, how long it took, and how that went over time. */
import { drawing, element, text } from '../../bench/report/svg.js'
import { STEP } from '../engine/simulate.js'
import type { Outcome } from '../engine/simulate.js'
import type { Row } from '../run.js'
import type { Scenario } from '../scenarios.js'
import { milliseconds, percent, shareOf } from './table.js'

interface Panel {
  readonly x: number
  readonly width: number
}

const SHARES: Panel = { x: 170, width: 190 }
const TIMES: Panel = { x: 415, width: 225 }
const COURSE: Panel = { x: 670, width: 215 }
const WIDTH = 900
const ROW = 30
const TOP = 72
const BOTTOM = 34
/** Milliseconds at the two ends of a scale of time. */
interface Scale {
  readonly least: number
  readonly most: number
}

const ALL_TIMES: Scale = { least: 5, most: 4000 }
const LONG_TIMES: Scale = { least: 60, most: 4000 }
const TICKS = [10, 100, 1000]

/** Colours that stand on white and on black; the page's own background shows through. */
const STYLE = `
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 15px }
.small { font-size: 11px; fill: #59636e }
.grid { stroke: #d0d7de; stroke-width: 1 }
.share { fill: #afb8c1 } .odd { fill: #d9773f }
.median { fill: #2477c9 } .range { stroke: #2477c9; stroke-width: 6; stroke-linecap: round; opacity: 0.45 }
.course { stroke: #2477c9; stroke-width: 1.3; fill: none }
.focus { fill: #d9773f; opacity: 0.14 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .small { fill: #9198a1 } .grid { stroke: #3d444d }
  .share { fill: #57606a } .odd { fill: #e08a55 }
  .median { fill: #4c9aea } .range { stroke: #4c9aea } .course { stroke: #4c9aea } .focus { fill: #e08a55 }
}
`

/** Where a time stands on a scale, from 0 to 1, by its logarithm. */
export function logShare(ms: number, { least, most }: Scale): number {
  const share = Math.log(ms / least) / Math.log(most / least)
  return Math.min(1, Math.max(0, share))
}

const across = (ms: number): number => TIMES.x + logShare(ms, ALL_TIMES) * TIMES.width

export function chartOf(scenario: Scenario, rows: readonly Row[]): string {
  const { title, odd } = scenario
  const height = TOP + rows.length * ROW + BOTTOM
  const foot = TOP + rows.length * ROW
  return drawing(
    { width: WIDTH, height, title, style: STYLE },
    text({ class: 'title', x: 10, y: 24 }, title),
    heading(SHARES, odd === undefined ? 'attempts by peer' : `attempts ${odd.title}`),
    heading(TIMES, 'p50 (dot) to p99'),
    heading(COURSE, 'p99 of each half second'),
    ...TICKS.map((ms) => tick(ms, foot)),
    focusBand(scenario, rows, foot),
    ...rows.map((row, index) => rowOf(scenario, row, TOP + index * ROW)),
    text({ class: 'small', x: 10, y: height - 10 }, 'all scales of time are logarithmic'),
  )
}

function heading({ x }: Panel, content: string): string {
  return text({ class: 'small', x, y: 50 }, content)
}

function tick(ms: number, foot: number): string {
  const x = across(ms)
  return (
    element('line', { class: 'grid', x1: x, x2: x, y1: TOP - 8, y2: foot }) +
    text({ class: 'small', x, y: foot + 14, 'text-anchor': 'middle' }, `${milliseconds(ms)} ms`)
  )
}

function rowOf(scenario: Scenario, { contender, outcome }: Row, top: number): string {
  const middle = top + ROW / 2
  const name = text({ x: SHARES.x - 12, y: middle + 4, 'text-anchor': 'end' }, contender)
  if (outcome.kind === 'refused')
    return name + text({ class: 'small', x: SHARES.x, y: middle + 4 }, 'cannot be combined')
  return [
    name,
    sharesOf(scenario, outcome, top),
    timesOf(outcome, middle),
    courseOf(outcome, top),
  ].join('')
}

/** The odd ones first, so that they can be compared. */
function sharesOf({ odd }: Scenario, outcome: Outcome, top: number): string {
  const isOdd = (peer: number): boolean => odd?.peers.includes(peer) === true
  const order = [...outcome.shares.keys()].sort(
    (a, b) => Number(isOdd(b)) - Number(isOdd(a)) || a - b,
  )
  let x = SHARES.x
  const bars = order.map((peer) => {
    const width = (outcome.shares[peer] ?? 0) * SHARES.width
    const bar = element('rect', {
      class: isOdd(peer) ? 'odd' : 'share',
      x,
      y: top + 7,
      width: Math.max(0, width - 1),
      height: ROW - 14,
    })
    x += width
    return bar
  })
  const label = odd === undefined ? '' : percent(shareOf(outcome, odd.peers))
  return (
    bars.join('') +
    (label && text({ class: 'small', x: SHARES.x + SHARES.width + 5, y: top + ROW / 2 + 4 }, label))
  )
}

function timesOf({ latencies: { p50, p99 }, failures }: Outcome, y: number): string {
  const failed = failures === 0 ? '' : `, ${failures.toLocaleString('en')} failed`
  const isFarRight = across(p99) > TIMES.x + TIMES.width * 0.55
  return [
    element('line', { class: 'range', x1: across(p50), x2: across(p99), y1: y, y2: y }),
    element('circle', { class: 'median', cx: across(p50), cy: y, r: 4 }),
    text(
      {
        class: 'small',
        x: isFarRight ? across(p99) : across(p99) + 9,
        y: isFarRight ? y - 7 : y + 4,
        'text-anchor': isFarRight ? 'end' : 'start',
      },
      `${milliseconds(p99)}${failed}`,
    ),
  ].join('')
}

function courseOf({ course }: Outcome, top: number): string {
  const step = COURSE.width / Math.max(1, course.length - 1)
  const points = course.map((p99, i) => {
    const x = COURSE.x + i * step
    const y = top + ROW - 4 - logShare(p99, LONG_TIMES) * (ROW - 6)
    return `${x.toFixed(1)} ${y.toFixed(1)}`
  })
  return element('path', { class: 'course', d: `M${points.join('L')}` })
}

/** The time that has a p99 of its own, in the background. */
function focusBand({ focus }: Scenario, rows: readonly Row[], foot: number): string {
  const lengths = rows.map(({ outcome }) =>
    outcome.kind === 'outcome' ? outcome.course.length : 0,
  )
  const steps = Math.max(...lengths) - 1
  if (focus === undefined || steps < 1) return ''
  const x = (ms: number): number => COURSE.x + Math.min(1, ms / STEP / steps) * COURSE.width
  return element('rect', {
    class: 'focus',
    x: x(focus.from),
    y: TOP,
    width: x(focus.to) - x(focus.from),
    height: foot - TOP,
  })
}
