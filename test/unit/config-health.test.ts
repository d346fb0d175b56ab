/** The options `healthCheck`, `feedback` and `exempt`. */
import type { IncomingMessage } from 'node:http'
import { describe, expect, test } from 'vitest'
import { resolveBalancer, resolveUpstream } from '../../src/config.js'
import { ConfigurationError } from '../../src/errors.js'
import type { BalancerOptions, HealthCheckOptions, UpstreamOptions } from '../../src/options.js'

const peers = ['http://a', 'http://b']

function linesOf(
  options: object,
  resolve: (options: never) => unknown = resolveUpstream,
): string[] {
  try {
    resolve({ peers, ...options } as never)
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message.split('\n')
    throw error
  }
  return []
}

const healthCheck = (given: object, more: Partial<UpstreamOptions> = {}) =>
  resolveUpstream({ peers, healthCheck: given, ...more }).healthCheck!

const own = (): boolean => true

const problems = (given: unknown, more: object = {}) => linesOf({ healthCheck: given, ...more })

describe('healthCheck', () => {
  test('is off by default, and with false', () => {
    expect(resolveUpstream({ peers }).healthCheck).toBeUndefined()
    expect(resolveUpstream({ peers, healthCheck: false }).healthCheck).toBeUndefined()
  })

  test('its defaults', () => {
    expect(healthCheck({})).toEqual({
      schedule: {
        interval: 5000,
        jitter: 0,
        fastInterval: 1000,
        downInterval: 5000,
        timeout: 2000,
        fall: 3,
        rise: 2,
        initialState: 'up',
      },
      probe: {
        method: 'GET',
        path: '/',
        headers: {},
        host: undefined,
        statuses: [[200, 399]],
        body: undefined,
        bodyLimit: 65_536,
      },
      port: undefined,
    })
  })

  test('intervals follow `interval`', () => {
    expect(healthCheck({ interval: 300 }).schedule).toMatchObject({
      fastInterval: 300,
      downInterval: 300,
    })
    const given = { interval: '1m', fastInterval: '2s', downInterval: '5m', jitter: '10s' }
    expect(healthCheck(given).schedule).toMatchObject({
      interval: 60_000,
      fastInterval: 2000,
      downInterval: 300_000,
      jitter: 10_000,
    })
  })

  test('what is asked, and what passes', () => {
    const body = /ready/gi
    const given = {
      method: 'HEAD',
      path: '/health?full=1',
      host: 'app.test:8080',
      headers: { 'X-Probe': '1', authorization: 'Bearer x' },
      statuses: ['200-299', 304, '401'],
      port: 9000,
    }
    const { probe, port } = healthCheck(given)
    expect(probe).toMatchObject({
      method: 'HEAD',
      path: '/health?full=1',
      host: 'app.test:8080',
      headers: { 'x-probe': '1', authorization: 'Bearer x' },
      statuses: [
        [200, 299],
        [304, 304],
        [401, 401],
      ],
    })
    expect(port).toBe(9000)
    expect(healthCheck({ statuses: 204 }).probe).toMatchObject({ statuses: [[204, 204]] })
    expect(healthCheck({ body, bodyLimit: '1k' }).probe).toMatchObject({
      body: /ready/i,
      bodyLimit: 1024,
    })
    expect(healthCheck({ body }).probe).not.toHaveProperty('body', body)
  })

  test('a connection, or a function', () => {
    const check: HealthCheckOptions['check'] = () => true
    expect(healthCheck({ type: 'tcp', port: 1 })).toMatchObject({ probe: 'tcp', port: 1 })
    expect(healthCheck({ check }).probe).toBe(check)
  })

  test.each([
    [true, 'healthCheck must be an object, or false, got true'],
    [{ type: 'ping' }, `healthCheck.type must be 'http' or 'tcp', got "ping"`],
    [{ fails: 1 }, 'healthCheck.fails is not an option'],
    [
      { method: 'GET /' },
      'healthCheck.method must be a method of HTTP, and not CONNECT, got "GET /"',
    ],
    [{ method: 'CONNECT' }, /healthCheck\.method must be a method of HTTP, and not CONNECT/],
    [{ path: 'health' }, /healthCheck\.path must begin with \//],
    [{ path: '/a\r\nX: y' }, /healthCheck\.path must begin with \//],
    [{ host: 'a b' }, /healthCheck\.host must be a host name/],
    [{ statuses: [] }, /healthCheck\.statuses must have at least one status/],
    [{ statuses: '2xx' }, /healthCheck\.statuses must be a status, or a range/],
    [{ statuses: [200, '399-200'] }, /healthCheck\.statuses\[1\] must be a status, or a range/],
    [{ statuses: 99 }, /healthCheck\.statuses must be a status, or a range/],
    [{ body: 1 }, 'healthCheck.body must be a text or a RegExp, got 1'],
    [{ body: 'x', method: 'HEAD' }, 'healthCheck.body is of no use beside the method HEAD'],
    [{ bodyLimit: 10 }, 'healthCheck.bodyLimit is of no use without body'],
    [{ body: 'x', bodyLimit: 0 }, /healthCheck\.bodyLimit must be more than 0/],
    [{ headers: ['a'] }, /healthCheck\.headers must be an object of fields/],
    [{ headers: { Host: 'a' } }, /headers\.Host must not be set here: the option host says it/],
    [
      { headers: { 'Content-Length': '1' } },
      /Content-Length.* must be the name of a field that is not/,
    ],
    [{ headers: { 'X-A': 'a\nb' } }, /X-A.* must be a text without control characters/],
    [{ headers: { 'X-A': 'a', 'x-a': 'b' } }, /x-a.* must be there once/],
    [{ port: 0 }, 'healthCheck.port must be an integer from 1 to 65535, got 0'],
    [{ port: 65_536 }, /healthCheck\.port must be an integer/],
    [{ interval: 0 }, /healthCheck\.interval must be more than 0/],
    [{ fastInterval: 0 }, /healthCheck\.fastInterval must be more than 0/],
    [{ timeout: 'soon' }, /healthCheck\.timeout must be a time/],
    [{ fall: 0 }, /healthCheck\.fall must be a positive integer/],
    [{ rise: 1.5 }, /healthCheck\.rise must be a positive integer/],
    [{ initialState: 'unknown' }, /healthCheck\.initialState must be 'up' or 'down'/],
    [{ check: 'curl' }, 'healthCheck.check must be a function, got "curl"'],
    [{ check: own, path: '/' }, 'healthCheck.path is of no use beside a check of your own'],
    [{ check: own, type: 'tcp' }, 'healthCheck.type is of no use beside a check of your own'],
    [{ type: 'tcp', body: 'x' }, "healthCheck.body is of no use beside type 'tcp'"],
  ])('%j is refused', (given, expected) => {
    const lines = problems(given)
    expect(lines).toHaveLength(1)
    if (typeof expected === 'string') expect(lines[0]).toBe(expected)
    else expect(lines[0]).toMatch(expected)
  })

  test('secrets are not shown', () => {
    const [line] = problems({ headers: { Authorization: 'Bearer s3cret\n' } })
    expect(line).toMatch(/Authorization/)
    expect(line).not.toMatch(/s3cret/)
  })

  test('probes of their own kind beside it, and another port of a unix socket, are refused', () => {
    expect(problems({}, { probe: { interval: 1 } })).toEqual([
      'probe is of no use beside healthCheck',
    ])
    expect(problems({}, { probe: false })).toEqual([])
    expect(problems({ port: 1 }, { peers: ['unix:/a.sock'] })).toEqual([
      'healthCheck.port is of no use for unix: peers',
    ])
  })

  test('belongs to the group', () => {
    const upstream = { status: () => 'up', close: () => undefined }
    const lines = linesOf(
      { upstream, peers: undefined, healthCheck: {}, feedback: { header: 'x' } },
      resolveBalancer,
    )
    expect(lines).toEqual(
      expect.arrayContaining([
        'healthCheck belongs to the upstream made by createUpstream',
        'feedback belongs to the upstream made by createUpstream',
      ]),
    )
  })
})

describe('feedback', () => {
  test('is a name in lower case, or nothing', () => {
    expect(resolveUpstream({ peers }).feedback).toBeUndefined()
    expect(resolveUpstream({ peers, feedback: { header: 'X-State' } }).feedback).toBe('x-state')
  })

  test.each([
    ['x-state', 'feedback must be an object'],
    [{}, 'feedback.header is required'],
    [{ header: 'a b' }, 'feedback.header must be the name of a field'],
    [{ header: 'Content-Length' }, 'feedback.header must be the name of a field'],
  ])('%j is refused', (feedback, expected) => {
    const lines = linesOf({ feedback })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain(expected)
  })
})

describe('exempt', () => {
  const exempt = (given: BalancerOptions['exempt']) =>
    resolveBalancer({ upstream: peers, exempt: given! }).exempt!
  const at = (url: string, originalUrl?: string) =>
    ({ url, ...(originalUrl === undefined ? {} : { originalUrl }) }) as unknown as IncomingMessage

  test('is nothing by default', () => {
    expect(resolveBalancer({ upstream: peers }).exempt).toBeUndefined()
  })

  test.each<[BalancerOptions['exempt'], string, boolean]>([
    ['/report', '/report', true],
    ['/report', '/report/1?a', true],
    ['/report', '/reports', true],
    ['/report', '/a?/report', false],
    ['/report', 'http://a/report', true],
    [['/a', '/b'], '/b/c', true],
    [[], '/', false],
    [/\.pdf$/, '/x.pdf?y=1', true],
    [[/^\/x$/y], '/x', true],
    [/^\/x$/, '/x/', false],
  ])('%s: %s is %s', (given, url, expected) => {
    const says = exempt(given)
    for (let i = 0; i < 3; i++) expect(says(at(url))).toBe(expected)
  })

  test('is asked of the whole path, where the balancer is mounted below it', () => {
    expect(exempt('/api/report')(at('/report', '/api/report'))).toBe(true)
  })

  test('may be a function', () => {
    const says = () => true
    expect(exempt(says)).toBe(says)
  })

  test.each([
    ['report', 'exempt must be a function, a path'],
    ['/a?b', 'exempt must be a function, a path'],
    [1, 'exempt must be a function, a path'],
    [['/a', 'b'], 'exempt[1] must be a path that begins with /'],
  ])('%j is refused', (given, expected) => {
    const lines = linesOf({ upstream: peers, peers: undefined, exempt: given }, resolveBalancer)
    expect(lines.filter((line) => line.startsWith('exempt'))).toEqual([
      expect.stringContaining(expected),
    ])
  })
})
