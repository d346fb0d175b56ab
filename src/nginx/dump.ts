/** The output of `nginx -T`: all files of a configuration in one text, each with its name above it. */
import { posix } from 'node:path'
import { isPattern, matchesPath } from './glob.js'
import type { ConfigFile } from './parse.js'

const MARK = /^# configuration file (.+):\r?$/

/** The files of a dump, the main one first; undefined when the text is none. */
export function filesOfDump(text: string): ConfigFile[] | undefined {
  if (!beginsWithMark(text)) return undefined
  const files: { file: string; from: number; to: number }[] = []
  for (const { line, from, to } of linesOf(text)) {
    const name = line.startsWith('# configuration file ') ? MARK.exec(line)?.[1] : undefined
    if (name === undefined) continue
    const last = files.at(-1)
    if (last !== undefined) last.to = from
    files.push({ file: name, from: to, to: text.length })
  }
  return files.map(({ file, from, to }) => ({ file, text: text.slice(from, to) }))
}

/** `include` within a dump: relative names stand below the directory of the main file. */
export function includeFromDump(files: readonly ConfigFile[]): (pattern: string) => ConfigFile[] {
  const prefix = posix.dirname(files[0]?.file ?? '/')
  return (pattern) => {
    const full = pattern.startsWith('/') ? pattern : posix.join(prefix, pattern)
    const found = isPattern(full)
      ? files.filter(({ file }) => matchesPath(full, file))
      : files.filter(({ file }) => file === full)
    // As glob(3) sorts them. The same file may stand there once only.
    return found.sort((a, b) => (a.file < b.file ? -1 : 1))
  }
}

/** What nginx says of itself (`nginx: … syntax is ok`) may come before it when both outputs were kept. */
function beginsWithMark(text: string): boolean {
  for (const { line } of linesOf(text)) {
    if (line.trim() === '' || line.startsWith('nginx: ')) continue
    return MARK.test(line)
  }
  return false
}

function* linesOf(text: string): Generator<{ line: string; from: number; to: number }> {
  for (let from = 0; from < text.length;) {
    const end = text.indexOf('\n', from)
    const to = end === -1 ? text.length : end + 1
    yield { line: text.slice(from, end === -1 ? to : end), from, to }
    from = to
  }
}
