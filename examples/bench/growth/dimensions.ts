/** What grows. */
import { BODY_SIZES, FIELD_COUNTS } from '../growth-support/nginx-config.js'
import type { Kind } from '../growth-support/protocol.js'
import type { Load } from '../growth-support/wrk.js'

/** Who is measured, as one line of a plot. */
export interface Contender {
  readonly name: string
  readonly kind: Kind
  readonly selector?: string
}

/** One measurement: everything as usual but for one thing. */
export interface Setting {
  readonly peers: number
  readonly path: string
  readonly load: Omit<Load, 'url' | 'seconds'>
}

export interface Dimension {
  readonly name: string
  readonly title: string
  /** What stands below the plot. */
  readonly axis: string
  /** Bytes are written as such. */
  readonly unit: 'count' | 'bytes'
  /** From where to where the time goes: `log` where it is bound to grow with the work. */
  readonly scale: 'linear' | 'log'
  readonly values: readonly number[]
  readonly contenders: readonly Contender[]
  readonly setting: (value: number) => Setting
}

const BARE: Contender = { name: 'bare Node', kind: 'bare' }
const DEFAULT: Contender = { name: 'default transport', kind: 'default' }
const UNDICI: Contender = { name: 'undici transport', kind: 'undici' }
const ALL = [BARE, DEFAULT, UNDICI]
const leastConn = ({ name, kind }: Contender): Contender => ({
  name: `${name}, least_conn`,
  kind,
  selector: 'least_conn',
})

const CONNECTIONS = 64
/** For big bodies: enough to keep a processor busy, and not the memory. */
const USUAL: Setting = { peers: 2, path: '/small', load: { connections: CONNECTIONS } }

/** @param mostConnections what the system has files for. */
export function dimensionsOf(mostConnections: number): readonly Dimension[] {
  return [
    {
      name: 'connections',
      title: 'Client connections, each with a request under way',
      axis: 'client connections',
      unit: 'count',
      scale: 'linear',
      values: [64, 1000, Math.min(10_000, mostConnections)],
      contenders: ALL,
      setting: (connections) => ({ ...USUAL, load: { connections } }),
    },
    {
      name: 'peers',
      title: 'Peers of the upstream',
      axis: 'peers',
      unit: 'count',
      scale: 'linear',
      values: [2, 100, 1000],
      contenders: [DEFAULT, leastConn(DEFAULT), UNDICI, leastConn(UNDICI)],
      setting: (peers) => ({ ...USUAL, peers }),
    },
    {
      name: 'fields',
      title: 'Header fields of the request and of the response',
      axis: 'fields',
      unit: 'count',
      scale: 'linear',
      values: FIELD_COUNTS,
      contenders: ALL,
      setting: (fields) => ({
        ...USUAL,
        path: `/fields/${fields}`,
        load: { connections: CONNECTIONS, fields },
      }),
    },
    {
      name: 'body-down',
      title: 'Body of the response',
      axis: 'bytes',
      unit: 'bytes',
      scale: 'log',
      values: BODY_SIZES,
      contenders: ALL,
      setting: (size) => ({ ...USUAL, path: `/body/${size}` }),
    },
    {
      name: 'body-up',
      title: 'Body of the request',
      axis: 'bytes',
      unit: 'bytes',
      scale: 'log',
      values: BODY_SIZES,
      contenders: ALL,
      setting: (body) => ({ ...USUAL, path: '/take', load: { connections: CONNECTIONS, body } }),
    },
  ]
}

/** A balancer has a connection to a peer for each of its clients' that has a request under way. */
export function mostConnections(openFiles: number): number {
  return Math.floor((openFiles - 1000) / 2 / 100) * 100
}

/** `16384` → `16k`. */
export function shown(value: number, unit: Dimension['unit']): string {
  if (unit === 'count' || value === 0) return value.toLocaleString('en')
  return value >= 1_048_576 ? `${value / 1_048_576}M` : `${value / 1024}k`
}
