/** A whole balancer without sockets: scripted peers, a fake clock, clients in memory, and every event written down. */
import { createBalancer } from 'evenkeel'
import type {
  Balancer,
  BalancerError,
  BalancerOptions,
  EjectEvent,
  FinishEvent,
  NextEvent,
  ReturnEvent,
  Upstream,
} from 'evenkeel'
import { fakeClock, scriptedTransport } from 'evenkeel/testing'
import type {
  FakeClock,
  OutcomeScript,
  ScriptedTransport,
  ScriptedTransportOptions,
} from 'evenkeel/testing'
import { Client } from './client.js'
import type { Reply, RequestOptions } from './client.js'

export type Script = OutcomeScript | Readonly<Record<string, OutcomeScript>>

export interface RigOptions extends Partial<BalancerOptions> {
  readonly transportOptions?: ScriptedTransportOptions
  readonly at?: FakeClock
}

export interface Rig {
  readonly balancer: Balancer
  readonly clock: FakeClock
  readonly transport: ScriptedTransport
  readonly upstream: Upstream
  readonly events: {
    readonly eject: EjectEvent[]
    readonly return: ReturnEvent[]
    readonly next: NextEvent[]
    readonly finish: FinishEvent[]
    readonly error: BalancerError[]
  }
  /** `a next b finish`: what was done after each attempt that had something the matter. */
  readonly decisions: readonly string[]
  /** Sends a request and lets everything happen that needs no time. */
  start(request?: RequestOptions): Promise<Client>
  /** As `start`, for a request that is over without the clock being moved. */
  send(request?: RequestOptions): Promise<Reply>
  /** Statuses of the peers, in configured order. */
  readonly standing: readonly string[]
  /** Attempts in flight, by peer. */
  readonly connections: readonly number[]
}

/** Lets promises, streams and ticks run out. */
export async function settle(clock: FakeClock, turns = 4): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await clock.advanceAsync(0)
}

/** Peers `a:80` and `b:80` unless `upstream` says otherwise; no probes, because these would open sockets. */
export function rig(script: Script, options: RigOptions = {}): Rig {
  const { transportOptions, at, ...given } = options
  const clock = at ?? fakeClock(1_000_000)
  const transport = scriptedTransport(script, { clock, ...transportOptions })
  const shared = given.upstream !== undefined && !Array.isArray(given.upstream)
  const balancer = createBalancer({
    upstream: ['http://a:80', 'http://b:80'],
    transport,
    clock,
    ...(shared ? {} : { probe: false as const }),
    ...given,
  })
  const events: Rig['events'] = { eject: [], return: [], next: [], finish: [], error: [] }
  balancer.on('eject', (event) => events.eject.push(event))
  balancer.on('return', (event) => events.return.push(event))
  balancer.on('next', (event) => events.next.push(event))
  balancer.on('finish', (event) => events.finish.push(event))
  balancer.on('error', (event) => events.error.push(event))
  const { upstream } = balancer
  return {
    balancer,
    clock,
    transport,
    upstream,
    events,
    get decisions() {
      return events.next.map(({ peer, decision, why }) => {
        const reason = why === undefined ? '' : ` (${why})`
        return `${peer.hostname} ${decision}${reason}`
      })
    },
    async start(request) {
      const client = new Client(request)
      balancer(client.req, client.res)
      await settle(clock)
      return client
    },
    async send(request) {
      const client = await this.start(request)
      if (!client.over) throw new Error('the request is not over: the clock has to be moved')
      return client.reply
    },
    get standing() {
      return upstream.peers.map((peer) => upstream.status(peer))
    },
    get connections() {
      return upstream.peers.map((peer) => peer.connections)
    },
  }
}
