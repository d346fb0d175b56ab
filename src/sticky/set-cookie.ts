/** The line of `Set-Cookie`, with its attributes in express-session's order. */
import type { StickyCookieConfig } from '../config/types.js'

/** All that follows the value, but for `Secure`, which depends on the client: what is before it, and what behind. */
export function attributesOf(config: StickyCookieConfig): { before: string; after: string } {
  const { domain, path, maxAge, expires, httpOnly, partitioned, priority, sameSite } = config
  // An end that a clock of the client's, right or wrong, has no say in.
  let before = maxAge === undefined ? '' : `; Max-Age=${Math.ceil(maxAge / 1000)}`
  if (domain !== undefined) before += `; Domain=${domain}`
  before += `; Path=${path}`
  if (expires !== undefined) before += `; Expires=${expires.toUTCString()}`
  if (httpOnly) before += '; HttpOnly'
  let after = partitioned ? '; Partitioned' : ''
  if (priority !== undefined) after += `; Priority=${capitalized(priority)}`
  if (sameSite !== undefined) after += `; SameSite=${capitalized(sameSite)}`
  return { before, after }
}

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}
