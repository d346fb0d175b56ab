/** The command line of `npm run bench`, and every problem of it at once. */
import { parseArgs } from 'node:util'
import { CONTENDERS } from './contender.js'
import { SCENARIO_NAMES } from './scenario.js'
import type { ScenarioName } from './scenario.js'

export interface BenchOptions {
  readonly scenarios: readonly ScenarioName[]
  /** Names of contenders, in the order of the table. */
  readonly contenders: readonly string[]
  readonly rounds: number
  /** Seconds of each measurement, and of the warm-up before it. */
  readonly seconds: number
  readonly warmup: number
  /** Majors of Node; none: the one that runs the benchmark. */
  readonly nodes: readonly number[]
  readonly save: boolean
  readonly json: boolean
}

export type ParsedOptions =
  | { readonly kind: 'run'; readonly options: BenchOptions }
  | { readonly kind: 'help' }
  | { readonly kind: 'problems'; readonly problems: readonly string[] }

export const HELP = `npm run bench -- [options]
  --scenario a,b|all    ${SCENARIO_NAMES.join(', ')} (default: get)
  --contenders a,b      ${CONTENDERS.map(({ name }) => name).join(', ')} (default: all)
  --rounds N            measurements of each contender, 1 to 50 (default: 3); the table has their medians
  --seconds N           of each measurement, 1 to 120 (default: 3)
  --warmup N            seconds of load before each measurement, 1 to 60 (default: 2)
  --node 20,22,24,26    run the Node contenders under these majors, installed from npm below examples/bench/node_modules
  --save                write docs/bench/ and the tables of docs/benchmarks.md
  --json                the results as JSON on standard output, everything else on standard error
`

interface Range {
  readonly from: number
  readonly to: number
}

function wholeNumber(flag: string, text: string, { from, to }: Range, problems: string[]): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN
  if (!(value >= from && value <= to))
    problems.push(`--${flag}: '${text}' is not a whole number from ${from} to ${to}`)
  return value
}

function list(text: string): string[] {
  return [...new Set(text.split(',').map((item) => item.trim()))].filter((item) => item !== '')
}

function namesOf<Name extends string>(
  flag: string,
  text: string,
  known: readonly Name[],
  problems: string[],
): Name[] {
  const asked = list(text)
  if (asked.length === 0) problems.push(`--${flag}: no name is given`)
  for (const name of asked)
    if (!(known as readonly string[]).includes(name))
      problems.push(`--${flag}: there is no '${name}'; there are ${known.join(', ')}`)
  return known.filter((name) => asked.includes(name))
}

function scenariosOf(text: string, problems: string[]): ScenarioName[] {
  if (text === 'all') return [...SCENARIO_NAMES]
  const names = namesOf('scenario', text, SCENARIO_NAMES, problems)
  // A dead peer says something only beside three that live.
  return names.includes('dead') && !names.includes('alive')
    ? SCENARIO_NAMES.filter((name) => name === 'alive' || names.includes(name))
    : names
}

function nodesOf(text: string, problems: string[]): number[] {
  const range = { from: 20, to: 99 }
  return list(text).map((major) => wholeNumber('node', major, range, problems))
}

const string = (value: string) => ({ type: 'string', default: value }) as const
const flag = { type: 'boolean', default: false } as const

function valuesOf(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      scenario: string('get'),
      contenders: string(CONTENDERS.map(({ name }) => name).join()),
      rounds: string('3'),
      seconds: string('3'),
      warmup: string('2'),
      node: string(''),
      save: flag,
      json: flag,
      help: flag,
    },
  }).values
}

export function parseBenchOptions(args: readonly string[]): ParsedOptions {
  let values: ReturnType<typeof valuesOf>
  try {
    values = valuesOf(args)
  } catch (error) {
    return { kind: 'problems', problems: [(error as Error).message] }
  }
  if (values.help) return { kind: 'help' }
  const problems: string[] = []
  const known = CONTENDERS.map(({ name }) => name)
  const options: BenchOptions = {
    scenarios: scenariosOf(values.scenario, problems),
    contenders: namesOf('contenders', values.contenders, known, problems),
    rounds: wholeNumber('rounds', values.rounds, { from: 1, to: 50 }, problems),
    seconds: wholeNumber('seconds', values.seconds, { from: 1, to: 120 }, problems),
    warmup: wholeNumber('warmup', values.warmup, { from: 1, to: 60 }, problems),
    nodes: nodesOf(values.node, problems),
    save: values.save,
    json: values.json,
  }
  return problems.length > 0 ? { kind: 'problems', problems } : { kind: 'run', options }
}
