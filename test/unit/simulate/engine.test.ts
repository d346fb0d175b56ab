/** The simulator itself: against what is known of queues, and its own books. */
import { describe, expect, it } from 'vitest'
import { chance, exponential, mixed, zipf } from '../../../examples/simulate/engine/chance.js'
import { SimulatedClock } from '../../../examples/simulate/engine/clock.js'
import { percentiles } from '../../../examples/simulate/engine/measure.js'
import { Server } from '../../../examples/simulate/engine/server.js'
import type { Result } from '../../../examples/simulate/engine/server.js'
import { simulate } from '../../../examples/simulate/engine/simulate.js'
import type { Outcome, Simulation } from '../../../examples/simulate/engine/simulate.js'

describe('the clock', () => {
  it('runs what is due in the order of time, and then of setting', () => {
    const clock = new SimulatedClock()
    const ran: string[] = []
    const note = (what: string) => () => ran.push(`${what} at ${clock.now()}`)
    clock.after(20, note('b'))
    clock.after(10, note('a'))
    clock.after(20, note('c'))
    clock.after(5, () => clock.after(5, note('late a')))
    clock.runWhile(() => true)
    expect(ran).toEqual(['a at 10', 'late a at 10', 'b at 20', 'c at 20'])
  })

  it('keeps the order of many, whatever the order they are set in', () => {
    const clock = new SimulatedClock()
    const random = chance(1, 'timers')
    const ran: number[] = []
    for (let i = 0; i < 2000; i++)
      clock.after(Math.floor(random() * 500), () => ran.push(clock.now()))
    clock.runWhile(() => true)
    expect(ran).toHaveLength(2000)
    expect(ran).toEqual(ran.toSorted((a, b) => a - b))
  })

  it('does not run what is cancelled, and runs later what is set again', () => {
    const clock = new SimulatedClock()
    const ran: string[] = []
    const cancelled = clock.after(10, () => ran.push('cancelled'))
    const again = clock.after(10, () => ran.push(`again at ${clock.now()}`))
    clock.after(5, () => {
      cancelled.cancel()
      again.refresh()
      cancelled.refresh()
    })
    clock.runWhile(() => true)
    expect(ran).toEqual(['again at 15'])
  })

  it('stops when it is told to', () => {
    const clock = new SimulatedClock()
    const tick = clock.after(1, () => tick.refresh())
    clock.runWhile(() => clock.now() < 100)
    expect(clock.now()).toBe(100)
  })
})

describe('chance', () => {
  const mean = (draw: () => number): number => {
    let sum = 0
    for (let i = 0; i < 200_000; i++) sum += draw()
    return sum / 200_000
  }

  it('has the mean of 1 that the load is computed with', () => {
    const random = chance(7, 'mean')
    expect(mean(() => exponential(random))).toBeCloseTo(1, 1)
    expect(mean(() => mixed(random))).toBeCloseTo(1, 1)
  })

  it('is another for another purpose, and the same for the same', () => {
    const three = (random: () => number): number[] => [random(), random(), random()]
    expect(three(chance(1, 'a'))).toEqual(three(chance(1, 'a')))
    expect(three(chance(1, 'a'))).not.toEqual(three(chance(1, 'b')))
    expect(three(chance(1, 'a'))).not.toEqual(three(chance(2, 'a')))
  })

  it('draws the k-th in proportion to 1/k', () => {
    const draw = zipf(100, chance(3, 'zipf'))
    const counts = new Array<number>(100).fill(0)
    for (let i = 0; i < 100_000; i++) counts[draw()]!++
    const harmonic = counts.reduce((sum, _, k) => sum + 1 / (k + 1), 0)
    for (const k of [0, 1, 9]) expect(counts[k]! / 100_000).toBeCloseTo(1 / (k + 1) / harmonic, 2)
    expect(Math.min(...counts)).toBeGreaterThan(0)
  })
})

describe('percentiles', () => {
  it('are values that there were', () => {
    const values = Float64Array.from({ length: 200 }, (_, i) => 200 - i)
    expect(percentiles(values)).toEqual({ mean: 100.5, p50: 100, p99: 198 })
    expect(percentiles(new Float64Array())).toEqual({ mean: 0, p50: 0, p99: 0 })
  })
})

describe('a server', () => {
  const setUp = (workers = 1) => {
    const clock = new SimulatedClock()
    const server = new Server({ workers, work: 10 }, clock)
    const ends: string[] = []
    const ask = (name: string, timeout = 1000): void => {
      server.serve(1, timeout, (result: Result) => ends.push(`${name} ${result} at ${clock.now()}`))
    }
    const at = (ms: number, run: () => void): void => void clock.after(ms, run)
    const all = (): string[] => {
      clock.runWhile(() => true)
      expect(server.inFlight).toBe(0)
      return ends
    }
    return { server, ask, at, all }
  }

  it('works on as many as it has workers, first come first served', () => {
    const { server, ask, all } = setUp(2)
    for (const name of ['a', 'b', 'c']) ask(name)
    expect(all()).toEqual(['a answered at 10', 'b answered at 10', 'c answered at 20'])
    expect(server.mostInFlight).toBe(3)
    expect(server.attempts).toBe(3)
  })

  it('takes longer when it is slow', () => {
    const { server, ask, all } = setUp()
    server.slowness = () => 3
    ask('a')
    expect(all()).toEqual(['a answered at 30'])
  })

  it('does not begin what nobody waits for any more, and carries on with what it has begun', () => {
    const { ask, at, all } = setUp()
    ask('a', 5)
    ask('b', 5)
    at(6, () => ask('c'))
    expect(all()).toEqual(['a timeout at 5', 'b timeout at 5', 'c answered at 20'])
  })

  it('refuses, and breaks off what is under way', () => {
    const { server, ask, at, all } = setUp()
    ask('a')
    ask('b')
    at(5, () => {
      server.become('refusing')
      ask('c')
      expect(server.proves('connect')).toBe(false)
    })
    at(8, () => {
      server.become('working')
      ask('d')
      ask('e')
    })
    expect(all()).toEqual([
      'a broken_off at 5',
      'b broken_off at 5',
      'c refused at 6',
      'd answered at 18',
      'e answered at 28',
    ])
  })

  it('answers nothing while it hangs, and goes on later', () => {
    const { server, ask, at, all } = setUp()
    ask('a')
    ask('b', 15)
    at(5, () => {
      server.become('hanging')
      ask('c')
      expect([server.proves('connect'), server.proves('answer')]).toEqual([true, false])
    })
    at(50, () => server.become('working'))
    expect(all()).toEqual(['b timeout at 15', 'a answered at 50', 'c answered at 60'])
  })

  it('answers 503 at once', () => {
    const { server, ask, all } = setUp()
    server.become('unavailable')
    ask('a')
    ask('b')
    expect(all()).toEqual(['a unavailable at 1', 'b unavailable at 1'])
  })
})

function outcomeOf(simulation: Partial<Simulation>, selector = 'round_robin'): Outcome {
  const outcome = simulate(
    { seed: 1, requests: 10_000, load: 0.7, peers: [{ workers: 1, work: 20 }], ...simulation },
    { selector },
  )
  if (outcome.kind === 'refused') throw new Error(outcome.why)
  return outcome
}

/** Erlang's C: how likely a request is to wait in an M/M/c queue. */
function waits(workers: number, load: number): number {
  const offered = workers * load
  let term = 1
  let sum = 0
  for (let k = 0; k < workers; k++) {
    sum += term
    term *= offered / (k + 1)
  }
  const queued = term / (1 - load)
  return queued / (sum + queued)
}

/** Within so many per cent of 1. */
function expectOne(ratio: number, percent: number): void {
  expect(Math.abs(ratio - 1) * 100).toBeLessThan(percent)
}

describe('a single peer', () => {
  const alone = { requests: 150_000, work: exponential, timeout: 60_000 }

  it.each([0.5, 0.8])('with one worker is an M/M/1 queue at a load of %d', (load) => {
    const { latencies } = outcomeOf({ ...alone, load })
    const mean = 20 / (1 - load)
    expectOne(latencies.mean / mean, 4)
    // The time in an M/M/1 system is exponential, too.
    expectOne(latencies.p50 / (mean * Math.log(2)), 4)
    expectOne(latencies.p99 / (mean * Math.log(100)), 6)
  })

  it.each([0.5, 0.8])('with four workers is an M/M/4 queue at a load of %d', (load) => {
    const { latencies } = outcomeOf({ ...alone, load, peers: [{ workers: 4, work: 20 }] })
    const mean = 20 + (waits(4, load) * 20) / (4 * (1 - load))
    expectOne(latencies.mean / mean, 3)
  })
})

describe('a run', () => {
  const peers = Array.from({ length: 4 }, () => ({ workers: 2, work: 20 }))

  it('is the same for the same seed, and another for another', () => {
    const one = outcomeOf({ peers, balancers: 3 }, 'least_conn')
    expect(outcomeOf({ peers, balancers: 3 }, 'least_conn')).toEqual(one)
    expect(outcomeOf({ peers, balancers: 3, seed: 2 }, 'least_conn')).not.toEqual(one)
  })

  it('brings the same requests at the same times whatever the selector', () => {
    // With more workers than requests nobody waits, and only the requests themselves are left.
    const roomy = peers.map(() => ({ workers: 100_000, work: 20 }))
    const load = 0.000_02
    const { latencies, shares: _, ...rest } = outcomeOf({ peers: roomy, load })
    const other = outcomeOf({ peers: roomy, load }, 'least_conn')
    expect(other.latencies.p99).toBeCloseTo(latencies.p99)
    expect(other.duration).toBe(rest.duration)
  })

  it('says why the configuration refuses a combination', () => {
    const weights = peers.map((peer) => ({ ...peer, options: { weight: 0 } }))
    const refused = simulate(
      { seed: 1, requests: 10, load: 0.7, peers: weights },
      { selector: 'round_robin' },
    )
    expect(refused).toMatchObject({ kind: 'refused', why: expect.stringContaining('weight') })
  })
})
