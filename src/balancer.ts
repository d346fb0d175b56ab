/** The composition root: the one place that says `new`. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { systemClock } from './clock.js'
import type { Clock } from './clock.js'
import { resolveBalancer, resolveUpstream } from './config.js'
import type { BalancerConfig, UpstreamConfig } from './config.js'
import { selectorRefusal } from './config/selector.js'
import { Delivery } from './delivery.js'
import { atMost, drained, Draining } from './draining.js'
import { BalancerEmitter, forwardEvents } from './events.js'
import { Explainer } from './explain.js'
import type { BalancerEventName, Listener } from './events.js'
import { fastifyHandler } from './fastify.js'
import type { FastifyHandler } from './fastify.js'
import { checksOf } from './health/checks-of.js'
import { connectionProbe } from './health/connection-probe.js'
import type { ConnectOptions } from './health/connection-probe.js'
import { Prober } from './health/prober.js'
import type { BodySettings } from './message/incoming-body.js'
import { isSecureClient } from './message/client-scheme.js'
import { compileInterceptErrors } from './message/intercept-errors.js'
import { compileRequestChanges } from './message/request-changes.js'
import { compileResponseChanges } from './message/response-changes.js'
import { compileTrust } from './message/trust-proxy.js'
import { ReplayMemory } from './message/request-body.js'
import { RetryBudget } from './next-upstream/budget.js'
import type { DecideNextUpstream } from './next-upstream/decide.js'
import { isIdempotent, isIdempotentForNginx } from './next-upstream/idempotent.js'
import { BalancerLogs } from './observe/balancer-logs.js'
import { LazyStatusPage } from './observe/status/open.js'
import type { StatusPage } from './observe/status/status-page.js'
import type { BalancerOptions, UpstreamOptions } from './options.js'
import { admissionOf, concurrencyOf } from './overload/limits.js'
import { kInternals } from './observe/internals.js'
import type { BalancerInternals } from './observe/internals.js'
import { Reporter } from './reporter.js'
import { recorderOf } from './recording.js'
import type { HandlerParts, HandlerPolicy } from './handler-parts.js'
import { RequestHandler } from './request-handler.js'

import { selectorFromFunction } from './selection/from-function.js'
import { makeSelector } from './selection/index.js'
import { stickySessions } from './sticky/sticky-sessions.js'
import { agentPoolFromFunction, KeepaliveAgentPool } from './transport/agents.js'
import type { AgentPool } from './transport/agents.js'
import { UpstreamConnections } from './transport/connections.js'
import { defaultTransport } from './transport/default-transport.js'
import { HttpProxyTransport } from './transport/http-proxy/http-proxy-transport.js'
import { UpstreamTls } from './transport/tls.js'
import type { Transport } from './transport/transport.js'
import type { Peer } from './upstream/peer.js'
import type { PeerSelector } from './upstream/peer-selector.js'
import { PeerRegistry } from './upstream/registry.js'
import type { Upstream } from './upstream/upstream.js'
import { acceptUpgrade } from './upgrade.js'
import { refusedBesideOutliers } from './config/outlier-detection.js'
import { UpstreamHandle } from './upstream-handle.js'
import type { UpstreamParts } from './upstream-handle.js'
import { openZone } from './zone/upstream-zone.js'

export interface CloseOptions {
  /** Milliseconds to wait for running requests; those left are then answered 503 or broken off. Default: no limit. */
  timeout?: number
}

/** A request handler for `http`, `https`, `http2` (compat API), Connect and Express; with everything around it. */
export interface Balancer {
  /** Answers every request itself: `next` is never called. */
  (req: IncomingMessage, res: ServerResponse, next?: (error?: unknown) => void): void
  /**
   * For the server's `upgrade` event: WebSocket, and whatever else asks for `Upgrade`. The handshake goes through the
   * same selection and failover as any request.
   */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void
  /** A Fastify route handler. Headers that hooks have set on the reply are sent too. */
  fastify: FastifyHandler
  readonly upstream: Upstream
  /**
   * The live page, to be mounted behind an authentication of yours: `app.use('/status', auth, balancer.statusPage)`.
   * Requests are counted from when this is first read; until then it costs nothing.
   */
  readonly statusPage: StatusPage
  on<E extends BalancerEventName>(event: E, listener: Listener<E>): Balancer
  off<E extends BalancerEventName>(event: E, listener: Listener<E>): Balancer
  /**
   * Finishes what is under way and closes the connections to the peers. Until then requests on kept-alive connections
   * are still served, and told to be the last there (`Connection: close`, GOAWAY); WebSocket clients are sent a close
   * frame (1001). What comes after that is answered 503. The server has to be closed by whoever made it, best before
   * this. An upstream made by `createUpstream` is left open for the others that use it.
   */
  close(options?: CloseOptions): Promise<void>
}

/**
 * Makes a group of peers that several balancers can share, as nginx locations share an `upstream {}`: weights,
 * failures, connections in flight and the keepalive pool are common to them.
 * @throws {ConfigurationError} with every problem of the options at once.
 */
export function createUpstream(options: UpstreamOptions): Upstream {
  return buildUpstream(resolveUpstream(options))
}

/**
 * Makes a balancer: `http.createServer(createBalancer({ upstream: ['http://127.0.0.1:8080'] }))`.
 * @throws {ConfigurationError} with every problem of the options at once.
 */
export function createBalancer(options: BalancerOptions): Balancer {
  const config = resolveBalancer(options)
  const given = config.upstream
  const owned = 'peers' in given && !('status' in given) ? buildUpstream(given) : undefined
  const upstream = owned ?? given
  if (!(upstream instanceof UpstreamHandle))
    throw new TypeError('upstream must be a list, or made by createUpstream')
  return assemble(config, upstream, owned !== undefined)
}

function assemble(
  config: BalancerConfig,
  upstream: UpstreamHandle,
  ownsUpstream: boolean,
): Balancer {
  const { registry } = upstream.parts
  const clock = config.clock ?? registry.clock
  const emitter = new BalancerEmitter(registry.name)
  const { transport, isOurs } = transportOf(config, upstream.parts, clock)
  const logs = new BalancerLogs(config, clock)
  const recorder = recorderOf(config, upstream, emitter, clock, logs.errors)
  const explainer = new Explainer(recorder, registry.name, () => clock.now())
  const policy = handlerPolicy(config, upstream, explainer)
  const draining = new Draining(clock)
  const reporter = new Reporter(emitter, clock, policy, config.onError, recorder, explainer)
  if (logs.errors !== undefined) reporter.add(logs.errors)
  const surroundings = { clock, draining, reporter, policy, transport, accessLog: logs.access }
  const parts = handlerParts(config, upstream, surroundings)
  const handler = new RequestHandler(parts)
  const observer = forwardEvents(emitter)
  registry.observers.add(observer).add(recorder)

  const statusPage = new LazyStatusPage({ config, upstream, emitter, recorder, clock })
  const serve = (req: IncomingMessage, res: ServerResponse): void => {
    handler.handle(req, res, undefined)
  }
  const members: Omit<Balancer, 'statusPage'> = Object.assign(serve, {
    upstream,
    [kInternals]: internalsFrom(parts, upstream, recorder),
    upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
      acceptUpgrade(req, socket, head, clock, (res, upgrade) => {
        handler.handle(req, res, undefined, upgrade)
      })
    },
    fastify: fastifyHandler((req, res, body, over) => {
      handler.handle(req, res, body, undefined, over)
    }),
    on<E extends BalancerEventName>(event: E, listener: Listener<E>): Balancer {
      emitter.on(event, listener)
      return balancer
    },
    off<E extends BalancerEventName>(event: E, listener: Listener<E>): Balancer {
      emitter.off(event, listener)
      return balancer
    },
    async close({ timeout }: CloseOptions = {}): Promise<void> {
      const startedAt = clock.now()
      statusPage.close()
      await drained(draining, clock, timeout)
      registry.observers.delete(observer)
      registry.observers.delete(recorder)
      recorder.close()
      if (isOurs) await transport.close()
      if (ownsUpstream) await upstream.close()
      // A stream that takes nothing any more must not keep the process.
      const left = timeout === undefined ? undefined : timeout - (clock.now() - startedAt)
      await atMost(clock, left, logs.close())
    },
  })
  const balancer = Object.defineProperty(members, 'statusPage', {
    get: () => statusPage.page,
  }) as Balancer
  return balancer
}

function handlerParts(
  config: BalancerConfig,
  upstream: UpstreamHandle,
  surroundings: Pick<
    HandlerParts,
    'clock' | 'draining' | 'reporter' | 'policy' | 'transport' | 'accessLog'
  >,
): HandlerParts {
  const { registry, sticky, feedback, concurrency } = upstream.parts
  const trust = compileTrust(config.trustProxy)
  return {
    ...surroundings,
    registry,
    budget: config.retryBudget === undefined ? undefined : new RetryBudget(config.retryBudget),
    admission: admissionOf(config.maxInFlight, concurrency, registry.queue),
    hedge: config.hedge,
    decide: decideFunction(config.policy),
    trust,
    body: bodySettings(config),
    requestChanges: compileRequestChanges(config),
    delivery: new Delivery({
      ...surroundings,
      changes: compileResponseChanges(config, registry),
      intercept: compileInterceptErrors(config.interceptErrors),
      sticky,
      isSecure: (req) => isSecureClient(req, trust),
      settings: config,
      hidden: feedback,
    }),
  }
}

function internalsFrom(
  parts: HandlerParts,
  upstream: UpstreamHandle,
  incidents: BalancerInternals['incidents'],
): BalancerInternals {
  const { registry, reporter, draining, budget } = parts
  const { connections } = upstream.parts
  return { registry, reporter, draining, budget, connections, incidents, carrier: parts }
}

function buildUpstream(config: UpstreamConfig): UpstreamHandle {
  const clock = config.clock ?? systemClock
  const sticky = config.sticky && stickySessions(config.sticky, clock)
  const registry = new PeerRegistry({ ...config, sticky }, selectorOf(config, clock), clock)
  const tls = new UpstreamTls(config.tls)
  for (const peer of registry.peers) tls.replaceOwn(peer, config.peers[peer.index]?.tls)
  const { keepalive, bind } = config
  const connections = new UpstreamConnections({ keepalive, tls, bind }, clock, (...change) => {
    for (const observer of registry.observers) observer.connection?.(...change)
  })
  const rules: UpstreamParts['rules'] = {
    defaults: config.peerDefaults,
    bind,
    refuses: (parameters) =>
      selectorRefusal(config.selector)(parameters) ??
      (config.outlierDetection && refusedBesideOutliers(parameters)),
  }
  const watchers = watchersOf(config, registry, connections, clock)
  const upstream = new UpstreamHandle({
    config,
    registry,
    pool: poolOf(config, connections, clock),
    connections,
    tls,
    rules,
    ...watchers,
    feedback: config.feedback,
    zone: openZone(config, { registry, tls, prober: watchers.prober, rules }),
    sticky,
    concurrency: concurrencyOf(config.adaptiveConcurrency, registry.queue, clock),
    failOn: config.failOn,
    freshNonIdempotent: config.keepalive.nonIdempotent === 'fresh',
  })
  if (config.source !== undefined) upstream.follow(config.source)
  return upstream
}

/** Those who find out by themselves how peers are: checks of all of them, or else probes of those that are marked. */
function watchersOf(
  config: UpstreamConfig,
  registry: PeerRegistry,
  connections: UpstreamConnections,
  clock: Clock,
): Pick<UpstreamHandle['parts'], 'prober' | 'checker'> {
  const { healthCheck, feedback, random, probe } = config
  const optionsOf = (peer: Peer): ConnectOptions => ({
    ...connections.bindOptions(peer),
    ...(peer.protocol === 'https:' ? connections.tlsOptions(peer) : {}),
  })
  if (healthCheck !== undefined) {
    const checker = checksOf({ healthCheck, feedback, random }, registry, clock, optionsOf)
    return { checker, prober: undefined }
  }
  if (probe === undefined) return { checker: undefined, prober: undefined }
  const onAlive = (peer: Peer): void => {
    registry.proved(peer)
  }
  const prober = new Prober(connectionProbe(clock, optionsOf), probe, clock, onAlive)
  return { checker: undefined, prober }
}

function selectorOf({ selector, random }: UpstreamConfig, clock: Clock): PeerSelector {
  if (typeof selector === 'function') return selectorFromFunction(selector)
  if ('begin' in selector) return selector
  return makeSelector(selector, { random, now: () => clock.now() })
}

function poolOf(config: UpstreamConfig, connections: UpstreamConnections, clock: Clock): AgentPool {
  if (typeof config.pool === 'function') return agentPoolFromFunction(config.pool)
  if (config.pool !== undefined) return config.pool
  const pool = new KeepaliveAgentPool(connections, clock)
  connections.add(pool)
  return pool
}

/** The given one, or one made for this balancer, which it has to close. */
function transportOf(
  config: BalancerConfig,
  { pool, connections }: UpstreamHandle['parts'],
  clock: Clock,
): { readonly transport: Transport; readonly isOurs: boolean } {
  const { transport } = config
  if (transport !== undefined && !('create' in transport)) return { transport, isOurs: false }
  const { bufferSize: maxHeaderSize, maxHeaders } = config
  const timeouts = {
    connect: config.connectTimeout,
    send: config.sendTimeout,
    read: config.readTimeout,
  }
  const limits = { timeouts, maxHeaders, maxHeaderSize }
  const factory = transport ?? defaultTransport
  const standard = (): Transport => new HttpProxyTransport(pool, limits, clock)
  const whose = pool instanceof KeepaliveAgentPool ? 'ours' : 'given'
  const context = { clock, ...limits, pool: whose, connections, standard } as const
  return { transport: factory.create(context), isOurs: true }
}

function handlerPolicy(
  config: BalancerConfig,
  upstream: UpstreamHandle,
  explainer: Explainer,
): HandlerPolicy {
  const byMethod = config.nginx ? isIdempotentForNginx : isIdempotent
  const { idempotent } = config
  return {
    on: config.on,
    failOn: upstream.parts.failOn as HandlerPolicy['failOn'],
    tries: config.tries,
    nextTimeout: config.nextTimeout,
    isIdempotent: (req, method) => config.nonIdempotent || (idempotent?.(req) ?? byMethod(method)),
    freshNonIdempotent: upstream.parts.freshNonIdempotent,
    // Of whoever the peers are at the moment.
    get refusable() {
      return upstream.parts.registry.hasSecurePeers
    },
    head: config,
    hiddenCookie: upstream.parts.sticky?.hiddenCookie,
    mountPath: config.mountPath,
    ignoreClientAbort: config.ignoreClientAbort,
    exempt: config.exempt,
    feedback: upstream.parts.feedback,
    wholeResponse: config.wholeResponse,
    proxyStatus: config.proxyStatus,
    upstreamName: upstream.parts.registry.name,
    explainer,
  }
}

function decideFunction(policy: BalancerConfig['policy']): DecideNextUpstream | undefined {
  if (policy === undefined || typeof policy === 'function') return policy
  return (facts) => policy.decide(facts)
}

function bodySettings(config: BalancerConfig): BodySettings {
  return {
    buffering: config.requestBuffering,
    replayBuffer: config.requestBuffering === 'replay' ? config.replayBuffer : 0,
    memory: new ReplayMemory(config.replayMemory),
    bodyBuffer: config.bodyBuffer,
    tempPath: config.tempPath,
    maxBody: config.maxBody,
  }
}
