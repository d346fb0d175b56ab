/** A balancer with `preset: 'nginx'` on a stage: no sockets, time by hand, peers `a:80`, `b:80` … that do as told. */
import { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { createBalancer, createUpstream, upstreamVariables } from 'evenkeel'
import type { Balancer, NextUpstreamOptions, Peer, PeerOptions, UpstreamVariables } from 'evenkeel'
import { fakeClock, fails, ok, scriptedTransport } from 'evenkeel/testing'
import type { FakeClock, FailsOptions, Outcome, ScriptedTransport } from 'evenkeel/testing'

/** What a peer does: a status, a failure's name, or any outcome of the test kit. */
export type Does = number | keyof typeof FAILURES | Outcome

/** Ways to bring no response, in the words of the transport. */
const FAILURES = {
  refused: { type: 'connection_refused' },
  'connect timeout': { type: 'connection_timeout' },
  reset: { type: 'connection_terminated' },
  'read timeout': { type: 'connection_read_timeout' },
  'bad header': { type: 'http_protocol_error' },
  'big header': { type: 'http_response_header_section_size' },
  stale: { type: 'connection_terminated', reusedConnection: true },
} as const satisfies Record<string, FailsOptions>

export interface StageOptions extends NextUpstreamOptions {
  /** Seconds. Default 10. */
  readonly failTimeout?: number
  readonly maxFails?: number
  readonly selector?: 'round_robin' | 'least_conn'
  /** Seconds between two reads. Default 60. */
  readonly readTimeout?: number
}

/** A request's end: as the client and as the access log see it. */
export interface Answered {
  readonly status: number
  readonly body: string
  /** The client's connection was broken off. */
  readonly cut: boolean
  readonly variables: UpstreamVariables
  /** `200 a, b [502, 200]`: status, addresses without port, upstream statuses. */
  readonly line: string
}

/** The client's connection: takes everything and keeps it. */
class ClientSocket extends Duplex {
  written = ''
  readonly remoteAddress = '192.0.2.1'
  override _read(): void {
    // Nothing comes but what the request brought.
  }
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.written += chunk.toString('latin1')
    done()
  }
}

/** One request on its way. */
export class Running {
  readonly #response: ServerResponse
  readonly #socket: ClientSocket
  readonly answered: Promise<Answered>

  constructor(response: ServerResponse, socket: ClientSocket, answered: Promise<Answered>) {
    this.#response = response
    this.#socket = socket
    this.answered = answered
  }

  /** The client goes. */
  leave(): void {
    this.#response.destroy()
    this.#socket.destroy()
  }

  get variables(): UpstreamVariables {
    return upstreamVariables(this.#response)!
  }
}

/** One turn of the event loop: whatever can go on without time has gone on. */
export const settle = (): Promise<void> => new Promise((done) => setImmediate(done))

export class Stage {
  readonly clock: FakeClock
  readonly transport: ScriptedTransport
  readonly balancer: Balancer
  readonly #peers = new Map<string, Does | (() => Outcome | Promise<Outcome>)>()
  readonly #finished = new Map<IncomingMessage, (status: number) => void>()
  readonly #start: number

  constructor(peers: readonly Partial<PeerOptions>[], options: StageOptions = {}) {
    const { failTimeout, maxFails, selector, readTimeout, ...nextUpstream } = options
    // Half past a second, and not at 0: nginx's clock is that of the wall.
    this.clock = fakeClock(1_000_500)
    this.#start = this.clock.now()
    this.transport = scriptedTransport(
      async ({ attempt }) => {
        const does = this.#peers.get(attempt.peer.hostname) ?? 200
        return typeof does === 'function' ? does() : outcomeOf(does)
      },
      { clock: this.clock },
    )
    const upstream = createUpstream({
      preset: 'nginx',
      name: 'example',
      clock: this.clock,
      peers: peers.map((peer, i) => ({ url: `http://${nameOf(i)}:80`, ...peer })),
      ...(failTimeout !== undefined && { failTimeout: failTimeout * 1000 }),
      ...(maxFails !== undefined && { maxFails }),
      ...(selector !== undefined && { selector }),
    })
    this.balancer = createBalancer({
      preset: 'nginx',
      upstream,
      nextUpstream,
      transport: this.transport,
      ...(readTimeout !== undefined && { readTimeout: readTimeout * 1000 }),
    })
    this.balancer.on('finish', ({ request, status }) => this.#finished.get(request)?.(status))
  }

  peer(name: string): Peer {
    return this.balancer.upstream.peers.find(({ hostname }) => hostname === name)!
  }

  /** From now on: `{ a: 500, b: 'refused' }`; a function is asked at each attempt. */
  does(what: Readonly<Record<string, Does | (() => Outcome | Promise<Outcome>)>>): void {
    for (const [name, does] of Object.entries(what)) this.#peers.set(name, does)
  }

  /** The next attempts at the peer end when the returned function says how. */
  holds(name: string): (does: Does) => Promise<void> {
    let release = (_: Outcome): void => undefined
    const held = new Promise<Outcome>((resolve) => (release = resolve))
    this.does({ [name]: () => held })
    return async (does) => {
      release(outcomeOf(does))
      await settle()
    }
  }

  /** Moves on to so many seconds after the stage's start. */
  async at(seconds: number): Promise<void> {
    await this.clock.advanceAsync(this.#start + seconds * 1000 - this.clock.now())
  }

  begin(method = 'GET', body = ''): Running {
    const socket = new ClientSocket()
    const request = new IncomingMessage(socket as unknown as Socket)
    Object.assign(request, { method, url: '/', httpVersion: '1.1' })
    request.rawHeaders = ['Host', 'example.com']
    request.headers = { host: 'example.com' }
    if (body !== '') {
      request.rawHeaders.push('Content-Length', String(body.length))
      request.headers['content-length'] = String(body.length)
      request.push(body)
    }
    request.push(null)
    request.complete = true
    const response = new ServerResponse(request)
    response.assignSocket(socket as unknown as Socket)
    const answered = new Promise<number>((resolve) => this.#finished.set(request, resolve)).then(
      (status) => answerOf(status, response, socket),
    )
    this.balancer(request, response)
    return new Running(response, socket, answered)
  }

  /** A request from beginning to end. */
  async request(method = 'GET', body = ''): Promise<Answered> {
    return this.begin(method, body).answered
  }

  /** The `line` of one request, or of several one after another. */
  async line(method = 'GET', body = ''): Promise<string> {
    return (await this.request(method, body)).line
  }

  async lines(count: number, method = 'GET'): Promise<readonly string[]> {
    const lines: string[] = []
    for (let i = 0; i < count; i++) lines.push(await this.line(method))
    return lines
  }

  /** Who answers: names of the peers that the next `count` requests go to. */
  async order(count: number): Promise<string> {
    const before = this.transport.attempts.length
    await this.lines(count)
    return this.transport.attempts
      .slice(before)
      .map(({ attempt }) => attempt.peer.hostname)
      .join(' ')
  }
}

/** `a`, `b`, `c` … */
const nameOf = (index: number): string => String.fromCharCode(97 + index)

function outcomeOf(does: Does): Outcome {
  if (typeof does === 'number') return ok({ status: does, body: `upstream's ${does}` })
  return typeof does === 'string' ? fails(FAILURES[does]) : does
}

function answerOf(status: number, response: ServerResponse, socket: ClientSocket): Answered {
  const variables = upstreamVariables(response)!
  const addresses = variables.upstream_addr.replaceAll(':80', '')
  const [, body = ''] = socket.written.split('\r\n\r\n')
  return {
    status,
    body,
    cut: socket.destroyed || response.destroyed,
    variables,
    line: `${status} ${addresses} [${variables.upstream_status}]`,
  }
}
