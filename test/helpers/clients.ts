/** Clients that tell a whole response from a broken one, and never reject. */
import { Agent, request } from 'node:http'
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import { connect as connectHttp2, constants } from 'node:http2'
import type { ClientHttp2Session, IncomingHttpHeaders as Http2Headers } from 'node:http2'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { onTestFinished } from 'vitest'
import { forLocalhost } from '../fixtures/test-only-certificates.js'

/** What a client got. `whole`: a response that looks complete to it. */
export interface Reply {
  readonly whole: boolean
  /** 0 when no head came. */
  readonly status: number
  readonly reason: string
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly body: string
  /** Code of the error that broke it, or of the HTTP/2 reset. */
  readonly error: string | undefined
}

export interface Ask {
  method?: string
  path?: string
  headers?: OutgoingHttpHeaders
  body?: string | Buffer
  /** Default: a connection of its own. */
  agent?: Agent
}

/** An agent whose connections end with the test. */
export function keepAliveAgent(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  return agent
}

/** Over HTTP/1.1 by Node's own client. */
export function ask(port: number, { body, agent, ...options }: Ask = {}): Promise<Reply> {
  return new Promise((resolve) => {
    const nothing = { status: 0, reason: '', headers: {}, rawHeaders: [], body: '' }
    const outgoing = request({ host: '127.0.0.1', port, agent: agent ?? false, ...options })
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      resolve({ ...nothing, whole: false, error: error.code ?? error.message })
    })
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = []
      let error: string | undefined
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', (cause: NodeJS.ErrnoException) => (error = cause.code ?? cause.message))
      response.on('close', () => {
        resolve({
          whole: response.complete && error === undefined,
          status: response.statusCode ?? 0,
          reason: response.statusMessage ?? '',
          headers: response.headers,
          rawHeaders: response.rawHeaders,
          body: Buffer.concat(chunks).toString('latin1'),
          error,
        })
      })
    })
    outgoing.end(body)
  })
}

/** Bytes as they come, and how the connection ended: `fin`, or the code of the error. */
export interface RawReply {
  readonly bytes: string
  readonly ended: string
}

/** Sends bytes (latin1) over TCP, a unix socket or TLS, and reads until the connection ends. */
export function rawAsk(
  where: number | string,
  bytes: string,
  over: 'plain' | 'tls' = 'plain',
): Promise<RawReply> {
  return new Promise((resolve) => {
    let received = ''
    let ended: string | undefined
    const address = typeof where === 'string' ? { path: where } : { port: where, host: '127.0.0.1' }
    const socket =
      over === 'plain'
        ? connect(address)
        : connectTls({ ...address, ca: forLocalhost.cert, servername: 'localhost' })
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => (received += chunk))
    socket.on('end', () => (ended ??= 'fin'))
    socket.on('error', (error: NodeJS.ErrnoException) => (ended = error.code ?? error.message))
    socket.on('close', () => resolve({ bytes: received, ended: ended ?? 'closed' }))
    socket.write(bytes, 'latin1')
  })
}

/** An HTTP/2 connection that ends with the test. */
export function http2Session(port: number): ClientHttp2Session {
  const session = connectHttp2(`https://localhost:${port}`, { ca: forLocalhost.cert })
  session.on('error', () => undefined)
  onTestFinished(() => session.destroy())
  return session
}

/** Over HTTP/2. A stream that is reset is not whole. */
export function ask2(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders = {},
  body?: string | Buffer,
): Promise<Reply> {
  return new Promise((resolve) => {
    const stream = session.request({ ':path': '/', ...headers }, { endStream: body === undefined })
    const chunks: Buffer[] = []
    let head: Http2Headers = {}
    let error: string | undefined
    let ended = false
    stream.on('response', (fields) => (head = fields))
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => (ended = true))
    stream.on('error', (cause: NodeJS.ErrnoException) => (error = cause.code ?? cause.message))
    stream.on('close', () => {
      const reset = stream.rstCode !== constants.NGHTTP2_NO_ERROR
      resolve({
        whole: ended && !reset && error === undefined && head[':status'] !== undefined,
        status: Number(head[':status'] ?? 0),
        reason: '',
        headers: head,
        rawHeaders: [],
        body: Buffer.concat(chunks).toString('latin1'),
        error: error ?? (reset ? `RST_STREAM ${stream.rstCode}` : undefined),
      })
    })
    if (body !== undefined) stream.end(body)
  })
}
