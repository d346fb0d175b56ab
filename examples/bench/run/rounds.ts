/** The rounds of one scenario: every contender in turn, another one first each time. */
import type { Row } from '../report/results.js'
import { rotate } from '../report/statistics.js'
import { scenarioOf } from '../scenario.js'
import type { ScenarioName } from '../scenario.js'
import type { Field, Participant } from '../setup/field.js'
import { measure } from './measure.js'
import type { Course, Sample } from './measure.js'

export interface Rounds {
  readonly course: Course
  readonly field: Field
  readonly name: ScenarioName
  readonly rounds: number
  say(line: string): void
}

function describe({ cpu, rate, p99, foreign, errors }: Sample): string {
  const others = `others ${(foreign * 100).toFixed(0)} %`
  const figures = `${cpu.toFixed(1)} µs CPU, ${rate.toFixed(0)}/s, p99 ${p99.toFixed(2)} ms, ${others}`
  return errors === '' ? figures : `${figures}, ERRORS: ${errors}`
}

function nameOf({ contender, nodeVersion }: Participant): string {
  return `${contender.label}${nodeVersion === undefined ? '' : ` (${nodeVersion})`}`
}

function rowOf(entry: Participant, samples: readonly Sample[], missing: string | undefined): Row {
  const { contender, nodeVersion, versions, facts } = entry
  const { name, label, kind, health, remark } = contender
  return {
    contender: name,
    label,
    kind,
    ...(nodeVersion === undefined ? {} : { node: nodeVersion }),
    versions,
    ...(facts === undefined ? {} : { facts }),
    health,
    remark,
    samples,
    ...(missing === undefined ? {} : { missing }),
  }
}

/** Samples of each entry that can take part; one that fails keeps the reason, and is not asked again. */
async function play({ course, field, name, rounds, say }: Rounds) {
  const able = field.entries.filter(({ contender }) => contender.cannot[name] === undefined)
  const samples = new Map<Participant, Sample[]>(able.map((entry) => [entry, []]))
  const failures = new Map<Participant, string>()
  const step = Math.max(1, Math.floor(able.length / rounds))
  for (let round = 0; round < rounds; round++)
    for (const entry of rotate(able, round * step)) {
      if (failures.has(entry)) continue
      const head = `${name} ${round + 1}/${rounds}: ${nameOf(entry)}`
      try {
        const sample = await measure(course, entry, scenarioOf(name))
        samples.get(entry)?.push(sample)
        say(`${head}: ${describe(sample)}`)
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        failures.set(entry, why)
        say(`${head}: FAILED: ${why}`)
      }
    }
  return { samples, failures }
}

export async function rowsFor(rounds: Rounds): Promise<Row[]> {
  const { field, name } = rounds
  const { samples, failures } = await play(rounds)
  const rows = field.entries.map((entry) => {
    const missing = failures.get(entry) ?? entry.contender.cannot[name]
    const taken = failures.has(entry) ? [] : (samples.get(entry) ?? [])
    return rowOf(entry, taken, missing)
  })
  const absent = field.absent.map(({ contender, why }) => {
    const { name, label, kind, health, remark } = contender
    return { contender: name, label, kind, versions: '', health, remark, samples: [], missing: why }
  })
  return [...rows, ...absent]
}
