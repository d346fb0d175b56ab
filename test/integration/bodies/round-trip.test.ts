/**
 * Whatever a client sends arrives, and whatever the upstream answers comes back: byte for byte, in every mode of
 * keeping bodies. `EVENKEEL_ROUNDTRIP_RUNS=20` makes it twenty times as thorough.
 */
import fc from 'fast-check'
import type { BalancerOptions } from 'evenkeel'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { watchProcess } from '../../helpers/watch-process.js'
import { hastyClock } from './hasty-clock.js'
import { DIGEST, Origin } from './origin.js'
import type { AtOrigin } from './origin.js'
import { leavesNothing, openStage, tempFolder } from './stage.js'
import type { Client } from './stage.js'
import { overHttp1, overHttp2 } from './travellers.js'
import type { AtClient, Traveller } from './travellers.js'
import { largeTrip, trip } from './trip.js'
import type { Trip } from './trip.js'

watchProcess()

const THOROUGHNESS = Number(process.env['EVENKEEL_ROUNDTRIP_RUNS'] ?? 1)
const SEED = Number(process.env['EVENKEEL_ROUNDTRIP_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

type Mode = Omit<BalancerOptions, 'upstream'>

const REQUEST_BUFFERING = ['replay', 'full', 'off'] as const

/** What a slow client has not taken: nowhere, in memory, in a file that is soon full, in one that is not. */
const RESPONSE_BUFFERING: Readonly<Record<string, Mode>> = {
  off: { buffering: 'off' },
  'on, without a file': { buffering: 'on', maxTempFile: 0 },
  'on, with a small file': { buffering: 'on', maxTempFile: '100k' },
  'on, with a large file': { buffering: 'on', maxTempFile: '1g' },
}

const details = fc.record({
  client: fc.constantFrom<Client>('h1', 'h2'),
  buffers: fc.constantFrom('4k', '32k'),
  bodyBuffer: fc.constantFrom(0, '1k', '16k'),
  replayBuffer: fc.constantFrom(0, '64k', '1m'),
  wholeResponse: fc.constantFrom(0, '64k'),
  limitRate: fc.constantFrom(0, 0, '20k', '10m'),
})

const modes = REQUEST_BUFFERING.flatMap((requests) =>
  Object.entries(RESPONSE_BUFFERING).map(([responses, buffering]) => ({
    requests,
    responses,
    mode: { requestBuffering: requests, ...buffering },
  })),
).map((each, index) => ({ ...each, seed: SEED + index }))

let origin: Origin
beforeAll(async () => {
  console.log(`round trips: EVENKEEL_ROUNDTRIP_SEED=${SEED}`)
  origin = await Origin.open()
})
afterAll(() => origin.close())

/** Several trips at a time, over one client. */
async function travel(client: Client, options: Mode, trips: readonly Trip[]): Promise<void> {
  const clock = hastyClock()
  const stage = await openStage(client, { ...options, clock, upstream: [origin.url] })
  const traveller = client === 'h1' ? overHttp1(stage.port) : overHttp2(stage.port)
  try {
    await Promise.all(trips.map((each) => roundTrip(traveller, each)))
    expect(stage.errors).toEqual([])
  } finally {
    traveller.close()
    await stage.close()
  }
  expect(stage.balancer.upstream.peers.map((peer) => peer.connections)).toEqual([0])
}

async function roundTrip(traveller: Traveller, each: Trip): Promise<void> {
  const { path, seen, over } = origin.expect(each)
  const client = await traveller.go(path, each)
  // Without it there is nothing to wait for.
  if (client.received.ended) await over
  expect({ seen, client }).toMatchObject({
    seen: forOrigin(each, client),
    client: forClient(each, seen),
  })
}

const forOrigin = ({ request }: Trip, { sha256 }: AtClient): AtOrigin => ({
  asked: 1,
  received: { bytes: request.size, sha256, ended: true },
  trailers: request.trailers ? [DIGEST, sha256] : [],
  sha256: expect.any(String),
})

const forClient = ({ method, status, response }: Trip, { sha256 }: AtOrigin): AtClient => ({
  status,
  interim: response.hinted ? [103] : [],
  received:
    method === 'HEAD'
      ? { bytes: 0, sha256: expect.any(String), ended: true }
      : { bytes: response.size, sha256, ended: true },
  trailers: response.trailers ? [DIGEST, sha256] : [],
  sha256: expect.any(String),
  error: undefined,
})

interface Runs {
  readonly mode: Mode
  readonly numRuns: number
  readonly seed: number
}

async function holds(trips: fc.Arbitrary<Trip[]>, { mode, numRuns, seed }: Runs): Promise<void> {
  const tempPath = tempFolder()
  const property = fc.asyncProperty(trips, details, async (each, { client, ...options }) => {
    await travel(client, { ...mode, ...options, tempPath }, each)
  })
  await leavesNothing(tempPath, () =>
    fc.assert(property, { numRuns, seed, endOnFailure: true, timeout: 25_000 }),
  )
}

describe.each(modes)('requests $requests, responses $responses', ({ mode, seed }) => {
  const timeout = 30_000 * THOROUGHNESS

  it('come and go byte for byte', { timeout }, async () => {
    const trips = fc.array(trip, { minLength: 1, maxLength: 4 })
    await holds(trips, { mode, numRuns: 8 * THOROUGHNESS, seed })
  })

  it('of 8 to 64 MB, too', { timeout }, async () => {
    await holds(fc.tuple(largeTrip), { mode, numRuns: THOROUGHNESS, seed })
  })
})
