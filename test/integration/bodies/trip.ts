/** One request and its answer, made up by chance. */
import fc from 'fast-check'
import type { Arbitrary } from 'fast-check'
import { PIECES, RESTS } from './body.js'
import type { Body, Reading } from './body.js'

export interface Trip {
  readonly method: string
  readonly status: number
  /** More fields of the request. */
  readonly headers?: Readonly<Record<string, string>>
  readonly request: Body & {
    readonly framing: 'none' | 'length' | 'chunked'
    readonly trailers: boolean
    /** How the upstream reads it. */
    readonly read: Reading
  }
  readonly response: Body & {
    readonly framing: 'length' | 'chunked' | 'until-close'
    readonly trailers: boolean
    /** How the client reads it. */
    readonly read: Reading
    /** 103 (Early Hints) before it. */
    readonly hinted: boolean
    /** The upstream begins it when it has read the request, or while it reads. */
    readonly begins: 'after' | 'meanwhile'
  }
}

const KB = 1024
const MB = KB * KB
const BOUNDARIES = [0, 1, 16 * KB - 1, 16 * KB, 16 * KB + 1, 64 * KB - 1, 64 * KB, 64 * KB + 1, MB]

const size = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...BOUNDARIES) },
  { weight: 4, arbitrary: fc.nat(4 * KB) },
  { weight: 2, arbitrary: fc.nat(400 * KB) },
)
const largeSize = fc.integer({ min: 8 * MB, max: 64 * MB })

const reading = fc.constantFrom<Reading>('eager', 'eager', 'halting', 'late')
const keysOf = <T extends object>(table: T): (keyof T)[] => Object.keys(table) as (keyof T)[]

const bodyOf = (sizes: Arbitrary<number>) => ({
  seed: fc.integer(),
  size: sizes,
  pieces: fc.constantFrom(...keysOf(PIECES)),
  rests: fc.constantFrom(...keysOf(RESTS)),
})

interface Choice {
  readonly methods: readonly string[]
  readonly framings: readonly Trip['request']['framing'][]
  /** Sizes of request and response. */
  readonly up: Arbitrary<number>
  readonly down: Arbitrary<number>
}

const tripOf = ({ methods, framings, up, down }: Choice): Arbitrary<Trip> =>
  fc
    .record({
      method: fc.constantFrom(...methods),
      status: fc.constantFrom(200, 203, 404, 500),
      request: fc.record({
        ...bodyOf(up),
        framing: fc.constantFrom(...framings),
        trailers: fc.boolean(),
        read: reading,
      }),
      response: fc.record({
        ...bodyOf(down),
        framing: fc.constantFrom('length' as const, 'chunked' as const, 'until-close' as const),
        trailers: fc.boolean(),
        read: reading,
        hinted: fc.boolean(),
        begins: fc.constantFrom('after' as const, 'meanwhile' as const),
      }),
    })
    .map(legal)

/** What HTTP does not have is taken out. */
function legal(trip: Trip): Trip {
  const { method, request, response } = trip
  const bodiless = method === 'HEAD' || request.framing === 'none'
  const framing = bodiless ? 'none' : request.framing
  const size = bodiless ? 0 : request.size
  // With nothing to hold back the answer would be over before the request is: that is another story.
  const begins = method === 'HEAD' || response.size === 0 ? 'after' : response.begins
  const trailers = response.framing === 'chunked' && method !== 'HEAD' && response.trailers
  return {
    ...trip,
    request: { ...request, framing, size, trailers: framing === 'chunked' && request.trailers },
    response: { ...response, begins, trailers },
  }
}

/** Mostly short, and around the sizes at which something changes. */
export const trip = tripOf({
  methods: ['POST', 'PUT', 'PATCH', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'REPORT'],
  framings: ['length', 'chunked', 'none'],
  up: size,
  down: size,
})

const large = { methods: ['PUT', 'POST'], framings: ['length', 'chunked'] } as const

/** 8 to 64 MB one way, or both. */
export const largeTrip = fc.oneof(
  { weight: 2, arbitrary: tripOf({ ...large, up: largeSize, down: size }) },
  { weight: 2, arbitrary: tripOf({ ...large, up: size, down: largeSize }) },
  { weight: 1, arbitrary: tripOf({ ...large, up: largeSize, down: largeSize }) },
)
