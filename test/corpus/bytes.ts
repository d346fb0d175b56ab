/** Pieces that the cases are put together from. latin1: one character a byte. */

export const GET = 'GET /case HTTP/1.1\r\nHost: site\r\n'
export const HEAD = 'HEAD /case HTTP/1.1\r\nHost: site\r\n'
export const POST = 'POST /case HTTP/1.1\r\nHost: site\r\n'

/** A request that only a reader who is led astray takes for one. */
export const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: site\r\n\r\n'

export const CHUNKED = 'Transfer-Encoding: chunked\r\n'
/** `hello`, chunked. */
export const HELLO = '5\r\nhello\r\n0\r\n\r\n'

/** Announces a body. */
export function length(body: string): string {
  return `Content-Length: ${body.length}\r\n\r\n${body}`
}

/** A body in one chunk. */
export function chunk(body: string): string {
  return `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
}

/** So many field lines of about 8 bytes. */
export function fields(count: number): string {
  return Array.from({ length: count }, (_, i) => `X${i.toString(36)}: 1\r\n`).join('')
}

export const x = (count: number): string => 'x'.repeat(count)
