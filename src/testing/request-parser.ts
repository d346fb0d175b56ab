/** HTTP/1.1 requests out of raw bytes, strictly: whatever could be read in two ways is refused (RFC 9112). */

export interface ParsedHead {
  readonly method: string
  readonly target: string
  readonly httpVersion: '1.0' | '1.1'
  /** Name, value, name, value …, as received. */
  readonly rawHeaders: readonly string[]
}

export interface ParserEvents {
  /** Returning `hold` keeps all bytes after this request back until {@link RequestParser.release}. */
  head(head: ParsedHead): 'go on' | 'hold'
  body(chunk: Buffer): void
  complete(rawTrailers: readonly string[]): void
}

/** The bytes are not HTTP/1.x, or could be read in two ways. */
export class MalformedRequest extends Error {}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) HTTP\/1\.([01])$/
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const CHUNK_SIZE = /^([0-9A-Fa-f]{1,12})(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?$/
const EMPTY = Buffer.alloc(0)

type State = 'line' | 'fields' | 'fixed' | 'size' | 'chunk' | 'chunk-end' | 'trailers'

/** Fed with bytes as they come; reports through its events and throws {@link MalformedRequest}. */
export class RequestParser {
  readonly #events: ParserEvents
  readonly #maxHeaderSize: number
  #state: State = 'line'
  #rest: Buffer = EMPTY
  #held = false
  #hold: 'go on' | 'hold' = 'go on'
  #line: RegExpExecArray | undefined
  #fields: string[] = []
  #sectionSize = 0
  #left = 0
  #blankLineSeen = false

  constructor(events: ParserEvents, maxHeaderSize: number) {
    this.#events = events
    this.#maxHeaderSize = maxHeaderSize
  }

  /** Between two requests, with no byte of the next. */
  get idle(): boolean {
    return this.#state === 'line' && this.#rest.length === 0
  }

  push(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let goOn = true
    while (goOn && !this.#held) goOn = this.#step()
  }

  /** Goes on after a request that was held. */
  release(): void {
    this.#held = false
    this.push(EMPTY)
  }

  /** Hands over what has not been parsed. */
  takeRest(): Buffer {
    const rest = this.#rest
    this.#rest = EMPTY
    return rest
  }

  /** One step; false when more bytes are needed. */
  #step(): boolean {
    switch (this.#state) {
      case 'line':
        return this.#withLine((line) => this.#requestLine(line))
      case 'fields':
        return this.#withLine((line) => (line === '' ? this.#headComplete() : this.#field(line)))
      case 'fixed':
        return this.#bytes(() => this.#complete())
      case 'size':
        return this.#withLine((line) => this.#chunkSize(line))
      case 'chunk':
        return this.#bytes(() => (this.#state = 'chunk-end'))
      case 'chunk-end':
        return this.#withLine((line) => {
          if (line !== '') throw new MalformedRequest('chunk longer than its size')
          this.#state = 'size'
        })
      case 'trailers':
        return this.#withLine((line) => (line === '' ? this.#complete() : this.#field(line)))
      default:
        return this.#state satisfies never
    }
  }

  #withLine(use: (line: string) => void): boolean {
    const end = this.#rest.indexOf(10)
    const length = end < 0 ? this.#rest.length : end + 1
    if (this.#sectionSize + length > this.#maxHeaderSize) {
      throw new MalformedRequest('header section too large')
    }
    if (end < 0) return false
    if (end === 0 || this.#rest[end - 1] !== 13) throw new MalformedRequest('line ends without CR')
    const line = this.#rest.toString('latin1', 0, end - 1)
    this.#rest = this.#rest.subarray(end + 1)
    this.#sectionSize += length
    use(line)
    return true
  }

  #requestLine(line: string): void {
    if (line === '' && !this.#blankLineSeen) {
      this.#blankLineSeen = true // RFC 9112 section 2.2: one empty line before a request is ignored
      return
    }
    this.#line = REQUEST_LINE.exec(line) ?? undefined
    if (this.#line === undefined) throw new MalformedRequest('bad request line')
    this.#state = 'fields'
  }

  #field(line: string): void {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(0, colon))
    const value = line.slice(colon + 1).replace(/^[\t ]+|[\t ]+$/g, '')
    if (!TOKEN.test(name)) throw new MalformedRequest('bad field name')
    if (!FIELD_VALUE.test(value)) throw new MalformedRequest(`bad value of ${name}`)
    this.#fields.push(name, value)
  }

  #headComplete(): void {
    const [, method = '', target = '', minor] = this.#line ?? []
    const httpVersion = minor === '0' ? '1.0' : '1.1'
    const rawHeaders = this.#fields
    const length = bodyLength(rawHeaders, httpVersion)
    this.#startSection()
    this.#hold = this.#events.head({ method, target, httpVersion, rawHeaders })
    if (length === 'chunked') {
      this.#state = 'size'
    } else if (length === 0) {
      this.#complete()
    } else {
      this.#left = length
      this.#state = 'fixed'
    }
  }

  #chunkSize(line: string): void {
    const match = CHUNK_SIZE.exec(line)
    if (match === null) throw new MalformedRequest('bad chunk size')
    this.#startSection()
    this.#left = Number.parseInt(match[1] ?? '', 16)
    this.#state = this.#left === 0 ? 'trailers' : 'chunk'
  }

  #bytes(done: () => void): boolean {
    if (this.#rest.length === 0) return false
    const chunk = this.#rest.subarray(0, this.#left)
    this.#rest = this.#rest.subarray(chunk.length)
    this.#left -= chunk.length
    this.#events.body(chunk)
    if (this.#left === 0) done()
    return true
  }

  #complete(): void {
    const trailers = this.#state === 'trailers' ? this.#fields : []
    this.#startSection()
    this.#state = 'line'
    this.#blankLineSeen = false
    this.#held = this.#hold === 'hold'
    this.#events.complete(trailers)
  }

  #startSection(): void {
    this.#fields = []
    this.#sectionSize = 0
  }
}

/** RFC 9112 section 6.3, with every doubtful case refused. */
function bodyLength(rawHeaders: readonly string[], httpVersion: '1.0' | '1.1'): number | 'chunked' {
  const hosts = valuesOf(rawHeaders, 'host')
  if (hosts.length > 1 || (hosts.length === 0 && httpVersion === '1.1')) {
    throw new MalformedRequest(`${hosts.length} Host fields`)
  }
  const lengths = valuesOf(rawHeaders, 'content-length')
  const codings = valuesOf(rawHeaders, 'transfer-encoding')
  if (lengths.length + codings.length > 1) throw new MalformedRequest('framed twice')
  const [coding] = codings
  if (coding !== undefined) {
    if (httpVersion === '1.0') throw new MalformedRequest('Transfer-Encoding in HTTP/1.0')
    if (coding.toLowerCase() !== 'chunked') throw new MalformedRequest('unknown Transfer-Encoding')
    return 'chunked'
  }
  const [length = '0'] = lengths
  if (!/^[0-9]{1,15}$/.test(length)) throw new MalformedRequest('bad Content-Length')
  return Number(length)
}

/** All values of a field; `name` in lower case. */
export function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === name) values.push(rawHeaders[i + 1] ?? '')
  }
  return values
}
