/** Lines as they are kept for the report. */
import { printable } from './escapes.js'
import type { Evidence } from './report.js'

const LONGEST = 600

/** Word for word, but for what a terminal would obey; cut where it is endless. */
export function evidenceOf(file: string, line: number, text: string): Evidence {
  const shown = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
  return { file: printable(file), line, text: ownCopy(printable(shown)) }
}

/** A string of its own: a part of a string keeps all of that in memory. */
export function ownCopy(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8')
}
