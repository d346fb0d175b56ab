/** What request and response fields have in common. */

/** `:`, the first character of HTTP/2's pseudo fields. */
export const COLON = 0x3a

/** The usual `Connection` values name no field. */
export function isPlainOption(connection: string): boolean {
  return connection === 'keep-alive' || connection === 'close' || connection === 'Keep-Alive'
}

/** Lines of one field as one line. */
export function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`
}

/** Has the list this member, in any case? `wanted` is in lower case. */
export function hasMember(list: string, wanted: string): boolean {
  if (list.length === wanted.length) return list.toLowerCase() === wanted
  if (!list.includes(',')) return list.trim().toLowerCase() === wanted
  return list.split(',').some((member) => member.trim().toLowerCase() === wanted)
}

/**
 * `uri-host [ ":" port ]` (RFC 9110 section 7.2), and no more: what one reader takes for a host and another for
 * something else is the beginning of much harm. An IP literal is checked for its characters only.
 */
export function isHost(text: string): boolean {
  let i = 0
  if (text.charCodeAt(0) === BRACKET) {
    i = text.indexOf(']')
    if (i < 2 || !isLiteral(text, i)) return false
    i++
  } else {
    while (i < text.length && text.charCodeAt(i) !== COLON) {
      const length = nameCharacter(text, i)
      if (length === 0) return false
      i += length
    }
    // A port alone is no host (RFC 9110 section 4.2.1).
    if (i === 0 && text.length > 0) return false
  }
  if (i === text.length) return true
  if (text.charCodeAt(i) !== COLON) return false
  for (i++; i < text.length; i++) if (!isDigit(text.charCodeAt(i))) return false
  return true
}

const BRACKET = 0x5b
const PERCENT = 0x25

/** Characters of an IPv6 address, of its zone (RFC 6874), or of an address yet to come. */
function isLiteral(text: string, end: number): boolean {
  for (let i = 1; i < end; i++) {
    if (text.charCodeAt(i) !== COLON && nameCharacter(text, i) === 0) return false
  }
  return true
}

/** The length of what stands here of a `reg-name` (RFC 3986 section 3.2.2); 0: nothing of it. */
function nameCharacter(text: string, i: number): number {
  const code = text.charCodeAt(i)
  if (code === PERCENT) {
    return isHexDigit(text.charCodeAt(i + 1)) && isHexDigit(text.charCodeAt(i + 2)) ? 3 : 0
  }
  return isNameCode(code) ? 1 : 0
}

/** unreserved, sub-delims */
function isNameCode(code: number): boolean {
  if ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a) return true
  if (code >= 0x26 && code <= 0x2e) return true // & ' ( ) * + , - .
  if (isDigit(code)) return true
  switch (code) {
    case 0x21: // !
    case 0x24: // $
    case 0x3b: // ;
    case 0x3d: // =
    case 0x5f: // _
    case 0x7e: // ~
      return true
    default:
      return false
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

function isHexDigit(code: number): boolean {
  return isDigit(code) || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x66)
}

/** A flat list as pairs, the form in which Node takes trailers. */
export function pairsOf(raw: readonly string[]): [name: string, value: string][] {
  const pairs: [string, string][] = []
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([raw[i] ?? '', raw[i + 1] ?? ''])
  return pairs
}
