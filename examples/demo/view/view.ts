/** What the demo shows while it runs. */
import type { DemoAct } from '../acts.js'

export interface PeerLine {
  readonly name: string
  /** What the demo has done to the server. */
  readonly server: 'running' | 'killed' | 'hanging'
  /** What the balancer makes of it: `up`, `ejected` … */
  readonly seen: string
  /** Attempts it was given. */
  readonly attempts: number
}

/** A moment of the demo. */
export interface Moment {
  readonly act: DemoAct
  /** From 0. */
  readonly index: number
  readonly acts: number
  readonly peers: readonly PeerLine[]
  /** Of this act, so far. */
  readonly requests: number
  readonly retried: number
  readonly failed: number
}

export interface View {
  begin(moment: Moment): void
  tick(moment: Moment): void
  /** `outcome` is one line. */
  end(moment: Moment, outcome: string, good: boolean): void
  /** Leaves the terminal as it was. Idempotent, and synchronous: it also runs at the process's exit. */
  close(): void
}

/** Lines of at most `width` characters, broken between words. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
