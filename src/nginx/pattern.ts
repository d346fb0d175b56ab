/** nginx's regular expressions (PCRE) in JavaScript. */

/** What JavaScript has not, or reads in another way: `\A`, `\h`, POSIX classes, atomic groups, possessive quantifiers … */
const ONLY_PCRE = /\\[AZzGhHRKQEXCNgk]|\[\[:|\(\?[>#R&|(+-]|\(\?P[=>]|\(\*/

/** Undefined when JavaScript has no such expression. */
export function patternOf(source: string, options: { ignoreCase: boolean }): RegExp | undefined {
  const caseless = source.startsWith('(?i)')
  const bare = (caseless ? source.slice(4) : source).replaceAll('(?P<', '(?<')
  if (ONLY_PCRE.test(bare)) return undefined
  try {
    return new RegExp(bare, caseless || options.ignoreCase ? 'i' : '')
  } catch {
    return undefined
  }
}

/** `~`, `~*` before an expression. */
export function modifierOf(text: string): { source: string; ignoreCase: boolean } | undefined {
  if (text.startsWith('~*')) return { source: text.slice(2).trimStart(), ignoreCase: true }
  return text.startsWith('~') ? { source: text.slice(1).trimStart(), ignoreCase: false } : undefined
}

/** `$1` stays, `$name` of a named group becomes `$<name>`; undefined where another variable is in it. */
export function replacementOf(text: string, pattern: RegExp): string | undefined {
  // Matched with an empty alternative, every expression tells its groups.
  const match = new RegExp(`${pattern.source}|`).exec('')
  const count = (match?.length ?? 1) - 1
  const groups = new Set(Object.keys(match?.groups ?? {}))
  const unknown: string[] = []
  const made = text.replace(/\$(?:\{(\w+)\}|(\w+)|)/g, (_, braced?: string, bare?: string) => {
    const name = braced ?? bare ?? ''
    // `$1x` is the first group and an x.
    const [, digit, rest = ''] = /^(\d)(.*)$/.exec(name) ?? []
    if (digit !== undefined && Number(digit) >= 1 && Number(digit) <= count) {
      return `$${digit}${rest}`
    }
    if (groups.has(name)) return `$<${name}>`
    unknown.push(name)
    return ''
  })
  return unknown.length === 0 ? made : undefined
}
