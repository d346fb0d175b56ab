/** One selector in one scenario. */
import { ConfigurationError } from 'evenkeel'
import type { PeerOptions, UpstreamOptions } from 'evenkeel'
import type { Contender } from '../contenders.js'
import { SimulatedBalancer } from './balancer.js'
import type { SimulatedRequest } from './balancer.js'
import { chance, exponential, mixed, uniform, zipf } from './chance.js'
import type { Chance } from './chance.js'
import { SimulatedClock } from './clock.js'
import { Recorder } from './measure.js'
import type { Latencies, Span } from './measure.js'
import { Server } from './server.js'
import type { ServerSettings } from './server.js'

export interface SimulatedPeer extends ServerSettings {
  readonly options?: Omit<PeerOptions, 'url'>
}

/** What the servers go through: called once, at the beginning. */
export type Plot = (servers: readonly Server[], clock: SimulatedClock) => void

export interface Simulation {
  readonly seed: number
  readonly requests: number
  /** Of what all peers together can do. */
  readonly load: number
  readonly peers: readonly SimulatedPeer[]
  /** Processes that balance, each with a knowledge of its own. Default 1. */
  readonly balancers?: number
  readonly upstream?: Omit<UpstreamOptions, 'peers' | 'clock' | 'random'>
  /** Default: each key as often as the others. */
  readonly keys?: 'even' | 'skewed'
  /** Default: a mix of short and long. */
  readonly work?: (random: Chance) => number
  /** Default: GET. */
  readonly method?: SimulatedRequest['method']
  readonly plot?: Plot
  /** Milliseconds that an attempt may take. Default 1000. */
  readonly timeout?: number
}

export interface Outcome {
  readonly kind: 'outcome'
  readonly latencies: Latencies
  /** In the span that was asked for. */
  readonly focus: Latencies
  readonly failures: number
  readonly retries: number
  /** Of the attempts, by peer. They add up to 1. */
  readonly shares: readonly number[]
  /** At the same time, at one peer; from all balancers. */
  readonly mostInFlight: number
  /** p99 by half second. */
  readonly course: readonly number[]
  /** Milliseconds of the simulation. */
  readonly duration: number
  /** What has to be 0 in the end. */
  readonly left: {
    readonly connections: number
    readonly inFlight: number
    readonly unbalanced: number
  }
}

/** The configuration does not allow it. */
export interface Refused {
  readonly kind: 'refused'
  readonly why: string
}

export const KEYS = 2000
/** Milliseconds of a step of {@link Outcome.course}. */
export const STEP = 500

const always: Span = { from: 0, to: Infinity }

export function simulate(
  simulation: Simulation,
  contender: Pick<Contender, 'selector' | 'peer'>,
  focus: Span = always,
): Outcome | Refused {
  try {
    return new World(simulation, contender).run(focus)
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    return { kind: 'refused', why: error.message }
  }
}

class World {
  readonly #simulation: Simulation
  readonly #clock = new SimulatedClock()
  readonly #servers: readonly Server[]
  readonly #balancers: readonly SimulatedBalancer[]
  readonly #recorder: Recorder

  constructor(
    simulation: Simulation,
    { selector, peer: extra }: Pick<Contender, 'selector' | 'peer'>,
  ) {
    const { seed, peers, upstream, balancers = 1, timeout = 1000, requests } = simulation
    this.#simulation = simulation
    this.#recorder = new Recorder(requests)
    this.#servers = peers.map((peer) => new Server(peer, this.#clock))
    const servers = new Map(this.#servers.map((server, i) => [nameOf(i), server]))
    this.#balancers = Array.from({ length: balancers }, (_, i) => {
      const random = chance(seed, `balancer ${i}`)
      return new SimulatedBalancer({
        clock: this.#clock,
        servers,
        timeout,
        upstream: {
          ...upstream,
          selector,
          random,
          peers: peers.map(({ options }, peer) => ({
            ...options,
            ...extra,
            url: `http://${nameOf(peer)}`,
          })),
        },
      })
    })
  }

  run(focus: Span): Outcome {
    const { plot, requests } = this.#simulation
    plot?.(this.#servers, this.#clock)
    let open = requests
    this.#arrive(() => open--)
    this.#clock.runWhile(() => open > 0)
    for (const balancer of this.#balancers) balancer.close()
    return this.#outcome(focus)
  }

  /** A Poisson process: whoever comes knows nothing of the others. */
  #arrive(onEnd: () => void): void {
    const { seed, requests, load, peers } = this.#simulation
    const between = chance(seed, 'arrivals')
    const next = requestsOf(this.#simulation)
    const whichBalancer = uniform(this.#balancers.length, chance(seed, 'which balancer'))
    const capacity = peers.reduce((sum, { workers, work }) => sum + workers / work, 0)
    let n = 0
    const arrive = (): void => {
      this.#handle(n++, next(), whichBalancer(), onEnd)
      if (n < requests) this.#clock.after(exponential(between) / (capacity * load), arrive)
    }
    this.#clock.after(exponential(between) / (capacity * load), arrive)
  }

  #handle(n: number, request: SimulatedRequest, which: number, onEnd: () => void): void {
    const recorder = this.#recorder
    recorder.came(n, this.#clock.now())
    this.#balancers[which]!.handle(request, (status, attempts) => {
      recorder.ended(n, this.#clock.now(), status < 500 ? 'served' : 'failed', attempts)
      onEnd()
    })
  }

  #outcome(focus: Span): Outcome {
    const recorder = this.#recorder
    const shares = this.#servers.map(({ attempts }) => attempts)
    const attempts = shares.reduce((sum, each) => sum + each, 0)
    const connections = this.#balancers
      .flatMap(({ upstream }) => upstream.peers)
      .reduce((sum, peer) => sum + peer.connections, 0)
    return {
      kind: 'outcome',
      latencies: recorder.latencies(always),
      focus: recorder.latencies(focus),
      failures: recorder.failures,
      retries: recorder.retries,
      shares: shares.map((each) => each / attempts),
      mostInFlight: Math.max(...this.#servers.map(({ mostInFlight }) => mostInFlight)),
      course: recorder.course(STEP),
      duration: this.#clock.now(),
      left: {
        connections,
        inFlight: this.#servers.reduce((sum, { inFlight }) => sum + inFlight, 0),
        unbalanced: recorder.unbalanced,
      },
    }
  }
}

const nameOf = (peer: number): string => `peer-${peer}`

const NO_HEADERS = {}

function requestsOf({
  seed,
  keys,
  work = mixed,
  method = 'GET',
}: Simulation): () => SimulatedRequest {
  const workOf = chance(seed, 'work')
  const random = chance(seed, 'keys')
  const key = keys === 'skewed' ? zipf(KEYS, random) : uniform(KEYS, random)
  return () => requestFor(key(), work(workOf), method)
}

/** Whatever a selector hashes is another for each key: path, and address by its first three octets, as in nginx. */
export function requestFor(
  key: number,
  work = 1,
  method: SimulatedRequest['method'] = 'GET',
): SimulatedRequest {
  const remoteAddress = `10.${key >>> 8}.${key & 255}.1`
  return { method, url: `/item/${key}`, remoteAddress, headers: NO_HEADERS, work }
}
