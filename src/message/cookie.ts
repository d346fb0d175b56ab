/** Cookies as they stand in `Cookie` and `Set-Cookie` (RFC 6265). Whatever bytes come: nothing here throws. */

/** The value of the first cookie of this name, without quotes around it; undefined where there is none. */
export function cookieValue(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined
  for (let at = header.indexOf(name); at !== -1; at = header.indexOf(name, at + 1)) {
    if (!beginsPair(header, at)) continue
    const equals = skipSpaces(header, at + name.length)
    if (header.charCodeAt(equals) !== EQUALS) continue
    const end = header.indexOf(';', equals)
    return bareValue(header, equals + 1, end === -1 ? header.length : end)
  }
  return undefined
}

/** The value that a line of `Set-Cookie` gives to the cookie of this name. */
export function setCookieValue(line: string, name: string): string | undefined {
  const end = line.indexOf(';')
  const pair = end === -1 ? line : line.slice(0, end)
  return pair.includes('=') ? cookieValue(pair, name) : undefined
}

/** Takes every cookie of this name out of a flat list of request fields, in place. */
export function hideCookie(fields: string[], name: string): void {
  for (let i = fields.length - 2; i >= 0; i -= 2) {
    const field = fields[i] ?? ''
    if (field.length !== COOKIE.length || field.toLowerCase() !== COOKIE) continue
    const value = fields[i + 1] ?? ''
    if (cookieValue(value, name) === undefined) continue
    const left = value.split(';').filter((pair) => cookieValue(pair, name) === undefined)
    if (left.length === 0) fields.splice(i, 2)
    else fields[i + 1] = left.join(';').trim()
  }
}

const COOKIE = 'cookie'
const EQUALS = 0x3d
const SEMICOLON = 0x3b
const QUOTE = 0x22

/** Nothing but spaces stands between here and the pair before. */
function beginsPair(header: string, at: number): boolean {
  let before = at - 1
  while (before >= 0 && isSpace(header.charCodeAt(before))) before--
  return before < 0 || header.charCodeAt(before) === SEMICOLON
}

function skipSpaces(text: string, from: number): number {
  let at = from
  while (at < text.length && isSpace(text.charCodeAt(at))) at++
  return at
}

function bareValue(text: string, from: number, to: number): string {
  let start = skipSpaces(text, from)
  let end = to
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  const quoted = end - start >= 2 && text.charCodeAt(start) === QUOTE
  if (quoted && text.charCodeAt(end - 1) === QUOTE) {
    start++
    end--
  }
  return start >= end ? '' : text.slice(start, end)
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09
}
