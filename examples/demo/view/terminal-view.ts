/** The live view: one block of lines, drawn again in place. */
import { stripVTControlCharacters, styleText } from 'node:util'
import { wrap } from './view.js'
import type { Moment, PeerLine, View } from './view.js'

const HIDE_CURSOR = '\x1b[?25l'
const SHOW_CURSOR = '\x1b[?25h'
const CLEAR_LINE = '\x1b[2K'
const CLEAR_BELOW = '\x1b[0J'
const BAR = 30

type Colour = Parameters<typeof styleText>[0]

/** What the view needs of `process.stdout`. */
export interface Terminal {
  readonly columns: number
  write(text: string): unknown
}

export class TerminalView implements View {
  readonly #terminal: Terminal
  #drawn = 0
  #closed = false

  constructor(terminal: Terminal) {
    this.#terminal = terminal
    terminal.write(HIDE_CURSOR)
  }

  begin(moment: Moment): void {
    this.tick(moment)
  }

  tick(moment: Moment): void {
    this.#draw(this.#block(moment))
  }

  /** The finished act moves up for good, as one line; the block below it goes on. */
  end(moment: Moment, outcome: string, good: boolean): void {
    const mark = good ? paint('green', '✓') : paint('red', '✗')
    const lines = wrap(outcome, this.#width - 6).map((line) => `    ${paint('dim', line)}`)
    this.#draw([`  ${mark} ${paint('bold', moment.act.title)}`, ...lines])
    this.#drawn = 0
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#terminal.write(SHOW_CURSOR)
  }

  get #width(): number {
    return Math.min(this.#terminal.columns, 100)
  }

  #block(moment: Moment): string[] {
    const { act, index, acts, peers, requests, retried, failed } = moment
    const full = Math.round((BAR * index) / acts)
    const bar = paint('cyan', '█'.repeat(full)) + paint('dim', '░'.repeat(BAR - full))
    const figures = `${requests} requests   ${retried} retried   `
    return [
      '',
      `  ${bar} ${index + 1}/${acts}  ${paint('bold', act.title)}`,
      ...wrap(act.story, this.#width - 6).map((line) => `    ${paint('dim', line)}`),
      '',
      ...peers.map(peerLine),
      '',
      `    ${figures}${paint(failed > 0 ? 'red' : 'green', `${failed} failed`)}`,
    ]
  }

  /** Over the lines drawn before; none is wider than the terminal, or the count of lines would be wrong. */
  #draw(lines: readonly string[]): void {
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A\r` : '\r'
    const text = lines
      .map((line) => `${CLEAR_LINE}${fit(line, this.#terminal.columns - 1)}\n`)
      .join('')
    this.#terminal.write(up + text + CLEAR_BELOW)
    this.#drawn = lines.length
  }
}

const SERVER: Record<PeerLine['server'], Colour> = {
  running: 'green',
  killed: 'red',
  hanging: 'yellow',
}

function peerLine({ name, server, seen, attempts }: PeerLine): string {
  const state = paint(SERVER[server], server.padEnd(8))
  const sight = paint(seen === 'up' ? 'green' : 'yellow', seen.padEnd(9))
  return `    ${name}   server ${state}  balancer sees ${sight} ${String(attempts).padStart(6)} attempts`
}

function paint(colour: Colour, text: string): string {
  return styleText(colour, text, { validateStream: false })
}

function fit(line: string, width: number): string {
  const plain = stripVTControlCharacters(line)
  return plain.length <= width ? line : plain.slice(0, Math.max(0, width))
}
