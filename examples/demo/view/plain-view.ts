/** For pipes, logs and continuous integration: a few lines for each act, no colours, nothing redrawn. */
import { wrap } from './view.js'
import type { Moment, View } from './view.js'

export class PlainView implements View {
  readonly #print: (line: string) => void

  constructor(print: (line: string) => void) {
    this.#print = print
  }

  begin({ act, index, acts }: Moment): void {
    this.#print(`\n[${index + 1}/${acts}] ${act.title}`)
    for (const line of wrap(act.story, 92)) this.#print(`      ${line}`)
  }

  tick(): void {}

  end(_moment: Moment, outcome: string): void {
    this.#print(`   -> ${outcome}`)
  }

  close(): void {}
}
