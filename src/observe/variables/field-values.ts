/** Fields and cookies out of messages, as nginx's `$http_*`, `$sent_http_*` and `$cookie_*` find them. */

/** The values of a field joined by `, ` (`ngx_http_variable_unknown_header`); undefined where there is none. */
export function fieldOf(rawHeaders: readonly string[], field: string): string | undefined {
  let found: string | undefined
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (name.length !== field.length || !isField(name, field)) continue
    const value = rawHeaders[i + 1] ?? ''
    found = found === undefined ? value : `${found}, ${value}`
  }
  return found
}

/** Is it the field of that variable? `-` in the one is `_` in the other. */
function isField(name: string, field: string): boolean {
  return name.toLowerCase().replaceAll('-', '_') === field
}

/** The same of a head as it was sent: `HTTP/1.1 200 OK\r\nName: value\r\n…`, or of the lines of trailers. */
export class SentField {
  readonly #pattern: RegExp

  /** @param field in lower case, `_` for `-`. */
  constructor(field: string) {
    this.#pattern = new RegExp(`(?:^|\\r\\n)${field.replaceAll('_', '[-_]')}: ?([^\\r\\n]*)`, 'gi')
  }

  in(head: string): string | undefined {
    const pattern = this.#pattern
    pattern.lastIndex = 0
    let found: string | undefined
    for (let match = pattern.exec(head); match !== null; match = pattern.exec(head)) {
      const value = match[1] ?? ''
      found = found === undefined ? value : `${found}, ${value}`
    }
    return found
  }
}

/**
 * A cookie of a request's `Cookie` (`ngx_http_parse_multi_header_lines`): the first of that name, in any case. A comma, too,
 * begins another one, and yet belongs to the value before it.
 */
export function cookieOf(cookies: string | undefined, name: string): string | undefined {
  if (cookies === undefined) return undefined
  for (let start = 0; start < cookies.length;) {
    const found = cookies.indexOf(';', start)
    const end = found === -1 ? cookies.length : found
    const value = valueOf(cookies.slice(start, end), name)
    if (value !== undefined) return value
    const comma = cookies.indexOf(',', start)
    start = (comma === -1 || comma > end ? end : comma) + 1
  }
  return undefined
}

/** What a response's `Set-Cookie` gives the cookie (`ngx_http_parse_set_cookie_lines`), without attributes. */
export function setCookieOf(rawHeaders: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() !== 'set-cookie') continue
    const [pair = ''] = (rawHeaders[i + 1] ?? '').split(';', 1)
    const value = valueOf(pair, name)
    if (value !== undefined) return value
  }
  return undefined
}

function valueOf(pair: string, name: string): string | undefined {
  const equals = pair.indexOf('=')
  if (equals === -1 || pair.slice(0, equals).trim().toLowerCase() !== name) return undefined
  return pair.slice(equals + 1).replace(/^ +/, '')
}
