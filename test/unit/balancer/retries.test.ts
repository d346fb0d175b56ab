import { describe, expect, it } from 'vitest'
import { fails, hangs, ok } from 'evenkeel/testing'
import { rig, settle } from './rig.js'

const THREE = ['http://a:80', 'http://b:80', 'http://c:80']
const refused = fails()
const reset = fails({ type: 'connection_terminated' })
const silent = fails({ type: 'connection_read_timeout' })
const garbage = fails({ type: 'http_protocol_error' })
const stale = fails({ type: 'connection_terminated', reusedConnection: true })

describe('a good answer', () => {
  it('reaches the client whole, with its head', async () => {
    const r = rig(
      ok({ status: 201, statusMessage: 'Made', headers: { 'X-A': '1' }, body: ['ab', 'cd'] }),
    )
    const reply = await r.send({ url: '/x?y' })
    expect(reply).toMatchObject({ status: 201, statusMessage: 'Made', body: 'abcd', whole: true })
    expect(reply.headers).toMatchObject({ 'x-a': '1' })
    expect(r.transport.attempts).toMatchObject([
      { peer: 'a:80', connection: 'any', head: { method: 'GET', target: '/x?y' } },
    ])
    expect(r.connections).toEqual([0, 0])
    expect(r.transport.inFlight).toBe(0)
  })

  it.each([200, 204, 301, 304, 400, 403, 404, 429, 500, 501])(
    '%i is the application’s word: no retry, no blame',
    async (status) => {
      const r = rig(ok({ status }))
      expect(await r.send()).toMatchObject({ status, whole: true })
      expect(r.transport.attempts).toHaveLength(1)
      expect(r.standing).toEqual(['up', 'up'])
      expect(r.decisions.filter((decision) => decision !== 'a deliver')).toEqual([])
    },
  )

  it('holds its connection to the last byte', async () => {
    const r = rig(ok({ body: ['a', 'b'], gap: 100 }))
    const client = await r.start()
    expect(r.connections).toEqual([1, 0])
    await r.clock.advanceAsync(100)
    expect(r.connections).toEqual([1, 0])
    await r.clock.advanceAsync(100)
    await settle(r.clock)
    expect(r.connections).toEqual([0, 0])
    expect(client.reply).toMatchObject({ body: 'ab', whole: true })
  })

  it('flows at the client’s pace', async () => {
    const r = rig(ok({ body: Array.from({ length: 10 }, () => 'x'.repeat(10_000)) }))
    const client = await r.start()
    expect(client.reply.whole).toBe(true)
    const slow = rig(ok({ body: Array.from({ length: 10 }, () => 'x'.repeat(10_000)), delay: 1 }))
    const other = await slow.start()
    other.socket.gateOpen = false
    await slow.clock.advanceAsync(1)
    await settle(slow.clock)
    expect(slow.transport.attempts[0]?.response).toBe('flowing')
    other.socket.openGate()
    await settle(slow.clock)
    expect(other.reply).toMatchObject({ whole: true })
    expect(other.reply.body).toHaveLength(100_000)
  })
})

describe('the next upstream', () => {
  it.each([
    ['refused', refused],
    ['reset', reset],
    ['silent', silent],
    ['talks garbage', garbage],
    ...([502, 503, 504] as const).map((status) => [String(status), ok({ status })] as const),
  ] as const)('is tried when the first is or does: %s', async (_name, outcome) => {
    const r = rig({ 'a:80': outcome, 'b:80': ok({ body: 'good' }) })
    expect(await r.send()).toMatchObject({ status: 200, body: 'good', whole: true })
    expect(r.decisions).toEqual(['a next'])
    expect(r.connections).toEqual([0, 0])
    expect(r.transport.inFlight).toBe(0)
  })

  it('is not with on: off', async () => {
    const r = rig(refused, { nextUpstream: { on: ['off'] } })
    expect(await r.send()).toMatchObject({ status: 502 })
    expect(r.decisions).toEqual(['a finish (not_listed)'])
  })

  it('is for whatever is listed', async () => {
    const r = rig(
      { 'a:80': ok({ status: 404 }), 'b:80': ok() },
      { nextUpstream: { on: ['http_404'] } },
    )
    expect(await r.send()).toMatchObject({ status: 200 })
  })

  it.each([
    [refused, 502, 'ERR_UPSTREAM_CONNECTION', 'connection_refused'],
    [silent, 504, 'ERR_UPSTREAM_TIMEOUT', 'connection_read_timeout'],
    [garbage, 502, 'ERR_UPSTREAM_INVALID_HEADER', 'http_protocol_error'],
  ] as const)(
    'when all fail: a gateway status that explains itself',
    async (outcome, status, code, type) => {
      const r = rig(outcome)
      const reply = await r.send()
      expect(reply).toMatchObject({ status, whole: true })
      expect(reply.headers['proxy-status']).toContain(`error=${type}`)
      expect(r.events.error).toMatchObject([{ code, status }])
      expect(r.events.error[0]?.attempts.map(({ peer }) => peer)).toEqual(['a:80', 'b:80'])
      expect(r.events.error[0]?.cause).toBeInstanceOf(Error)
    },
  )

  it('counts tries', async () => {
    for (const tries of [1, 2, 3]) {
      const r = rig(refused, { upstream: [...THREE, 'http://d:80'], nextUpstream: { tries } })
      await r.send()
      expect(r.transport.peers).toEqual(['a:80', 'b:80', 'c:80'].slice(0, tries))
      expect(r.events.next.at(-1)).toMatchObject({ decision: 'finish', why: 'tries_exhausted' })
    }
  })

  it('with tries 0 goes to every peer once', async () => {
    const r = rig(refused, { upstream: [...THREE, 'http://d:80'], nextUpstream: { tries: 0 } })
    await r.send()
    expect(r.transport.peers).toEqual(['a:80', 'b:80', 'c:80', 'd:80'])
    expect(r.events.next.at(-1)).toMatchObject({ why: 'no_eligible_peer' })
  })

  it('primaries first, then backups', async () => {
    const r = rig(
      { 'a:80': refused, 'x:80': ok({ body: 'x' }) },
      { upstream: [{ url: 'http://x:80', backup: true }, 'http://a:80'] },
    )
    expect(await r.send()).toMatchObject({ body: 'x' })
    expect(r.transport.peers).toEqual(['a:80', 'x:80'])
  })
})

describe('look before the leap', () => {
  it('the first real answer is kept and delivered, when the next attempt fails', async () => {
    const r = rig({
      'a:80': ok({ status: 503, body: 'real', headers: { 'Retry-After': '7' } }),
      'b:80': refused,
    })
    const reply = await r.send()
    expect(reply).toMatchObject({ status: 503, body: 'real', whole: true })
    expect(reply.headers['retry-after']).toBe('7')
    expect(reply.headers).not.toHaveProperty('proxy-status')
    expect(r.events.error).toEqual([])
    expect(r.decisions).toEqual(['a next', 'b deliver_held (no_eligible_peer)'])
    expect(r.transport.inFlight).toBe(0)
    expect(r.connections).toEqual([0, 0])
  })

  it('the first of several is', async () => {
    const r = rig(
      {
        'a:80': ok({ status: 503, body: 'first' }),
        'b:80': ok({ status: 502, body: 'second' }),
        'c:80': ok({ status: 504, body: 'third' }),
      },
      { upstream: THREE },
    )
    expect(await r.send()).toMatchObject({ status: 503, body: 'first' })
    expect(r.transport.attempts.map(({ response }) => response)).toEqual([
      'ended',
      'discarded',
      'discarded',
    ])
  })

  it('a better one takes its place', async () => {
    const r = rig({
      'a:80': ok({ status: 503, body: 'bad' }),
      'b:80': ok({ status: 404, body: 'better' }),
    })
    expect(await r.send()).toMatchObject({ status: 404, body: 'better' })
    expect(r.transport.attempts.map(({ response }) => response)).toEqual(['discarded', 'ended'])
    expect(r.connections).toEqual([0, 0])
  })

  it('a kept answer holds its peer’s connection as long as it rests', async () => {
    const r = rig({ 'a:80': ok({ status: 503 }), 'b:80': ok({ delay: 50 }) })
    await r.start()
    expect(r.connections).toEqual([1, 1])
    await r.clock.advanceAsync(50)
    await settle(r.clock)
    expect(r.connections).toEqual([0, 0])
  })

  it('a 503 is delivered at once when there is nobody else now', async () => {
    const r = rig(ok({ status: 503, body: 'real' }), { upstream: ['http://a:80'] })
    expect(await r.send()).toMatchObject({ status: 503, body: 'real' })
    expect(r.decisions).toEqual(['a deliver (no_eligible_peer)'])
  })

  it('a 503 is not left for a marked peer', async () => {
    const r = rig({ 'a:80': [refused], 'b:80': ok({ status: 503, body: 'real' }) })
    expect(await r.send()).toMatchObject({ status: 503 })
    expect(r.standing).toEqual(['ejected', 'up'])
    expect(await r.send()).toMatchObject({ status: 503, body: 'real' })
    expect(r.transport.peers).toEqual(['a:80', 'b:80', 'b:80'])
  })

  it('a kept answer that dies meanwhile breaks the client’s response off', async () => {
    const r = rig({
      'a:80': ok({ status: 503, body: 'half', failsWith: {} }),
      'b:80': refused,
    })
    expect(await r.send()).toMatchObject({ whole: false })
    expect(r.events.error).toMatchObject([{ code: 'ERR_UPSTREAM_TRUNCATED' }])
    expect(r.connections).toEqual([0, 0])
  })
})

describe('a stale connection', () => {
  it('is retried once, fresh, at the same peer, without charge', async () => {
    const r = rig(
      { 'a:80': [stale, ok({ body: 'good' })] },
      { retryBudget: { ratio: 0, floor: 0 } },
    )
    expect(await r.send()).toMatchObject({ status: 200, body: 'good' })
    expect(r.transport.attempts).toMatchObject([
      { peer: 'a:80', connection: 'any' },
      { peer: 'a:80', connection: 'fresh' },
    ])
    expect(r.decisions).toEqual(['a again'])
    expect(r.standing).toEqual(['up', 'up'])
    expect(r.upstream.peers[0]?.ledgers).toEqual({ transport: 0, status: 0, stale: 1 })
    expect(r.upstream.peers[0]?.fails).toBe(0)
    expect(r.connections).toEqual([0, 0])
  })

  it('costs no try', async () => {
    const r = rig({ 'a:80': [stale, ok()] }, { nextUpstream: { tries: 1 } })
    expect(await r.send()).toMatchObject({ status: 200 })
  })

  it('is retried with next upstream off, too', async () => {
    const r = rig({ 'a:80': [stale, ok()] }, { nextUpstream: { on: ['off'] } })
    expect(await r.send()).toMatchObject({ status: 200 })
  })

  it('holds one lease over both attempts', async () => {
    const r = rig(
      { 'a:80': [stale, ok({ delay: 10 })] },
      { upstream: [{ url: 'http://a:80', maxConns: 1 }] },
    )
    await r.start()
    expect(r.connections).toEqual([1])
    await r.clock.advanceAsync(10)
    await settle(r.clock)
    expect(r.connections).toEqual([0])
  })

  it('is forgiven once for each peer; the second time it is a failure', async () => {
    const r = rig({ 'a:80': [stale, stale], 'b:80': [stale, ok()] })
    expect(await r.send()).toMatchObject({ status: 200 })
    expect(r.transport.peers).toEqual(['a:80', 'a:80', 'b:80', 'b:80'])
    expect(r.decisions).toEqual(['a again', 'a next', 'b again'])
    expect(r.standing).toEqual(['ejected', 'up'])
    expect(r.upstream.peers[0]?.ledgers).toMatchObject({ transport: 1, stale: 2 })
  })

  it('under a sent POST ends the request, and blames nobody', async () => {
    const r = rig(stale, { keepalive: { nonIdempotent: 'any' } })
    expect(await r.send({ method: 'POST', body: 'x' })).toMatchObject({ status: 502 })
    expect(r.transport.attempts).toHaveLength(1)
    expect(r.standing).toEqual(['up', 'up'])
    expect(r.decisions).toEqual(['a finish (non_idempotent)'])
  })
})

describe('requests that may not be repeated', () => {
  const post = { method: 'POST', body: 'x' }

  it('go out on a fresh connection', async () => {
    const r = rig(ok())
    for (const method of ['POST', 'PATCH', 'LOCK', 'BREW']) await r.send({ method })
    for (const method of ['GET', 'PUT', 'DELETE', 'QUERY']) await r.send({ method })
    expect(r.transport.attempts.map(({ connection }) => connection)).toEqual([
      ...Array<string>(4).fill('fresh'),
      ...Array<string>(4).fill('any'),
    ])
  })

  it('or on any, where the keepalive options say so', async () => {
    const r = rig(ok(), { keepalive: { nonIdempotent: 'any' } })
    await r.send(post)
    expect(r.transport.attempts[0]?.connection).toBe('any')
  })

  it.each([
    ['reset', reset, 502],
    ['silent', silent, 504],
    ['garbage', garbage, 502],
  ] as const)('are not, once sent: %s', async (_name, outcome, status) => {
    const r = rig(outcome)
    expect(await r.send(post)).toMatchObject({ status, whole: true })
    expect(r.transport.attempts).toHaveLength(1)
    expect(r.decisions).toEqual(['a finish (non_idempotent)'])
  })

  it('are answered with a listed 503, though others are there', async () => {
    const r = rig(ok({ status: 503, body: 'real' }))
    expect(await r.send(post)).toMatchObject({ status: 503, body: 'real' })
    expect(r.transport.attempts).toHaveLength(1)
  })

  it('are, when they were never sent', async () => {
    const r = rig({ 'a:80': refused, 'b:80': ok() })
    expect(await r.send(post)).toMatchObject({ status: 200 })
    expect(r.transport.attempts[1]?.body.toString()).toBe('x')
  })

  it('are with non_idempotent listed', async () => {
    const r = rig(
      { 'a:80': reset, 'b:80': ok() },
      { nextUpstream: { on: ['error', 'non_idempotent'] } },
    )
    expect(await r.send(post)).toMatchObject({ status: 200 })
    expect(r.transport.attempts[1]?.body.toString()).toBe('x')
  })

  it('are what the user says', async () => {
    const asked: (string | undefined)[] = []
    const r = rig((request) => (request.nOfPeer === 0 && request.n % 2 === 0 ? reset : ok()), {
      maxFails: 0,
      nextUpstream: {
        idempotent: (req) => {
          asked.push(req.url)
          return req.headers['idempotency-key'] !== undefined
        },
      },
    })
    expect(await r.send({ ...post, url: '/1', headers: { 'idempotency-key': 'k' } })).toMatchObject(
      { status: 200 },
    )
    expect(asked).toEqual(['/1'])
    const other = rig(reset, { nextUpstream: { idempotent: () => false } })
    expect(await other.send({ method: 'GET' })).toMatchObject({ status: 502 })
    expect(other.transport.attempts).toHaveLength(1)
  })
})

describe('the retry budget', () => {
  it('ends retries that are over it, and gives what there is', async () => {
    const r = rig(
      ({ n }) => (n % 2 === 0 ? ok({ status: 503, body: 'real' }) : ok({ status: 200 })),
      {
        retryBudget: { ratio: 0, floor: 1, window: '2s' },
      },
    )
    const statuses: number[] = []
    for (let i = 0; i < 3; i++) statuses.push((await r.send()).status)
    expect(statuses).toEqual([200, 200, 503])
    expect(r.decisions).toEqual(['a next', 'b next', 'a deliver (budget_exhausted)'])
    await r.clock.advanceAsync(3000)
    expect(r.transport.attempts).toHaveLength(5)
  })

  it('has room again later', async () => {
    const r = rig(
      { 'a:80': reset, 'b:80': reset },
      {
        maxFails: 0,
        retryBudget: { ratio: 0, floor: 1, window: '1s' },
      },
    )
    await r.send()
    await r.send()
    expect(r.transport.attempts).toHaveLength(3)
    await r.clock.advanceAsync(1000)
    await r.send()
    expect(r.transport.attempts).toHaveLength(5)
  })

  it('grows with the requests', async () => {
    const r = rig(({ n }) => (n < 9 ? ok() : reset), {
      maxFails: 0,
      retryBudget: { ratio: 0.1, floor: 0 },
    })
    for (let i = 0; i < 9; i++) await r.send()
    await r.send()
    expect(r.transport.attempts).toHaveLength(11)
    await r.send()
    expect(r.events.next.at(-1)?.why).toBe('request_at_fault')
  })

  it('lets what was never sent go free', async () => {
    const r = rig({ 'a:80': refused, 'b:80': ok() }, { retryBudget: { ratio: 0, floor: 0 } })
    expect(await r.send()).toMatchObject({ status: 200 })
  })

  it('false is none', async () => {
    const r = rig(({ n }) => (n % 2 === 0 ? reset : ok()), { maxFails: 0, retryBudget: false })
    for (let i = 0; i < 300; i++) expect((await r.send()).status).toBe(200)
  })
})

describe('nextUpstream.timeout', () => {
  it('also ends the running attempt, and blames nobody', async () => {
    const r = rig(hangs(), { nextUpstream: { timeout: '2s' } })
    const client = await r.start()
    await r.clock.advanceAsync(1999)
    expect(client.over).toBe(false)
    await r.clock.advanceAsync(1)
    await settle(r.clock)
    expect(client.reply).toMatchObject({ status: 504, whole: true })
    expect(r.events.error).toMatchObject([{ code: 'ERR_UPSTREAM_TIMEOUT' }])
    expect(r.decisions).toEqual(['a finish (timeout_exhausted)'])
    expect(r.standing).toEqual(['up', 'up'])
    expect(r.transport.attempts).toMatchObject([{ result: 'aborted' }])
    expect(r.connections).toEqual([0, 0])
    expect(r.clock.pending).toBe(0)
  })

  it('is for all attempts together', async () => {
    const r = rig(fails({ type: 'connection_timeout', delay: 700 }), {
      upstream: THREE,
      nextUpstream: { timeout: 1000 },
    })
    const client = await r.start()
    await r.clock.advanceAsync(1000)
    await settle(r.clock)
    expect(client.reply.status).toBe(504)
    expect(r.transport.attempts).toHaveLength(2)
    expect(r.decisions).toEqual(['a next', 'b finish (timeout_exhausted)'])
  })

  it('gives the kept answer', async () => {
    const r = rig(
      { 'a:80': ok({ status: 503, body: 'real' }), 'b:80': hangs() },
      {
        nextUpstream: { timeout: 1000 },
      },
    )
    const client = await r.start()
    await r.clock.advanceAsync(1000)
    await settle(r.clock)
    expect(client.reply).toMatchObject({ status: 503, body: 'real', whole: true })
    expect(r.connections).toEqual([0, 0])
    expect(r.transport.inFlight).toBe(0)
  })

  it('does not cut a response that is under way', async () => {
    const r = rig(ok({ body: ['a', 'b', 'c'], gap: 600 }), { nextUpstream: { timeout: 1000 } })
    const client = await r.start()
    await r.clock.advanceAsync(1800)
    await settle(r.clock)
    expect(client.reply).toMatchObject({ body: 'abc', whole: true })
  })
})

describe('nothing is cut short in silence', () => {
  it('an upstream that dies in mid-body breaks the client’s response, and nothing is tried again', async () => {
    const r = rig(ok({ headers: { 'content-length': '10000000' }, body: 'half', failsWith: {} }))
    expect(await r.send()).toMatchObject({ whole: false })
    expect(r.transport.attempts).toHaveLength(1)
    expect(r.events.error).toMatchObject([{ code: 'ERR_UPSTREAM_TRUNCATED', status: 200 }])
    expect(r.connections).toEqual([0, 0])
  })

  it('also one of unknown length', async () => {
    const r = rig(ok({ body: 'half', failsWith: {} }))
    expect(await r.send()).toMatchObject({ whole: false })
    expect(r.transport.attempts).toHaveLength(1)
  })

  it('one whose death comes before a short answer is whole costs a try only', async () => {
    const r = rig({
      'a:80': ok({ headers: { 'content-length': '10' }, body: 'half', failsWith: {} }),
      'b:80': ok({ headers: { 'content-length': '4' }, body: 'good' }),
    })
    expect(await r.send()).toMatchObject({ status: 200, body: 'good', whole: true })
    expect(r.decisions).toEqual(['a next'])
    expect(r.connections).toEqual([0, 0])
  })

  it('but not under a POST', async () => {
    const r = rig(ok({ headers: { 'content-length': '10' }, body: 'half', failsWith: {} }))
    expect(await r.send({ method: 'POST' })).toMatchObject({ status: 502, whole: true })
    expect(r.transport.attempts).toHaveLength(1)
  })

  it('a client that leaves cancels the attempt, and nobody is blamed', async () => {
    const r = rig(hangs())
    const client = await r.start()
    client.leave()
    await settle(r.clock)
    expect(r.transport.attempts).toMatchObject([{ result: 'aborted' }])
    expect(r.events.finish).toMatchObject([{ status: 499, error: { code: 'ERR_CLIENT_CLOSED' } }])
    expect(r.standing).toEqual(['up', 'up'])
    expect(r.connections).toEqual([0, 0])
  })

  it('also in the middle of the body', async () => {
    const r = rig(ok({ body: ['a', 'b', 'c'], gap: 100 }))
    const client = await r.start()
    await r.clock.advanceAsync(150)
    client.leave()
    await settle(r.clock)
    expect(r.transport.attempts).toMatchObject([{ response: 'discarded' }])
    expect(r.events.finish).toMatchObject([{ status: 499 }])
    expect(r.connections).toEqual([0, 0])
    await r.clock.advanceAsync(1000)
    expect(r.transport.inFlight).toBe(0)
  })

  it('also while an answer is kept', async () => {
    const r = rig({ 'a:80': ok({ status: 503 }), 'b:80': hangs() })
    const client = await r.start()
    client.leave()
    await settle(r.clock)
    expect(r.transport.inFlight).toBe(0)
    expect(r.connections).toEqual([0, 0])
  })

  it('an answer that comes as the client leaves is let go', async () => {
    const r = rig(ok({ delay: 10, body: 'x' }))
    const client = await r.start()
    client.leave()
    await r.clock.advanceAsync(10)
    await settle(r.clock)
    expect(r.transport.inFlight).toBe(0)
    expect(r.events.finish).toMatchObject([{ status: 499 }])
  })
})
