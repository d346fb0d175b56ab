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

/** Not a full check of the grammar: what could be taken for something else further on. */
export function isHost(text: string): boolean {
  // A port alone is no host (RFC 9110 section 4.2.1).
  if (text.charCodeAt(0) === COLON) return false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code <= 0x20 || code >= 0x7f) return false
    // " # / < > ? @ \
    if (code === 0x22 || code === 0x23 || code === 0x2f || code === 0x3c) return false
    if (code === 0x3e || code === 0x3f || code === 0x40 || code === 0x5c) return false
  }
  return true
}

/** A flat list as pairs, the form in which Node takes trailers. */
export function pairsOf(raw: readonly string[]): [name: string, value: string][] {
  const pairs: [string, string][] = []
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([raw[i] ?? '', raw[i + 1] ?? ''])
  return pairs
}
