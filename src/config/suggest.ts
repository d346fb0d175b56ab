/** "did you mean …?" */

/** ` (did you mean failTimeout?)`, or nothing when no word is near enough. */
export function suggest(given: string, words: readonly string[]): string {
  const word = nearest(given, words)
  return word === undefined ? '' : ` (did you mean ${word}?)`
}

function nearest(given: string, words: readonly string[]): string | undefined {
  if (given.length > 64) return undefined
  const wanted = normalise(given)
  // A third of the letters may be wrong; one always may.
  let best = Math.max(1, Math.floor(wanted.length / 3)) + 1
  let found: string | undefined
  for (const word of words) {
    const distance = editDistance(wanted, normalise(word))
    if (distance >= best || !sameNumber(given, word)) continue
    best = distance
    found = word
  }
  return found
}

/** nginx's spelling of an option is near to ours: `proxy_connect_timeout` is `connectTimeout`. */
function normalise(word: string): string {
  return word
    .toLowerCase()
    .replace(/[_\s-]/g, '')
    .replace(/^proxy/, '')
}

/** `http_501` is not a slip for `http_500`. */
function sameNumber(a: string, b: string): boolean {
  return a.replace(/\D/g, '') === b.replace(/\D/g, '')
}

/** Damerau-Levenshtein distance in its optimal string alignment form: a swap of neighbours is one edit. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      let cost = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (same ? 0 : 1),
      )
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (row > 1 && column > 1 && swapped) cost = Math.min(cost, at(beforeLast, column - 2) + 1)
      current.push(cost)
    }
    beforeLast = last
    last = current
  }
  return at(last, b.length)
}

function at(numbers: readonly number[], index: number): number {
  return numbers[index] ?? Infinity
}
