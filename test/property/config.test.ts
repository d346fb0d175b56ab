import fc from 'fast-check'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { resolveBalancer, resolveUpstream } from '../../src/config.js'
import { parseDuration } from '../../src/config/duration.js'
import { parsePeerAddress } from '../../src/config/peer-address.js'
import { show } from '../../src/config/show.js'
import { parseSize } from '../../src/config/size.js'
import { editDistance } from '../../src/config/suggest.js'
import { ConfigurationError } from '../../src/errors.js'
import type { BalancerOptions, UpstreamOptions } from '../../src/options.js'

const anything = fc.anything({
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
})

const garbage = fc.oneof(
  anything,
  fc.string({ unit: 'binary' }),
  fc.func(anything),
  fc.string({ unit: 'binary' }).map((text) => Symbol(text)),
  fc.constantFrom(NaN, -0, Infinity, -1, 2 ** 53, '1e9s', 'unix:', 'http://[', 'off', null, {}, []),
)

const NESTED: Readonly<Record<string, readonly string[]>> = {
  nextUpstream: ['on', 'tries', 'timeout', 'idempotent', 'policy'],
  retryBudget: ['ratio', 'floor', 'window'],
  queue: ['size', 'timeout'],
  probe: ['interval', 'timeout'],
  keepalive: ['connections', 'timeout', 'requests', 'time', 'nonIdempotent'],
  sticky: ['cookie', 'route', 'learn'],
  locality: ['own', 'overprovisioning', 'minimum'],
  tls: ['verify', 'name', 'ca', 'cert', 'key', 'passphrase', 'pfx', 'ciphers', 'minVersion'],
}
const PLAIN = [
  'selector subset subsetFallback maxFails failTimeout failOn whenNoneLive preset clock random connectTimeout sendTimeout',
  'readTimeout bufferSize requestBuffering replayBuffer replayMemory maxBody trustProxy host',
  'proxyStatus transport onError buffering buffers maxTempFile tempPath limitRate bodyBuffer maxHeaders tunnelTimeout',
].flatMap((names) => names.split(' '))
const PEER = ['url', 'weight', 'maxConns', 'maxFails', 'failTimeout', 'backup', 'down']

function objectOf(names: readonly string[]) {
  return fc.record(Object.fromEntries(names.map((name) => [name, garbage])), { requiredKeys: [] })
}

const nested = fc.record(
  Object.fromEntries(Object.entries(NESTED).map(([name, names]) => [name, objectOf(names)])),
  { requiredKeys: [] },
)
const list = fc.array(fc.oneof(fc.constant('http://a'), garbage, objectOf(PEER)), { maxLength: 4 })

/** The error, after looking at it closely; or undefined. */
function problemsOf(run: () => unknown): ConfigurationError | undefined {
  try {
    run()
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    const lines = error.message.split('\n')
    expect(lines).toHaveLength(error.problems.length)
    for (const line of lines) expect(line).toMatch(/^\P{Cc}{5,400}$/u)
    return error
  }
  return undefined
}

test('whatever is given, nothing but a ConfigurationError is thrown', () => {
  fc.assert(
    fc.property(garbage, (options) => {
      problemsOf(() => resolveBalancer(options as BalancerOptions))
      problemsOf(() => resolveUpstream(options as UpstreamOptions))
      problemsOf(() => resolveBalancer({ upstream: options } as BalancerOptions))
      problemsOf(() => resolveUpstream({ peers: [options] } as UpstreamOptions))
    }),
    { numRuns: 500 },
  )
})

test('whatever an option is given, nothing but a ConfigurationError is thrown', () => {
  fc.assert(
    fc.property(list, objectOf(PLAIN), nested, (upstream, plain, sections) => {
      problemsOf(() => resolveBalancer({ upstream, ...plain, ...sections } as BalancerOptions))
    }),
    { numRuns: 500 },
  )
})

test('one wrong option among right ones: all problems are its own', () => {
  const names = fc.constantFrom(...PLAIN, ...Object.keys(NESTED))
  fc.assert(
    fc.property(names, garbage, (name, value) => {
      const options = { upstream: ['http://a'], [name]: value } as unknown as BalancerOptions
      for (const { path } of problemsOf(() => resolveBalancer(options))?.problems ?? []) {
        expect(path.startsWith(name)).toBe(true)
      }
    }),
    { numRuns: 1000 },
  )
})

test('secrets and credentials stay unseen', () => {
  const secret = fc.string({ unit: fc.constantFrom('K', 'Q', 'X'), minLength: 12, maxLength: 12 })
  const name = fc.constantFrom('key', 'cert', 'pfx', 'passphrase')
  const wrap = fc.constantFrom<(text: string) => unknown>(
    (text) => text,
    (text) => [text, 5],
    (text) => ({ pem: text, buf: text }),
    (text) => Buffer.from(text),
    (text) => new Map([[text, text]]),
  )
  fc.assert(
    fc.property(secret, name, wrap, garbage, (text, option, wrapped, other) => {
      const options = {
        upstream: [`http://user:${text}@host`, other],
        tls: { ca: 5, [option]: wrapped(text) },
      } as unknown as BalancerOptions
      const error = problemsOf(() => resolveBalancer(options))
      expect(error).toBeDefined()
      expect(inspect(error, { depth: Infinity, showHidden: true })).not.toContain(text)
    }),
  )
})

test('what is shown is one short line', () => {
  fc.assert(
    fc.property(garbage, (value) => {
      const text = show(value)
      expect(Array.from(text).length).toBeLessThanOrEqual(60)
      expect(text).toMatch(/^[^\p{Cc}\p{Zl}\p{Zp}\p{Cs}]*$/u)
    }),
  )
})

test('the name of an address is an address with the same name', () => {
  const host = fc.oneof(
    fc.domain(),
    fc.ipV4(),
    fc.ipV6().map((address) => `[${address}]`),
  )
  const scheme = fc.constantFrom('http', 'https')
  fc.assert(
    fc.property(scheme, host, fc.integer({ min: 1, max: 65_535 }), (protocol, hostname, port) => {
      const address = parsePeerAddress(`${protocol}://${hostname}:${port}/`)
      if (typeof address === 'string') throw new Error(`${hostname}: ${address}`)
      expect(address).toMatchObject({ protocol: `${protocol}:`, port })
      expect(parsePeerAddress(`${protocol}://${address.name}`)).toEqual(address)
      expect(address.hostname).toBe(address.hostname.toLowerCase())
    }),
  )
})

test('a text is an address that can go into a header and a log, or none', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl()), (text) => {
      const address = parsePeerAddress(text)
      if (typeof address === 'string') return
      expect(address.name).toMatch(/^(unix:\/\P{Cc}+|[a-z\d_.-]+:\d+|\[[\da-f:.]+\]:\d+)$/u)
    }),
    { numRuns: 1000 },
  )
})

test('a time is the sum of its parts', () => {
  const units: readonly (readonly [string, number])[] = [
    ['y', 31_536_000_000],
    ['M', 2_592_000_000],
    ['w', 604_800_000],
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
    ['ms', 1],
  ]
  const counts = fc.array(fc.option(fc.nat({ max: 999 })), { minLength: 8, maxLength: 8 })
  fc.assert(
    fc.property(counts, fc.constantFrom('', ' '), (numbers, gap) => {
      const parts = units.flatMap(([unit, scale], index) => {
        const count = numbers[index] ?? undefined
        return count === undefined ? [] : [{ text: `${count}${unit}`, ms: count * scale }]
      })
      fc.pre(parts.length > 0)
      const text = parts.map((part) => part.text)
      expect(parseDuration(text.join(gap))).toBe(parts.reduce((sum, part) => sum + part.ms, 0))
      if (parts.length > 1) expect(parseDuration(text.reverse().join(gap))).toBeUndefined()
    }),
  )
})

test('a size is its number times its unit', () => {
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom('k', 'K', 'm', 'M', 'g', 'G'), (count, unit) => {
      const scale = 1024 ** ('kmg'.indexOf(unit.toLowerCase()) + 1)
      expect(parseSize(`${count}${unit}`)).toBe(count * scale)
      expect(parseSize(String(count))).toBe(count)
    }),
  )
})

test('the edit distance is a distance', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 })
  fc.assert(
    fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b)
      expect(distance).toBe(editDistance(b, a))
      expect(distance === 0).toBe(a === b)
      expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length))
      expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length))
    }),
  )
})

test('valid options come out as they went in', () => {
  const ms = fc.integer({ min: 1, max: 2 ** 31 - 1 })
  const count = fc.integer({ min: 1, max: 10_000 })
  const plain = fc.record({
    connectTimeout: ms,
    sendTimeout: ms,
    readTimeout: ms,
    bufferSize: count,
    replayBuffer: fc.nat(),
    replayMemory: fc.nat(),
    maxBody: count,
    requestBuffering: fc.constantFrom('replay' as const, 'full' as const, 'off' as const),
    buffering: fc.constantFrom('on' as const, 'off' as const),
    buffers: count,
    maxTempFile: fc.nat(),
    limitRate: fc.nat(),
    bodyBuffer: fc.nat(),
    maxHeaders: count,
    tunnelTimeout: ms,
    trustProxy: fc.oneof(fc.boolean(), fc.nat({ max: 10 }), fc.array(fc.ipV4(), { maxLength: 3 })),
    host: fc.oneof(fc.constantFrom('client', 'peer'), fc.domain()),
    retryBudget: fc.record({
      ratio: fc.double({ min: 0, max: 10, noNaN: true }),
      floor: count,
      window: ms,
    }),
  })
  const group = fc.record({
    whenNoneLive: fc.constantFrom('try' as const, 'wait' as const, 'fail' as const),
    queue: fc.record({ size: fc.nat({ max: 10_000 }), timeout: ms }),
    probe: fc.record({ interval: ms, timeout: ms }),
    keepalive: fc.record({
      connections: count,
      timeout: ms,
      requests: count,
      time: ms,
      nonIdempotent: fc.constantFrom('fresh' as const, 'any' as const),
    }),
  })
  const parameters = fc.record({
    weight: count,
    maxConns: fc.nat({ max: 1000 }),
    maxFails: fc.nat({ max: 1000 }),
    failTimeout: ms,
    backup: fc.constant(false),
    down: fc.boolean(),
  })
  const preset = fc.constantFrom({}, { preset: 'nginx' as const })
  fc.assert(
    fc.property(plain, group, fc.array(parameters, { minLength: 1 }), preset, (a, b, peers, c) => {
      const upstream = peers.map((each, index) => ({ url: `http://peer-${index}`, ...each }))
      const config = resolveBalancer({ upstream, ...a, ...b, ...c })
      expect(config).toMatchObject({ ...a, upstream: b })
      expect(
        'queue' in config.upstream && config.upstream.peers.map((p) => p.parameters),
      ).toMatchObject(peers)
    }),
  )
})
