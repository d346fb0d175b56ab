/** The client's side without a network: Node's own request and response objects over a socket in memory. */
import { IncomingMessage, ServerResponse } from 'node:http'
import { Duplex } from 'node:stream'
import type { Socket } from 'node:net'

/** Keeps what is written to it; a closed gate makes the writer wait. */
class ClientSocket extends Duplex {
  readonly remoteAddress = '192.0.2.1'
  readonly localPort = 80
  readonly chunks: Buffer[] = []
  gateOpen = true
  #held: (() => void) | undefined

  constructor() {
    super({ writableHighWaterMark: 1024 })
    this.on('error', () => undefined)
  }

  /** As on a real socket. */
  setTimeout(): this {
    return this
  }

  openGate(): void {
    this.gateOpen = true
    const held = this.#held
    this.#held = undefined
    held?.()
  }

  override _read(): void {
    // Nothing is read through the socket: bodies are pushed into the request.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(chunk)
    if (this.gateOpen) done()
    else this.#held = done
  }
}

/** A chunked body that the test sends piece by piece. */
export const STREAM = Symbol('stream')

export interface RequestOptions {
  readonly method?: string
  readonly url?: string
  readonly headers?: Readonly<Record<string, string>>
  /** A text is sent whole, with its length; an array is chunked; {@link STREAM} is chunked and left to the test. */
  readonly body?: string | readonly string[] | { readonly declared: number } | typeof STREAM
}

/** What the client has got, taken apart. */
export interface Reply {
  readonly status: number
  readonly statusMessage: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** The response came to the end that its framing promised. */
  readonly whole: boolean
}

/** One client with one request. */
export class Client {
  readonly socket = new ClientSocket()
  readonly req: IncomingMessage
  readonly res: ServerResponse

  constructor(options: RequestOptions = {}) {
    const req = new IncomingMessage(this.socket as unknown as Socket)
    req.method = options.method ?? 'GET'
    req.url = options.url ?? '/'
    req.httpVersion = '1.1'
    req.httpVersionMajor = 1
    req.httpVersionMinor = 1
    const headers: Record<string, string> = { host: 'client.test', ...options.headers }
    const { body } = options
    if (typeof body === 'string') {
      headers['content-length'] = String(Buffer.byteLength(body))
    } else if (typeof body === 'object' && 'declared' in body) {
      headers['content-length'] = String(body.declared)
    } else if (body !== undefined) {
      headers['transfer-encoding'] = 'chunked'
    }
    req.headers = headers
    req.rawHeaders = Object.entries(headers).flat()
    this.req = req
    if (body === undefined) this.send(null)
    else if (body !== STREAM && !(typeof body === 'object' && 'declared' in body)) {
      for (const chunk of typeof body === 'string' ? [body] : body)
        if (chunk !== '') this.send(chunk)
      this.send(null)
    }
    const res = new ServerResponse(req)
    res.assignSocket(this.socket as unknown as Socket)
    // What follows Node's server does itself.
    this.socket.on('drain', () => {
      if (!res.writableEnded) res.emit('drain')
    })
    res.on('finish', () => {
      res.detachSocket(this.socket as unknown as Socket)
      res.emit('close')
    })
    this.res = res
  }

  /** A piece of the request body arrives; null is its end. */
  send(chunk: string | null): void {
    // As Node's parser does it.
    if (chunk === null) this.req.complete = true
    this.req.push(chunk === null ? null : Buffer.from(chunk))
  }

  /** The client goes away. */
  leave(): void {
    this.socket.destroy()
  }

  /** Bytes that have come so far. */
  get bytes(): Buffer {
    return Buffer.concat(this.socket.chunks)
  }

  /** Whole, or broken off: nothing more will come. */
  get over(): boolean {
    return this.res.writableFinished || this.socket.destroyed
  }

  get reply(): Reply {
    return parseReply(this.bytes, this.req.method === 'HEAD')
  }
}

function parseReply(bytes: Buffer, headOnly: boolean): Reply {
  const text = bytes.toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return { status: 0, statusMessage: '', headers: {}, body: '', whole: false }
  const [line = '', ...fields] = text.slice(0, end).split('\r\n')
  const headers: Record<string, string> = {}
  for (const field of fields) {
    const colon = field.indexOf(':')
    const name = field.slice(0, colon).toLowerCase()
    const value = field.slice(colon + 1).trim()
    headers[name] = name in headers ? `${headers[name] ?? ''}, ${value}` : value
  }
  const status = Number(line.split(' ')[1])
  const bodiless = headOnly || status === 204 || status === 304
  const { body, whole } = bodiless
    ? { body: '', whole: true }
    : parseBody(text.slice(end + 4), headers)
  return { status, statusMessage: line.split(' ').slice(2).join(' '), headers, body, whole }
}

function parseBody(
  rest: string,
  headers: Record<string, string>,
): { body: string; whole: boolean } {
  const length = headers['content-length']
  if (length !== undefined) return { body: rest, whole: rest.length === Number(length) }
  if (headers['transfer-encoding'] !== 'chunked') return { body: rest, whole: false }
  let body = ''
  for (let at = 0; ;) {
    const eol = rest.indexOf('\r\n', at)
    if (eol < 0) return { body, whole: false }
    const size = parseInt(rest.slice(at, eol), 16)
    if (size === 0) return { body, whole: rest.slice(eol) === '\r\n\r\n' }
    body += rest.slice(eol + 2, eol + 2 + size)
    at = eol + 2 + size + 2
    if (at > rest.length) return { body, whole: false }
  }
}
