import { describe, expect, it } from 'vitest'
import { CONTENDERS } from '../../../examples/bench/contender.js'
import { parseFlameOptions } from '../../../examples/bench/flame/options.js'
import { HELP, parseBenchOptions } from '../../../examples/bench/options.js'
import type { BenchOptions } from '../../../examples/bench/options.js'
import { SCENARIO_NAMES } from '../../../examples/bench/scenario.js'

function optionsOf(...args: string[]): BenchOptions {
  const parsed = parseBenchOptions(args)
  if (parsed.kind !== 'run') throw new Error(`not options: ${JSON.stringify(parsed)}`)
  return parsed.options
}

function problemsOf(...args: string[]): readonly string[] {
  const parsed = parseBenchOptions(args)
  return parsed.kind === 'problems' ? parsed.problems : []
}

describe('the options of npm run bench', () => {
  it('has the small GET, everybody, three rounds of three seconds by default', () => {
    expect(optionsOf()).toEqual({
      scenarios: ['get'],
      contenders: CONTENDERS.map(({ name }) => name),
      rounds: 3,
      seconds: 3,
      warmup: 2,
      nodes: [],
      save: false,
      json: false,
    })
  })

  it('takes lists, in the order of the tables and without repetition', () => {
    expect(optionsOf('--scenario', 'tls, get,tls').scenarios).toEqual(['get', 'tls'])
    expect(optionsOf('--contenders', 'evenkeel,nginx').contenders).toEqual(['nginx', 'evenkeel'])
    expect(optionsOf('--node', '22,24').nodes).toEqual([22, 24])
  })

  it('measures a dead peer beside three that live', () => {
    expect(optionsOf('--scenario', 'dead').scenarios).toEqual(['alive', 'dead'])
  })

  it('has a word for all scenarios', () => {
    expect(optionsOf('--scenario', 'all').scenarios).toEqual(SCENARIO_NAMES)
  })

  it.each([
    [['--rounds', '0'], "--rounds: '0' is not a whole number from 1 to 50"],
    [['--rounds', '51'], "--rounds: '51' is not a whole number from 1 to 50"],
    [['--seconds', '1.5'], "--seconds: '1.5' is not a whole number from 1 to 120"],
    [['--warmup', 'x'], "--warmup: 'x' is not a whole number from 1 to 60"],
    [['--node', '18'], "--node: '18' is not a whole number from 20 to 99"],
    [['--scenario', ','], '--scenario: no name is given'],
  ])('refuses %j', (args, problem) => {
    expect(problemsOf(...args)).toEqual([problem])
  })

  it('says what there is where a name is wrong, and every problem at once', () => {
    const problems = problemsOf('--scenario', 'gte', '--contenders', 'ngnix', '--rounds', '')
    expect(problems).toHaveLength(3)
    expect(problems[0]).toMatch(/^--scenario: there is no 'gte'; there are get, post, /)
    expect(problems[1]).toMatch(/^--contenders: there is no 'ngnix'; there are nginx, /)
  })

  it('refuses options that it does not know, and words', () => {
    expect(problemsOf('--round', '3')[0]).toContain('--round')
    expect(problemsOf('get')[0]).toContain('get')
  })

  it('helps', () => {
    expect(parseBenchOptions(['--help'])).toEqual({ kind: 'help' })
    for (const name of SCENARIO_NAMES) expect(HELP).toContain(name)
  })
})

describe('the options of npm run bench:flame', () => {
  const parse = (...args: string[]) =>
    parseFlameOptions(args, ['evenkeel', 'evenkeel-undici', 'undici'], () => 'temporary.svg')

  it('has the CPU time of the default transport by default', () => {
    const out = 'temporary.svg'
    expect(parse()).toEqual({ what: 'cpu', contender: 'evenkeel', seconds: 4, out })
  })

  it('takes the other transport, another contender, another file', () => {
    expect(parse('--transport', 'undici', '--alloc', '--out', 'a.svg')).toEqual({
      what: 'allocations',
      contender: 'evenkeel-undici',
      seconds: 4,
      out: 'a.svg',
    })
    expect(parse('--contender', 'undici')).toMatchObject({ contender: 'undici' })
  })

  it('names every problem', () => {
    expect(parse('--transport', 'h3', '--contender', 'nginx', '--seconds', '0')).toEqual([
      "--transport: 'h3' is neither default nor undici",
      "--contender: 'nginx' is none of evenkeel, evenkeel-undici, undici",
      "--seconds: '0' is not a whole number from 1 to 60",
    ])
    expect(parse('--bytes')).toHaveLength(1)
  })
})
