/** Reads what a client got as strictly as a client could: each response whole, visibly broken off, or out of place. */

export interface GotResponse {
  readonly status: number
  readonly reason: string
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: string
  readonly trailers: readonly (readonly [name: string, value: string])[]
  /** False: the connection ended in the middle of it, and the client can tell. */
  readonly whole: boolean
}

export interface Got {
  /** Interim responses (1xx) are among them. */
  readonly responses: readonly GotResponse[]
  /** What is there that no server may send; undefined when all is well. */
  readonly malformed: string | undefined
  /** The beginning of a head that has not ended. */
  readonly rest: string
}

/** How the connection stands: still open, or how it ended. */
export type Ending = 'open' | 'fin' | 'reset'

const STATUS_LINE = /^HTTP\/1\.1 ([1-9][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)$/
const FIELD_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*((?:[\t\x20-\x7e\x80-\xff])*?)[\t ]*$/
const CHUNK_LINE = /^[0-9a-fA-F]{1,13}$/

/** Where the body of a response ends; `undefined`: not yet. */
interface Body {
  readonly body: string
  readonly trailers: GotResponse['trailers']
  readonly whole: boolean
  readonly end: number
}

/**
 * @param isHead whether the n-th final response (from 0) answers a HEAD request.
 */
export function readResponses(
  bytes: string,
  ending: Ending,
  isHead: (index: number) => boolean = () => false,
): Got {
  const responses: GotResponse[] = []
  let at = 0
  let finals = 0
  try {
    while (at < bytes.length) {
      const headEnd = bytes.indexOf('\r\n\r\n', at)
      if (headEnd === -1) {
        // The beginning of a head: to a client it is nothing at all.
        const rest = bytes.slice(at, at + 9)
        if (!'HTTP/1.1 '.startsWith(rest)) throw new Error(`not a response: ${show(bytes, at)}`)
        break
      }
      const [statusLine = '', ...lines] = bytes.slice(at, headEnd).split('\r\n')
      const parts = STATUS_LINE.exec(statusLine)
      if (parts === null) throw new Error(`status line ${JSON.stringify(statusLine)}`)
      const status = Number(parts[1])
      const fields = lines.map(fieldOf)
      const head = { status, reason: parts[2] ?? '', fields }
      const bodiless =
        status < 200 || status === 204 || status === 304 || (status >= 200 && isHead(finals))
      const start = headEnd + 4
      const body = bodiless ? nothing(start) : bodyOf(bytes, start, fields, ending)
      responses.push({ ...head, body: body.body, trailers: body.trailers, whole: body.whole })
      if (status >= 200) finals++
      at = body.end
    }
  } catch (error) {
    return { responses, malformed: (error as Error).message, rest: '' }
  }
  return { responses, malformed: undefined, rest: bytes.slice(at) }
}

/** Only those that answer a request. */
export function finals(got: Got): readonly GotResponse[] {
  return got.responses.filter(({ status }) => status >= 200)
}

/** All values of a field. */
export function valuesOf(fields: GotResponse['fields'], wanted: string): string[] {
  return fields.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value)
}

function bodyOf(bytes: string, start: number, fields: GotResponse['fields'], ending: Ending): Body {
  const lengths = valuesOf(fields, 'content-length')
  const encodings = valuesOf(fields, 'transfer-encoding')
  if (lengths.length + encodings.length > 1) {
    throw new Error(`framed twice: ${JSON.stringify([...lengths, ...encodings])}`)
  }
  const [length] = lengths
  const [encoding] = encodings
  if (length !== undefined) {
    if (!/^[0-9]{1,18}$/.test(length)) throw new Error(`Content-Length ${length}`)
    const end = start + Number(length)
    const body = bytes.slice(start, end)
    return { body, trailers: [], whole: end <= bytes.length, end: Math.min(end, bytes.length) }
  }
  if (encoding === undefined) {
    const body = bytes.slice(start)
    return { body, trailers: [], whole: ending === 'fin', end: bytes.length }
  }
  if (encoding !== 'chunked') throw new Error(`Transfer-Encoding ${encoding}`)
  return chunkedBody(bytes, start)
}

function chunkedBody(bytes: string, start: number): Body {
  let at = start
  let body = ''
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) return broken(bytes, body)
    const line = bytes.slice(at, lineEnd)
    if (!CHUNK_LINE.test(line)) throw new Error(`chunk line ${JSON.stringify(line)}`)
    const size = parseInt(line, 16)
    at = lineEnd + 2
    if (size === 0) break
    body += bytes.slice(at, at + size)
    at += size
    if (at + 2 > bytes.length) return broken(bytes, body)
    if (bytes.slice(at, at + 2) !== '\r\n') throw new Error(`chunk end ${show(bytes, at)}`)
    at += 2
  }
  if (bytes.startsWith('\r\n', at)) return { body, trailers: [], whole: true, end: at + 2 }
  const end = bytes.indexOf('\r\n\r\n', at)
  if (end === -1) return broken(bytes, body)
  const trailers = bytes.slice(at, end).split('\r\n').map(fieldOf)
  return { body, trailers, whole: true, end: end + 4 }
}

function broken(bytes: string, body: string): Body {
  return { body, trailers: [], whole: false, end: bytes.length }
}

function nothing(end: number): Body {
  return { body: '', trailers: [], whole: true, end }
}

function fieldOf(line: string): readonly [string, string] {
  const parts = FIELD_LINE.exec(line)
  if (parts === null) throw new Error(`field line ${JSON.stringify(line.slice(0, 200))}`)
  return [parts[1] ?? '', parts[2] ?? '']
}

function show(bytes: string, at: number): string {
  return JSON.stringify(bytes.slice(at, at + 60))
}
