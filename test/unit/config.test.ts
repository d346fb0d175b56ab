import { generateKeyPairSync } from 'node:crypto'
import { Agent } from 'node:http'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { resolveBalancer, resolveUpstream } from '../../src/config.js'
import type { BalancerConfig, UpstreamConfig } from '../../src/config.js'
import { BalancerError, ConfigurationError } from '../../src/errors.js'
import type { BalancerOptions, UpstreamOptions } from '../../src/options.js'
import type { Upstream } from '../../src/upstream/upstream.js'

const upstream = ['http://a', 'http://b']

function errorOf(options: unknown, resolve: (options: never) => unknown = resolveBalancer) {
  try {
    resolve(options as never)
  } catch (error) {
    if (error instanceof ConfigurationError) return error
    throw error
  }
  return undefined
}

function lines(options: object): string[] {
  return errorOf({ upstream, ...options })?.message.split('\n') ?? []
}

function resolve(options: object): BalancerConfig & { readonly upstream: UpstreamConfig } {
  return resolveBalancer({ upstream, ...options }) as ReturnType<typeof resolve>
}

function nothing(): never {
  throw new Error('not called')
}

function groupOf(): Upstream {
  return {
    name: 'shared',
    peers: [],
    waiting: 0,
    status: () => 'up',
    add: () => nothing(),
    remove: () => undefined,
    update: () => nothing(),
    drain: () => nothing(),
    replace: () => undefined,
    updateTls: () => undefined,
    close: async () => undefined,
  }
}

const REST = {
  maxInFlight: 0,
  hedge: undefined,
  idempotent: undefined,
  policy: undefined,
  sendTimeout: 60_000,
  readTimeout: 60_000,
  bufferSize: 16_384,
  wholeResponse: 65_536,
  requestBuffering: 'replay',
  replayBuffer: 65_536,
  replayMemory: 67_108_864,
  bodyBuffer: 16_384,
  maxBody: Infinity,
  maxHeaders: 1000,
  buffering: 'off',
  buffers: 65_536,
  maxTempFile: 1_073_741_824,
  tempPath: undefined,
  limitRate: 0,
  tunnelTimeout: 3_600_000,
  forwarded: 'x-forwarded',
  via: undefined,
  requestHeaders: undefined,
  responseHeaders: undefined,
  rewrite: undefined,
  mountPath: 'strip',
  redirect: 'default',
  cookieDomain: [],
  cookiePath: [],
  onUpstreamRequest: undefined,
  onUpstreamResponse: undefined,
  interceptErrors: undefined,
  ignoreClientAbort: false,
  exempt: undefined,
  nextTimeout: 0,
  nonIdempotent: false,
  proxyStatus: 'evenkeel',
  statusPage: { controls: false, title: undefined, history: 300_000 },
  accessLog: undefined,
  errorLog: undefined,
  transport: undefined,
  onError: undefined,
  clock: undefined,
  random: Math.random,
}
const GROUP_REST = {
  name: 'upstream',
  selector: { name: 'round_robin' },
  queue: { size: 1000, timeout: 10_000 },
  whenFull: 'refuse',
  adaptiveConcurrency: undefined,
  pool: undefined,
  healthCheck: undefined,
  feedback: undefined,
  clock: undefined,
  random: Math.random,
}

describe('defaults', () => {
  test('ours', () => {
    const { upstream: group, ...balancer } = resolve({})
    expect(balancer).toEqual({
      ...REST,
      on: new Set(['error', 'timeout', 'invalid_header', 'http_502', 'http_503', 'http_504']),
      tries: 3,
      retryBudget: { ratio: 0.2, floor: 10, window: 10_000 },
      connectTimeout: 5000,
      trustProxy: false,
      host: 'client',
      nginx: false,
    })
    const { peers, ...others } = group
    expect(peers.map((peer) => peer.address.name)).toEqual(['a:80', 'b:80'])
    expect(others).toMatchObject({
      ...GROUP_REST,
      failOn: new Set(['error', 'timeout', 'invalid_header']),
      whenNoneLive: 'try',
      probe: { interval: 1000, timeout: 1000 },
      keepalive: {
        connections: 64,
        timeout: 60_000,
        requests: 1000,
        time: 3_600_000,
        nonIdempotent: 'fresh',
      },
      tls: { verify: true, name: undefined },
      nginx: false,
    })
  })

  test("nginx's", () => {
    const { upstream: group, ...balancer } = resolve({ preset: 'nginx' })
    expect(balancer).toEqual({
      ...REST,
      wholeResponse: 0,
      requestBuffering: 'full',
      maxBody: 1_048_576,
      buffering: 'on',
      tunnelTimeout: 60_000,
      on: new Set(['error', 'timeout']),
      tries: Infinity,
      retryBudget: undefined,
      connectTimeout: 60_000,
      trustProxy: true,
      host: 'peer',
      nginx: true,
    })
    const { peers, ...others } = group
    expect(peers[0]?.parameters).toMatchObject({ maxFails: 1, failTimeout: 10_000 })
    expect(others).toMatchObject({
      ...GROUP_REST,
      failOn: new Set([
        'error',
        'timeout',
        'invalid_header',
        'http_500',
        'http_502',
        'http_503',
        'http_504',
        'http_429',
      ]),
      whenNoneLive: 'fail',
      probe: undefined,
      keepalive: {
        connections: 32,
        timeout: 60_000,
        requests: 1000,
        time: 3_600_000,
        nonIdempotent: 'any',
      },
      tls: { verify: false, name: undefined },
      nginx: true,
    })
    expect(resolveUpstream({ peers: ['a'], preset: 'nginx' })).toMatchObject(others)
  })

  test('an option given wins over the preset', () => {
    const config = resolve({
      preset: 'nginx',
      nextUpstream: { on: ['http_500'], tries: 2 },
      retryBudget: {},
      connectTimeout: 1,
      trustProxy: false,
      host: 'client',
      failOn: ['error'],
      whenNoneLive: 'try',
      probe: {},
      keepalive: { connections: 5, nonIdempotent: 'fresh' },
      tls: { verify: true },
    })
    expect(config).toMatchObject({
      on: new Set(['http_500']),
      tries: 2,
      retryBudget: { ratio: 0.2 },
      connectTimeout: 1,
      trustProxy: false,
      host: 'client',
      nginx: true,
      upstream: {
        failOn: new Set(['error']),
        whenNoneLive: 'try',
        probe: { interval: 1000 },
        keepalive: { connections: 5, nonIdempotent: 'fresh' },
        tls: { verify: true },
      },
    })
  })

  test('an option that is undefined is not given', () => {
    expect(resolve({ nextUpstream: undefined, tls: { ca: undefined } })).toEqual(resolve({}))
    expect(resolve({}).upstream.tls).not.toHaveProperty('ca')
  })

  test('an option may be inherited', () => {
    const base = { upstream, connectTimeout: 7 }
    expect(resolveBalancer(Object.create(base) as BalancerOptions).connectTimeout).toBe(7)
  })

  test('everything is frozen', () => {
    const config = resolve({ trustProxy: '10.0.0.1', keepalive: {} })
    const { upstream: group, retryBudget, trustProxy } = config
    const { peers, queue, probe, keepalive, tls } = group
    const parts = [config, retryBudget, trustProxy, group, peers, queue, probe, keepalive, tls]
    const [peer] = peers
    expect([...parts, peer, peer?.address, peer?.parameters].every(Object.isFrozen)).toBe(true)
  })
})

describe('options as given', () => {
  const clock = { now: () => 0, after: () => ({ refresh() {}, cancel() {} }) }
  const run = () => undefined
  const selector = { name: 's', begin: run }
  const pool = { agent: () => new Agent(), close: run }
  const transport = { name: 't', roundTrip: run, close: run }
  const policy = { decide: run }

  test.each<[object, object]>([
    [{ connectTimeout: '1m' }, { connectTimeout: 60_000 }],
    [{ sendTimeout: '30' }, { sendTimeout: 30_000 }],
    [{ readTimeout: 2 ** 31 - 1 }, { readTimeout: 2 ** 31 - 1 }],
    [{ bufferSize: '8k' }, { bufferSize: 8192 }],
    [{ wholeResponse: 0 }, { wholeResponse: 0 }],
    [{ requestBuffering: 'off' }, { requestBuffering: 'off' }],
    [{ requestBuffering: 'full' }, { requestBuffering: 'full' }],
    [{ bodyBuffer: '8k' }, { bodyBuffer: 8192 }],
    [{ buffering: 'on' }, { buffering: 'on' }],
    [
      { buffers: '32k', maxTempFile: 0 },
      { buffers: 32_768, maxTempFile: 0 },
    ],
    [{ tempPath: '/var/tmp' }, { tempPath: '/var/tmp' }],
    [{ limitRate: '10k' }, { limitRate: 10_240 }],
    [{ maxHeaders: 50 }, { maxHeaders: 50 }],
    [{ tunnelTimeout: '5m' }, { tunnelTimeout: 300_000 }],
    [
      { replayBuffer: 0, replayMemory: 0 },
      { replayBuffer: 0, replayMemory: 0 },
    ],
    [{ maxBody: 0 }, { maxBody: Infinity }],
    [{ maxBody: '1g' }, { maxBody: 1_073_741_824 }],
    [{ retryBudget: false }, { retryBudget: undefined }],
    [
      { retryBudget: { ratio: 0, floor: 0.5, window: '1m' } },
      { retryBudget: { ratio: 0, floor: 0.5, window: 60_000 } },
    ],
    [{ proxyStatus: false }, { proxyStatus: undefined }],
    [{ proxyStatus: 'my edge' }, { proxyStatus: 'my edge' }],
    [{ onError: run }, { onError: run }],
    [{ transport }, { transport }],
    [
      { clock, random: run },
      { clock, random: run, upstream: { clock, random: run } },
    ],
    [{ nextUpstream: run }, { policy: run, tries: 3 }],
    [{ nextUpstream: { policy: run } }, { policy: run }],
    [{ nextUpstream: { policy } }, { policy }],
    [{ nextUpstream: { tries: 0, timeout: '5s' } }, { tries: Infinity, nextTimeout: 5000 }],
    [{ nextUpstream: { idempotent: run } }, { idempotent: run }],
    [{ nextUpstream: { on: ['off'] } }, { on: new Set(), nonIdempotent: false }],
    [
      { nextUpstream: { on: ['error', 'non_idempotent'] } },
      { on: new Set(['error']), nonIdempotent: true },
    ],
    [{ selector: 'least_conn' }, { upstream: { selector: { name: 'least_conn' } } }],
    [{ selector: run }, { upstream: { selector: run } }],
    [{ selector }, { upstream: { selector } }],
    [{ failOn: [] }, { upstream: { failOn: new Set() } }],
    [{ failOn: ['off'] }, { upstream: { failOn: new Set() } }],
    [{ failOn: ['http_404'] }, { upstream: { failOn: new Set(['http_404']) } }],
    [{ whenNoneLive: 'wait' }, { upstream: { whenNoneLive: 'wait' } }],
    [
      { queue: { size: 0, timeout: '1s' } },
      { upstream: { queue: { size: 0, timeout: 1000 }, whenFull: 'wait' } },
    ],
    [{ queue: {} }, { upstream: { whenFull: 'wait' } }],
    [{ probe: false }, { upstream: { probe: undefined } }],
    [
      { probe: { interval: '2s', timeout: 5 } },
      { upstream: { probe: { interval: 2000, timeout: 5 } } },
    ],
    [{ keepalive: run }, { upstream: { pool: run, keepalive: { connections: 64 } } }],
    [{ keepalive: pool }, { upstream: { pool } }],
    [
      { keepalive: { connections: 0, timeout: 0, requests: 1, time: '1d' } },
      { upstream: { keepalive: { connections: 0, timeout: 0, requests: 1, time: 86_400_000 } } },
    ],
    [{ tls: { name: 'a.example' } }, { upstream: { tls: { name: 'a.example', verify: true } } }],
    [{ tls: { minVersion: 'TLSv1.3' } }, { upstream: { tls: { minVersion: 'TLSv1.3' } } }],
    ...['client', 'peer', 'a.example', 'a.example:8080', '[::1]:80'].map(
      (host): [object, object] => [{ host }, { host }],
    ),
    ...[true, false, 0, 2, run].map((trustProxy): [object, object] => [
      { trustProxy },
      { trustProxy },
    ]),
    [{ trustProxy: [] }, { trustProxy: [] }],
    [{ trustProxy: 'loopback, 10.0.0.0/8' }, { trustProxy: ['loopback', '10.0.0.0/8'] }],
    [
      { trustProxy: ['linklocal', 'uniquelocal', '::1', 'fc00::/7', '10.0.0.0/255.0.0.0'] },
      { trustProxy: ['linklocal', 'uniquelocal', '::1', 'fc00::/7', '10.0.0.0/255.0.0.0'] },
    ],
  ])('case %#', (options, config) => {
    expect(resolve(options)).toMatchObject(config)
  })

  test('a name', () => {
    expect(resolveUpstream({ peers: ['a'], name: 'back end' }).name).toBe('back end')
  })

  test('a key', () => {
    const key = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    }).privateKey
    for (const given of [key, Buffer.from(key), [key], [{ pem: key }]]) {
      expect(resolve({ tls: { key: given } }).upstream.tls.key).toBe(given)
    }
  })
})

const TIME = 'must be a time: milliseconds, or text such as'
const SIZE = 'must be a size: whole bytes, or text such as'

describe('a problem', () => {
  test.each<[object, string]>([
    [{ connectTimeout: 0 }, 'connectTimeout must be more than 0, got 0'],
    [{ sendTimeout: '0' }, 'sendTimeout must be more than 0, got "0"'],
    [{ readTimeout: '0ms' }, 'readTimeout must be more than 0, got "0ms"'],
    [{ readTimeout: '10sec' }, `readTimeout ${TIME}`],
    [{ readTimeout: NaN }, `readTimeout ${TIME}`],
    [{ readTimeout: Infinity }, `readTimeout ${TIME}`],
    [{ readTimeout: -1 }, `readTimeout ${TIME}`],
    [{ readTimeout: null }, `readTimeout ${TIME}`],
    [{ readTimeout: [1] }, `readTimeout ${TIME}`],
    [{ readTimeout: Symbol('x') }, `readTimeout ${TIME}`],
    [
      { readTimeout: 2 ** 31 },
      'readTimeout must be at most 2147483647 ms (24 days), got 2147483648',
    ],
    [{ readTimeout: '1y' }, 'readTimeout must be at most 2147483647 ms (24 days), got "1y"'],
    [{ bufferSize: 0 }, 'bufferSize must be more than 0, got 0'],
    [{ bufferSize: 1.5 }, `bufferSize ${SIZE}`],
    [{ replayBuffer: '64kb' }, `replayBuffer ${SIZE}`],
    [{ replayMemory: -1 }, `replayMemory ${SIZE}`],
    [{ maxBody: Infinity }, `maxBody ${SIZE}`],
    [{ maxBody: '99999999999999999999g' }, `maxBody ${SIZE}`],
    [
      { requestBuffering: 'of' },
      "requestBuffering must be 'replay' or 'full' or 'off' (did you mean off?), got \"of\"",
    ],
    [{ buffering: 'of' }, "buffering must be 'off' or 'on' (did you mean off?), got"],
    [{ buffers: 0 }, 'buffers must be more than 0, got 0'],
    [{ tempPath: 'tmp' }, 'tempPath must be an absolute path, got "tmp"'],
    [{ tempPath: '/a\0b' }, 'tempPath must be an absolute path'],
    [{ maxHeaders: 0 }, 'maxHeaders must be a positive integer, got 0'],
    [{ tunnelTimeout: 0 }, 'tunnelTimeout must be more than 0, got 0'],
    [{ whenNoneLive: 'tyr' }, '\'fail\' (did you mean try?), got "tyr"'],
    [{ preset: 'ngnix' }, 'preset must be \'nginx\' (did you mean nginx?), got "ngnix"'],
    [{ preset: false }, "preset must be 'nginx', got false"],
    [{ host: '' }, "host must be 'client', 'peer' or a host name"],
    [{ host: 'a b' }, "host must be 'client', 'peer' or a host name"],
    [{ host: 'a\r\nx: y' }, "host must be 'client', 'peer' or a host name"],
    [{ host: 'http://a' }, "host must be 'client', 'peer' or a host name"],
    [{ proxyStatus: true }, 'proxyStatus must be printable ASCII, or false, got true'],
    [{ proxyStatus: '' }, 'proxyStatus must be printable ASCII, or false, got ""'],
    [{ proxyStatus: 'é' }, 'proxyStatus must be printable ASCII, or false, got "é"'],
    [{ onError: 'log' }, 'onError must be a function, got "log"'],
    [{ random: 5 }, 'random must be a function, got 5'],
    [{ clock: { now: () => 0 } }, 'clock must be a clock with now() and after(), got {"now":a fun'],
    [{ transport: {} }, 'transport must be a transport with roundTrip() and close(), got {}'],
    [{ retryBudget: true }, 'retryBudget must be an object, or false, got true'],
    [{ retryBudget: { ratio: -1 } }, 'retryBudget.ratio must be a non-negative number, got -1'],
    [{ retryBudget: { floor: '1' } }, 'retryBudget.floor must be a non-negative number, got "1"'],
    [{ retryBudget: { window: 0 } }, 'retryBudget.window must be more than 0, got 0'],
    [{ retryBudget: { ration: 1 } }, 'retryBudget.ration is not an option (did you mean ratio?)'],
    [{ nextUpstream: 'off' }, 'nextUpstream must be an object or a function, got "off"'],
    [
      { nextUpstream: { tries: 1.5 } },
      'nextUpstream.tries must be a non-negative integer, got 1.5',
    ],
    [{ nextUpstream: { timeout: 'x' } }, `nextUpstream.timeout ${TIME}`],
    [
      { nextUpstream: { idempotent: true } },
      'nextUpstream.idempotent must be a function, got true',
    ],
    [{ nextUpstream: { policy: {} } }, 'nextUpstream.policy must be a function or a policy with'],
    [{ nextUpstream: { on: 'error timeout' } }, 'nextUpstream.on must be a list of conditions, '],
    [{ nextUpstream: { on: [] } }, "nextUpstream.on must have at least one condition; ['off'] is"],
    [
      { nextUpstream: { on: ['error', 'htpp_502'] } },
      'nextUpstream.on[1] is not a condition (did you mean http_502?), got "htpp_502"',
    ],
    [{ nextUpstream: { on: ['http_501'] } }, 'nextUpstream.on[0] must be one of error, timeout, '],
    [{ nextUpstream: { on: [502] } }, 'nextUpstream.on[0] must be one of error, timeout, '],
    [
      { nextUpstream: { on: ['off', 'error'] } },
      'nextUpstream.on must not have other conditions beside \'off\', got ["off","error"]',
    ],
    [
      { nextUpstream: { on: ['non_idempotent'] } },
      'nextUpstream.on must have a condition beside non_idempotent, got ["non_idempotent"]',
    ],
    [{ failOn: ['non_idempotent'] }, 'failOn[0] must be one of error, timeout, '],
    [{ failOn: ['off', 'error'] }, "failOn must not have other conditions beside 'off'"],
    [
      { failOn: ['Timeout'] },
      'failOn[0] is not a condition (did you mean timeout?), got "Timeout"',
    ],
    [{ failOn: new Set(['error']) }, 'failOn must be a list of conditions, '],
    [{ selector: 'leastconn' }, '(did you mean least_conn?), got "leastconn"'],
    [{ selector: 'fastest' }, 'selector must be one of round_robin, least_conn'],
    [{ selector: { name: 'x' } }, 'selector.name must be one of round_robin, least_conn'],
    [{ selector: 5 }, 'selector must be a name, an object with one, a function or a selector'],
    [{ maxFails: -1 }, 'maxFails must be a non-negative integer, got -1'],
    [{ failTimeout: '1x' }, `failTimeout ${TIME}`],
    [{ queue: false }, 'queue must be an object, got false'],
    [{ queue: [] }, 'queue must be an object, got []'],
    [{ adaptiveConcurrency: 1 }, 'adaptiveConcurrency must be an object, or false, got 1'],
    [
      { adaptiveConcurrency: { min: 9, max: 8 } },
      'adaptiveConcurrency.max must not be less than min, got 8',
    ],
    [
      { adaptiveConcurrency: { min: 9, initial: 8 } },
      'adaptiveConcurrency.initial must be from min to max, got 8',
    ],
    [
      { adaptiveConcurrency: { tolerance: 0.5 } },
      'adaptiveConcurrency.tolerance must be a number from 1 to 10, got 0.5',
    ],
    [
      { adaptiveConcurrency: { window: 0 } },
      'adaptiveConcurrency.window must be more than 0, got 0',
    ],
    [{ hedge: {} }, 'hedge.after is required'],
    [{ hedge: { after: 0 } }, 'hedge.after must be more than 0, got 0'],
    [{ hedge: true }, 'hedge must be an object, or false, got true'],
    [{ hedge: { after: 1, attempts: 0 } }, 'hedge.attempts must be a positive integer, got 0'],
    [{ maxInFlight: -1 }, 'maxInFlight must be a non-negative integer, got -1'],
    [{ queue: { size: -1 } }, 'queue.size must be a non-negative integer, got -1'],
    [{ probe: true }, 'probe must be an object, or false, got true'],
    [{ probe: null }, 'probe must be an object, or false, got null'],
    [{ probe: { interval: 0 } }, 'probe.interval must be more than 0, got 0'],
    [{ probe: { timeout: 0 } }, 'probe.timeout must be more than 0, got 0'],
    [
      { keepalive: 32 },
      'keepalive must be an object of options, a function or a pool with agent()',
    ],
    [{ keepalive: new Map() }, 'keepalive must be an object of options, a function or a pool with'],
    [{ keepalive: { requests: 0 } }, 'keepalive.requests must be a positive integer, got 0'],
    [{ keepalive: { nonIdempotent: 'all' } }, "keepalive.nonIdempotent must be 'fresh' or 'any'"],
    [
      { keepalive: { conections: 5 } },
      'keepalive.conections is not an option (did you mean connections?)',
    ],
    [{ failTimout: 5 }, 'failTimout is not an option (did you mean failTimeout?)'],
    [{ name: '' }, 'name must be a text without control characters, got ""'],
    [{ 'a\nb': 5 }, '["a\\nb"] is not an option'],
    [{ trustProxy: -1 }, 'trustProxy must be a non-negative integer, got -1'],
    [
      { trustProxy: {} },
      'trustProxy must be true, false, a number of hops, networks or a function',
    ],
    [{ trustProxy: '' }, 'trustProxy must be an IP address, a network, loopback, linklocal, uni'],
    [{ trustProxy: 'true' }, 'trustProxy must be an IP address, a network, loopback, linklocal, '],
    [{ trustProxy: '::1, locallink' }, 'trustProxy must be an IP address'],
    [{ trustProxy: ['::1', 'lopback'] }, 'uniquelocal (did you mean loopback?), got "lopback"'],
    [{ trustProxy: ['::1', '10.0.0.0/33'] }, 'trustProxy[1] must be an IP address, a network, '],
    [{ trustProxy: ['10.0.0.0/0'] }, 'trustProxy[0] must be an IP address, a network, '],
    [{ trustProxy: ['10.0.0.0/255.0.255.0'] }, 'trustProxy[0] must be an IP address, a network, '],
    [{ trustProxy: [5] }, 'trustProxy[0] must be an IP address, a network, '],
  ])('case %#', (options, line) => {
    const found = lines(options)
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(line)
  })

  test.each([
    [null],
    [undefined],
    [5],
    ['http://a'],
    [['http://a']],
    [() => undefined],
    [new Map()],
  ])('of options that are none, case %#', (options) => {
    for (const resolveIt of [resolveBalancer, resolveUpstream]) {
      const error = errorOf(options, resolveIt)
      expect(error?.problems).toHaveLength(1)
      expect(error?.message).toMatch(/^options must be an object, got /)
    }
  })

  test('of the name', () => {
    for (const name of ['', 5, 'a\nb', null]) {
      const error = errorOf({ peers: ['a'], name }, resolveUpstream)
      expect(error?.message).toMatch(/^name must be a text without control characters, got /)
    }
  })

  test('all at once, a line each, in the order of the code and with everything for programs', () => {
    const error = errorOf({
      upstream: ['http://a', { url: 'http://b/path', weight: 0 }, 7],
      failTimout: '10s',
      maxFails: -1,
      nextUpstream: { on: ['eror'], tries: -1 },
      readTimeout: 'soon',
    })
    expect(error).toBeInstanceOf(BalancerError)
    expect(error?.code).toBe('ERR_CONFIGURATION')
    expect(error?.message.split('\n')).toEqual([
      'failTimout is not an option (did you mean failTimeout?)',
      'maxFails must be a non-negative integer, got -1',
      'upstream[1].weight must be a positive integer, got 0',
      'upstream[1].url must have no path, got "http://b/path"',
      'upstream[2] must be a URL or an object with one, got 7',
      'nextUpstream.on[0] is not a condition (did you mean error?), got "eror"',
      'nextUpstream.tries must be a non-negative integer, got -1',
      expect.stringContaining('readTimeout must be a time'),
    ])
    expect(error?.problems).toHaveLength(8)
    expect(error?.problems[2]).toEqual({
      path: 'upstream[1].weight',
      rule: 'must be a positive integer',
      value: 0,
    })
  })
})

describe('an upstream that others share', () => {
  test('is passed through', () => {
    const group = groupOf()
    const config = resolveBalancer({ upstream: group, preset: 'nginx' })
    expect(config.upstream).toBe(group)
    expect(config).toMatchObject({ nginx: true, tries: Infinity })
  })

  test.each([
    ['selector', 'round_robin'],
    ['maxFails', 1],
    ['failTimeout', 1],
    ['failOn', []],
    ['whenNoneLive', 'try'],
    ['queue', {}],
    ['probe', false],
    ['keepalive', {}],
    ['tls', {}],
    ['bind', '127.0.0.1'],
  ])('has %s itself', (name, value) => {
    expect(lines({ upstream: groupOf(), [name]: value })).toEqual([
      `${name} belongs to the upstream made by createUpstream`,
    ])
  })

  test('its options are not one', () => {
    expect(lines({ upstream: { peers: ['a'] } })).toEqual([
      'upstream must be a list of peers, got {"peers":[…]}',
    ])
  })

  test('createUpstream has none of the balancer’s options', () => {
    expect(errorOf({ peers: ['a'], readTimeout: 5 }, resolveUpstream)?.message).toBe(
      'readTimeout is not an option',
    )
  })
})

describe('TLS', () => {
  test.each<[object, string]>([
    [{ verify: 'no' }, 'tls.verify must be true or false, got "no"'],
    [{ name: '' }, 'tls.name must be a host name, got ""'],
    [{ name: 'a\u0000b' }, 'tls.name must be a host name'],
    [{ ca: 5 }, 'tls.ca must be PEM text, a Buffer, or a list of these, got a number'],
    [
      { ca: [{ pem: 'x' }] },
      'tls.ca must be PEM text, a Buffer, or a list of these, got an object',
    ],
    [{ cert: '' }, 'tls.cert must be PEM text'],
    [{ key: { pem: 'x' } }, 'tls.key must be PEM text'],
    [{ key: [{ pem: 'x', passphrase: 5 }] }, 'tls.key must be PEM text'],
    [{ pfx: true }, 'tls.pfx must be a Buffer'],
    [{ passphrase: 5 }, 'tls.passphrase must be a text, got a number'],
    [{ ciphers: '' }, 'tls.ciphers must be a list of ciphers, got ""'],
    [{ ciphers: 'NONSENSE' }, 'tls cannot be used: no cipher match'],
    [{ minVersion: 'TLSv1.4' }, 'tls.minVersion must be '],
    [
      { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' },
      'tls.minVersion must not be above maxVersion',
    ],
    [{ rejectUnauthorized: false }, 'tls.rejectUnauthorized is not an option'],
    [{ key: 'no PEM' }, 'tls cannot be used: '],
    [{ ca: 'no PEM' }, 'tls.ca must hold a certificate'],
    [{ ca: [] }, 'tls.ca must hold a certificate'],
    [{ ca: Buffer.alloc(0) }, 'tls.ca must hold a certificate'],
    [{ pfx: 'no PFX' }, 'tls cannot be used: '],
  ])('case %#', (tls, line) => {
    const found = lines({ tls })
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(line)
  })

  test.each<[object]>([
    [{ tls: 'SECRET' }],
    [{ tls: ['SECRET'] }],
    [{ tls: { key: 'SECRET' } }],
    [{ tls: { key: [5, 'SECRET'] } }],
    [{ tls: { key: { pem: 'SECRET' } } }],
    [{ tls: { cert: ['SECRET', 5] } }],
    [{ tls: { pfx: [{ buf: 'SECRET', passphrase: 5 }] } }],
    [{ tls: { passphrase: ['SECRET'] } }],
    [{ tls: { passphras: 'SECRET' } }],
    [{ passphrase: 'SECRET' }],
    [{ upstream: [{ url: 'http://user:SECRET@a' }] }],
    [{ upstream: ['user:SECRET@a'] }],
    [{ upstream: 'http://user:SECRET@a' }],
    [{ upstream: [['http://user:SECRET@a']] }],
    [{ upstream: { peers: [], tls: { key: 'SECRET' } } }],
    [{ upstream: { peers: [], key: 'SECRET' } }],
    [{ queue: [{ key: 'SECRET' }] }],
  ])('a secret is never seen, case %#', (options) => {
    const error = errorOf({ upstream, ...options })
    expect(error).toBeDefined()
    expect(error?.message).not.toContain('SECRET')
    expect(inspect(error, { depth: Infinity, showHidden: true })).not.toContain('SECRET')
  })
})

describe('hostile options', () => {
  const trap = () => {
    throw new Error('hostile')
  }
  function hostiles(target: object): object[] {
    const { proxy, revoke } = Proxy.revocable(target, {})
    revoke()
    const traps = ['get', 'has', 'ownKeys', 'getOwnPropertyDescriptor', 'getPrototypeOf'] as const
    const all = Object.fromEntries(traps.map((name) => [name, trap]))
    return [
      proxy,
      new Proxy(target, all),
      ...traps.map((name) => new Proxy(target, { [name]: trap })),
    ]
  }

  test('a getter that throws is a problem of its option', () => {
    const options = {
      upstream,
      get readTimeout() {
        return trap()
      },
    }
    expect(errorOf(options)?.message).toBe('readTimeout cannot be read')
  })

  test('nothing but a ConfigurationError is thrown', () => {
    for (const target of [{}, [], ['http://a'], () => undefined]) {
      for (const hostile of hostiles(target)) {
        errorOf(hostile)
        errorOf(hostile, resolveUpstream)
        errorOf({ upstream: hostile })
        errorOf({ upstream: [hostile] })
        errorOf({ upstream: [{ url: hostile, weight: hostile }] })
        const names = [
          'nextUpstream',
          'keepalive',
          'selector',
          'tls',
          'probe',
          'trustProxy',
          'clock',
        ]
        for (const name of [...names, 'transport', 'failOn', 'readTimeout', 'maxBody', 'host']) {
          errorOf({ upstream, [name]: hostile })
        }
        for (const name of ['ca', 'key', 'pfx', 'passphrase']) {
          errorOf({ upstream, tls: { [name]: hostile } })
          errorOf({ upstream, tls: { [name]: [hostile] } })
        }
        errorOf({ upstream, nextUpstream: { on: hostile, policy: hostile } })
      }
    }
  })

  test('each option is read once', () => {
    let reads = 0
    const options: UpstreamOptions = {
      peers: ['a'],
      get maxFails() {
        return ++reads
      },
    }
    expect(resolveUpstream(options).peers[0]?.parameters.maxFails).toBe(1)
    expect(reads).toBe(1)
  })
})
