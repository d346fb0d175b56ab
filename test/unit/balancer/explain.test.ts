/** Every 502 explains itself: `error.explanation`, `explain(res)`. */
import { createUpstream, explain } from 'evenkeel'
import type { BalancerOptions } from 'evenkeel'
import { fails, hangs, ok } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { Client } from './client.js'
import { rig, settle } from './rig.js'
import type { Rig, Script } from './rig.js'

const refused = fails({ cause: Object.assign(new Error('no'), { code: 'ECONNREFUSED' }) })

function explanationOf(r: Rig): NonNullable<ReturnType<typeof explain>> {
  const explanation = r.events.error.at(-1)?.explanation
  if (explanation === undefined) throw new Error('no error has been told of')
  return explanation
}

describe('error.explanation', () => {
  it('tells what happened at which peers, why nobody else was asked, and what to do', async () => {
    const r = rig({ 'a:80': refused, 'b:80': refused })
    await r.send({ url: '/a?secret=1' })
    expect(explanationOf(r).text).toBe(
      [
        `GET /a was answered 502 by the balancer itself in 0 ms: upstream "${r.upstream.name}": connection_refused in phase connect`,
        '  1. a:80 refused the connection after 0 ms (ECONNREFUSED); it was marked for that',
        '  2. b:80 refused the connection after 0 ms (ECONNREFUSED); it was marked for that',
        '  no next upstream was tried: there was no other peer that could be asked',
        '  a:80 had been marked 0 ms before for a failed connection, until 10 s from then at the latest',
        '  b:80 had been marked 0 ms before for a failed connection, until 10 s from then at the latest',
        '  > nothing listens at b:80, or its accept queue is full: is the process running?',
      ].join('\n'),
    )
    expect(explanationOf(r)).toMatchObject({ code: 'ERR_UPSTREAM_CONNECTION', phase: 'connect' })
  })

  it('of the incident names the statuses that marked everybody', async () => {
    const r = rig(ok({ status: 500 }), {
      preset: 'nginx',
      nextUpstream: { on: ['error', 'timeout', 'http_500'] },
    })
    await r.send({ url: '/bug' })
    await r.send({ url: '/bug' })
    await r.send({ url: '/fine' })
    const { phase, peers, advice } = explanationOf(r)
    expect(r.events.error.at(-1)?.code).toBe('ERR_NO_LIVE_UPSTREAMS')
    expect(phase).toBe('select')
    expect(peers).toEqual([
      expect.stringMatching(/^a:80 had been marked .* for its statuses/),
      expect.stringMatching(/^b:80 had been marked .* for its statuses/),
    ])
    expect(advice).toEqual([
      'answers of the application have marked peers: take http_500 out of nextUpstream.on',
      expect.stringContaining("whenNoneLive is 'fail'"),
    ])
  })

  it.each<[string, Script, Partial<BalancerOptions>, string, RegExp]>([
    ['not_listed', refused, { nextUpstream: { on: ['timeout'] } }, 'GET', /does not list error/],
    ['tries', refused, { nextUpstream: { tries: 1 } }, 'GET', /tries allows 1/],
    [
      'a POST',
      fails({ type: 'connection_terminated' }),
      {},
      'POST',
      /a POST may not be done twice/,
    ],
    ['budget', fails({ type: 'connection_terminated' }), NO_BUDGET(), 'GET', /retryBudget/],
  ])('names the rule: %s', async (_name, script, options, method, text) => {
    const r = rig(script, options)
    await r.send({ method })
    expect(explanationOf(r).whyNoNext).toMatch(text)
  })

  it('says how long a timeout was', async () => {
    const r = rig(fails({ type: 'connection_read_timeout', delay: 3000 }), {
      readTimeout: '3s',
      nextUpstream: { tries: 1 },
    })
    await r.start()
    await r.clock.advanceAsync(3000)
    await settle(r.clock)
    expect(explanationOf(r).attempts).toEqual([
      expect.stringMatching(/^a:80 had not answered within readTimeout \(3 s\).* after 3 s/),
    ])
  })

  it('lists so many peers, and counts the rest', async () => {
    const upstream = Array.from({ length: 40 }, (_, i) => ({
      url: `http://p${String(i)}:80`,
      down: true,
    }))
    const r = rig(ok(), { upstream })
    await r.send()
    const { peers } = explanationOf(r)
    expect(peers).toHaveLength(17)
    expect(peers.at(0)).toBe('p0:80 was down')
    expect(peers.at(-1)).toBe('and 24 more')
  })

  it.each([
    ['down', { down: true }, 'put back into service'],
    ['draining', { drain: true }, 'put back into service'],
  ])('says who has to put a peer back that is %s', async (status, parameters, text) => {
    const r = rig(ok(), { upstream: [{ url: 'http://a:80', ...parameters }] })
    await r.send()
    expect(explanationOf(r)).toMatchObject({
      peers: [`a:80 was ${status}`],
      advice: [`a:80: ${text} by whoever took it out`],
    })
  })

  it('says where to look when health checks fail', async () => {
    const upstream = createUpstream({
      peers: ['http://a:80'],
      healthCheck: { check: () => false, initialState: 'down' },
      whenNoneLive: 'fail',
    })
    const r = rig(ok(), { upstream })
    await r.send()
    expect(explanationOf(r).advice).toEqual([
      'the health check fails at a:80: look there, or at healthCheck itself',
    ])
    await r.upstream.close()
  })

  it('does not look at the peers where the client is to blame', async () => {
    const r = rig(ok(), { maxBody: 1 })
    await r.send({ method: 'PUT', body: 'too long' })
    expect(explanationOf(r)).toMatchObject({ peers: [], phase: 'request' })
  })

  it('marks only once what has marked a peer', async () => {
    const r = rig(refused, { upstream: ['http://a:80'] })
    await r.send()
    await r.send()
    expect(explanationOf(r).attempts).toEqual([
      'a:80 refused the connection after 0 ms (ECONNREFUSED)',
    ])
  })

  it('shows no credentials of an absolute target, and nothing that a terminal would obey', async () => {
    const r = rig(refused)
    await r.send({ url: 'http://ali:s3cret@client.test/a\u009b2J?b' })
    const { summary, text } = explanationOf(r)
    expect(summary).toMatch(/^GET \/a\\u\{9b\}2J was answered/)
    expect(text).not.toContain('s3cret')
  })

  it('names the path that the client asked for, below a mount of Express, too', async () => {
    const r = rig(refused)
    const { req, res } = new Client({ url: '/orders' })
    r.balancer(Object.assign(req, { originalUrl: '/api/orders?secret=1' }), res)
    await settle(r.clock)
    expect(explanationOf(r).summary).toMatch(/^GET \/api\/orders was answered/)
  })

  it('keeps a path short, and without its query', async () => {
    const r = rig(refused)
    await r.send({ url: `/${'a'.repeat(5000)}?password=x` })
    const { text } = explanationOf(r)
    expect(text.length).toBeLessThan(1500)
    expect(text).not.toContain('password')
  })
})

function NO_BUDGET(): Partial<BalancerOptions> {
  return { retryBudget: { ratio: 0, floor: 0 } }
}

describe('explain(res)', () => {
  it('tells of a request that was served at the second try', async () => {
    const r = rig({ 'a:80': refused, 'b:80': ok() })
    const client = await r.start({ url: '/a' })
    expect(explain(client.res)).toMatchObject({
      summary: 'GET /a was answered 200 by b:80 in 0 ms, 2 tries',
      code: undefined,
      phase: undefined,
      whyNoNext: undefined,
      advice: [],
      attempts: [
        'a:80 refused the connection after 0 ms (ECONNREFUSED); it was marked for that',
        'b:80 answered 200 after 0 ms',
      ],
    })
  })

  it('tells of a response that was let through although it was an error, and why', async () => {
    const r = rig(ok({ status: 500 }))
    const client = await r.start()
    expect(explain(client.res)?.whyNoNext).toBe('nextUpstream.on does not list http_500')
  })

  it('tells of a request that is under way', async () => {
    const r = rig(hangs())
    const client = await r.start({ url: '/a' })
    expect(explain(client.res)?.summary).toBe('GET /a is under way: at the first try so far')
  })

  it('is the error’s, when there is one', async () => {
    const r = rig(refused)
    const client = await r.start()
    expect(explain(client.res)).toBe(r.events.error[0]?.explanation)
  })
})
