/**
 * Before anything is measured: does the contender really proxy? Bodies go both ways and are compared byte for byte, in
 * front of a server of our own that remembers what reached it. What a contender does with fields and with a dead peer
 * is seen here, not believed.
 */
import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { ForwardedFor } from '../contender.js'
import { MEGABYTE, SMALL } from '../scenario.js'
import { ask } from './ask.js'
import { freePort } from './children.js'
import { launch } from './launch.js'
import type { Entry, Ground } from './launch.js'

/** What was seen of a contender. */
export interface Facts {
  readonly forwardedFor: ForwardedFor
  /** A field that the client's Connection names (RFC 9110, section 7.6.1). */
  readonly hopByHop: 'removed' | 'passed on' | 'request fails'
  /** What a client sees of a peer that refuses connections. */
  readonly deadPeer: 'next peer' | 'error'
}

interface Seen {
  method: string
  url: string
  headers: IncomingHttpHeaders
  digest: string
}

const CLIENT = '127.0.0.1'
const SPOOFED = '192.0.2.7'

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

interface Witness {
  readonly port: number
  /** `seen` is the last request. */
  readonly state: { seen: Seen | undefined }
  close(): void
}

/** Answers with `body` whatever comes. */
async function startWitness(body: Buffer): Promise<Witness> {
  const state: Witness['state'] = { seen: undefined }
  const server = createServer((request, response) => {
    const hash = createHash('sha256')
    request.on('data', (chunk: Buffer) => hash.update(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      state.seen = { method, url, headers, digest: hash.digest('hex') }
      response.writeHead(200, { 'Content-Length': body.length, 'X-Witness': 'yes' }).end(body)
    })
  }).listen(0, CLIENT)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { port, state, close }
}

function demand(holds: boolean, complaint: string): asserts holds {
  if (!holds) throw new Error(complaint)
}

function addressesIn(seen: Seen | undefined): string[] {
  return String(seen?.headers['x-forwarded-for'] ?? '').split(/\s*,\s*/)
}

async function checkBodies(port: number, answer: Buffer, { state }: Witness): Promise<void> {
  for (const size of [0, 16_384, MEGABYTE]) {
    const body = randomBytes(size)
    const url = `/check/${size}?a=1&b=%20`
    const method = size === 0 ? 'GET' : 'POST'
    const reply = await ask({ port, edge: 'plain', method, path: url, body })
    demand(reply.status === 200, `${method} of ${size} bytes: status ${reply.status}`)
    demand(reply.headers['x-witness'] === 'yes', 'a response field is missing')
    demand(answer.equals(reply.body), `the response to ${method} of ${size} bytes was changed`)
    const request = state.seen
    demand(request?.method === method && request.url === url, 'the request line was changed')
    demand(request.digest === digestOf(body), `a request body of ${size} bytes was changed`)
    demand(addressesIn(request).includes(CLIENT), 'X-Forwarded-For does not name the client')
  }
}

async function seeForwardedFor(port: number, { state }: Witness): Promise<ForwardedFor> {
  const headers = { 'X-Forwarded-For': SPOOFED }
  await ask({ port, edge: 'plain', method: 'GET', path: '/', headers })
  const addresses = addressesIn(state.seen)
  if (!addresses.includes(CLIENT)) return addresses.includes(SPOOFED) ? 'left as sent' : 'none'
  return addresses.includes(SPOOFED) ? 'appended' : 'replaced'
}

async function seeHopByHop(port: number, { state }: Witness): Promise<Facts['hopByHop']> {
  const headers = { Connection: 'keep-alive, X-Hop', 'X-Hop': '1' }
  const { status } = await ask({ port, edge: 'plain', method: 'GET', path: '/', headers })
  if (status !== 200) return 'request fails'
  return state.seen?.headers['x-hop'] === undefined ? 'removed' : 'passed on'
}

async function checkProxying(ground: Ground, entry: Entry): Promise<Omit<Facts, 'deadPeer'>> {
  const answer = randomBytes(MEGABYTE)
  const witness = await startWitness(answer)
  const edge = await launch(ground, entry, { peers: [witness.port, witness.port], edge: 'plain' })
  try {
    await checkBodies(edge.port, answer, witness)
    const forwardedFor = await seeForwardedFor(edge.port, witness)
    const { forwardedFor: claim } = entry.contender
    demand(forwardedFor === claim, `X-Forwarded-For is ${forwardedFor}, not ${claim}`)
    return { forwardedFor, hopByHop: await seeHopByHop(edge.port, witness) }
  } finally {
    await ground.children.stop(edge)
    witness.close()
  }
}

async function checkDeadPeer(ground: Ground, entry: Entry): Promise<Facts['deadPeer']> {
  const witness = await startWitness(Buffer.from(SMALL))
  const dead = await freePort()
  const edge = await launch(ground, entry, { peers: [dead, witness.port], edge: 'plain' })
  const request = { port: edge.port, edge: 'plain', method: 'GET', path: '/small' } as const
  try {
    const statuses: number[] = []
    for (let turn = 0; turn < 4; turn++)
      statuses.push(
        await ask(request).then(
          ({ status }) => status,
          () => 0,
        ),
      )
    return statuses.every((status) => status === 200) ? 'next peer' : 'error'
  } finally {
    await ground.children.stop(edge)
    witness.close()
  }
}

/** Rejects, with the reason, for a contender that does not do what it says. Undefined: it is no proxy. */
export async function verify(ground: Ground, entry: Entry): Promise<Facts | undefined> {
  if (entry.contender.forwardedFor === 'none') return undefined
  const proxying = await checkProxying(ground, entry)
  return { ...proxying, deadPeer: await checkDeadPeer(ground, entry) }
}
