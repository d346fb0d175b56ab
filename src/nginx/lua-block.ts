/** Where Lua code in a configuration ends (OpenResty's `*_by_lua_block`): braces in its strings and comments do not count. */

/** What a brace may hide behind, and the braces themselves. A long bracket is `[[` or `[==[`. */
const MARK = /--\[=*\[|\[=*\[|--|["'{}]/g

/** The position of the `}` that ends the code which begins at `begin`, or undefined when there is none. */
export function luaBlockEnd(text: string, begin: number): number | undefined {
  const mark = new RegExp(MARK)
  mark.lastIndex = begin
  let depth = 1
  for (let match = mark.exec(text); match !== null; match = mark.exec(text)) {
    const [found] = match
    if (found === '{') depth++
    else if (found === '}') {
      depth--
      if (depth === 0) return match.index
    } else {
      const after = hiddenEnd(text, found, mark.lastIndex)
      if (after === undefined) return undefined
      mark.lastIndex = after
    }
  }
  return undefined
}

/** Where the string or comment ends that begins with `mark`. */
function hiddenEnd(text: string, mark: string, from: number): number | undefined {
  if (mark === '"' || mark === "'") return stringEnd(text, mark, from)
  const closing = mark === '--' ? '\n' : `]${'='.repeat(mark.split('=').length - 1)}]`
  const at = text.indexOf(closing, from)
  return at === -1 ? undefined : at + closing.length
}

function stringEnd(text: string, quote: string, from: number): number | undefined {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === quote) return at + 1
  }
  return undefined
}
