/** A bunch as a picture: what was served and lost in each second, and when each peer was marked. */
import type { Html } from './html.js'
import { html } from './html.js'
import type { Bunch, Second } from './report.js'
import { clockTime, dayTime } from './show-time.js'

const WIDTH = 760
const LEFT = 150
const RIGHT = 36
const CHART = 90
const ROW = 22
const MOST_PEERS = 12
/** Bars that can still be told apart. */
const MOST_BARS = 240

export function timeline(bunch: Bunch): Html {
  const marked = bunch.peers.filter(({ marks }) => marks.length > 0).slice(0, MOST_PEERS)
  const starts = marked.flatMap(({ marks }) => marks.map(({ from }) => from))
  const ends = marked.flatMap(({ marks }) => marks.map(({ to }) => to))
  const from = Math.floor(Math.min(bunch.start, ...starts) / 1000) * 1000 - 1000
  const to = Math.ceil(Math.max(bunch.end, ...ends) / 1000) * 1000 + 1000
  const x = (time: number): number =>
    round(
      LEFT + ((Math.min(Math.max(time, from), to) - from) / (to - from)) * (WIDTH - LEFT - RIGHT),
    )
  const height = CHART + 24 + marked.length * ROW + 24
  const label = `${bunch.headline}. From ${dayTime(bunch.start)} to ${dayTime(bunch.end)}.`
  return html`<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${label}">
    <rect
      class="blackout"
      x="${x(bunch.start)}"
      y="0"
      width="${Math.max(1, round(x(bunch.end) - x(bunch.start)))}"
      height="${height - 20}"
    ></rect>
    <text x="0" y="14">requests a second</text>
    ${bars(bunch.seconds, from, to, x)}
    ${marked.map(({ peer, marks }, index) => {
      const y = CHART + 16 + index * ROW
      return html`<text x="0" y="${y + 14}">${short(peer)}</text>${marks.map(
          (mark) =>
            html`<rect
              class="mark"
              x="${x(mark.from)}"
              y="${y + 2}"
              width="${Math.max(2, round(x(mark.to) - x(mark.from)))}"
              height="${ROW - 6}"
              ><title>
                marked from ${clockTime(mark.from)} to ${clockTime(mark.to)} by ${mark.by}
              </title></rect
            >`,
        )}`
    })}
    ${axis(from, to, x, height)}
  </svg>`
}

function bars(
  seconds: readonly Second[],
  from: number,
  to: number,
  x: (time: number) => number,
): Html[] {
  const width = Math.max(1, Math.ceil((to - from) / 1000 / MOST_BARS)) * 1000
  const columns = new Map<number, { served: number; lost: number }>()
  for (const { time, served, lost } of seconds) {
    const key = Math.floor((time - from) / width) * width + from
    const column = columns.get(key) ?? { served: 0, lost: 0 }
    column.served += served
    column.lost += lost
    columns.set(key, column)
  }
  const most = Math.max(1, ...[...columns.values()].map(({ served, lost }) => served + lost))
  return [...columns].map(([time, { served, lost }]) => {
    const left = x(time)
    const wide = Math.max(1, round(x(time + width) - left - 1))
    const lostHeight = round((lost / most) * CHART)
    const servedHeight = round((served / most) * CHART)
    return html`<g
      ><title>${clockTime(time)}: ${lost} lost, ${served} served</title
      ><rect
        class="lost"
        x="${left}"
        y="${round(CHART - lostHeight)}"
        width="${wide}"
        height="${lostHeight}"
      ></rect
      ><rect
        class="served"
        x="${left}"
        y="${round(CHART - lostHeight - servedHeight)}"
        width="${wide}"
        height="${servedHeight}"
      ></rect
    ></g>`
  })
}

function axis(from: number, to: number, x: (time: number) => number, height: number): Html[] {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400]
  const step = (steps.find((seconds) => (to - from) / 1000 / seconds <= 7) ?? 604_800) * 1000
  const ticks: Html[] = []
  for (let time = Math.ceil(from / step) * step; time <= to && ticks.length < 12; time += step)
    ticks.push(
      html`<line class="tick" x1="${x(time)}" x2="${x(time)}" y1="0" y2="${height - 20}"></line
        ><text class="at" x="${x(time)}" y="${height - 6}">${clockTime(time)}</text>`,
    )
  return ticks
}

const round = (value: number): number => Math.round(value * 10) / 10

const short = (peer: string): string => (peer.length > 22 ? `…${peer.slice(-21)}` : peer)
