/**
 * What a client has asked for, read as generously as RFC 9112 allows: whoever finds more requests in the bytes than
 * this reader, or other ones, has been led astray. Shares no code with Node's parser, the library or the strict reader.
 */

export interface AskedRequest {
  readonly method: string
  readonly target: string
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: string
  readonly trailers: readonly (readonly [name: string, value: string])[]
  /** False: its body is cut off, or turns into what is no body. */
  readonly complete: boolean
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** Any version, or none: which ones are spoken is another question. */
const REQUEST_LINE = /^([!-~]+)[ \t]+([^ \r\n\0]+)(?:[ \t]+[A-Z]+\/[0-9]\.[0-9])?[ \t]*$/

interface Lines {
  readonly lines: readonly string[]
  readonly end: number
}

/** All requests in a client's bytes, up to the first that is none. */
export function readAsked(bytes: string): AskedRequest[] {
  const found: AskedRequest[] = []
  let at = 0
  for (;;) {
    // RFC 9112 section 2.2: empty lines before a request are skipped.
    while (bytes[at] === '\r' || bytes[at] === '\n') at++
    const head = linesFrom(bytes, at)
    if (head === undefined) return found
    const [requestLine = '', ...rest] = head.lines
    const parts = REQUEST_LINE.exec(requestLine)
    const fields = fieldsOf(rest)
    if (parts === null || fields === undefined) return found
    const [, method = '', target = ''] = parts
    const body = bodyFrom(bytes, head.end, fields)
    if (body === undefined) return found
    const { text, trailers, complete } = body
    found.push({ method, target, fields, body: text, trailers, complete })
    // What follows a tunnel's head is not for us to read.
    if (!body.complete || method === 'CONNECT') return found
    at = body.end
  }
}

/** Lines up to an empty one; each ends with CRLF or LF. */
export function linesFrom(bytes: string, start: number): Lines | undefined {
  const lines: string[] = []
  let at = start
  for (;;) {
    const end = bytes.indexOf('\n', at)
    if (end === -1) return undefined
    const line = bytes.slice(at, end).replace(/\r$/, '')
    at = end + 1
    if (line === '') return { lines, end: at }
    lines.push(line)
  }
}

export function fieldsOf(lines: readonly string[]): (readonly [string, string])[] | undefined {
  const fields: [string, string][] = []
  for (const line of lines) {
    const last = fields.at(-1)
    if (/^[ \t]/.test(line)) {
      if (last === undefined) return undefined
      last[1] = `${last[1]} ${line.trim()}`
      continue
    }
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    const value = line.slice(colon + 1)
    if (colon === -1 || !TOKEN.test(name) || /[\0\r]/.test(value)) return undefined
    fields.push([name.toLowerCase(), value.replace(/^[ \t]+|[ \t]+$/g, '')])
  }
  return fields
}

interface Body {
  readonly text: string
  readonly trailers: AskedRequest['trailers']
  readonly complete: boolean
  readonly end: number
}

/** RFC 9112 section 6.3. undefined: nobody can say where it ends. */
export function bodyFrom(
  bytes: string,
  start: number,
  fields: AskedRequest['fields'],
): Body | undefined {
  const values = (wanted: string): string[] =>
    fields
      .filter(([name]) => name === wanted)
      .flatMap(([, value]) => value.split(','))
      .map((value) => value.trim())
  const codings = values('transfer-encoding').filter((coding) => coding !== '')
  if (fields.some(([name]) => name === 'transfer-encoding')) {
    if (codings.at(-1)?.toLowerCase() !== 'chunked') return undefined
    return chunkedFrom(bytes, start)
  }
  const lengths = values('content-length')
  if (lengths.length === 0) return { text: '', trailers: [], complete: true, end: start }
  if (new Set(lengths).size > 1 || !/^[0-9]+$/.test(lengths[0] ?? '')) return undefined
  const end = start + Number(lengths[0])
  const text = bytes.slice(start, end)
  return { text, trailers: [], complete: end <= bytes.length, end }
}

function chunkedFrom(bytes: string, start: number): Body {
  let at = start
  let text = ''
  const cut = (): Body => ({ text, trailers: [], complete: false, end: bytes.length })
  for (;;) {
    const end = bytes.indexOf('\r\n', at)
    if (end === -1) return cut()
    const size = /^([0-9a-fA-F]+)[ \t]*(;[^\r\n\0]*)?$/.exec(bytes.slice(at, end))
    if (size === null) return cut()
    const length = parseInt(size[1] ?? '', 16)
    at = end + 2
    if (length === 0) break
    text += bytes.slice(at, at + length)
    at += length
    if (bytes.slice(at, at + 2) !== '\r\n') return cut()
    at += 2
  }
  const last = linesFrom(bytes, at)
  const trailers = last === undefined ? undefined : fieldsOf(last.lines)
  if (last === undefined || trailers === undefined) return cut()
  return { text, trailers, complete: true, end: last.end }
}
