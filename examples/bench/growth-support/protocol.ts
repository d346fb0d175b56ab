/** What is said between a benchmark and the process that it measures. */

/** Who serves: Node's http server without a proxy, or a balancer with one of its transports. */
export type Kind = 'bare' | 'default' | 'undici'

export interface Start {
  readonly kind: Kind
  /** URLs of the peers. */
  readonly peers: readonly string[]
  /** Name of a selector; default: the balancer's default. */
  readonly selector?: string
  /** More options of the balancer. */
  readonly options?: object
}

/** What is known of the process at one moment. Bytes. */
export interface Snapshot {
  /** Requests that have come since the start. */
  readonly requests: number
  /** Microseconds of user and system time since the start, all threads: fields 14 and 15 of `/proc/<pid>/stat`, but finer. */
  readonly cpu: number
  readonly rss: number
  readonly heapUsed: number
  /** Outside of JavaScript's heap: buffers, and what V8 is told of. */
  readonly external: number
  /** Client connections that are open. */
  readonly connections: number
  /** What keeps the process alive, by kind (`process.getActiveResourcesInfo()`). */
  readonly handles: Readonly<Record<string, number>>
  /** Open files, idle connections to peers among them; -1 where the system does not tell. */
  readonly files: number
}

/** Objects of one constructor. */
export interface Tally {
  readonly count: number
  /** Bytes of the objects themselves. */
  readonly bytes: number
}

export type Question =
  /** As things are. */
  | { readonly say: 'snapshot' }
  /** After the garbage is collected. */
  | { readonly say: 'collected' }
  /** All objects of the heap by constructor. */
  | { readonly say: 'histogram' }

export type Answer =
  | { readonly say: 'listening'; readonly port: number }
  /** The package has no such transport (yet). */
  | { readonly say: 'absent' }
  | { readonly say: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly say: 'histogram'; readonly histogram: Readonly<Record<string, Tally>> }
