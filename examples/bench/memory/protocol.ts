/** What is said between the benchmark and the process that the balancer has for itself. */
import type { BalancerOptions } from 'evenkeel'

/** Bytes. */
export interface Memory {
  readonly rss: number
  /** JavaScript's heap and the buffers outside of it. */
  readonly heap: number
}

export interface Start {
  readonly say: 'start'
  readonly options: BalancerOptions
}

export type Question =
  | Start
  /** Collects garbage, and answers with what is left. From here on the peak is kept. */
  | { readonly say: 'idle' }
  | { readonly say: 'peak' }
  /** Collects garbage, and answers with what is in use now. */
  | { readonly say: 'live' }

export type Answer =
  | { readonly say: 'listening'; readonly port: number }
  | { readonly say: 'memory'; readonly memory: Memory }
