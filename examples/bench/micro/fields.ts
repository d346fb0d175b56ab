/** Heads as they are: what browsers and servers send, and then fields of an application until there are enough. */

const REQUEST = [
  ...['Host', 'www.example.org', 'Connection', 'keep-alive'],
  ...['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'],
  ...['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
  ...['Accept-Language', 'en-GB,en;q=0.5', 'Accept-Encoding', 'gzip, deflate, br'],
  ...['Cookie', 'session=0123456789abcdef; theme=dark', 'Cache-Control', 'max-age=0'],
]

const RESPONSE = [
  ...['Server', 'nginx', 'Date', 'Sun, 06 Nov 1994 08:49:37 GMT'],
  ...['Content-Type', 'text/html; charset=utf-8', 'Content-Length', '1234'],
  ...['Connection', 'keep-alive', 'ETag', '"0123456789abcdef"', 'Vary', 'Accept-Encoding'],
  ...['Cache-Control', 'no-cache'],
]

export function requestFields(count: number): string[] {
  return filled(REQUEST, count)
}

export function responseFields(count: number): string[] {
  return filled(RESPONSE, count)
}

/** Name, value, name, value …; `count` fields. */
function filled(real: readonly string[], count: number): string[] {
  const fields = real.slice(0, 2 * count)
  for (let i = fields.length / 2; i < count; i++)
    fields.push(`X-Application-Field-${i}`, `value-${i}-of-the-usual-length`)
  return fields
}

/** The same as from the wire: strings that nobody has looked at, as Node's parser makes them. */
export function unseen(fields: readonly string[]): string[] {
  return fields.map((text) => Buffer.from(text, 'latin1').toString('latin1'))
}
