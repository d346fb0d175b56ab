/** Which limit ended a request, and whether the option that is recommended is the one that would have helped. */
import type { BalancerOptions, Explanation, Incident } from 'evenkeel'
import { fails, hangs, ok } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { rig, settle } from './rig.js'
import type { RequestOptions } from './client.js'
import type { Script } from './rig.js'

const refused = fails({ cause: Object.assign(new Error('no'), { code: 'ECONNREFUSED' }) })

interface Ends {
  readonly last: Explanation
  readonly incident: Incident
}

/** Three requests at a time apart, each of them given `ms`. */
async function threeOf(
  script: Script,
  options: Partial<BalancerOptions>,
  ms: number,
  request: RequestOptions = {},
): Promise<Ends> {
  const r = rig(script, { upstream: ['http://a:80'], ...options })
  const incidents: Incident[] = []
  r.balancer.on('incident', ({ incident }) => incidents.push(incident))
  for (let i = 0; i < 3; i++) {
    await r.start({ url: '/slow', ...request })
    await r.clock.advanceAsync(ms)
    await settle(r.clock)
  }
  const last = r.events.error.at(-1)?.explanation
  const incident = incidents.at(-1)
  if (last === undefined || incident === undefined) throw new Error('not enough has failed')
  return { last, incident }
}

describe('a request that nextUpstream.timeout has ended', () => {
  it.each(['GET', 'POST'])('is not told to raise readTimeout: %s', async (method) => {
    const options = { readTimeout: '60s', nextUpstream: { timeout: '2s' } } as const
    const { last, incident } = await threeOf(hangs(), options, 2000, { method })
    expect(last.attempts).toEqual([
      'a:80 had not taken the connection when nextUpstream.timeout (2 s for all of it) was over, after 2 s',
    ])
    expect(last.advice[0]).toMatch(
      /^either nextUpstream\.timeout \(2 s\) left too little time, or a:80 cannot/,
    )
    expect(last.text).not.toContain('readTimeout')
    expect(incident.prevention?.option).toBe('nextUpstream.timeout')
  })

  it('in the queue is not told to raise queue.timeout', async () => {
    const r = rig(ok({ body: ['a', 'b'], gap: 60_000 }), {
      upstream: [{ url: 'http://a:80', maxConns: 1 }],
      queue: { size: 5, timeout: '30s' },
      nextUpstream: { timeout: '2s' },
    })
    await r.start()
    await r.start()
    await r.clock.advanceAsync(2000)
    await settle(r.clock)
    expect(r.events.error.map(({ code }) => code)).toEqual(['ERR_QUEUE_TIMEOUT'])
    expect(r.events.error[0]?.explanation?.advice).toEqual([
      expect.stringMatching(/^no place became free within nextUpstream\.timeout \(2 s\)/),
    ])
  })
})

describe('other limits', () => {
  it('sendTimeout is what an incident names when peers did not take the request', async () => {
    const slow = fails({ type: 'connection_write_timeout', delay: 3000 })
    const { incident } = await threeOf(slow, { sendTimeout: '3s' }, 3000)
    expect(incident).toMatchObject({ mechanism: 'timeouts', prevention: { option: 'sendTimeout' } })
  })

  it("of whenNoneLive: 'wait' it is queue.timeout, and not whenNoneLive once more", async () => {
    const options = { whenNoneLive: 'wait', queue: { size: 5, timeout: '2s' } } as const
    const { last, incident } = await threeOf(refused, { ...options, failTimeout: '60s' }, 2000)
    expect(last.advice.join()).toMatch(/none of the marked peers was back within queue\.timeout/)
    expect(incident.prevention?.option).toBe('queue.timeout')
  })

  it('maxHeaders is named where bufferSize need not be what was too small', async () => {
    const large = fails({ type: 'http_response_header_section_size' })
    const { last, incident } = await threeOf(large, {}, 0)
    expect(last.advice[0]).toMatch(/bufferSize .*maxHeaders/)
    expect(incident.prevention?.advice).toContain('maxHeaders')
  })

  it('a peer that does not speak TLS is not looked for in the certificates', async () => {
    const cause = Object.assign(new Error('no'), { code: 'ERR_SSL_WRONG_VERSION_NUMBER' })
    const { last } = await threeOf(fails({ type: 'tls_protocol_error', cause }), {}, 0)
    expect(last.advice[0]).toMatch(/^does a:80 speak TLS/)
  })

  it('under nginx’s rules it is nextUpstream.on that has marked peers for statuses', async () => {
    const r = rig(ok({ status: 503 }), {
      preset: 'nginx',
      nextUpstream: { on: ['error', 'timeout', 'http_503'] },
    })
    for (let i = 0; i < 3; i++) await r.send()
    expect(r.events.error.at(-1)?.explanation?.peers[0]).toContain(
      'for its statuses (nextUpstream.on)',
    )
  })
})

describe('a response that broke off in the middle', () => {
  const begun = (failsWith: NonNullable<Parameters<typeof ok>[0]>['failsWith']): Script =>
    ok({ body: ['12345'], failsWith: failsWith ?? {} })

  it('because the peer fell silent, is not called a crash', async () => {
    const { last, incident } = await threeOf(
      begun({ type: 'connection_read_timeout' }),
      { readTimeout: '3s' },
      0,
    )
    expect(last.summary).toContain('fell silent in the middle')
    expect(last.attempts).toEqual([
      expect.stringMatching(
        /^a:80 answered 200 .*sent no more for readTimeout \(3 s\) after 5 bytes/,
      ),
    ])
    expect(last.advice).toEqual([expect.stringMatching(/longer than readTimeout \(3 s\)$/)])
    expect(incident).toMatchObject({
      mechanism: 'timeouts',
      triggers: Array.from({ length: 3 }, () => {
        return { path: '/slow', peer: 'a:80', outcome: 'connection_read_timeout in body' }
      }),
      prevention: { option: 'readTimeout' },
    })
  })

  it('because the peer broke it off, is told of with the peer and how far it came', async () => {
    const cause = Object.assign(new Error('reset'), { code: 'ECONNRESET' })
    const { last, incident } = await threeOf(begun({ cause }), {}, 0)
    expect(last.attempts).toEqual([
      expect.stringMatching(/broke the response off after 5 bytes of the body \(ECONNRESET\)$/),
    ])
    expect(incident).toMatchObject({
      mechanism: 'dropped_connections',
      triggers: [{ peer: 'a:80' }, { peer: 'a:80' }, { peer: 'a:80' }],
      prevention: { option: 'wholeResponse' },
    })
  })

  it('would not have with the wholeResponse that is recommended', async () => {
    const length = { headers: [['content-length', '6']] as const }
    const script: Script = {
      'a:80': ok({ ...length, body: ['12345'], failsWith: {} }),
      'b:80': ok({ ...length, body: ['123456'] }),
    }
    const off = rig(script, { wholeResponse: 0 })
    const on = rig(script, { wholeResponse: 6 })
    await off.send()
    expect(off.events.error.map(({ code }) => code)).toEqual(['ERR_UPSTREAM_TRUNCATED'])
    expect(await on.send()).toMatchObject({ status: 200, body: '123456' })
  })
})
