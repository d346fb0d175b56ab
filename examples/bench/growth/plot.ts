/** A plot as SVG: text alone, with colours for light and dark surroundings. */
import { shown } from './dimensions.js'
import type { Dimension } from './dimensions.js'
import type { Line } from './results.js'

type Shape = Pick<Dimension, 'title' | 'axis' | 'unit' | 'scale' | 'values'>

const WIDTH = 720
const HEIGHT = 360
const LEFT = 64
const RIGHT = 190
const TOP = 44
const BOTTOM = 52
const RIGHT_EDGE = WIDTH - RIGHT
const FOOT = HEIGHT - BOTTOM

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 15px; font-weight: 600 }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  .line { fill: none; stroke-width: 2 }
  .c0 { stroke: #6e7781; fill: #6e7781 } .c1 { stroke: #0969da; fill: #0969da }
  .c2 { stroke: #bc4c00; fill: #bc4c00 } .c3 { stroke: #8250df; fill: #8250df }
  path.line { fill: none }
  text.label { stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .grid { stroke: #3d444d }
    .c0 { stroke: #9198a1; fill: #9198a1 } .c1 { stroke: #4493f8; fill: #4493f8 }
    .c2 { stroke: #f0883e; fill: #f0883e } .c3 { stroke: #ab7df8; fill: #ab7df8 }
  }`

/** Where a value stands between the first and the last, from 0 to 1, by its logarithm; 0 a step before the others. */
export function logPosition(values: readonly number[], value: number): number {
  const positive = values.filter((each) => each > 0)
  const least = Math.min(...positive)
  const greatest = Math.max(...positive)
  const start = Math.log(values.includes(0) ? least / 4 : least)
  const at = value === 0 ? start : Math.log(value)
  return greatest === least && start === Math.log(least)
    ? 0
    : (at - start) / (Math.log(greatest) - start)
}

/** Round figures from 0, or from a power of ten, to the greatest. */
export function ticksOf(least: number, greatest: number, scale: Dimension['scale']): number[] {
  const ticks: number[] = []
  if (scale === 'log') {
    let tick = 10 ** Math.floor(Math.log10(least))
    for (; tick < greatest; tick *= 10) ticks.push(tick)
    return [...ticks, tick]
  }
  const rough = greatest / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough) ?? rough
  for (let i = 0; (i - 1) * step < greatest; i++) ticks.push(i * step)
  return ticks
}

export function plotOf(dimension: Shape, lines: readonly Line[]): string {
  const { title, axis, unit, scale, values } = dimension
  const times = lines.flatMap(({ points }) => points.map(({ us }) => us))
  const ticks = ticksOf(Math.min(...times), Math.max(...times), scale)
  const top = ticks.at(-1) ?? 1
  const x = (value: number): number => LEFT + logPosition(values, value) * (RIGHT_EDGE - LEFT)
  const y = (us: number): number => {
    const bottom = ticks[0] ?? 0
    const share =
      scale === 'log' ? Math.log(us / bottom) / Math.log(top / bottom) : (us - bottom) / top
    return FOOT - share * (FOOT - TOP)
  }
  const grid = ticks.map(
    (tick) =>
      `<path class="grid" d="M${LEFT} ${px(y(tick))}H${RIGHT_EDGE}"/><text x="${LEFT - 8}" y="${px(y(tick) + 4)}" text-anchor="end">${tick.toLocaleString('en')}</text>`,
  )
  const below = values.map(
    (value) =>
      `<text x="${px(x(value))}" y="${FOOT + 20}" text-anchor="middle">${shown(value, unit)}</text>`,
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}\n</style>`,
    `<text class="title" x="${LEFT}" y="22">${escaped(title)}: µs of CPU a request</text>`,
    ...grid,
    ...below,
    `<text x="${px((LEFT + RIGHT_EDGE) / 2)}" y="${FOOT + 42}" text-anchor="middle">${escaped(axis)}</text>`,
    ...curves(lines, x, y),
    '</svg>\n',
  ].join('\n')
}

function curves(
  lines: readonly Line[],
  x: (value: number) => number,
  y: (us: number) => number,
): string[] {
  const labels = apart(lines.map(({ points }) => y(points.at(-1)?.us ?? 0) + 4))
  return lines.flatMap(({ contender, points }, i) => {
    const colour = `c${i % 4}`
    const path = points.map(({ value, us }) => `${px(x(value))} ${px(y(us))}`).join('L')
    const dots = points.map(
      ({ value, us }) => `<circle class="${colour}" cx="${px(x(value))}" cy="${px(y(us))}" r="3"/>`,
    )
    return [
      `<path class="line ${colour}" d="M${path}"/>`,
      ...dots,
      `<text class="label ${colour}" x="${RIGHT_EDGE + 10}" y="${px(labels[i] ?? 0)}">${escaped(contender)}</text>`,
    ]
  })
}

const LABEL_HEIGHT = 15

/** Labels that would cover each other move down. */
export function apart(places: readonly number[]): number[] {
  const order = places.map((place, i) => ({ place, i })).sort((a, b) => a.place - b.place)
  const moved = [...places]
  let least = -Infinity
  for (const { place, i } of order) {
    const free = Math.max(place, least)
    moved[i] = free
    least = free + LABEL_HEIGHT
  }
  return moved
}

const px = (value: number): string => String(Math.round(value * 10) / 10)

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
