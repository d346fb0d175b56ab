/** Runs an example in front of mock upstreams, and asks it things as a client would. */
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import { createMockUpstream, respond } from 'evenkeel/testing'
import type { MockRequest, MockUpstream } from 'evenkeel/testing'
import type { ExampleOptions, RunningExample } from '../../../examples/support/run-alone.js'

const certificate = readFileSync(
  new URL('../../../examples/demo/engine/tls/test-only-cert.pem', import.meta.url),
)

export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface Question {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: Buffer | string
  /** Without `Content-Length`. */
  readonly chunked?: boolean
}

/** One request on a connection of its own. Rejects when the answer is broken off, and after five seconds. */
export function ask(url: string, question: Question = {}): Promise<Reply> {
  const { method = question.body === undefined ? 'GET' : 'POST', headers = {}, body } = question
  return new Promise((resolve, reject) => {
    const request = (url.startsWith('https:') ? httpsRequest : httpRequest)(
      url,
      { method, headers, agent: false, ca: certificate, signal: AbortSignal.timeout(5_000) },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks),
          })
        })
      },
    )
    request.on('error', reject)
    if (body !== undefined && question.chunked !== true)
      request.setHeader('Content-Length', Buffer.byteLength(body))
    if (body !== undefined && question.chunked === true) {
      // Two writes: with one, Node would work the length out by itself.
      const bytes = Buffer.from(body)
      request.write(bytes.subarray(0, 1))
      request.end(bytes.subarray(1))
    } else request.end(body)
  })
}

export interface Stage {
  readonly url: string
  readonly one: MockUpstream
  readonly two: MockUpstream
  /** All that the peers were asked, by the one and then by the other. */
  readonly requests: () => MockRequest[]
}

/** The example in front of two peers, which answer `one` and `two`; everything is closed when `play` is through. */
export async function onStage(
  start: (options: ExampleOptions) => Promise<RunningExample>,
  play: (stage: Stage) => Promise<void>,
): Promise<void> {
  await using one = await createMockUpstream({ answer: respond({ body: 'one' }) })
  await using two = await createMockUpstream({ answer: respond({ body: 'two' }) })
  const example = await start({ upstream: [one.url, two.url], port: 0 })
  try {
    await play({ url: example.url, one, two, requests: () => [...one.requests, ...two.requests] })
  } finally {
    await example.close()
  }
}

export const sha256 = (bytes: Buffer | string): string =>
  createHash('sha256').update(bytes).digest('hex')

/** Bytes that no layer could take for text. */
export const noise = (length: number): Buffer => randomBytes(length)
