/** The patterns of `include`, as glob(3) has them: `*`, `?`, `[a-z]`, `[!a]`; none of them takes a `/`. */

/** nginx looks for these before it treats a name as a pattern (`ngx_conf_include`). */
export function isPattern(name: string): boolean {
  return /[*?[]/.test(name)
}

/** Does a path fit a pattern? Both are taken apart at their slashes. */
export function matchesPath(pattern: string, path: string): boolean {
  const patterns = pattern.split('/')
  const names = path.split('/')
  return (
    patterns.length === names.length &&
    patterns.every((part, index) => matchesName(part, names[index] ?? ''))
  )
}

/** Does a name without slashes fit? A dot at its beginning must be written. */
export function matchesName(pattern: string, name: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.')) return false
  let at = 0
  let inPattern = 0
  /** Where the last `*` stands, and where in the name it was tried last: only the last one needs another try. */
  let star = -1
  let tried = 0
  while (at < name.length) {
    const step = pattern[inPattern] === '*' ? 0 : matchOne(pattern, inPattern, name[at] ?? '')
    if (pattern[inPattern] === '*') {
      star = inPattern++
      tried = at
    } else if (step > 0) {
      inPattern += step
      at++
    } else if (star !== -1) {
      inPattern = star + 1
      at = ++tried
    } else return false
  }
  while (pattern[inPattern] === '*') inPattern++
  return inPattern === pattern.length
}

/** How much of the pattern stands for this one character; 0 when it does not fit. */
function matchOne(pattern: string, at: number, char: string): number {
  const wanted = pattern[at]
  if (wanted === undefined) return 0
  if (wanted === '?') return 1
  if (wanted === '\\' && at + 1 < pattern.length) return pattern[at + 1] === char ? 2 : 0
  if (wanted !== '[') return wanted === char ? 1 : 0
  const end = pattern.indexOf(']', at + (/[!^]/.test(pattern[at + 1] ?? '') ? 3 : 2))
  if (end === -1) return char === '[' ? 1 : 0
  return inSet(pattern.slice(at + 1, end), char) ? end - at + 1 : 0
}

function inSet(set: string, char: string): boolean {
  const negated = set.startsWith('!') || set.startsWith('^')
  const chars = negated ? set.slice(1) : set
  for (let at = 0; at < chars.length; at++) {
    const from = chars[at] ?? ''
    const range = chars[at + 1] === '-' && at + 2 < chars.length
    const to = range ? (chars[at + 2] ?? '') : from
    if (from <= char && char <= to) return !negated
    if (range) at += 2
  }
  return negated
}
