/** Answers that are HTTP responses. */
import { STATUS_CODES } from 'node:http'
import type { Answer, Exchange } from './answer.js'
import { flatHeaders, toBuffer } from './outcome.js'
import type { HeaderList } from './outcome.js'
import { valuesOf } from './request-parser.js'

type Bytes = string | Uint8Array

export interface RespondOptions {
  /** Default 200. Not checked: 99 or 1000 go out as they are. */
  status?: number
  /** Default: the usual phrase of the status. */
  statusMessage?: string
  /** Default `'1.1'`. */
  httpVersion?: '1.0' | '1.1'
  /** Sent in the given order and case (latin1). Framing and connection fields are added unless they are here. */
  headers?: HeaderList
  /** Default empty. The parts of an array are written one by one; a function makes them as they are wanted. */
  body?: Bytes | readonly Bytes[] | (() => Iterable<Bytes> | AsyncIterable<Bytes>)
  /** Chunked framing, each part of the body a chunk. Default: with trailers, or when `body` is a function. */
  chunked?: boolean
  /** No framing at all: the end of the connection ends the body. Default false. */
  untilClose?: boolean
  /** Trailer fields. Default none. */
  trailers?: HeaderList
  /** Interim responses sent before the head, such as 103. Default none. */
  informational?: readonly { status: number; headers?: HeaderList }[]
  /** Milliseconds before the first byte. Default 0. */
  delay?: number
  /** Milliseconds between head and body. Default 0. */
  bodyDelay?: number
  /** Milliseconds between two parts of the body. Default 0. */
  gap?: number
}

type Framing = 'length' | 'chunked' | 'close' | 'none'

/** An HTTP response; with no options an empty 200. */
export function respond(options: RespondOptions = {}): Answer {
  return {
    startsAt: 'request',
    play: (exchange) => playResponse(options, exchange, (head) => exchange.write(head)),
  }
}

export interface DripOptions extends RespondOptions {
  /** Milliseconds between two bytes of the head. Default 1. */
  byteGap?: number
}

/** A response whose head comes byte by byte, each in a packet of its own. */
export function drip(options: DripOptions = {}): Answer {
  return {
    startsAt: 'request',
    play: (exchange) =>
      playResponse({ bodyDelay: 1, ...options }, exchange, async (head) => {
        for (const byte of head) {
          await exchange.write(Uint8Array.of(byte))
          await exchange.wait(options.byteGap ?? 1)
        }
      }),
  }
}

/** A 200 with one field, `X-Huge`, of that many bytes. */
export function hugeHeader(bytes: number, options: RespondOptions = {}): Answer {
  return respond({ ...options, headers: { 'X-Huge': 'h'.repeat(bytes) } })
}

async function playResponse(
  options: RespondOptions,
  exchange: Exchange,
  writeHead: (head: Buffer) => Promise<void>,
): Promise<void> {
  const framing = framingOf(options, exchange)
  const head = Buffer.from(headOf(options, framing, exchange), 'latin1')
  await exchange.wait(options.delay ?? 0)
  for (const { status, headers } of options.informational ?? []) {
    await exchange.write(
      section(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, flatHeaders(headers)),
    )
  }
  const body = options.body ?? ''
  if (isBytes(body) && framing === 'length' && !options.bodyDelay) {
    return writeHead(Buffer.concat([head, toBuffer(body)]))
  }
  await writeHead(head)
  if (framing === 'none') return
  await exchange.wait(options.bodyDelay ?? 0)
  await writeBody(options, framing, exchange)
}

async function writeBody(
  options: RespondOptions,
  framing: Framing,
  exchange: Exchange,
): Promise<void> {
  let first = true
  for await (const part of partsOf(options.body ?? '')) {
    const bytes = toBuffer(part)
    if (bytes.length === 0) continue
    if (!first) await exchange.wait(options.gap ?? 0)
    first = false
    await exchange.write(framing === 'chunked' ? chunkOf(bytes) : bytes)
  }
  if (framing === 'chunked') await exchange.write(section('0', flatHeaders(options.trailers)))
}

function partsOf(
  body: NonNullable<RespondOptions['body']>,
): Iterable<Bytes> | AsyncIterable<Bytes> {
  if (typeof body === 'function') return body()
  return isBytes(body) ? [body] : body
}

function isBytes(body: NonNullable<RespondOptions['body']>): body is Bytes {
  return typeof body === 'string' || body instanceof Uint8Array
}

/** The bytes of one chunk in chunked framing. */
export function chunkOf(bytes: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`${bytes.length.toString(16)}\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ])
}

function framingOf(options: RespondOptions, { request }: Exchange): Framing {
  const status = options.status ?? 200
  if (request.method === 'HEAD' || status === 204 || status === 304) return 'none'
  if (options.untilClose === true) return 'close'
  const chunked =
    options.chunked ?? (options.trailers !== undefined || typeof options.body === 'function')
  if (!chunked) return 'length'
  return request.httpVersion === '1.0' ? 'close' : 'chunked'
}

function headOf(options: RespondOptions, framing: Framing, exchange: Exchange): string {
  const status = options.status ?? 200
  const phrase = options.statusMessage ?? STATUS_CODES[status] ?? ''
  const fields = flatHeaders(options.headers)
  const add = (name: string, value: string): void => {
    if (valuesOf(fields, name.toLowerCase()).length === 0) fields.push(name, value)
  }
  addFraming(options, framing, status, fields, add)
  const close = framing === 'close' || !exchange.persistent || asksToClose(fields)
  if (close) {
    exchange.closeAfter()
    add('Connection', 'close')
  } else if (exchange.announceKeepAlive > 0) {
    add('Connection', 'keep-alive')
    add('Keep-Alive', `timeout=${exchange.announceKeepAlive}`)
  } else if (exchange.request.httpVersion === '1.0') {
    add('Connection', 'keep-alive')
  }
  return section(`HTTP/${options.httpVersion ?? '1.1'} ${status} ${phrase}`, fields)
}

function addFraming(
  options: RespondOptions,
  framing: Framing,
  status: number,
  fields: string[],
  add: (name: string, value: string) => void,
): void {
  const given =
    valuesOf(fields, 'content-length').length + valuesOf(fields, 'transfer-encoding').length
  if (given > 0 || framing === 'close' || status === 204 || status === 304) return
  if (framing === 'chunked') return add('Transfer-Encoding', 'chunked')
  if (typeof options.body === 'function') return
  add('Content-Length', String(lengthOf(options.body ?? '')))
}

function lengthOf(body: Bytes | readonly Bytes[]): number {
  const parts = isBytes(body) ? [body] : body
  return parts.reduce((sum, part) => sum + toBuffer(part).length, 0)
}

function asksToClose(fields: readonly string[]): boolean {
  return valuesOf(fields, 'connection').some((value) => value.toLowerCase() === 'close')
}

/** A first line, fields and the empty line. */
export function section(firstLine: string, fields: readonly string[]): string {
  let text = `${firstLine}\r\n`
  for (let i = 0; i + 1 < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`
  return `${text}\r\n`
}
