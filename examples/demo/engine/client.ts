/** The user: sends one request at a time, never repeats one, and checks every byte of the answer. */
import { Agent, request } from 'node:https'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { certificate } from './edge.js'
import { now } from './monotonic.mjs'
import { bytesOf, isChunked, sha256 } from './payload.mjs'

/** The URLs on which the application is broken, on every peer. */
export type Poison = '500' | 'drop' | 'hang' | 'header' | 'half'

export interface Ask {
  /** Names the request for ever: in its header, in the upstream's log and in the records. */
  readonly id: string
  readonly method: 'GET' | 'POST'
  /** Undefined for a request that every healthy peer answers with 200. */
  readonly poison: Poison | undefined
}

/** One request and all that the user saw of it. */
export interface Answered extends Ask {
  readonly sentAt: number
  readonly endedAt: number
  /** 0 when no response came. */
  readonly status: number
  /** `complete`: to its last byte; `broken`: begun and cut off; `none`: the connection failed instead. */
  readonly response: 'complete' | 'broken' | 'none'
  /** Of a complete response: it is byte for byte what this id stands for. */
  readonly bodyRight: boolean
  /** Which upstream server it came from, by its own header. */
  readonly servedBy: string | undefined
  readonly error: string | undefined
}

/** Far beyond every timeout of the balancer: who has waited so long has been forgotten. */
const PATIENCE = 20_000

export class Client {
  readonly #agent = new Agent({ keepAlive: true, ca: certificate, servername: 'localhost' })
  readonly #port: number

  constructor(port: number) {
    this.#port = port
  }

  /** Never rejects: a failure is a record too. */
  send(ask: Ask): Promise<Answered> {
    const body = ask.method === 'POST' ? bytesOf(ask.id) : undefined
    const sentAt = now()
    return new Promise((resolve) => {
      const req = request({
        host: '127.0.0.1',
        port: this.#port,
        agent: this.#agent,
        method: ask.method,
        path: ask.poison === undefined ? `/orders/${ask.id}` : `/poison/${ask.poison}`,
        headers: { 'x-request-id': ask.id, ...framing(ask.id, body) },
      })
      const timer = setTimeout(() => req.destroy(new Error('no answer in 20 s')), PATIENCE)
      const finish = (seen: Seen): void => {
        clearTimeout(timer)
        resolve({ ...ask, sentAt, endedAt: now(), ...seen })
      }
      req.on('error', (error) => finish({ ...NOTHING, error: error.message }))
      req.on('response', (res) => void read(res).then((seen) => finish(verify(ask, body, seen))))
      write(req, body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

type Seen = Omit<Answered, keyof Ask | 'sentAt' | 'endedAt'>
type Received = Omit<Seen, 'bodyRight'> & { readonly bytes: Buffer }

const NOTHING: Seen = {
  status: 0,
  response: 'none',
  bodyRight: false,
  servedBy: undefined,
  error: undefined,
}

function framing(id: string, body: Buffer | undefined): Record<string, string | number> {
  if (body === undefined) return {}
  const digest = { 'x-sha256': sha256(body) }
  return isChunked(id)
    ? { ...digest, 'transfer-encoding': 'chunked' }
    : { ...digest, 'content-length': body.length }
}

/** In two parts, as bodies come. */
function write(req: ClientRequest, body: Buffer | undefined): void {
  if (body !== undefined) req.write(body.subarray(0, body.length >> 1))
  req.end(body?.subarray(body.length >> 1))
}

function read(res: IncomingMessage): Promise<Received> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let error: string | undefined
    res.on('data', (chunk: Buffer) => chunks.push(chunk))
    res.on('error', (cause) => (error = cause.message))
    res.on('close', () => {
      const peer = res.headers['x-peer']
      resolve({
        status: res.statusCode ?? 0,
        response: res.complete ? 'complete' : 'broken',
        servedBy: typeof peer === 'string' ? peer : undefined,
        error,
        bytes: Buffer.concat(chunks),
      })
    })
  })
}

function verify(ask: Ask, body: Buffer | undefined, { bytes, ...seen }: Received): Seen {
  const expected = body === undefined ? bytesOf(ask.id) : Buffer.from(sha256(body))
  return { ...seen, bodyRight: seen.response === 'complete' && bytes.equals(expected) }
}
