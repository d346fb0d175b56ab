/** The one line that says why a process ended: Node's line with the error, else the last line. */
export function lastWords(said: string): string {
  const lines = said.split('\n').filter((line) => line.trim() !== '')
  const error = lines.find((line) => /^(\w+)?(Error|Exception)\b/.test(line))
  return (error ?? lines.at(-1) ?? 'without a word').trim()
}
