/** Clients that make trips: over HTTP/1.1 on a few kept connections, or as streams of one HTTP/2 connection. */
import { Agent, request } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { connect } from 'node:http2'
import type { ClientHttp2Session } from 'node:http2'
import { forLocalhost } from '../../fixtures/test-only-certificates.js'
import { receive, send } from './body.js'
import type { Received } from './body.js'
import { DIGEST } from './origin.js'
import type { Trip } from './trip.js'

/** What a client has sent and seen of one trip. */
export interface AtClient {
  readonly status: number
  /** Interim responses, by their status. */
  readonly interim: readonly number[]
  readonly received: Received
  readonly trailers: readonly string[]
  /** Of the body that was sent. */
  readonly sha256: string
  /** What broke it. */
  readonly error: string | undefined
}

export interface Traveller {
  /** Rejects when the request breaks. */
  go(path: string, trip: Trip): Promise<AtClient>
  close(): void
}

export function overHttp1(port: number): Traveller {
  const agent = new Agent({ keepAlive: true, maxSockets: 2 })
  return {
    go: (path, trip) => goOverHttp1({ port, host: '127.0.0.1', agent, path }, trip),
    close: () => agent.destroy(),
  }
}

export function overHttp2(port: number): Traveller {
  // What is written counts, too: with more than that waiting, Node's client refuses the fields of an answer.
  const maxSessionMemory = 200
  const session = connect(`https://localhost:${port}`, { ca: forLocalhost.cert, maxSessionMemory })
  session.on('error', () => undefined)
  return { go: (path, trip) => goOverHttp2(session, path, trip), close: () => session.destroy() }
}

function headersOf({ headers, request: outgoing }: Trip): Record<string, string> {
  const { framing, size, trailers } = outgoing
  return {
    ...headers,
    ...(framing === 'length' ? { 'content-length': String(size) } : {}),
    ...(trailers ? { trailer: DIGEST } : {}),
  }
}

async function goOverHttp1(where: object, trip: Trip): Promise<AtClient> {
  const headers = headersOf(trip)
  if (trip.request.framing === 'chunked') headers['transfer-encoding'] = 'chunked'
  const outgoing: ClientRequest = request({ ...where, method: trip.method, headers })
  const interim: number[] = []
  outgoing.on('information', ({ statusCode }) => interim.push(statusCode))
  const answered = new Promise<{ response: IncomingMessage; received: Promise<Received> }>(
    (resolve, reject) => {
      outgoing.on('error', reject)
      outgoing.on('response', (response) => {
        const received = receive(response, trip.response.read, trip.response.seed)
        // Node's client waits in vain for a `drain` when the answer is over before the request is.
        void received.then(() => outgoing.writableEnded || outgoing.destroy())
        resolve({ response, received })
      })
    },
  )
  // Whoever awaits it later is told.
  answered.catch(() => undefined)
  const sha256 = await send(outgoing, trip.request)
  if (trip.request.trailers) outgoing.addTrailers([[DIGEST, sha256]])
  outgoing.end()
  const { response, received } = await answered
  const { ended, ...rest } = await received
  return {
    status: response.statusCode ?? 0,
    interim,
    received: { ...rest, ended: ended && response.complete },
    trailers: response.rawTrailers,
    sha256,
    error: undefined,
  }
}

async function goOverHttp2(
  session: ClientHttp2Session,
  path: string,
  trip: Trip,
): Promise<AtClient> {
  const { method, request: outgoing } = trip
  const stream = session.request(
    { ':path': path, ':method': method, ...headersOf(trip) },
    { endStream: outgoing.framing === 'none', waitForTrailers: outgoing.trailers },
  )
  const interim: number[] = []
  let status = 0
  let trailers: string[] = []
  let sha256 = ''
  stream.on('headers', (fields) => interim.push(Number(fields[':status'])))
  stream.on('response', (fields) => (status = Number(fields[':status'])))
  stream.on('trailers', (fields) => (trailers = Object.entries(fields).flat() as string[]))
  stream.on('wantTrailers', () => stream.sendTrailers({ [DIGEST]: sha256 }))
  let error: string | undefined
  stream.on('error', (cause: NodeJS.ErrnoException) => (error = cause.message))
  const received = receive(stream, trip.response.read, trip.response.seed)
  const closed = new Promise<void>((resolve) => {
    stream.on('close', resolve)
  })
  if (outgoing.framing !== 'none') {
    sha256 = await send(stream, outgoing)
    stream.end()
  } else sha256 = await send(stream, { ...outgoing, size: 0 })
  const { ended, ...rest } = await received
  await closed
  return {
    status,
    interim,
    received: { ...rest, ended: ended && stream.rstCode === 0 },
    trailers,
    sha256,
    error,
  }
}
