/** Interim responses (1xx) on their way to the client (RFC 9110 section 15.2). */
import { STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { responseHeaders } from './response-headers.js'
import type { ClientResponse } from './relay.js'

/** Node's own marks on a response: the client awaits 100 (Continue), and whether it was sent. */
interface Awaiting {
  readonly _expect_continue?: boolean
  readonly _sent100?: boolean
}

/**
 * Does the client wait for 100 (Continue), and has nobody sent it? Node sends it by itself, unless the server has a
 * listener for `checkContinue`.
 */
export function awaitsContinue(req: IncomingMessage, res: ClientResponse): boolean {
  if (req.headers.expect === undefined) return false
  if (res.stream === undefined) {
    const { _expect_continue: expects, _sent100: sent } = res as Awaiting
    return expects === true && sent !== true
  }
  const sent = (res.stream as { sentInfoHeaders?: { ':status'?: unknown }[] }).sentInfoHeaders
  return sent?.every((head) => Number(head[':status']) !== 100) === true
}

/** 100 (Continue). Silent where it can no longer be said. */
export function writeContinue(res: ClientResponse): void {
  if (res.headersSent || res.destroyed) return
  res.writeContinue()
}

/**
 * Passes a 1xx on, end-to-end fields only. Silent where that cannot be: to HTTP/1.0, behind another response on the
 * same connection, after the final head, and with fields that cannot be written.
 */
export function writeInterim(
  res: ClientResponse,
  status: number,
  rawHeaders: readonly string[],
): void {
  if (res.headersSent || res.destroyed || status < 102 || status > 199) return
  const fields = responseHeaders(rawHeaders, 'drop')
  try {
    if (res.stream === undefined) writeInterim1(res, status, fields)
    else writeInterim2(res.stream, status, fields)
  } catch {
    // A hint that cannot be told is not told.
  }
}

/** Node's `writeEarlyHints` takes links only, and objects at that. */
function writeInterim1(res: ClientResponse, status: number, fields: readonly string[]): void {
  // Without a socket an earlier, pipelined response is still on its way.
  const { socket } = res
  if (res.req.httpVersion !== '1.1' || socket?.writable !== true) return
  let head = `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ''}\r\n`
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] ?? ''
    const value = fields[i + 1] ?? ''
    validateHeaderName(name)
    validateHeaderValue(name, value)
    head += `${name}: ${value}\r\n`
  }
  socket.write(`${head}\r\n`, 'latin1')
}

function writeInterim2(
  stream: NonNullable<ClientResponse['stream']>,
  status: number,
  fields: readonly string[],
): void {
  const headers: Record<string, string | string[]> = { ':status': String(status) }
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = (fields[i] ?? '').toLowerCase()
    const before = headers[name]
    const value = fields[i + 1] ?? ''
    headers[name] = before === undefined ? value : [before, value].flat()
  }
  stream.additionalHeaders(headers)
}
