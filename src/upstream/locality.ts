/** Peers of one's own locality first: how much of the load they keep (Envoy zone aware routing). */
import type { LiveGroup } from './peer-group.js'

export interface LocalitySettings {
  readonly own: string
  /** The own peers bear this many times their weight before any request goes elsewhere. */
  readonly overprovisioning: number
  /** With fewer live peers of one's own than this, localities are not asked. */
  readonly minimum: number
}

/** Where a request looks first. */
export type Direction = 'near' | 'far' | 'anywhere'

/**
 * Draws where a request goes. Envoy's load factor (`overprovisioning_factor`, 140 %): of a locality whose live weight is
 * the part p of all its weight, min(1, 1.4 p) of the requests stay.
 */
export function drawDirection(
  near: LiveGroup,
  { overprovisioning, minimum }: LocalitySettings,
  random: () => number,
): Direction {
  const { live, liveWeight, totalWeight } = near
  if (live.length === 0) return 'far'
  if (live.length < minimum) return 'anywhere'
  const kept = (overprovisioning * liveWeight) / totalWeight
  return kept >= 1 || random() < kept ? 'near' : 'far'
}
