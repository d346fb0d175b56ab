/** One request, and its whole response. */
import { request as plainRequest } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { buffer } from 'node:stream/consumers'

export interface Question {
  readonly port: number
  readonly edge: 'plain' | 'tls'
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: Buffer
  readonly headers?: Readonly<Record<string, string>>
}

export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Milliseconds. */
const LIMIT = 5000

export async function ask(question: Question): Promise<Reply> {
  const { port, edge, method, path, body = Buffer.alloc(0), headers = {} } = question
  const length = body.length > 0 ? { 'Content-Length': String(body.length) } : {}
  const options = {
    host: '127.0.0.1',
    port,
    method,
    path,
    headers: { ...headers, ...length },
    agent: false as const,
    signal: AbortSignal.timeout(LIMIT),
    // The certificate is a test's own.
    rejectUnauthorized: false,
  }
  const outgoing = edge === 'tls' ? tlsRequest(options) : plainRequest(options)
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.on('response', resolve).on('error', reject)
    outgoing.end(body)
  })
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: await buffer(response),
  }
}
