/** The selectors that are compared: all that have a name, so that a new one is here by itself. */
import type { UpstreamOptions } from 'evenkeel'
import { selectorNames } from '../../src/selection/index.js'

export interface Contender {
  readonly name: string
  readonly selector: NonNullable<UpstreamOptions['selector']>
}

export const contenders: readonly Contender[] = selectorNames.map((name) => ({
  name,
  selector: name,
}))
