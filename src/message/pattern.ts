/** A rule that finds a text and says what it becomes: what `rewrite`, `redirect` and the cookie options share. */

/** `from` as text is up to the option; as a RegExp it may match anywhere, and all of the text becomes `to`. */
export interface Rule {
  readonly from: string | RegExp
  readonly to: string
}

/** `$$`, `$&`, `$1` … `$99` and `$<name>`, as in `String.prototype.replace`. */
const REFERENCE = /\$(?:([$&])|(\d{1,2})|<([^>]*)>)/g

/**
 * The text as the rule makes it, or undefined where the RegExp does not match. As in nginx the whole text is replaced,
 * not the part that matched.
 */
export function replacedByPattern(from: RegExp, to: string, text: string): string | undefined {
  // A sticky expression goes on where it was, and there is one for all requests.
  from.lastIndex = 0
  const match = from.exec(text)
  if (match === null) return undefined
  if (!to.includes('$')) return to
  return to.replace(REFERENCE, (whole: string, sign?: string, digits?: string, name?: string) => {
    if (sign !== undefined) return sign === '$' ? '$' : match[0]
    if (name !== undefined) return match.groups?.[name] ?? ''
    return groupOf(match, digits ?? '', whole)
  })
}

/** The text with another beginning, or undefined where it begins otherwise. */
export function replacedPrefix(from: string, to: string, text: string): string | undefined {
  return text.startsWith(from) ? to + text.slice(from.length) : undefined
}

/** What `to` refers to and `from` does not have: `$2`, say. */
export function missingReference(from: RegExp, to: string): string | undefined {
  const groups = groupsOf(from)
  for (const [whole, , digits, name] of to.matchAll(REFERENCE)) {
    if (digits !== undefined && digitsUsed(digits, groups.count) === 0) return whole
    if (name !== undefined && !groups.names.includes(name)) return whole
  }
  return undefined
}

function groupOf(match: RegExpExecArray, digits: string, whole: string): string {
  const used = digitsUsed(digits, match.length - 1)
  if (used === 0) return whole
  return (match[Number(digits.slice(0, used))] ?? '') + digits.slice(used)
}

/** With nine groups or fewer, `$12` is `$1` and a 2. 0: there is no such group. */
function digitsUsed(digits: string, groups: number): number {
  for (let used = digits.length; used > 0; used--) {
    const number = Number(digits.slice(0, used))
    if (number >= 1 && number <= groups) return used
  }
  return 0
}

/** Matched with an empty alternative, every expression tells its groups. */
function groupsOf(from: RegExp): { readonly count: number; readonly names: readonly string[] } {
  const match = new RegExp(`${from.source}|`, from.flags.replace('y', '')).exec('')
  return { count: (match?.length ?? 1) - 1, names: Object.keys(match?.groups ?? {}) }
}
