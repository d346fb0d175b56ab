/** A peer dies in the middle of a request body: where the body is kept, the next one gets all of it. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import type { BalancerOptions } from 'evenkeel'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { watchProcess } from '../../helpers/watch-process.js'
import { Origin } from './origin.js'
import type { AtOrigin } from './origin.js'
import { leavesNothing, openStage, tempFolder } from './stage.js'
import type { Client, Stage } from './stage.js'
import { overHttp1, overHttp2 } from './travellers.js'
import type { AtClient } from './travellers.js'
import type { Trip } from './trip.js'

watchProcess()

const KB = 1024

/** What the first peer does when it has taken so much of the body. */
interface Death {
  readonly taken: number
  readonly how: 'reset' | 'end' | 'status 503'
}

/** Peer one of each pair; it is told by a header field how to die. */
let dying: Server
let origin: Origin

beforeAll(async () => {
  origin = await Origin.open()
  dying = createServer((req, res) => {
    const told = req.headers['x-death']
    // The balancer looks whether it is back.
    if (told === undefined) return void res.end()
    const { taken, how } = JSON.parse(String(told)) as Death
    let bytes = 0
    const die = (): void => {
      req.off('data', take)
      switch (how) {
        case 'reset':
          return void req.socket.resetAndDestroy()
        case 'end':
          return void req.socket.destroy()
        case 'status 503':
          return void res.writeHead(503, { connection: 'close' }).end()
      }
    }
    const take = (chunk: Buffer): void => {
      bytes += chunk.length
      if (bytes >= taken) die()
    }
    if (taken === 0) die()
    else req.on('data', take)
  })
  dying.listen(0, '127.0.0.1')
  await once(dying, 'listening')
})
afterAll(async () => {
  dying.closeAllConnections()
  await origin.close()
})

interface Scene {
  readonly client: Client
  readonly method?: string
  readonly framing: 'length' | 'chunked'
  readonly size: number
  readonly death: Death
  readonly seed?: number
}

interface Outcome {
  readonly client: AtClient
  readonly origin: AtOrigin
  readonly attempts: number
  readonly stage: Stage
}

async function play(
  { client, method = 'PUT', framing, size, death, seed = 1 }: Scene,
  options: Omit<BalancerOptions, 'upstream'>,
): Promise<Outcome> {
  const trip: Trip = {
    method,
    status: 200,
    headers: { 'x-death': JSON.stringify(death) },
    request: { seed, size, pieces: 'many', rests: 'some', framing, trailers: false, read: 'eager' },
    response: {
      ...{ seed, size: 100, pieces: 'one', rests: 'none', framing: 'length', trailers: false },
      ...{ read: 'eager', hinted: false, begins: 'after' },
    },
  }
  const { port } = dying.address() as AddressInfo
  const upstream = [`http://127.0.0.1:${port}`, origin.url]
  const stage = await openStage(client, { upstream, ...options })
  const traveller = client === 'h1' ? overHttp1(stage.port) : overHttp2(stage.port)
  const { path, seen } = origin.expect(trip)
  try {
    const atClient = await traveller.go(path, trip)
    const attempts = stage.finished[0]?.attempts.length ?? 0
    return { client: atClient, origin: seen, attempts, stage }
  } finally {
    traveller.close()
    await stage.close()
  }
}

const scene = (largest: number) =>
  fc
    .record({
      client: fc.constantFrom<Client>('h1', 'h2'),
      framing: fc.constantFrom('length' as const, 'chunked' as const),
      size: fc.oneof(fc.constantFrom(1, largest), fc.integer({ min: 1, max: largest })),
      how: fc.constantFrom('reset' as const, 'end' as const, 'status 503' as const),
      share: fc.constantFrom(0, 0.01, 0.5, 1),
      seed: fc.integer(),
    })
    .map(({ how, share, ...rest }): Scene => {
      return { ...rest, death: { how, taken: Math.ceil(share * rest.size) } }
    })

describe('a peer that dies after part of the body', () => {
  it.each([
    ['replay', 64 * KB, {}],
    ['replay', 1024 * KB, { replayBuffer: '1m' }],
    ['full', 64 * KB, { bodyBuffer: '64k' }],
    ['full', 4096 * KB, { bodyBuffer: '16k' }],
  ] as const)('%s, up to %i bytes: the next has all of it', async (buffering, largest, more) => {
    const tempPath = tempFolder()
    const options = { requestBuffering: buffering, tempPath, ...more }
    const property = fc.asyncProperty(scene(largest), async (each) => {
      const { client, origin: atOrigin, attempts, stage } = await play(each, options)
      expect(stage.errors).toEqual([])
      expect(client).toMatchObject({ status: 200, received: { ended: true } })
      expect(atOrigin).toMatchObject({
        asked: 1,
        received: { bytes: each.size, sha256: client.sha256, ended: true },
      })
      expect(attempts).toBe(2)
    })
    await leavesNothing(tempPath, () =>
      fc.assert(property, { numRuns: 12, endOnFailure: true, timeout: 25_000 }),
    )
  })

  const half: Death = { how: 'reset', taken: 128 * KB }

  it.each([
    ['nothing is kept', 'PUT', { requestBuffering: 'off' }],
    ['more was sent than is kept', 'PUT', { requestBuffering: 'replay' }],
    ['it may have been carried out', 'POST', { requestBuffering: 'full' }],
  ] as const)(
    '%s: the next gets nothing, and the client is told',
    async (_why, method, options) => {
      const tempPath = tempFolder()
      for (const client of ['h1', 'h2'] as const) {
        const scene = { client, method, framing: 'chunked', size: 256 * KB, death: half } as const
        const { client: atClient, origin: atOrigin } = await play(scene, { ...options, tempPath })
        expect(atClient).toMatchObject({ status: 502, received: { ended: true } })
        expect(atOrigin.asked).toBe(0)
      }
    },
  )

  it('a POST that the user calls idempotent is repeated', async () => {
    const scene = { method: 'POST', framing: 'length', size: 256 * KB, death: half } as const
    const options = { requestBuffering: 'full', nextUpstream: { idempotent: () => true } } as const
    const { client, origin: atOrigin } = await play({ client: 'h1', ...scene }, options)
    expect(client.status).toBe(200)
    expect(atOrigin.received?.sha256).toBe(client.sha256)
  })
})
