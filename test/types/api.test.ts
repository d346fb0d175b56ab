/** Checked by `npm run types`: what the package exports fits where its users put it. */
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import type { Agent, IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import express from 'express'
import type { RequestHandler } from 'express'
import fastify from 'fastify'
import { describe, expectTypeOf, it } from 'vitest'
import {
  createBalancer,
  createUpstream,
  decide,
  isStaleConnection,
  upstreamVariables,
} from 'evenkeel'
import { BalancerError, ConfigurationError } from 'evenkeel'
import type {
  AgentPool,
  AttemptEndEvent,
  AttemptFacts,
  AttemptResult,
  AttemptStartEvent,
  AttemptSummary,
  Balancer,
  BalancerEvents,
  BalancerOptions,
  Candidates,
  Clock,
  Condition,
  DecideNextUpstream,
  Decision,
  DiscoveryEvent,
  EjectEvent,
  ErrorCode,
  FinishEvent,
  HealthEvent,
  JoinEvent,
  LeaveEvent,
  HeaderChanges,
  HeaderList,
  IncidentEvent,
  Listener,
  NextEvent,
  NextUpstreamPolicy,
  Peer,
  PeerPicker,
  PeerSelector,
  PeerStatus,
  PeerTlsOptions,
  PoolEvent,
  QueueEvent,
  RequestContext,
  ResponseContext,
  ReturnEvent,
  SelectionRequest,
  SelectPeer,
  StartEvent,
  Transport,
  UpgradeEvent,
  Upstream,
  UpstreamEvent,
  UpstreamFailure,
  UpstreamOptions,
  UpstreamRequestHead,
  UpstreamResponseHead,
  UpstreamVariables,
  WarningEvent,
} from 'evenkeel'
import { fakeClock, scriptedRandom, scriptedTransport } from 'evenkeel/testing'

describe('messages', () => {
  it('are changed by values, functions and hooks', () => {
    expectTypeOf<BalancerOptions['requestHeaders']>().toEqualTypeOf<
      HeaderChanges<RequestContext> | undefined
    >()
    expectTypeOf<BalancerOptions['responseHeaders']>().toEqualTypeOf<
      HeaderChanges<ResponseContext> | undefined
    >()
    expectTypeOf<ResponseContext['peer']>().toEqualTypeOf<Peer>()
    expectTypeOf((head: UpstreamRequestHead) => head.headers.set('a', 'b')).toExtend<
      NonNullable<BalancerOptions['onUpstreamRequest']>
    >()
    expectTypeOf(async (head: UpstreamResponseHead) => {
      head.body = 'text'
    }).toExtend<NonNullable<BalancerOptions['onUpstreamResponse']>>()
    expectTypeOf<UpstreamRequestHead['headers']>().toEqualTypeOf<HeaderList>()
  })

  it('certificates are replaced on the upstream', () => {
    expectTypeOf<Upstream['updateTls']>().toEqualTypeOf<
      (options: PeerTlsOptions, peer?: Peer) => void
    >()
  })
})

const make = (): Balancer => createBalancer({ upstream: ['http://127.0.0.1:1'], probe: false })

describe('a balancer is a handler', () => {
  it('of http, https and http2 servers', () => {
    const balancer = make()
    expectTypeOf(balancer).toExtend<RequestListener>()
    expectTypeOf(http.createServer).toBeCallableWith(balancer)
    expectTypeOf(https.createServer).toBeCallableWith({}, balancer)
    http.createServer(balancer).on('upgrade', balancer.upgrade)
    https.createServer({}, balancer).on('upgrade', balancer.upgrade)
    expectTypeOf(balancer).toExtend<(req: IncomingMessage, res: ServerResponse) => void>()
    expectTypeOf(balancer).returns.toBeVoid()
    expectTypeOf(balancer.upgrade).parameters.toEqualTypeOf<[IncomingMessage, Duplex, Buffer]>()
    expectTypeOf(http2.createServer).toBeFunction()
  })

  it('of Express', () => {
    const app = express()
    const balancer = make()
    app.use(balancer)
    app.use('/api', express.json(), balancer)
    app.get('/one', balancer)
    expectTypeOf(balancer).toExtend<RequestHandler>()
  })

  it('of Fastify', () => {
    const app = fastify()
    const balancer = make()
    app.all('/*', balancer.fastify)
    app.all('/guarded/*', { preHandler: (_request, _reply, done) => done() }, balancer.fastify)
  })
})

describe('createBalancer', () => {
  it('takes a list of texts and objects, or an upstream', () => {
    expectTypeOf(createBalancer).parameters.toEqualTypeOf<[BalancerOptions]>()
    expectTypeOf(createBalancer).returns.toEqualTypeOf<Balancer>()
    expectTypeOf(createUpstream).parameters.toEqualTypeOf<[UpstreamOptions]>()
    expectTypeOf(createUpstream).returns.toEqualTypeOf<Upstream>()
    expectTypeOf<Upstream>().toExtend<BalancerOptions['upstream']>()
    expectTypeOf<readonly ['http://a', { url: 'http://b'; weight: 2 }]>().toExtend<
      BalancerOptions['upstream']
    >()
  })

  it('wants an upstream, and knows its options', () => {
    const neverCalled = (): Balancer[] => [
      // @ts-expect-error -- no upstream
      createBalancer({}),
      // @ts-expect-error -- no such option
      createBalancer({ upstream: [], maxFail: 1 }),
      // @ts-expect-error -- no such choice
      createBalancer({ upstream: [], whenNoneLive: 'give up' }),
      // @ts-expect-error -- nginx's words only
      createBalancer({ upstream: [], nextUpstream: { on: ['http_418'] } }),
      createBalancer({ upstream: [], connectTimeout: '5s', maxBody: '1m' }),
      createBalancer({ upstream: [], connectTimeout: 5000, probe: false, retryBudget: false }),
    ]
    expectTypeOf(neverCalled).toBeFunction()
  })

  it('leaves the words of the host open', () => {
    expectTypeOf<BalancerOptions['host']>().toExtend<string | undefined>()
    expectTypeOf<'example.test'>().toExtend<NonNullable<BalancerOptions['host']>>()
  })
})

describe('events', () => {
  it('have a payload each', () => {
    expectTypeOf<BalancerEvents>().toEqualTypeOf<{
      eject: EjectEvent
      return: ReturnEvent
      health: HealthEvent
      join: JoinEvent
      leave: LeaveEvent
      discovery: DiscoveryEvent & UpstreamEvent
      start: StartEvent
      attemptStart: AttemptStartEvent
      attemptEnd: AttemptEndEvent
      next: NextEvent
      queue: QueueEvent
      pool: PoolEvent
      upgrade: UpgradeEvent
      finish: FinishEvent
      incident: IncidentEvent
      warning: WarningEvent
      error: BalancerError
    }>()
    const balancer = make()
    balancer
      .on('finish', (event) => {
        expectTypeOf(event).toEqualTypeOf<FinishEvent>()
        expectTypeOf(event.attempts).toEqualTypeOf<readonly AttemptSummary[]>()
      })
      .on('error', (error) => expectTypeOf(error).toEqualTypeOf<BalancerError>())
      .on('next', ({ decision }) => expectTypeOf(decision).toEqualTypeOf<Decision['do']>())
      .off('eject', ({ peer }) => expectTypeOf(peer).toEqualTypeOf<Peer>())
    expectTypeOf<Listener<'eject'>>().parameters.toEqualTypeOf<[EjectEvent]>()
    // @ts-expect-error -- no such event
    balancer.on('done', () => undefined)
  })
})

describe('plug-ins', () => {
  it('selectors: a name, an object or a function', () => {
    expectTypeOf<'least_conn' | PeerSelector | SelectPeer>().toExtend<
      NonNullable<BalancerOptions['selector']>
    >()
    expectTypeOf<SelectPeer>().parameters.toEqualTypeOf<[readonly Peer[], SelectionRequest]>()
    expectTypeOf<SelectPeer>().returns.toEqualTypeOf<Peer | undefined>()
    expectTypeOf<PeerSelector['begin']>().returns.toEqualTypeOf<PeerPicker>()
    expectTypeOf<PeerPicker['pick']>().parameters.toEqualTypeOf<[Candidates]>()
    expectTypeOf((peers: readonly Peer[]) => peers[0]).toExtend<SelectPeer>()
  })

  it('a peer can be read, and only its running weights written', () => {
    const peer = {} as Peer
    peer.currentWeight = 0
    peer.effectiveWeight = 0
    // @ts-expect-error -- the library's
    peer.connections = 0
    // @ts-expect-error -- the library's
    peer.down = true
    expectTypeOf<Upstream['status']>().returns.toEqualTypeOf<PeerStatus>()
  })

  it('next-upstream policies: an object or a function', () => {
    expectTypeOf<NextUpstreamPolicy['decide']>().toEqualTypeOf<(facts: AttemptFacts) => Decision>()
    expectTypeOf<DecideNextUpstream>().parameters.toEqualTypeOf<[AttemptFacts, Decision]>()
    expectTypeOf(decide).toExtend<DecideNextUpstream>()
    expectTypeOf<DecideNextUpstream>().toExtend<NonNullable<BalancerOptions['nextUpstream']>>()
    expectTypeOf<Extract<Decision, { do: 'next' }>>().toEqualTypeOf<{
      readonly do: 'next'
      readonly charged: boolean
    }>()
  })

  it('transports: an attempt comes to one of three', () => {
    expectTypeOf<AttemptResult['kind']>().toEqualTypeOf<'response' | 'failure' | 'aborted'>()
    expectTypeOf<Transport['roundTrip']>().returns.toEqualTypeOf<Promise<AttemptResult>>()
    expectTypeOf(isStaleConnection).parameters.toEqualTypeOf<[UpstreamFailure]>()
    expectTypeOf(scriptedTransport()).toExtend<Transport>()
  })

  it('pools: an object or a function', () => {
    expectTypeOf<(peer: Peer) => Agent>().toExtend<NonNullable<BalancerOptions['keepalive']>>()
    expectTypeOf<AgentPool>().toExtend<NonNullable<BalancerOptions['keepalive']>>()
  })

  it('time and chance of the test kit fit', () => {
    expectTypeOf(fakeClock()).toExtend<Clock>()
    expectTypeOf(scriptedRandom(1)).toExtend<NonNullable<BalancerOptions['random']>>()
  })
})

describe('errors', () => {
  it('have a stable code', () => {
    expectTypeOf<BalancerError['code']>().toEqualTypeOf<ErrorCode>()
    expectTypeOf<ConfigurationError>().toExtend<BalancerError>()
    expectTypeOf<BalancerError>().toExtend<Error>()
    expectTypeOf(new BalancerError('ERR_INTERNAL', 'x').attempts).toEqualTypeOf<
      readonly AttemptSummary[]
    >()
    expectTypeOf(ConfigurationError).toBeConstructibleWith([], [])
  })
})

describe('upstreamVariables', () => {
  it('are texts, or undefined', () => {
    expectTypeOf(upstreamVariables).parameters.toEqualTypeOf<[ServerResponse]>()
    expectTypeOf(upstreamVariables).returns.toEqualTypeOf<UpstreamVariables | undefined>()
    expectTypeOf<UpstreamVariables[keyof UpstreamVariables]>().toEqualTypeOf<string>()
  })
})

describe('conditions', () => {
  it('are nginx’s words', () => {
    expectTypeOf<Condition>().toEqualTypeOf<
      | 'error'
      | 'timeout'
      | 'invalid_header'
      | 'http_500'
      | 'http_502'
      | 'http_503'
      | 'http_504'
      | 'http_403'
      | 'http_404'
      | 'http_429'
      | 'non_idempotent'
      | 'off'
    >()
  })
})
