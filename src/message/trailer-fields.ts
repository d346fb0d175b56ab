/** Which fields may come behind a body (RFC 9110 section 6.5.1). */

/**
 * Not in a trailer section: who reads them has read the head long ago, or would have to take it back. What steers
 * framing, routing, authentication, caching and the understanding of the content (Go's `httpguts.ValidTrailerHeader`),
 * cookies, and what tells who asked.
 */
const FORBIDDEN: ReadonlySet<string> = new Set([
  ...['authorization', 'cache-control', 'connection', 'content-encoding', 'content-length'],
  ...['content-range', 'content-type', 'cookie', 'expect', 'forwarded', 'host', 'http2-settings'],
  ...['keep-alive', 'max-forwards', 'pragma', 'range', 'realm', 'set-cookie', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade', 'via', 'www-authenticate', 'x-real-ip'],
])

/** The trailer fields that go on, either way: name, value, name, value … */
export function trailerFields(rawTrailers: readonly string[]): string[] {
  const out: string[] = []
  for (let i = 0; i + 1 < rawTrailers.length; i += 2) {
    const name = rawTrailers[i] ?? ''
    if (isAllowed(name.toLowerCase())) out.push(name, rawTrailers[i + 1] ?? '')
  }
  return out
}

/** An underscore may become a hyphen further on, as in CGI. */
function isAllowed(field: string): boolean {
  const name = field.includes('_') ? field.replaceAll('_', '-') : field
  if (name === '' || name.startsWith(':') || FORBIDDEN.has(name)) return false
  return !name.startsWith('if-') && !name.startsWith('proxy-') && !name.startsWith('x-forwarded-')
}
