import { createUpstream } from 'evenkeel'
import { describe, expect, it, test } from 'vitest'
import { resolveBalancer, resolveUpstream } from '../../src/config.js'

const peers = ['http://a:80', 'http://b:80']
const resolve = (given: object): ReturnType<typeof resolveUpstream> =>
  resolveUpstream({ peers, ...given })

const linesOf = (run: () => unknown): readonly string[] => {
  try {
    run()
  } catch (error) {
    if (error instanceof Error) return error.message.split('\n').map((line) => line.trim())
  }
  return []
}

test('is off unless it is asked for', () => {
  expect(resolve({})).toMatchObject({ outlierDetection: undefined, retryAfter: 0 })
  expect(resolve({ outlierDetection: false })).toMatchObject({
    outlierDetection: undefined,
    retryAfter: 0,
  })
  expect(resolve({ retryAfter: true })).toMatchObject({
    outlierDetection: undefined,
    retryAfter: 300_000,
  })
})

test('has its defaults', () => {
  const config = resolve({ outlierDetection: {} })
  expect(config.outlierDetection).toEqual({
    consecutiveFailures: 5,
    failureRate: 0.5,
    minimumRequests: 20,
    window: 10_000,
    statusWeights: new Map(),
    ejectionTime: 30_000,
    maxEjectionTime: 300_000,
    jitter: 0.1,
    maxEjectionPercent: 50,
  })
  expect(config.retryAfter).toBe(300_000)
  expect(Object.isFrozen(config.outlierDetection)).toBe(true)
})

test('takes what is given', () => {
  const config = resolve({
    outlierDetection: {
      consecutiveFailures: 0,
      failureRate: 0.25,
      minimumRequests: 3,
      window: '1m',
      statusWeights: { 500: 0.2, 503: 1, 404: 0 },
      ejectionTime: '2s',
      maxEjectionTime: '20s',
      jitter: 0,
      maxEjectionPercent: 100,
    },
  })
  expect(config.outlierDetection).toEqual({
    consecutiveFailures: 0,
    failureRate: 0.25,
    minimumRequests: 3,
    window: 60_000,
    statusWeights: new Map([
      [404, 0],
      [500, 0.2],
      [503, 1],
    ]),
    ejectionTime: 2000,
    maxEjectionTime: 20_000,
    jitter: 0,
    maxEjectionPercent: 100,
  })
  expect(config.retryAfter).toBe(20_000)
  expect(resolve({ outlierDetection: {}, retryAfter: false }).retryAfter).toBe(0)
})

test.each([
  [{ ejectionTime: '10m' }, 600_000, 600_000],
  [{ maxEjectionTime: '5s' }, 5000, 5000],
  [{ ejectionTime: '5s' }, 5000, 300_000],
])('%j: from %i to %i ms', (given, ejectionTime, maxEjectionTime) => {
  expect(resolve({ outlierDetection: given }).outlierDetection).toMatchObject({
    ejectionTime,
    maxEjectionTime,
  })
})

describe('refuses', () => {
  const inside: readonly [object, string][] = [
    [{ consecutiveFailures: -1 }, 'outlierDetection.consecutiveFailures must be a non-negative'],
    [{ consecutiveFailures: 1.5 }, 'outlierDetection.consecutiveFailures must be a non-negative'],
    [{ failureRate: 30 }, 'outlierDetection.failureRate must be a number from 0 to 1, got 30'],
    [{ failureRate: NaN }, 'outlierDetection.failureRate must be a number from 0 to 1, got NaN'],
    [{ minimumRequests: 0 }, 'outlierDetection.minimumRequests must be a positive integer'],
    [{ window: 0 }, 'outlierDetection.window must be more than 0'],
    [{ window: 'soon' }, 'outlierDetection.window must be a time'],
    [{ ejectionTime: 0 }, 'outlierDetection.ejectionTime must be more than 0'],
    [{ maxEjectionTime: 0 }, 'outlierDetection.maxEjectionTime must be more than 0'],
    [
      { ejectionTime: '1m', maxEjectionTime: '30s' },
      'outlierDetection.maxEjectionTime must not be shorter than ejectionTime',
    ],
    [{ jitter: 1.1 }, 'outlierDetection.jitter must be a number from 0 to 1'],
    [{ maxEjectionPercent: 101 }, 'outlierDetection.maxEjectionPercent must be a number from 0 to'],
    [{ statusWeights: [0.2] }, 'outlierDetection.statusWeights must be an object such as'],
    [{ statusWeights: { 500: 2 } }, 'outlierDetection.statusWeights["500"] must be a number from'],
    [{ statusWeights: { 500: '1' } }, 'outlierDetection.statusWeights["500"] must be a number'],
    [{ statusWeights: { 99: 1 } }, 'outlierDetection.statusWeights["99"] is not a status from 200'],
    [{ statusWeights: { http_500: 1 } }, 'outlierDetection.statusWeights["http_500"] is not a'],
    [
      { consecutiveFailures: 0, failureRate: 0 },
      'outlierDetection must have consecutiveFailures or failureRate: with both at 0 nothing',
    ],
    [
      { failureRate: 0, statusWeights: { 500: 1 } },
      'outlierDetection.statusWeights means nothing with failureRate 0',
    ],
    [
      { failureRate: 0, minimumRequests: 5 },
      'outlierDetection.minimumRequests means nothing with failureRate 0',
    ],
    [{ rate: 1 }, 'outlierDetection.rate is not an option'],
  ]
  it.each(inside)('%j', (given, line) => {
    const lines = linesOf(() => resolve({ outlierDetection: given }))
    expect(lines.filter((each) => each.includes(line))).toHaveLength(1)
  })

  const beside: readonly [object, string][] = [
    [{ outlierDetection: true }, 'outlierDetection must be an object, or false, got true'],
    [{ retryAfter: 5 }, 'retryAfter must be true or false, got 5'],
    [
      { outlierDetection: {}, preset: 'nginx' },
      "outlierDetection must not be given with preset: 'nginx', which is there for nginx's own",
    ],
    [
      { outlierDetection: {}, maxFails: 3 },
      'maxFails must not be given with outlierDetection: see its consecutiveFailures',
    ],
    [
      { outlierDetection: {}, failTimeout: '5s' },
      'failTimeout must not be given with outlierDetection: see its ejectionTime',
    ],
    [
      { outlierDetection: {}, peers: ['http://a:80', { url: 'http://b:80', maxFails: 2 }] },
      'peers[1] must have no maxFails but 0 beside outlierDetection',
    ],
    [
      { outlierDetection: {}, peers: ['http://a:80', { url: 'http://b:80', failTimeout: '1s' }] },
      'peers[1] must have no failTimeout beside outlierDetection',
    ],
  ]
  it.each(beside)('%j', (given, line) => {
    const lines = linesOf(() => resolve(given))
    expect(lines.filter((each) => each.includes(line))).toHaveLength(1)
    expect(lines.join('\n').match(/maxFails/g)?.length ?? 0).toBeLessThanOrEqual(1)
  })

  it('weights that cannot be read', () => {
    const statusWeights = {
      get 500(): number {
        throw new Error('no')
      },
    }
    const lines = linesOf(() => resolve({ outlierDetection: { statusWeights } }))
    expect(lines.join()).toContain('outlierDetection.statusWeights cannot be read')
  })
})

test('allows a peer that is never marked', () => {
  const list = ['http://a:80', { url: 'http://b:80', maxFails: 0 }]
  expect(resolve({ peers: list, outlierDetection: {} }).peers).toHaveLength(2)
})

test('is an option of the group: not beside an upstream that has its own', () => {
  const upstream = createUpstream({ peers })
  expect(linesOf(() => resolveBalancer({ upstream, outlierDetection: {} })).join()).toContain(
    'outlierDetection belongs to the upstream made by createUpstream',
  )
  expect(linesOf(() => resolveBalancer({ upstream, retryAfter: true })).join()).toContain(
    'retryAfter belongs to the upstream made by createUpstream',
  )
})

test('is asked of peers that come or change, too', () => {
  const upstream = createUpstream({ peers, outlierDetection: {} })
  const [peer] = upstream.peers
  if (peer === undefined) throw new Error('a peer')
  expect(() => upstream.add({ url: 'http://c:80', maxFails: 2 })).toThrow(/no maxFails but 0/)
  expect(() => upstream.update(peer, { failTimeout: 5 })).toThrow(/no failTimeout/)
  expect(upstream.update(peer, { maxFails: 0, weight: 3 })).toMatchObject({
    maxFails: 0,
    weight: 3,
  })
  const without = createUpstream({ peers })
  expect(without.add({ url: 'http://c:80', maxFails: 2 }).maxFails).toBe(2)
})
