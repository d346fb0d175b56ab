/** What is asked of the contenders: one entry a scenario, and nothing about who is asked. */
export type ScenarioName = keyof typeof SCENARIOS

/** `three, one dead`: nothing listens where the third peer should be. */
export type PeerSet = 'two' | 'three' | 'three, one dead'

export interface Scenario {
  readonly title: string
  readonly load: 'wrk' | 'websocket'
  /** What is counted. */
  readonly unit: 'request' | 'message'
  readonly connections: number
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** Bytes of the request's body (of each message, for `websocket`). */
  readonly sends: number
  /** Bytes of the response's body that have to arrive. */
  readonly receives: number
  readonly edge: 'plain' | 'tls'
  readonly peers: PeerSet
}

/** What the upstream answers a small request with. */
export const SMALL = 'hello from upstream, a small answer of some sixty bytes here\n'

/** What the upstream answers to a body. */
export const TAKEN = 'ok'

export const MEGABYTE = 1_048_576

const smallGet = {
  load: 'wrk',
  unit: 'request',
  connections: 64,
  method: 'GET',
  path: '/small',
  sends: 0,
  receives: SMALL.length,
  edge: 'plain',
  peers: 'two',
} as const

const taking = { ...smallGet, method: 'POST', path: '/take', receives: TAKEN.length } as const

export const SCENARIOS = {
  get: { ...smallGet, title: 'small GET, 64 connections' },
  post: { ...taking, title: 'POST of 16 kB, 64 connections', sends: 16_384 },
  download: {
    ...smallGet,
    title: 'GET of 1 MB, 16 connections',
    connections: 16,
    path: '/large',
    receives: MEGABYTE,
  },
  upload: {
    ...taking,
    title: 'POST of 1 MB, 16 connections',
    connections: 16,
    sends: MEGABYTE,
  },
  tls: { ...smallGet, title: 'small GET over TLS, 64 connections', edge: 'tls' },
  connections: { ...smallGet, title: 'small GET, 1,000 connections', connections: 1000 },
  websocket: {
    ...smallGet,
    title: 'WebSocket echo of 128 bytes, 64 connections, one message under way in each',
    load: 'websocket',
    unit: 'message',
    sends: 128,
    receives: 128,
  },
  alive: { ...smallGet, title: 'small GET, three peers, all alive', peers: 'three' },
  dead: {
    ...smallGet,
    title: 'small GET, three peers, one of them dead',
    peers: 'three, one dead',
  },
} as const satisfies Record<string, Scenario>

export const SCENARIO_NAMES = Object.keys(SCENARIOS) as ScenarioName[]

export function scenarioOf(name: ScenarioName): Scenario {
  return SCENARIOS[name]
}
