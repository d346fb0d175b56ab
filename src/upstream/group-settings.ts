/** What a group of peers is made of: the upstream's options, resolved. */
import type { Availability } from './availability.js'
import type { LocalitySettings } from './locality.js'
import type { PeerEntry } from './membership.js'
import type { OutlierSettings } from './outlier-availability.js'
import type { Stickiness } from './stickiness.js'
import type { SubsetSettings } from './subsets.js'

export interface PeerGroupSettings {
  readonly name: string
  readonly peers: readonly PeerEntry[]
  readonly whenNoneLive: 'try' | 'wait' | 'fail'
  readonly queue: { readonly size: number; readonly timeout: number }
  /** When every peer that might serve has as many attempts in flight as it may have. Default: refuse. */
  readonly whenFull?: 'wait' | 'refuse'
  /** Per cent of a tier's peers: when fewer are fit, all of them are used. 0: never. */
  readonly panicThreshold?: number
  /** In place of nginx's counter; needs {@link random}. */
  readonly outlierDetection?: OutlierSettings | undefined
  /** Milliseconds for which a peer's `Retry-After` is respected at most; 0 or undefined: not at all. */
  readonly retryAfter?: number
  /** Uniform in [0, 1). */
  readonly random?: () => number
  /** In place of the standard rule of marking peers. */
  readonly availability?: Availability | undefined
  readonly nginx: boolean
  readonly sticky?: Stickiness | undefined
  readonly locality?: LocalitySettings | undefined
  readonly subset?: SubsetSettings | undefined
}
