/** A balancer whose peers are checked when the test says so: chance is 0.5, and its clock stands still. */
import type { BalancerOptions, HealthCheckOptions, HealthEvent } from 'evenkeel'
import { fakeClock } from 'evenkeel/testing'
import type { FakeClock } from 'evenkeel/testing'
import { serve } from '../../helpers/serve.js'
import type { BalancerSettings, Served } from '../../helpers/serve.js'

/** When first checks are made; later ones begin half an interval after that. */
export const FIRST = 50

export interface Checked extends Served {
  readonly clock: FakeClock
  readonly told: HealthEvent[]
  /** Resolves with the event of this number, from 1. */
  event(number: number): Promise<HealthEvent>
  readonly standing: string[]
}

/** One check is enough to change a peer's health, unless told otherwise. */
export async function checked(
  upstream: BalancerOptions['upstream'],
  healthCheck: HealthCheckOptions,
  options: BalancerSettings = {},
): Promise<Checked> {
  const clock = fakeClock()
  const served = await serve(
    { upstream },
    {
      clock,
      random: () => 0.5,
      whenNoneLive: 'fail',
      ...options,
      healthCheck: { fall: 1, rise: 1, ...healthCheck },
    },
  )
  const told: HealthEvent[] = []
  const waiting: { number: number; resolve: (event: HealthEvent) => void }[] = []
  served.balancer.on('health', (event) => {
    told.push(event)
    for (const { number, resolve } of waiting) if (told.length === number) resolve(event)
  })
  const { upstream: group } = served.balancer
  return {
    ...served,
    clock,
    told,
    event(number) {
      const known = told[number - 1]
      if (known !== undefined) return Promise.resolve(known)
      return new Promise((resolve) => waiting.push({ number, resolve }))
    },
    get standing() {
      return group.peers.map((peer) => group.status(peer))
    },
  }
}

/** What the first check of a peer comes to. `meanwhile` is called when it has begun. */
export async function firstVerdict(
  url: BalancerOptions['upstream'],
  healthCheck: HealthCheckOptions,
  expected: 'passed' | 'failed',
  options: BalancerSettings = {},
  meanwhile?: (clock: FakeClock) => Promise<void>,
): Promise<string> {
  const initialState = expected === 'passed' ? 'down' : 'up'
  const { clock, event } = await checked(url, { ...healthCheck, initialState }, options)
  clock.advance(FIRST)
  await meanwhile?.(clock)
  const { healthy, reason, checks } = await event(1)
  if (healthy !== (reason === 'passed') || checks !== 1) throw new Error('a check was miscounted')
  return reason
}
