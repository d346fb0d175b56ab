/** Lines of 80 columns. */

export type Tone = 'good' | 'warn' | 'bad' | 'dim' | 'bold'

const WIDTH = 80
const CODES: Readonly<Record<Tone, string>> = {
  good: '32',
  warn: '33',
  bad: '31;1',
  dim: '2',
  bold: '1',
}

/** A page of text. What is put on it must be printable already. */
export class Page {
  readonly #colour: boolean
  readonly #lines: string[] = []

  constructor(colour: boolean) {
    this.#colour = colour
  }

  heading(title: string, aside = ''): void {
    this.gap()
    const rest = aside === '' ? '' : `  ${aside}`
    for (const [index, line] of wrap(`${title}${rest}`, WIDTH).entries())
      this.#lines.push(index === 0 ? this.#paint('bold', line) : line)
    this.#lines.push(this.#paint('dim', '─'.repeat(Math.min(WIDTH, title.length + rest.length))))
  }

  paragraph(text: string): void {
    this.#lines.push(...wrap(text, WIDTH))
  }

  strong(tone: Tone, text: string): void {
    for (const line of wrap(text, WIDTH)) this.#lines.push(this.#paint(tone, line))
  }

  label(text: string): void {
    this.#lines.push(`  ${this.#paint('bold', text)}`)
  }

  item(text: string, tone?: Tone): void {
    for (const [index, line] of wrap(text, WIDTH - 4).entries()) {
      const shown = tone === undefined ? line : this.#paint(tone, line)
      this.#lines.push(`  ${index === 0 ? '- ' : '  '}${shown}`)
    }
  }

  quote(where: string, text: string): void {
    for (const line of wrap(where, WIDTH - 4)) this.#lines.push(`    ${this.#paint('dim', line)}`)
    for (const line of wrap(text, WIDTH - 6)) this.#lines.push(`      ${line}`)
  }

  gap(): void {
    if (this.#lines.length > 0 && this.#lines.at(-1) !== '') this.#lines.push('')
  }

  text(): string {
    return `${this.#lines.join('\n')}\n`
  }

  #paint(tone: Tone, text: string): string {
    return this.#colour ? `\u001b[${CODES[tone]}m${text}\u001b[0m` : text
  }
}

/** At blanks; a word that is longer than a line is cut. Wide characters take two columns. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  let used = 0
  for (const word of text.split(' ').flatMap((one) => cut(one, width))) {
    const columns = columnsOf(word)
    if (used > 0 && used + 1 + columns > width) {
      lines.push(line)
      line = word
      used = columns
    } else {
      line = used === 0 && line === '' ? word : `${line} ${word}`
      used = used === 0 ? columns : used + 1 + columns
    }
  }
  lines.push(line)
  return lines
}

function cut(word: string, width: number): string[] {
  if (columnsOf(word) <= width) return [word]
  const pieces: string[] = []
  let piece = ''
  let used = 0
  for (const char of word) {
    const columns = columnsOf(char)
    if (used + columns > width) {
      pieces.push(piece)
      piece = ''
      used = 0
    }
    piece += char
    used += columns
  }
  return [...pieces, piece]
}

/** East Asian wide characters and emoji, roughly. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u

function columnsOf(text: string): number {
  let columns = 0
  for (const char of text) columns += WIDE.test(char) ? 2 : 1
  return columns
}
