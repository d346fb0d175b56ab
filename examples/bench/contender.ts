/** Who is measured, and what each of them does and does not do for a request. */
import type { ScenarioName } from './scenario.js'

/**
 * `floor`: what no proxy can beat, not a proxy one would run. `by hand`: what is written with a client and no library.
 * `library`: the Node proxies from npm; the fastest of them is "the best library" of the tables.
 */
export type ContenderKind = 'server' | 'floor' | 'by hand' | 'library' | 'evenkeel'

/** What comes of `X-Forwarded-For: 192.0.2.7` of a client that nobody said to trust. Checked before measuring. */
export type ForwardedFor = 'appended' | 'replaced' | 'left as sent' | 'none'

export interface Contender {
  readonly name: string
  readonly label: string
  readonly kind: ContenderKind
  /** Below examples/bench/; none: a program of the system. */
  readonly script?: string
  /** Installed packages whose versions matter, in the contenders' folder (evenkeel: in the checkout). */
  readonly packages: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly forwardedFor: ForwardedFor
  /** In one line: how it knows that a peer is dead. */
  readonly health: string
  /** What else it does, or does not, that a reader must know. */
  readonly remark: string
  /** Scenarios that it cannot take part in, and why. */
  readonly cannot: Partial<Record<ScenarioName, string>>
}

const NO_BALANCING = 'does not balance by itself: round robin was written for it'
const one = { alive: NO_BALANCING, dead: NO_BALANCING } as const
const noTunnel = { websocket: 'has no support for upgrades' } as const
const byHandTunnel = { websocket: 'an upgrade would have to be written by hand' } as const

function library(
  name: string,
  details: Pick<Contender, 'packages' | 'remark'> & Partial<Contender>,
): Contender {
  const common = { label: name, kind: 'library', script: `contenders/${name}.mjs` } as const
  return { name, ...common, forwardedFor: 'appended', health: 'none', cannot: one, ...details }
}

function evenkeel(
  name: string,
  what: string,
  packages: readonly string[],
  environment: Readonly<Record<string, string>>,
  remark = 'limits, timeouts, retries, events and bookkeeping as by default',
): Contender {
  return {
    name,
    label: `evenkeel (${what})`,
    kind: 'evenkeel',
    script: 'evenkeel.mjs',
    packages,
    environment,
    forwardedFor: 'replaced',
    health: 'passive, as nginx',
    remark,
    cannot: {},
  }
}

export const CONTENDERS: readonly Contender[] = [
  {
    name: 'nginx',
    label: 'nginx',
    kind: 'server',
    packages: [],
    forwardedFor: 'appended',
    health: 'passive (max_fails)',
    remark: 'one worker, keepalive to the upstream, no access log',
    cannot: {},
  },
  {
    name: 'haproxy',
    label: 'HAProxy',
    kind: 'server',
    packages: [],
    forwardedFor: 'appended',
    health: 'active and passive (check, observe)',
    remark:
      'one thread, http-reuse always, no log; adds a field of its own and leaves the client’s',
    cannot: {},
  },
  {
    name: 'bare',
    label: 'Node http server, no proxy',
    kind: 'floor',
    script: 'contenders/bare.mjs',
    packages: [],
    forwardedFor: 'none',
    health: 'none',
    remark: 'answers by itself: half of the work of a proxy',
    cannot: { ...noTunnel, ...one },
  },
  {
    name: 'floor',
    label: 'raw sockets by hand',
    kind: 'floor',
    script: 'contenders/floor.mjs',
    packages: [],
    forwardedFor: 'appended',
    health: 'none',
    remark: 'trusts its upstream, no back-pressure, no errors, no chunked bodies',
    cannot: { ...byHandTunnel, ...one },
  },
  {
    name: 'undici',
    label: 'undici dispatch by hand',
    kind: 'by hand',
    script: 'contenders/undici.mjs',
    packages: ['undici'],
    forwardedFor: 'appended',
    health: 'none',
    remark: 'raw fields both ways, back-pressure, an error ends the response',
    cannot: { ...byHandTunnel, ...one },
  },
  library('fast-proxy', {
    packages: ['fast-proxy'],
    remark: 'sends X-Forwarded-For by a hook',
    cannot: {
      ...noTunnel,
      ...one,
    },
  }),
  library('reply-from', {
    label: 'Fastify + @fastify/reply-from',
    packages: ['fastify', '@fastify/reply-from'],
    remark: 'a router and hooks of a framework before it; X-Forwarded-For by a hook',
    cannot: { websocket: 'upgrades are in another package, @fastify/http-proxy', ...one },
  }),
  {
    name: 'agentkeepalive',
    label: 'http.request + agentkeepalive',
    kind: 'by hand',
    script: 'contenders/agentkeepalive.mjs',
    packages: ['agentkeepalive'],
    forwardedFor: 'appended',
    health: 'none',
    remark: 'two pipes, an error ends the response',
    cannot: { ...byHandTunnel, ...one },
  },
  library('http-proxy', { packages: ['http-proxy'], remark: 'http.Agent, xfwd' }),
  library('http-proxy-middleware', {
    packages: ['http-proxy-middleware', 'http-proxy'],
    remark: 'http.Agent, xfwd, a router',
  }),
  library('httpxy', {
    packages: ['httpxy'],
    forwardedFor: 'left as sent',
    remark: 'http.Agent, xfwd',
  }),
  library('http-proxy-3', {
    label: 'http-proxy-3 + agentkeepalive',
    packages: ['http-proxy-3', 'agentkeepalive'],
    remark: 'xfwd',
  }),
  evenkeel('evenkeel', 'default transport', ['http-proxy-3', 'agentkeepalive'], {
    BENCH_TRANSPORT: 'default',
  }),
  evenkeel('evenkeel-undici', 'undici transport', ['undici'], { BENCH_TRANSPORT: 'undici' }),
  evenkeel(
    'evenkeel-observed',
    'access log, metrics',
    ['http-proxy-3', 'agentkeepalive', 'prom-client'],
    { BENCH_TRANSPORT: 'default', BENCH_OBSERVED: '1' },
    'default transport; an access log with upstream variables into a file, and metrics',
  ),
]

export function isNode(contender: Contender): boolean {
  return contender.script !== undefined
}
