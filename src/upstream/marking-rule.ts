/** Which rule marks the peers of a group. */
import { evenkeelAvailability, nginxAvailability } from './availability.js'
import type { Availability } from './availability.js'
import type { PeerGroupSettings } from './group-settings.js'
import { OutlierAvailability } from './outlier-availability.js'
import type { OutlierSurroundings } from './outlier-availability.js'

/** What the rules ask of the group. */
export interface RuleSurroundings extends OutlierSurroundings {
  /** It has one peer. */
  readonly single: () => boolean
}

export function markingRule(
  { availability, nginx, outlierDetection }: PeerGroupSettings,
  surroundings: RuleSurroundings,
): Availability {
  if (availability !== undefined) return availability
  if (nginx) return nginxAvailability(surroundings.single)
  if (outlierDetection === undefined) return evenkeelAvailability
  return new OutlierAvailability(outlierDetection, surroundings)
}
