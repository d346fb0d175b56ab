/** `proxy_next_upstream` and its kin: what is tried elsewhere, how often, and who is blamed. */
import { describe, expect, it } from 'vitest'
import type { Condition } from 'evenkeel'
import { fails, ok } from 'evenkeel/testing'
import { settle, Stage } from './stage.js'
import type { Does } from './stage.js'

const ALL: readonly Condition[] = [
  'error',
  'timeout',
  'invalid_header',
  'http_500',
  'http_502',
  'http_503',
  'http_504',
  'http_403',
  'http_404',
  'http_429',
]
const INCIDENT = ALL.slice(0, 7)

const two = (options = {}): Stage => new Stage([{}, {}], options)
/** Two peers that nothing marks. */
const unmarked = (options = {}): Stage => new Stage([{}, {}], { maxFails: 0, ...options })

const isMarked = (stage: Stage, name: string): boolean =>
  stage.balancer.upstream.status(stage.peer(name)) === 'ejected'

describe('"no live upstreams"', () => {
  it('the incident: two 500s in a row black out everybody, bug for bug', async () => {
    const stage = two({ on: INCIDENT })
    stage.does({ a: 500, b: 500 })
    // a is marked; b's 500 is the last try's: passed on, and not counted.
    expect(await stage.request()).toMatchObject({
      line: '500 a, b [500, 500]',
      body: "upstream's 500",
    })
    // `tries` is 2: b's real answer is left for a peer that is not there.
    expect(await stage.line()).toBe('502 b, example [500, 502]')
    stage.does({ a: 200, b: 200 })
    expect(await stage.lines(5)).toEqual(Array.from({ length: 5 }, () => '502 example [502]'))
    await stage.at(10.4)
    expect(await stage.line()).toBe('502 example [502]')
    await stage.at(10.5)
    expect(await stage.line()).toMatch(/^200 [ab] \[200\]$/)
  })

  it("the log line of the incident: a marked, b's 500", async () => {
    const stage = two({ on: INCIDENT })
    stage.does({ b: 'refused' })
    await stage.lines(2)
    stage.does({ a: 500 })
    const { line, variables, body } = await stage.request()
    expect(line).toBe('502 a, example [500, 502]')
    expect(variables).toMatchObject({ upstream_addr: 'a:80, example', upstream_status: '500, 502' })
    expect(body).not.toContain("upstream's")
  })

  it('an answer that is left is let go at once', async () => {
    const stage = two({ on: INCIDENT })
    stage.does({ a: 503 })
    const release = stage.holds('b')
    const running = stage.begin()
    await settle()
    expect(stage.transport.attempts.map(({ response }) => response)).toEqual([
      'discarded',
      undefined,
    ])
    expect(stage.peer('a').connections).toBe(0)
    await release(200)
    await running.answered
  })

  it('max_fails=0: 0 bystanders harmed', async () => {
    const stage = unmarked({ on: INCIDENT })
    stage.does({ a: 500, b: 500 })
    await stage.lines(4)
    stage.does({ a: 200, b: 200 })
    expect((await stage.lines(4)).every((line) => line.startsWith('200'))).toBe(true)
  })

  it('is not repeated: it is 502 at once', async () => {
    const stage = two({ on: [...ALL, 'non_idempotent'] })
    stage.does({ a: 'refused', b: 'refused' })
    await stage.request()
    expect(await stage.line()).toBe('502 example [502]')
  })
})

describe('statuses', () => {
  const listable = [500, 502, 503, 504, 403, 404, 429] as const
  const blamed = (status: number): boolean => status !== 403 && status !== 404

  it.each(listable)('http_%i listed: goes on; blamed unless it is 403 or 404', async (status) => {
    const stage = two({ on: [`http_${status}`] })
    stage.does({ a: status })
    expect(await stage.line()).toBe(`200 a, b [${status}, 200]`)
    expect(isMarked(stage, 'a')).toBe(blamed(status))
  })

  it.each(listable)('%i not listed: passed on, not blamed', async (status) => {
    const stage = two({ on: ALL.filter((word) => word !== `http_${status}`) })
    stage.does({ a: status })
    expect(await stage.request()).toMatchObject({
      line: `${status} a [${status}]`,
      body: `upstream's ${status}`,
    })
    expect(isMarked(stage, 'a')).toBe(false)
  })

  it.each(listable)('%i on the last try: passed on with its body, not blamed', async (status) => {
    const stage = two({ on: ALL, tries: 1 })
    stage.does({ a: status })
    expect(await stage.request()).toMatchObject({
      line: `${status} a [${status}]`,
      body: `upstream's ${status}`,
    })
    expect(isMarked(stage, 'a')).toBe(false)
  })

  it.each(listable)('%i to a POST: passed on with its body, not blamed', async (status) => {
    const stage = two({ on: ALL })
    stage.does({ a: status })
    expect(await stage.request('POST', 'body')).toMatchObject({
      line: `${status} a [${status}]`,
      body: `upstream's ${status}`,
    })
    expect(isMarked(stage, 'a')).toBe(false)
  })

  it.each([501, 505, 506, 507, 508, 511, 520, 599, 400, 401, 405, 408, 410, 301, 204])(
    '%i never matches',
    async (status) => {
      const stage = two({ on: [...ALL, 'non_idempotent'] })
      stage.does({ a: status })
      expect(await stage.line()).toBe(`${status} a [${status}]`)
      expect(isMarked(stage, 'a')).toBe(false)
    },
  )
})

describe('error, timeout and invalid_header', () => {
  const troubles: readonly [Does & string, Condition, number][] = [
    ['refused', 'error', 502],
    ['reset', 'error', 502],
    ['connect timeout', 'timeout', 504],
    ['read timeout', 'timeout', 504],
    ['bad header', 'invalid_header', 502],
    ['big header', 'invalid_header', 502],
  ]

  it.each(troubles)('%s is %s: listed, it goes on', async (does, condition, status) => {
    const stage = two({ on: [condition] })
    stage.does({ a: does })
    expect(await stage.line()).toBe(`200 a, b [${status}, 200]`)
    expect(isMarked(stage, 'a')).toBe(true)
  })

  it.each(troubles)(
    '%s, not listed: the end, and blamed all the same',
    async (does, condition, status) => {
      const stage = two({ on: ALL.filter((word) => word !== condition) })
      stage.does({ a: does })
      expect(await stage.line()).toBe(`${status} a [${status}]`)
      expect(isMarked(stage, 'a')).toBe(true)
    },
  )

  it.each(troubles)('%s with off: the same', async (does, _, status) => {
    const stage = two({ on: ['off'] })
    stage.does({ a: does })
    expect(await stage.line()).toBe(`${status} a [${status}]`)
    expect(isMarked(stage, 'a')).toBe(true)
  })

  it('the default is error and timeout', async () => {
    const stage = unmarked()
    const lines: string[] = []
    for (const does of ['refused', 'reset', 'read timeout', 'big header', 500, 503] as const) {
      stage.does({ a: does, b: does })
      lines.push(await stage.line())
    }
    expect(lines.map((line) => line.includes(','))).toEqual([true, true, true, false, false, false])
  })

  it('the last failure names the status', async () => {
    const stage = two()
    stage.does({ a: 'reset', b: 'read timeout' })
    expect(await stage.line()).toBe('504 a, b [502, 504]')
    await stage.at(11)
    stage.does({ a: 'read timeout', b: 'reset' })
    expect(await stage.line()).toMatch(/^50[24] /)
  })
})

describe('tries', () => {
  it.each([
    [0, 4],
    [1, 1],
    [2, 2],
    [3, 3],
    [4, 4],
    [9, 4],
  ])('proxy_next_upstream_tries %i: %i of four peers', async (tries, made) => {
    const peers = [{}, {}, {}, {}]
    for (const does of ['refused', 'reset', 503] as const) {
      const stage = new Stage(peers, { on: INCIDENT, tries, maxFails: 0 })
      stage.does({ a: does, b: does, c: does, d: does })
      const { variables } = await stage.request()
      expect(variables.upstream_status.split(', ')).toHaveLength(made)
    }
  })

  it.each<[Does]>([['refused'], ['reset'], ['read timeout'], ['big header'], [500]])(
    '%s at two peers: the third is asked',
    async (does) => {
      const stage = new Stage([{}, {}, {}], { on: INCIDENT })
      stage.does({ a: does, b: does })
      const line = await stage.line()
      expect(line).toMatch(/^200 a, b, c /)
      expect([isMarked(stage, 'a'), isMarked(stage, 'b')]).toEqual([true, true])
    },
  )

  it('backups count, servers that are down do not', async () => {
    const peers = [{}, { down: true }, {}, { backup: true }, { backup: true, down: true }]
    const stage = new Stage(peers, { on: INCIDENT })
    stage.does({ a: 500, c: 500, d: 500 })
    expect(await stage.line()).toBe('500 a, c, d [500, 500, 500]')
  })

  it('marked peers count: a real answer is left for one that cannot be had', async () => {
    const stage = new Stage([{}, {}, {}], { on: INCIDENT })
    stage.does({ a: 'refused', b: 'refused' })
    expect(await stage.line()).toBe('200 a, b, c [502, 502, 200]')
    stage.does({ c: 503 })
    expect(await stage.line()).toBe('502 c, example [503, 502]')
    expect(isMarked(stage, 'c')).toBe(true)
  })

  it('full peers count, too', async () => {
    const stage = new Stage([{}, { maxConns: 1 }], { on: INCIDENT })
    const release = stage.holds('b')
    const running = [stage.begin(), stage.begin()]
    await settle()
    stage.does({ a: 503 })
    expect(await stage.line()).toBe('502 a, example [503, 502]')
    await release(200)
    await Promise.all(running.map(({ answered }) => answered))
  })

  it('no budget bounds them: every one of 400 requests is tried again', async () => {
    const stage = new Stage([{}, {}, {}], { maxFails: 0 })
    stage.does({ a: 'reset', b: 'reset' })
    expect((await stage.lines(400)).filter((line) => !line.startsWith('200'))).toEqual([])
  })

  it('no peer is tried twice', async () => {
    const stage = new Stage([{ weight: 9 }, {}], { maxFails: 0, tries: 9 })
    stage.does({ a: 'reset', b: 'reset' })
    expect(await stage.line()).toBe('502 a, b [502, 502]')
  })
})

describe('proxy_next_upstream_timeout', () => {
  it('no further try begins after it', async () => {
    const stage = unmarked({ timeout: 5000 })
    const release = stage.holds('a')
    const running = stage.begin()
    await stage.at(5)
    await release('reset')
    expect((await running.answered).line).toBe('502 a [502]')
  })

  it('before it, another one does', async () => {
    const stage = unmarked({ timeout: 5000 })
    const release = stage.holds('a')
    const running = stage.begin()
    await stage.at(4.9)
    await release('reset')
    expect((await running.answered).line).toBe('200 a, b [502, 200]')
  })

  it('does not end the running attempt', async () => {
    const stage = unmarked({ timeout: 5000 })
    const release = stage.holds('a')
    const running = stage.begin()
    await stage.at(30)
    await release(200)
    expect((await running.answered).line).toBe('200 a [200]')
  })

  it('a status that is listed is passed on after it, and not blamed', async () => {
    const stage = two({ on: INCIDENT, timeout: 5000 })
    const release = stage.holds('a')
    const running = stage.begin()
    await stage.at(6)
    await release(503)
    expect((await running.answered).line).toBe('503 a [503]')
    expect(isMarked(stage, 'a')).toBe(false)
  })
})

describe('non_idempotent', () => {
  const sent: readonly Does[] = ['reset', 'read timeout', 'big header', 500, 503, 404]
  const never: readonly Does[] = ['refused', 'connect timeout']

  it.each(['POST', 'LOCK', 'PATCH'])('%s that was sent is not repeated', async (method) => {
    for (const does of sent) {
      const stage = two({ on: ALL })
      stage.does({ a: does })
      expect(await stage.line(method, 'body')).not.toContain(',')
    }
  })

  it.each(['POST', 'LOCK', 'PATCH'])('%s with non_idempotent is', async (method) => {
    for (const does of sent) {
      const stage = two({ on: [...ALL, 'non_idempotent'] })
      stage.does({ a: does })
      expect(await stage.line(method, 'body')).toMatch(/^200 a, b /)
    }
  })

  it.each(['POST', 'LOCK', 'PATCH', 'GET'])(
    '%s that was never sent is repeated',
    async (method) => {
      for (const does of never) {
        const stage = two({ on: ALL })
        stage.does({ a: does })
        expect(await stage.line(method)).toMatch(/^200 a, b /)
      }
    },
  )

  it.each([
    'GET',
    'HEAD',
    'PUT',
    'DELETE',
    'OPTIONS',
    'TRACE',
    'MKCOL',
    'COPY',
    'MOVE',
    'PROPFIND',
    'PROPPATCH',
    'UNLOCK',
  ])('%s is repeated', async (method) => {
    for (const does of sent) {
      const stage = two({ on: ALL })
      stage.does({ a: does })
      expect(await stage.line(method)).toMatch(/^200 a, b /)
    }
  })

  it('alone does not list an error', async () => {
    const stage = two({ on: ['http_404', 'non_idempotent'] })
    stage.does({ a: 'reset' })
    expect(await stage.line('POST', 'body')).toBe('502 a [502]')
  })

  it('the body is sent again whole', async () => {
    const stage = unmarked()
    stage.does({ a: 'reset' })
    await stage.request('PUT', 'the whole body')
    expect(stage.transport.attempts.map(({ body }) => body.toString())).toEqual([
      'the whole body',
      'the whole body',
    ])
  })
})

describe('stale connections', () => {
  const stale = fails({ type: 'connection_terminated', reusedConnection: true })

  it('go to another peer; counted as a failure, but the try is given back', async () => {
    const stage = two({ tries: 1 })
    stage.does({ a: 'stale' })
    expect(await stage.line()).toBe('200 a, b [502, 200]')
    expect(isMarked(stage, 'a')).toBe(true)
    expect(stage.peer('a').fails).toBe(1)
  })

  it('the try given back is one for the next peer', async () => {
    const stage = new Stage([{}, {}, {}], { tries: 2, maxFails: 0 })
    stage.does({ a: 'stale', b: 'reset', c: 200 })
    expect(await stage.line()).toBe('200 a, b, c [502, 502, 200]')
    stage.does({ a: 'reset', b: 'reset', c: 'reset' })
    expect((await stage.request()).variables.upstream_status).toBe('502, 502')
  })

  it('two of two peers stale: 502', async () => {
    const stage = two()
    stage.does({ a: 'stale', b: 'stale' })
    expect(await stage.line()).toBe('502 a, b, example [502, 502, 502]')
  })

  it('of the only server: again until a connection is fresh, and never marked', async () => {
    const stage = new Stage([{}])
    let left = 5
    stage.does({ a: () => (left-- > 0 ? stale : ok()) })
    expect(await stage.line()).toBe('200 a, a, a, a, a, a [502, 502, 502, 502, 502, 200]')
    expect(stage.peer('a').fails).toBe(0)
  })

  it('of the only server: a fresh one that fails is the end', async () => {
    const stage = new Stage([{}])
    let left = 2
    stage.does({ a: () => (left-- > 0 ? stale : fails({ type: 'connection_terminated' })) })
    expect(await stage.line()).toBe('502 a, a, a [502, 502, 502]')
  })

  it.each(['POST', 'LOCK', 'PATCH'])('%s on one is 502', async (method) => {
    const stage = two()
    stage.does({ a: 'stale' })
    expect(await stage.line(method, 'body')).toBe('502 a [502]')
    expect(isMarked(stage, 'a')).toBe(true)
  })

  it.each(['GET', 'POST', 'PATCH'])('%s may go out on one', async (method) => {
    const stage = two()
    await stage.request(method, 'body')
    expect(stage.transport.attempts[0]?.connection).toBe('any')
  })

  it('not listed, it is 502', async () => {
    const stage = two({ on: ['http_500'] })
    stage.does({ a: 'stale' })
    expect(await stage.line()).toBe('502 a [502]')
  })

  it.each(['connection_read_timeout', 'http_protocol_error'] as const)(
    '%s on a kept connection gives no try back',
    async (type) => {
      const stage = two({ on: ALL, tries: 1 })
      stage.does({ a: fails({ type, reusedConnection: true }) })
      expect(await stage.line()).toMatch(/^50[24] a \[50[24]\]$/)
    },
  )

  it('an error after the first bytes of the header does: nginx asks only whether the connection was kept', async () => {
    const stage = two({ tries: 1 })
    stage.does({
      a: fails({ type: 'http_response_incomplete', reusedConnection: true }),
    })
    expect(await stage.line()).toBe('200 a, b [502, 200]')
  })
})

describe('what is no failure', () => {
  it('a death in the body: the client is cut off, the log keeps 200', async () => {
    const stage = two({ on: ALL })
    stage.does({
      a: ok({ body: ['some', 'more'], headers: { 'content-length': 100 }, failsWith: {} }),
    })
    const { cut, line } = await stage.request()
    expect(cut).toBe(true)
    expect(line).toBe('200 a [200]')
    expect(stage.peer('a').fails).toBe(0)
    expect(isMarked(stage, 'a')).toBe(false)
  })

  it('a read timeout in the body, too', async () => {
    const stage = two({ on: ALL })
    stage.does({
      a: ok({ body: 'some', failsWith: { type: 'connection_read_timeout', phase: 'body' } }),
    })
    expect(await stage.request()).toMatchObject({ cut: true, line: '200 a [200]' })
    expect(isMarked(stage, 'a')).toBe(false)
  })

  it('a client that leaves before the answer: 499', async () => {
    const stage = two()
    const release = stage.holds('a')
    const running = stage.begin()
    await settle()
    running.leave()
    expect((await running.answered).line).toBe('499 a [-]')
    expect(isMarked(stage, 'a')).toBe(false)
    expect(stage.peer('a').connections).toBe(0)
    await release(200)
  })

  it('a client that leaves during the second try: the first failure stays', async () => {
    const stage = two()
    stage.does({ a: 'reset' })
    const release = stage.holds('b')
    const running = stage.begin()
    await settle()
    running.leave()
    expect((await running.answered).line).toBe('499 a, b [502, -]')
    expect([isMarked(stage, 'a'), isMarked(stage, 'b')]).toEqual([true, false])
    await release(200)
  })
})
