/**
 * Reads what a proxy sends, and takes nothing but what a correct one would send: one line ending, one framing, no
 * optional forms. Small on purpose, and shares no code with Node's parser or with the library.
 */

/** A request as an upstream saw it. Text is latin1, one character a byte. */
export interface SeenRequest {
  /** Number of the connection, from 1. */
  readonly connection: number
  readonly method: string
  readonly target: string
  readonly fields: readonly (readonly [name: string, value: string])[]
  body: string
  trailers: readonly (readonly [name: string, value: string])[]
  complete: boolean
}

/** What a strict reader found wrong. */
export class Malformed extends Error {}

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) HTTP\/1\.1$/
// One space at most before a value, and no control characters (RFC 9112 section 5).
const FIELD_LINE =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ?((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?) ?$/
const CHUNK_LINE = /^[0-9a-fA-F]{1,13}$/
const NOT_IN_TRAILERS = /^(content-length|transfer-encoding|host|trailer|connection|te|upgrade)$/i

type State =
  | { readonly at: 'head' }
  | { readonly at: 'known' | 'chunk-data'; left: number }
  | { readonly at: 'chunk-line' | 'chunk-end' | 'trailers' }

const HEAD: State = { at: 'head' }

/** One connection's requests, as their bytes arrive. Throws {@link Malformed} at the first byte that is out of place. */
export class StrictRequestReader {
  readonly #connection: number
  readonly #onHead: (request: SeenRequest) => void
  readonly #onComplete: (request: SeenRequest) => void
  #buffer = ''
  #state: State = HEAD
  #request: SeenRequest | undefined

  constructor(
    connection: number,
    onHead: (request: SeenRequest) => void,
    onComplete: (request: SeenRequest) => void,
  ) {
    this.#connection = connection
    this.#onHead = onHead
    this.#onComplete = onComplete
  }

  /** Bytes that are part of no complete request. */
  get pending(): boolean {
    return this.#buffer !== '' || this.#request !== undefined
  }

  push(bytes: string): void {
    this.#buffer += bytes
    while (this.#step());
  }

  #step(): boolean {
    switch (this.#state.at) {
      case 'head':
        return this.#head()
      case 'known':
      case 'chunk-data':
        return this.#data(this.#state)
      case 'chunk-line':
        return this.#chunkLine()
      case 'chunk-end':
        if (this.#line(0) === undefined) return false
        this.#state = { at: 'chunk-line' }
        return true
      case 'trailers':
        return this.#trailers()
    }
  }

  #head(): boolean {
    if (this.#buffer === '') return false
    const end = this.#buffer.indexOf('\r\n\r\n')
    if (end === -1) {
      // A line feed by itself would never end the head.
      if (/(^|[^\r])\n/.test(this.#buffer)) throw new Malformed('a bare LF in the head')
      return false
    }
    const [requestLine = '', ...lines] = this.#buffer.slice(0, end).split('\r\n')
    this.#buffer = this.#buffer.slice(end + 4)
    const parts = REQUEST_LINE.exec(requestLine)
    if (parts === null) throw new Malformed(`request line ${JSON.stringify(requestLine)}`)
    const fields = lines.map(fieldOf)
    this.#request = {
      connection: this.#connection,
      method: parts[1] ?? '',
      target: parts[2] ?? '',
      fields,
      body: '',
      trailers: [],
      complete: false,
    }
    const state = bodyState(fields)
    this.#onHead(this.#request)
    if (state === undefined) this.#complete()
    else this.#state = state
    return true
  }

  #data(state: { left: number; readonly at: 'known' | 'chunk-data' }): boolean {
    if (this.#buffer === '') return false
    const part = this.#buffer.slice(0, state.left)
    this.#request!.body += part
    this.#buffer = this.#buffer.slice(part.length)
    state.left -= part.length
    if (state.left > 0) return false
    if (state.at === 'known') this.#complete()
    else this.#state = { at: 'chunk-end' }
    return true
  }

  /** The next line; `exactly` so many characters where given. */
  #line(exactly?: number): string | undefined {
    const end = this.#buffer.indexOf('\n')
    if (end === -1) {
      if (exactly !== undefined && this.#buffer.length > exactly + 2)
        throw new Malformed('no CRLF after a chunk')
      return undefined
    }
    const line = this.#buffer.slice(0, end)
    if (!line.endsWith('\r')) throw new Malformed('a bare LF in a chunked body')
    if (exactly !== undefined && end !== exactly + 1) throw new Malformed('no CRLF after a chunk')
    this.#buffer = this.#buffer.slice(end + 1)
    return line.slice(0, -1)
  }

  #chunkLine(): boolean {
    const line = this.#line()
    if (line === undefined) return false
    if (!CHUNK_LINE.test(line)) throw new Malformed(`chunk line ${JSON.stringify(line)}`)
    const size = parseInt(line, 16)
    this.#state = size === 0 ? { at: 'trailers' } : { at: 'chunk-data', left: size }
    return true
  }

  #trailers(): boolean {
    if (this.#buffer.startsWith('\r\n')) {
      this.#buffer = this.#buffer.slice(2)
      this.#complete()
      return true
    }
    const end = this.#buffer.indexOf('\r\n\r\n')
    if (end === -1) return false
    const trailers = this.#buffer.slice(0, end).split('\r\n').map(fieldOf)
    const forbidden = trailers.find(([name]) => NOT_IN_TRAILERS.test(name))
    if (forbidden !== undefined) throw new Malformed(`trailer ${forbidden[0]}`)
    this.#request!.trailers = trailers
    this.#buffer = this.#buffer.slice(end + 4)
    this.#complete()
    return true
  }

  #complete(): void {
    const request = this.#request!
    request.complete = true
    this.#request = undefined
    this.#state = HEAD
    this.#onComplete(request)
  }
}

function fieldOf(line: string): readonly [string, string] {
  const parts = FIELD_LINE.exec(line)
  if (parts === null) throw new Malformed(`field line ${JSON.stringify(line.slice(0, 200))}`)
  return [parts[1] ?? '', parts[2] ?? '']
}

/** RFC 9112 section 6: one framing, said once. */
function bodyState(fields: SeenRequest['fields']): State | undefined {
  const values = (wanted: string): string[] =>
    fields.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value)
  const hosts = values('host')
  if (hosts.length !== 1) throw new Malformed(`${hosts.length} Host fields`)
  const lengths = values('content-length')
  const encodings = values('transfer-encoding')
  if (lengths.length + encodings.length > 1) {
    throw new Malformed(`framed twice: ${JSON.stringify([...lengths, ...encodings])}`)
  }
  const [length] = lengths
  const [encoding] = encodings
  if (length !== undefined) {
    if (!/^[0-9]{1,15}$/.test(length)) throw new Malformed(`Content-Length ${length}`)
    return Number(length) === 0 ? undefined : { at: 'known', left: Number(length) }
  }
  if (encoding === undefined) return undefined
  if (encoding !== 'chunked') throw new Malformed(`Transfer-Encoding ${encoding}`)
  return { at: 'chunk-line' }
}
