/**
 * A balancer without HTTP: the registry, the selector, the marks, the retry policy, the budget and the prober are the
 * library's own; what is left out is what `request-run.ts` does with messages and sockets.
 */
import type { IncomingMessage } from 'node:http'
import { createUpstream } from 'evenkeel'
import type { BalancerOptions, UpstreamOptions } from 'evenkeel'
import { resolveBalancer } from '../../../src/config.js'
import { Arrived } from '../../../src/delivery.js'
import { Exchange } from '../../../src/exchange.js'
import { Prober } from '../../../src/health/prober.js'
import { judge, settleTries } from '../../../src/judge.js'
import type { AttemptContext, JudgeParts } from '../../../src/judge.js'
import type { ClientResponse } from '../../../src/message/relay.js'
import type { AttemptResult, UpstreamFailure } from '../../../src/next-upstream/attempt-result.js'
import { RetryBudget } from '../../../src/next-upstream/budget.js'
import type { Outbound } from '../../../src/outbound.js'
import type { Reporter } from '../../../src/reporter.js'
import type { Lease } from '../../../src/upstream/peer-session.js'
import { PeerSession } from '../../../src/upstream/peer-session.js'
import { UpstreamHandle } from '../../../src/upstream-handle.js'
import { initialTries } from '../../../src/waiting.js'
import type { SimulatedClock } from './clock.js'
import type { Result, Server } from './server.js'

/** A request as far as a selector can see. */
export interface SimulatedRequest {
  readonly url: string
  readonly remoteAddress: string
  readonly headers: Readonly<Record<string, string>>
  /** As a multiple of the average. */
  readonly work: number
  /** Whether it may be repeated although it was sent: `GET`, or `POST`. */
  readonly method: 'GET' | 'POST'
}

export interface SimulatedBalancerSettings {
  readonly upstream: Omit<UpstreamOptions, 'clock' | 'probe'>
  readonly balancer?: Omit<BalancerOptions, 'upstream' | 'clock'>
  /** Milliseconds that an attempt may take: `readTimeout`. */
  readonly timeout: number
  readonly clock: SimulatedClock
  /** What the peers are, by their host name. */
  readonly servers: ReadonlyMap<string, Server>
}

/** Told of the status that the client gets, and of the attempts that it took. */
export type Done = (status: number, attempts: number) => void

/** Milliseconds that a probe takes. */
const PROBE_MS = 1

export class SimulatedBalancer {
  readonly upstream: UpstreamHandle
  readonly #settings: SimulatedBalancerSettings
  readonly #parts: JudgeParts & { readonly policy: { readonly tries: number } }

  constructor(settings: SimulatedBalancerSettings) {
    const { clock } = settings
    this.#settings = settings
    // Its own probes would open connections.
    const upstream = createUpstream({ ...settings.upstream, clock, probe: false })
    if (!(upstream instanceof UpstreamHandle)) throw new Error('another Upstream than ours')
    this.upstream = this.#probing(upstream)
    const { registry, failOn } = upstream.parts
    const config = resolveBalancer({ ...settings.balancer, upstream, clock })
    this.#parts = {
      registry,
      clock,
      admission: undefined,
      budget: config.retryBudget === undefined ? undefined : new RetryBudget(config.retryBudget),
      decide: undefined,
      reporter: silent,
      policy: {
        feedback: undefined,
        on: config.on,
        failOn: failOn as ReadonlySet<never>,
        tries: config.tries,
      },
    }
  }

  /** Calls `done` once. */
  handle(request: SimulatedRequest, done: Done): void {
    const { clock } = this.#settings
    this.#parts.budget?.request(clock.now())
    const x = new Exchange(
      new RequestView(request) as unknown as IncomingMessage,
      client as unknown as ClientResponse,
      clock.now(),
      { ignoreClientAbort: false },
      undefined,
    )
    x.triesLeft = initialTries(this.#parts)
    new Run(this, x, request, done).next()
  }

  get parts(): JudgeParts {
    return this.#parts
  }

  attempt(peer: { readonly hostname: string }, work: number, done: (result: Result) => void): void {
    this.server(peer).serve(work, this.#settings.timeout, done)
  }

  server({ hostname }: { readonly hostname: string }): Server {
    const server = this.#settings.servers.get(hostname)
    if (server === undefined) throw new Error(`no server ${hostname}`)
    return server
  }

  close(): void {
    void this.upstream.close()
  }

  /** The library's prober; when it is to watch, and whom, `UpstreamHandle` knows. */
  #probing(given: UpstreamHandle): UpstreamHandle {
    const { clock } = this.#settings
    const { registry } = given.parts
    const prober = new Prober(
      (peer, step, _timeout, done) => {
        const timer = clock.after(PROBE_MS, () => done(this.server(peer).proves(step)))
        return () => timer.cancel()
      },
      { interval: 5000, timeout: 1000 },
      clock,
      (peer) => registry.proved(peer),
    )
    return new UpstreamHandle({ ...given.parts, prober })
  }
}

/** The loop of `RequestRun`, from the lease to the verdict. */
class Run {
  readonly #balancer: SimulatedBalancer
  readonly #x: Exchange
  readonly #session: PeerSession
  readonly #request: SimulatedRequest
  readonly #done: Done

  constructor(balancer: SimulatedBalancer, x: Exchange, request: SimulatedRequest, done: Done) {
    this.#balancer = balancer
    this.#x = x
    this.#session = new PeerSession(balancer.parts.registry, x)
    this.#request = request
    this.#done = done
  }

  next(): void {
    const lease = this.#session.next()
    if (lease === undefined) {
      this.#conclude()
      return
    }
    this.#x.leased(lease)
    this.#balancer.attempt(lease.peer, this.#request.work, (result) =>
      this.#judged(lease, resultOf(result)),
    )
  }

  #judged(lease: Lease, result: AttemptResult): void {
    const x = this.#x
    const { parts } = this.#balancer
    const record = x.record(lease)
    const outbound = OUTBOUND[this.#request.method]
    const context: AttemptContext = { x, session: this.#session, outbound, lease, record }
    const verdict = judge(parts, context, result)
    if (verdict.do === 'deliver' && result.kind === 'response') {
      lease.release('ok')
      this.#end(result.response.status)
      return
    }
    settleTries(x, parts.registry, verdict, record)
    if (result.kind === 'response' && x.held === undefined)
      x.held = new Arrived(result.response, lease, record)
    else lease.release(verdict.charged ? 'failed' : 'next')
    if (verdict.do === 'next') this.next()
    else this.#conclude()
  }

  /** The kept response if there is one, else a gateway status. */
  #conclude(): void {
    const { held } = this.#x
    if (held === undefined) {
      this.#end(502)
      return
    }
    held.lease.release('ok')
    this.#end(held.response.status)
  }

  #end(status: number): void {
    this.#x.close()
    this.#done(status, this.#x.attempts.length)
  }
}

/** What `Exchange` reads of a request. */
class RequestView {
  readonly method: SimulatedRequest['method']
  readonly complete = true
  readonly url: string
  readonly headers: SimulatedRequest['headers']
  readonly socket: { readonly remoteAddress: string }

  constructor({ method, url, headers, remoteAddress }: SimulatedRequest) {
    this.method = method
    this.url = url
    this.headers = headers
    this.socket = { remoteAddress }
  }
}

/** A client that waits as long as it takes. */
const client = { destroyed: false, on: () => undefined }

const OUTBOUND: Readonly<Record<SimulatedRequest['method'], Outbound>> = {
  GET: { idempotent: true, body: { replayable: true } } as unknown as Outbound,
  POST: { idempotent: false, body: { replayable: true } } as unknown as Outbound,
}

const silent = { judged: () => undefined } as unknown as Reporter

const response = (status: number): AttemptResult => ({
  kind: 'response',
  response: {
    status,
    statusMessage: '',
    rawHeaders: [],
    start: () => undefined,
    resume: () => undefined,
    discard: () => undefined,
  },
})

const failure = (
  shape: Pick<UpstreamFailure, 'condition' | 'phase' | 'type' | 'requestSent'>,
): AttemptResult => ({
  kind: 'failure',
  failure: { ...shape, reusedConnection: false, responseStarted: false, cause: undefined },
})

const RESULTS: Readonly<Record<Result, AttemptResult>> = {
  answered: response(200),
  unavailable: response(503),
  refused: failure({
    condition: 'error',
    phase: 'connect',
    type: 'connection_refused',
    requestSent: false,
  }),
  broken_off: failure({
    condition: 'error',
    phase: 'header',
    type: 'connection_terminated',
    requestSent: true,
  }),
  timeout: failure({
    condition: 'timeout',
    phase: 'header',
    type: 'connection_read_timeout',
    requestSent: true,
  }),
}

const resultOf = (result: Result): AttemptResult => RESULTS[result]
