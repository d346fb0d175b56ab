/** All selectors in a scenario. */
import { contenders } from './contenders.js'
import type { Contender } from './contenders.js'
import { simulate } from './engine/simulate.js'
import type { Outcome, Refused } from './engine/simulate.js'
import type { Scenario } from './scenarios.js'

export interface Row {
  readonly contender: string
  readonly outcome: Outcome | Refused
}

export interface RunSettings {
  readonly seed: number
  readonly requests: number
}

/** What docs/simulation.md is made with. */
export const STANDARD: RunSettings = { seed: 1, requests: 20_000 }

export function rowOf(scenario: Scenario, contender: Contender, settings = STANDARD): Row {
  return {
    contender: contender.name,
    outcome: simulate({ ...scenario, ...settings }, contender, scenario.focus),
  }
}

export function rowsOf(scenario: Scenario, among = contenders, settings = STANDARD): Row[] {
  return among.map((contender) => rowOf(scenario, contender, settings))
}
