import { describe, expect, it } from 'vitest'
import { lastWords } from '../../../examples/bench/run/last-words.js'
import {
  describeErrors,
  parseLoadReport,
  wrkScript,
} from '../../../examples/bench/run/load-report.js'
import {
  childrenOf,
  machineTicksOf,
  peakOf,
  ticksOf,
  ticksWithEnded,
} from '../../../examples/bench/run/proc-stat.js'
import { peersOf } from '../../../examples/bench/run/upstreams.js'

const STAT =
  '4711 (a (b) c d) S 1 4711 4711 0 -1 4194560 1207 90 3 0 120 45 7 8 20 0 11 0 90210 1092616192 19555'

describe('/proc', () => {
  it('reads user and system time behind a name with blanks and parentheses', () => {
    expect(ticksOf(STAT)).toBe(165)
  })

  it('reads the time of ended children, too', () => {
    expect(ticksWithEnded(STAT)).toBe(180)
  })

  it('refuses what is no stat line', () => {
    expect(() => ticksOf('')).toThrow('not a line')
  })

  it('reads the peak of the memory', () => {
    expect(peakOf('VmPeak:\t  900 kB\nVmHWM:\t   64512 kB\nVmRSS:\t 1 kB\n')).toBe(64_512)
    expect(() => peakOf('Name: kthreadd\n')).toThrow('VmHWM')
  })

  it('reads children, and that there are none', () => {
    expect(childrenOf('12 345')).toEqual([12, 345])
    expect(childrenOf('')).toEqual([])
  })

  it('reads what the machine did, without idling and interrupts', () => {
    const stat = 'cpu  100 20 30 4000 5 6 7 8 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n'
    expect(machineTicksOf(stat)).toEqual({ busy: 150, stolen: 8 })
    expect(() => machineTicksOf('intr 1\n')).toThrow('no cpu line')
  })
})

describe('the report of a load generator', () => {
  const output = [
    'Running 2s test @ http://127.0.0.1:1/small',
    '  1 threads and 64 connections',
    'bench 20000 2000000 4000000 1500 9000 12345 1 2 3 4 5',
    '',
  ].join('\n')

  it('is parsed, with times in milliseconds', () => {
    expect(parseLoadReport(output)).toEqual({
      requests: 20_000,
      seconds: 2,
      bytes: 4_000_000,
      p50: 1.5,
      p99: 9,
      p999: 12.345,
      errors: { connect: 1, read: 2, write: 3, timeout: 4, status: 5 },
    })
  })

  it.each(['', 'unable to connect', 'bench 1 2 3', output.replace(' 5\n', ' nan\n')])(
    'is refused: %j',
    (text) => {
      expect(() => parseLoadReport(text)).toThrow('reported nothing')
    },
  )

  it('has its errors in words', () => {
    const none = { connect: 0, read: 0, write: 0, timeout: 0, status: 0 }
    expect(describeErrors(none)).toBe('')
    expect(describeErrors({ ...none, read: 3, status: 1 })).toBe('3 read, 1 status')
  })

  it('comes from a script with a body only where there is one', () => {
    expect(wrkScript('GET', 0)).not.toContain('wrk.body')
    expect(wrkScript('POST', 16_384)).toContain("string.rep('x', 16384)")
    expect(wrkScript('POST', 1)).toContain('latency:percentile(99.9)')
  })
})

describe('the last words of a process', () => {
  it.each([
    ['/a/b.js:127\n  throw err\n  ^\n\nError: read ECONNRESET\n  at x\n', 'Error: read ECONNRESET'],
    ['TypeError: no\n  at x\n\nNode.js v20\n', 'TypeError: no'],
    ['nginx: [emerg] bind() failed\n\n', 'nginx: [emerg] bind() failed'],
    ['', 'without a word'],
  ])('%j', (said, words) => {
    expect(lastWords(said)).toBe(words)
  })
})

describe('the peers of a scenario', () => {
  const upstreams = {
    http: [1, 2, 3],
    echo: [4, 5],
    dead: 6,
    pids: [],
  } as const

  it.each([
    ['two', 'wrk', [1, 2]],
    ['three', 'wrk', [1, 2, 3]],
    ['three, one dead', 'wrk', [1, 2, 6]],
    ['two', 'websocket', [4, 5]],
  ] as const)('%s, %s', (set, load, ports) => {
    expect(peersOf(upstreams, set, load)).toEqual(ports)
  })
})
