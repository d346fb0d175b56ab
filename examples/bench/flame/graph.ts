/** A tree of frames as an SVG that stands by itself: callers below, what they call above; the pointer shows the rest. */
import { drawing, element, escapeXml, text } from '../report/svg.js'
import type { Frame } from './tree.js'

const WIDTH = 1400
const ROW = 17
const TOP = 34
/** Narrower frames are not drawn, in pixels. */
const NARROWEST = 0.6
/** Of a letter, in pixels. */
const LETTER = 6.3

const STYLE = `
svg { background: #fff } text { font: 11px ui-monospace, monospace; fill: #1f2328; pointer-events: none }
.head { font: 600 14px system-ui, sans-serif }
rect { stroke: #fff; stroke-width: .5 } g:hover > rect { stroke: #1f2328; stroke-width: 1 }
.evenkeel { fill: #7fb2e5 } .package { fill: #f0b27a } .node { fill: #a9d18e } .engine { fill: #d0d7de }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117 } .head { fill: #f0f6fc } rect { stroke: #0d1117 } g:hover > rect { stroke: #f0f6fc }
}
`

type Origin = 'evenkeel' | 'package' | 'node' | 'engine'

function originOf(place: string): Origin {
  if (place === '') return 'engine'
  if (place.startsWith('node:')) return 'node'
  return /^(dist|examples)\//.test(place) ? 'evenkeel' : 'package'
}

function depthOf(frame: Frame, scale: number): number {
  const visible = frame.children.filter(({ total }) => total * scale >= NARROWEST)
  return 1 + Math.max(0, ...visible.map((child) => depthOf(child, scale)))
}

export interface GraphOptions {
  readonly title: string
  /** A weight in words, e.g. `12.3 µs a request`. */
  weigh(weight: number): string
}

export function flameGraph(root: Frame, { title, weigh }: GraphOptions): string {
  const scale = root.total === 0 ? 0 : WIDTH / root.total
  const depth = depthOf(root, scale)
  const height = TOP + depth * ROW + 8
  const boxes: string[] = []
  const draw = (frame: Frame, x: number, level: number): void => {
    const width = frame.total * scale
    if (width < NARROWEST) return
    const y = TOP + (depth - 1 - level) * ROW
    const share = ((frame.total / root.total) * 100).toFixed(1)
    const letters = Math.floor((width - 6) / LETTER)
    const label = `${frame.name} ${frame.place}\n${share} %, ${weigh(frame.total)}; itself ${weigh(frame.self)}`
    boxes.push(
      element(
        'g',
        {},
        element('title', {}, escapeXml(label)),
        element('rect', { class: originOf(frame.place), x, y, width, height: ROW - 1 }),
        letters < 3 ? '' : text({ x: x + 3, y: y + 12 }, frame.name.slice(0, letters)),
      ),
    )
    let left = x
    for (const child of frame.children) {
      draw(child, left, level + 1)
      left += child.total * scale
    }
  }
  draw(root, 0, 0)
  const legend = 'blue evenkeel, orange packages, green node, grey the engine'
  const head = text({ class: 'head', x: 8, y: 21 }, `${title}; ${weigh(root.total)}; ${legend}`)
  return drawing({ width: WIDTH, height, title, style: STYLE }, head, ...boxes)
}
