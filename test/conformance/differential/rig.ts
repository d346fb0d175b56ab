/**
 * The same requests to a real nginx and to a balancer with `preset: 'nginx'`, in front of the same mock upstreams.
 * What each upstream does with a request stands in the request itself, so that both proxies meet the same.
 */
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createBalancer, createUpstream, upstreamVariables } from 'evenkeel'
import type { Balancer, Clock, Condition } from 'evenkeel'
import {
  closeConnection,
  createMockUpstream,
  dieInBody,
  hang,
  hugeHeader,
  raw,
  reset,
  respond,
} from 'evenkeel/testing'
import type { Answer, MockRequest, MockUpstream } from 'evenkeel/testing'
import { expect } from 'vitest'
import { startNginx } from './nginx-process.js'
import type { AccessLine, Nginx } from './nginx-process.js'

/** One `server` of the upstream; peers are A, B, C … in this order. */
export interface PeerSetup {
  readonly weight?: number
  readonly maxFails?: number
  /** Seconds. */
  readonly failTimeout?: number
  readonly maxConns?: number
  readonly backup?: boolean
  readonly down?: boolean
}

export interface Setup {
  readonly peers: readonly PeerSetup[]
  readonly on?: readonly Condition[]
  readonly tries?: number
  /** Milliseconds. */
  readonly nextTimeout?: number
  /** Milliseconds. Default 150. */
  readonly readTimeout?: number
  readonly selector?: 'round_robin' | 'least_conn'
  /** Idle connections kept; 0: every answer closes its connection. Default 0. */
  readonly keepalive?: number
}

/**
 * What a peer does: a status; `reset` or `close` without a byte; `hang`; `big`, a header that is too big; `half`, death in
 * the body; `part`, death in the header; `stale`: a connection that served before is closed; `hold:key` until released.
 */
export type Act =
  number | 'reset' | 'close' | 'hang' | 'big' | 'half' | 'part' | 'stale' | `hold:${string}`

export interface Request {
  /** What A, B, C … do if they are asked; the last one stands for all further peers. Default 200. */
  readonly acts?: readonly Act[]
  readonly method?: string
  /** Bytes. Default 0, and 10 for methods with a body. */
  readonly body?: number
  /** The client goes as soon as a peer has the request, or when the response has begun. */
  readonly leaves?: 'asked' | 'answered'
}

const UPSTREAM = 'group'
const METHODS_WITH_BODY = new Set(['POST', 'PUT', 'PATCH', 'LOCK'])
const PROXIES = ['nginx', 'evenkeel'] as const
type ProxyName = (typeof PROXIES)[number]

/** nginx counts the seconds of the wall clock: so that both see the same second begin. */
const wallClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timeout = setTimeout(run, ms)
    return { refresh: () => void timeout.refresh(), cancel: () => clearTimeout(timeout) }
  },
}

/** Milliseconds. Short, for many a test waits for it to pass. */
const READ_TIMEOUT = 150

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

/** Begins early in a second of the wall clock, so that a few requests fit into it. */
export const earlyInASecond = (): Promise<void> => sleep(1200 - (Date.now() % 1000))

const letter = (index: number): string => String.fromCharCode(65 + index)

/** As the client of one proxy saw it. */
interface Reply {
  readonly status: number
  readonly body: string
}

/** Two rows that must be the same. */
interface Step {
  readonly title: string
  readonly refused: ReadonlySet<number>
  readonly replies: Record<ProxyName, Reply | undefined>
}

type Logged = Omit<AccessLine, 'step'>

export class Rig {
  readonly #setup: Setup
  readonly #mocks: readonly MockUpstream[]
  readonly #nginx: Nginx
  readonly #server: Server
  readonly #balancer: Balancer
  readonly #steps: Step[] = []
  readonly #ours = new Map<string, Logged>()
  readonly #asked: string[]
  readonly #holds: Holds
  readonly #refused = new Set<number>()

  private constructor(
    setup: Setup,
    mocks: readonly MockUpstream[],
    nginx: Nginx,
    balancer: Balancer,
    server: Server,
    asked: string[],
    holds: Holds,
  ) {
    this.#setup = setup
    this.#mocks = mocks
    this.#nginx = nginx
    this.#balancer = balancer
    this.#server = server
    this.#asked = asked
    this.#holds = holds
    balancer.on('finish', ({ request, response, status }) => {
      const values = upstreamVariables(response)!
      this.#ours.set(String(request.headers['x-step']), {
        status: String(status),
        addr: values.upstream_addr,
        upstreamStatus: values.upstream_status,
        responseTime: values.upstream_response_time,
        connectTime: values.upstream_connect_time,
        headerTime: values.upstream_header_time,
        responseLength: values.upstream_response_length,
        bytesReceived: values.upstream_bytes_received,
      })
    })
  }

  static async open(setup: Setup): Promise<Rig> {
    const asked: string[] = []
    const holds = new Holds()
    const mocks = await Promise.all(
      setup.peers.map((_, index) =>
        createMockUpstream({
          answer: (request) => {
            asked.push(
              `${request.headers['x-proxy']} ${request.headers['x-step']} ${letter(index)}`,
            )
            return act(request, index, (setup.keepalive ?? 0) > 0, holds)
          },
        }),
      ),
    )
    const nginx = await startNginx({
      upstream: upstreamBlock(setup, mocks),
      location: locationBlock(setup),
    }).catch(async (error: unknown) => {
      await Promise.all(mocks.map((mock) => mock.close()))
      throw error
    })
    const balancer = balancerOf(setup, mocks)
    const server = createServer(balancer).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Rig(setup, mocks, nginx, balancer, server, asked, holds)
  }

  /** One request to nginx, then the same to the balancer. */
  async request(request: Request = {}): Promise<void> {
    const step = this.#newStep(request)
    for (const proxy of PROXIES) step.replies[proxy] = await this.#send(proxy, step, request)
  }

  async requests(count: number, request: Request = {}): Promise<void> {
    for (let i = 0; i < count; i++) await this.request(request)
  }

  /** Sends a request that is not answered before `release`; resolves when a peer has it, or with its early end. */
  async begin(request: Request): Promise<void> {
    const step = this.#newStep(request)
    for (const proxy of PROXIES) {
      const name = `${proxy} ${this.#steps.length - 1} `
      const before = this.#asked.length
      const reply = this.#send(proxy, step, request).then((value) => (step.replies[proxy] = value))
      while (!this.#asked.slice(before).some((line) => line.startsWith(name))) {
        if (await Promise.race([reply.then(() => true), sleep(2).then(() => false)])) break
      }
    }
  }

  /** Lets the requests answer that `hold:key`; resolves when their clients have been answered. */
  async release(key: string): Promise<void> {
    this.#holds.release(key)
    const done = (): boolean =>
      this.#steps.every(
        ({ title, replies }) =>
          !title.includes(`hold:${key}`) || PROXIES.every((proxy) => replies[proxy] !== undefined),
      )
    while (!done()) await sleep(2)
  }

  async crash(peer: number): Promise<void> {
    await this.#mocks[peer]!.crash()
    this.#refused.add(peer)
  }

  async start(peer: number): Promise<void> {
    await this.#mocks[peer]!.start()
    this.#refused.delete(peer)
  }

  errorLog(): string {
    return this.#nginx.errorLog()
  }

  /** Compares all that has happened. Returns the rows, which are the same for both. */
  async verify(): Promise<readonly string[]> {
    const theirs = await this.#nginxLines()
    const row = (proxy: ProxyName, lines: ReadonlyMap<string, Logged>) => (step: Step, n: number) =>
      this.#row(proxy, step, n, lines.get(String(n)))
    const rows = this.#steps.map(row('nginx', theirs))
    expect(this.#steps.map(row('evenkeel', this.#ours))).toEqual(rows)
    return rows
  }

  async close(): Promise<void> {
    this.#holds.releaseAll()
    await this.#nginx.stop()
    this.#server.closeAllConnections()
    this.#server.close()
    await this.#balancer.close({ timeout: 1000 })
    await this.#balancer.upstream.close()
    await Promise.all(this.#mocks.map((mock) => mock.close()))
  }

  #newStep(request: Request): Step {
    const { method = 'GET', acts = [200], leaves } = request
    const left = leaves === undefined ? '' : ` (leaves when ${leaves})`
    const step = {
      title: `${method} ${acts.join(' ')}${left}`,
      refused: new Set(this.#refused),
      replies: { nginx: undefined, evenkeel: undefined },
    }
    this.#steps.push(step)
    return step
  }

  #port(proxy: ProxyName): number {
    return proxy === 'nginx' ? this.#nginx.port : (this.#server.address() as AddressInfo).port
  }

  async #send(proxy: ProxyName, step: Step, request: Request): Promise<Reply> {
    const { method = 'GET', acts = [200], leaves } = request
    const n = String(this.#steps.indexOf(step))
    const body = Buffer.alloc(request.body ?? (METHODS_WITH_BODY.has(method) ? 10 : 0), 'b')
    const outgoing = httpRequest({
      host: '127.0.0.1',
      port: this.#port(proxy),
      path: `/${acts.join('/')}`,
      method,
      agent: false,
      headers: {
        'x-step': n,
        'x-proxy': proxy,
        ...(body.length > 0 && { 'content-length': body.length }),
      },
    })
    const reply = replyOf(outgoing, leaves === 'answered')
    outgoing.end(body)
    if (leaves === 'asked') {
      while (!this.#asked.some((line) => line.startsWith(`${proxy} ${n} `))) await sleep(1)
      outgoing.destroy()
    }
    return reply
  }

  /** nginx writes a line when the request is over, which can be a moment after its client has been answered. */
  async #nginxLines(): Promise<ReadonlyMap<string, Logged>> {
    for (let wait = 0; ; wait++) {
      const lines = new Map(this.#nginx.accessLog().map(({ step, ...line }) => [step, line]))
      const all = this.#steps.every((_, n) => lines.has(String(n)) && this.#ours.has(String(n)))
      if (all || wait > 500) return lines
      await sleep(10)
    }
  }

  #row(proxy: ProxyName, step: Step, n: number, line: Logged | undefined): string {
    const reply = step.replies[proxy]!
    const asked = this.#asked
      .filter((one) => one.startsWith(`${proxy} ${n} `))
      .map((one) => one.split(' ')[2])
    if (line === undefined) return `${n} ${step.title}: not in the log`
    const addr = this.#letters(line.addr)
    const connect = line.connectTime
      .split(', ')
      .map((time, i) => (this.#isRefused(step, addr.split(', ')[i]) ? '?' : shape(time)))
    return [
      `${n} ${step.title} -> ${line.status} ${addr} [${line.upstreamStatus}]`,
      `asked ${asked.join(', ')}`,
      `client ${reply.status} "${isErrorPage(reply.body) ? 'error page' : this.#letters(reply.body)}"`,
      `times ${shape(line.responseTime)} / ${connect.join(', ')} / ${shape(line.headerTime)}`,
      `length ${line.responseLength}`,
    ].join('; ')
  }

  /** How soon a refused connection is noticed is the kernel's affair: nginx has a connect time for it, or not. */
  #isRefused(step: Step, name: string | undefined): boolean {
    return name !== undefined && step.refused.has(name.charCodeAt(0) - 65)
  }

  #letters(text: string): string {
    return this.#mocks.reduce((result, mock, i) => result.replaceAll(mock.address, letter(i)), text)
  }

  get setup(): Setup {
    return this.#setup
  }
}

/**
 * Opens a rig, runs `play`, compares, and ends everything on every path. Returns the rows.
 *
 * A busy machine can be slower than a timeout that nobody meant to test: what differs is played again with longer ones,
 * and has to differ again.
 */
export async function compare(
  setup: Setup,
  play: (rig: Rig) => Promise<void>,
): Promise<readonly string[]> {
  try {
    return await compareOnce(setup, play)
  } catch {
    return compareOnce(patient(setup), play)
  }
}

const PATIENCE = 6

function patient(setup: Setup): Setup {
  const { readTimeout = READ_TIMEOUT, nextTimeout } = setup
  return {
    ...setup,
    readTimeout: Math.max(readTimeout, READ_TIMEOUT * PATIENCE),
    ...(nextTimeout !== undefined && { nextTimeout: nextTimeout * PATIENCE }),
  }
}

async function compareOnce(
  setup: Setup,
  play: (rig: Rig) => Promise<void>,
): Promise<readonly string[]> {
  const rig = await Rig.open(setup)
  try {
    await play(rig)
    return await rig.verify()
  } finally {
    await rig.close()
  }
}

const shape = (times: string): string => times.replaceAll(/\d+\.\d{3}(?!\d)/g, 'T')

const isErrorPage = (body: string): boolean =>
  body.startsWith('<html>') || /^\d{3} [^\n]*\n$/.test(body)

class Holds {
  readonly #waiting = new Map<string, { promise: Promise<void>; release: () => void }>()

  wait(key: string): Promise<void> {
    return this.#hold(key).promise
  }

  release(key: string): void {
    this.#hold(key).release()
  }

  releaseAll(): void {
    for (const { release } of this.#waiting.values()) release()
  }

  #hold(key: string): { promise: Promise<void>; release: () => void } {
    let hold = this.#waiting.get(key)
    if (hold === undefined) {
      let release = (): void => undefined
      const promise = new Promise<void>((resolve) => (release = resolve))
      hold = { promise, release }
      this.#waiting.set(key, hold)
    }
    return hold
  }
}

async function act(
  request: MockRequest,
  index: number,
  keepalive: boolean,
  holds: Holds,
): Promise<Answer> {
  const acts = request.target.slice(1).split('/')
  const what = acts[index] ?? acts.at(-1) ?? '200'
  const status = (code: number): Answer =>
    respond({
      status: code,
      body: `${letter(index)} says ${code}`,
      headers: keepalive ? {} : { Connection: 'close' },
    })
  if (what.startsWith('hold:')) {
    await holds.wait(what.slice(5))
    return status(200)
  }
  switch (what) {
    case 'reset':
      return reset()
    case 'close':
      return closeConnection()
    case 'hang':
      return hang()
    case 'big':
      return hugeHeader(40_000)
    case 'half':
      return dieInBody({ announce: 1000, send: 10, how: 'fin', delay: 30 })
    case 'part':
      return raw('HTTP/1.1 200 OK\r\nX-Par', { close: true })
    case 'stale':
      return request.index > 0 ? closeConnection() : status(200)
    default:
      return status(Number(what))
  }
}

function upstreamBlock(
  { peers, selector, keepalive = 0 }: Setup,
  mocks: readonly MockUpstream[],
): string {
  const servers = peers.map((peer, i) => {
    const words = [`server ${mocks[i]!.address}`]
    if (peer.weight !== undefined) words.push(`weight=${peer.weight}`)
    if (peer.maxFails !== undefined) words.push(`max_fails=${peer.maxFails}`)
    if (peer.failTimeout !== undefined) words.push(`fail_timeout=${peer.failTimeout}`)
    if (peer.maxConns !== undefined) words.push(`max_conns=${peer.maxConns}`)
    if (peer.backup === true) words.push('backup')
    if (peer.down === true) words.push('down')
    return `${words.join(' ')};`
  })
  const lines = selector === 'least_conn' ? ['least_conn;', ...servers] : servers
  if (keepalive > 0) lines.push(`keepalive ${keepalive};`)
  return `upstream ${UPSTREAM} {\n    ${lines.join('\n    ')}\n  }`
}

function locationBlock({
  on,
  tries,
  nextTimeout,
  readTimeout = READ_TIMEOUT,
  keepalive = 0,
}: Setup): string {
  const lines = [
    `proxy_pass http://${UPSTREAM};`,
    'proxy_http_version 1.1;',
    `proxy_set_header Connection "${keepalive > 0 ? '' : 'close'}";`,
    `proxy_read_timeout ${readTimeout}ms;`,
    'proxy_buffer_size 16k;',
    'proxy_buffers 8 16k;',
    'client_max_body_size 0;',
  ]
  if (on !== undefined) lines.push(`proxy_next_upstream ${on.join(' ')};`)
  if (tries !== undefined) lines.push(`proxy_next_upstream_tries ${tries};`)
  if (nextTimeout !== undefined) lines.push(`proxy_next_upstream_timeout ${nextTimeout}ms;`)
  return lines.join('\n      ')
}

function balancerOf(setup: Setup, mocks: readonly MockUpstream[]): Balancer {
  const {
    peers,
    on,
    tries,
    nextTimeout,
    readTimeout = READ_TIMEOUT,
    selector,
    keepalive = 0,
  } = setup
  const upstream = createUpstream({
    preset: 'nginx',
    name: UPSTREAM,
    clock: wallClock,
    ...(selector !== undefined && { selector }),
    ...(keepalive > 0 && { keepalive: { connections: keepalive } }),
    peers: peers.map(({ failTimeout, ...peer }, i) => ({
      url: mocks[i]!.url,
      ...peer,
      ...(failTimeout !== undefined && { failTimeout: failTimeout * 1000 }),
    })),
  })
  return createBalancer({
    preset: 'nginx',
    upstream,
    readTimeout,
    bufferSize: '16k',
    nextUpstream: {
      ...(on !== undefined && { on }),
      ...(tries !== undefined && { tries }),
      ...(nextTimeout !== undefined && { timeout: nextTimeout }),
    },
  })
}

function replyOf(outgoing: ReturnType<typeof httpRequest>, leaves: boolean): Promise<Reply> {
  return new Promise((resolve) => {
    outgoing.on('error', () => resolve({ status: 0, body: '(no answer)' }))
    outgoing.on('response', (incoming: IncomingMessage) => {
      const { statusCode = 0 } = incoming
      let body = ''
      if (leaves) {
        outgoing.destroy()
        resolve({ status: statusCode, body: '(left)' })
        return
      }
      incoming.setEncoding('latin1').on('data', (text: string) => (body += text))
      // How much of it had come by then is a matter of moments.
      incoming.on('error', () => resolve({ status: statusCode, body: '(cut)' }))
      incoming.on('end', () => resolve({ status: statusCode, body }))
    })
  })
}
