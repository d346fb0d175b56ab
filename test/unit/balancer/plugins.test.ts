import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { upstreamVariables } from 'evenkeel'
import type { AttemptFacts, Decision, PeerSelector } from 'evenkeel'
import { fails, ok } from 'evenkeel/testing'
import { Client } from './client.js'
import { rig, settle } from './rig.js'

const refused = fails()
const reset = fails({ type: 'connection_terminated' })

describe('a policy of the user’s', () => {
  it('as a function is given the facts and the standard decision', async () => {
    const asked: [AttemptFacts, Decision][] = []
    const r = rig(
      { 'a:80': reset, 'b:80': ok() },
      {
        nextUpstream: (facts, standard) => {
          asked.push([facts, standard])
          return standard
        },
      },
    )
    expect(await r.send()).toMatchObject({ status: 200 })
    expect(asked).toMatchObject([
      [
        { kind: 'failure', condition: 'error', listed: true, requestSent: true, nextPeer: 'live' },
        { do: 'next', charged: true },
      ],
    ])
  })

  it('as an object keeps its this, beside the other options', async () => {
    const policy = {
      asked: 0,
      decide(): Decision {
        this.asked++
        return { do: 'finish', why: 'not_listed' }
      },
    }
    const r = rig(refused, { nextUpstream: { policy, tries: 2 } })
    expect(await r.send()).toMatchObject({ status: 502 })
    expect(policy.asked).toBe(1)
    expect(r.transport.attempts).toHaveLength(1)
  })

  it('is asked about listable statuses that are not listed, and may go on', async () => {
    const r = rig(
      { 'a:80': ok({ status: 500 }), 'b:80': ok() },
      {
        nextUpstream: (facts, standard) =>
          facts.condition === 'http_500' ? { do: 'next', charged: true } : standard,
      },
    )
    expect(await r.send()).toMatchObject({ status: 200 })
  })

  it('is not asked about a good answer', async () => {
    const policy = vi.fn(() => ({ do: 'finish', why: 'not_listed' }) as const)
    const r = rig(ok(), { nextUpstream: policy })
    await r.send()
    expect(policy).not.toHaveBeenCalled()
  })

  it('finish with a real answer in hand delivers it', async () => {
    const r = rig(ok({ status: 503, body: 'real' }), {
      nextUpstream: () => ({ do: 'finish', why: 'not_listed' }),
    })
    expect(await r.send()).toMatchObject({ status: 503, body: 'real', whole: true })
  })

  it.each([
    ['next without a peer', { do: 'next', charged: false }],
    ['deliver without a response', { do: 'deliver', why: 'good' }],
    ['deliver_held without one', { do: 'deliver_held', why: 'not_listed' }],
    ['wait where nobody waits', { do: 'wait' }],
  ] as const)('may wish for what cannot be: %s', async (_name, wish) => {
    const r = rig(refused, { upstream: ['http://a:80'], nextUpstream: () => wish })
    expect(await r.send()).toMatchObject({ status: 502, whole: true })
    expect(r.transport.attempts).toHaveLength(1)
    expect(r.connections).toEqual([0])
  })

  it.each(['next', 'again', 'wait'] as const)('cannot have half a body sent: %s', async (wish) => {
    const r = rig(reset, {
      replayBuffer: 4,
      nextUpstream: () => (wish === 'next' ? { do: wish, charged: false } : { do: wish }),
    })
    expect(await r.send({ method: 'PUT', body: '0123456789' })).toMatchObject({ status: 502 })
    expect(r.transport.attempts).toHaveLength(1)
  })

  it('cannot have more time than there is', async () => {
    const r = rig(fails({ type: 'connection_timeout', delay: 5000 }), {
      nextUpstream: { timeout: 100, policy: () => ({ do: 'next', charged: false }) },
    })
    const client = await r.start()
    await r.clock.advanceAsync(100)
    await settle(r.clock)
    expect(client.reply).toMatchObject({ status: 504 })
    expect(r.transport.attempts).toHaveLength(1)
  })

  it('cannot have a sent request repeated that may not be', async () => {
    for (const wish of [{ do: 'next', charged: false }, { do: 'again' }] as const) {
      const r = rig(reset, { nextUpstream: () => wish })
      expect(await r.send({ method: 'POST' })).toMatchObject({ status: 502 })
      expect(r.transport.attempts).toHaveLength(1)
    }
  })

  it('cannot ask the same peer for ever', async () => {
    const r = rig(reset, { nextUpstream: { tries: 3, policy: () => ({ do: 'again' }) } })
    expect(await r.send()).toMatchObject({ status: 502 })
    expect(r.transport.peers).toEqual(['a:80', 'a:80', 'a:80'])
  })

  it('with an impossible wish and a second real answer in hand gets the first', async () => {
    const r = rig(
      { 'a:80': ok({ status: 503, body: 'first' }), 'b:80': ok({ status: 503, body: 'second' }) },
      { nextUpstream: () => ({ do: 'next', charged: false }) },
    )
    expect(await r.send()).toMatchObject({ status: 503, body: 'first' })
    expect(r.transport.inFlight).toBe(0)
  })

  it('with an impossible wish gets the kept answer', async () => {
    const r = rig(
      { 'a:80': ok({ status: 503, body: 'real' }), 'b:80': refused },
      {
        nextUpstream: () => ({ do: 'next', charged: false }),
      },
    )
    expect(await r.send()).toMatchObject({ status: 503, body: 'real' })
  })

  it('that throws is a 500, and the books are closed', async () => {
    const r = rig(refused, {
      nextUpstream: () => {
        throw new Error('mine')
      },
    })
    expect(await r.send()).toMatchObject({ status: 500 })
    expect(r.events.error).toMatchObject([{ code: 'ERR_INTERNAL', cause: { message: 'mine' } }])
    expect(r.connections).toEqual([0, 0])
  })

  it('that returns nothing is a 500', async () => {
    const r = rig(refused, { nextUpstream: () => undefined as unknown as Decision })
    expect(await r.send()).toMatchObject({ status: 500 })
  })
})

describe('a selector of the user’s', () => {
  it('as a function is given the request', async () => {
    const r = rig(ok(), {
      selector: (peers, request) => peers.find((peer) => request.url.includes(peer.hostname)),
    })
    await r.send({ url: '/b' })
    await r.send({ url: '/b' })
    await r.send({ url: '/a' })
    expect(r.transport.peers).toEqual(['b:80', 'b:80', 'a:80'])
  })

  it('as an object begins once a request and picks once an attempt', async () => {
    const calls: string[] = []
    const selector: PeerSelector = {
      name: 'mine',
      begin: ({ method, url, remoteAddress, headers }) => {
        calls.push(`begin ${method} ${url} ${remoteAddress ?? ''} ${String(headers['host'])}`)
        return {
          pick: ({ group, eligible }) => {
            calls.push('pick')
            expect(eligible).toBeTypeOf('function')
            return group.peers[calls.length - 2]
          },
        }
      },
    }
    const r = rig({ 'a:80': refused, 'b:80': ok() }, { selector })
    expect(await r.send({ url: '/x' })).toMatchObject({ status: 200 })
    expect(calls).toEqual(['begin GET /x 192.0.2.1 client.test', 'pick', 'pick'])
  })

  it.each(['begin', 'pick'] as const)('that throws in %s is a 500', async (where) => {
    const fault = (): never => {
      throw new Error('mine')
    }
    const selector: PeerSelector = {
      name: 'mine',
      begin: where === 'begin' ? fault : () => ({ pick: fault }),
    }
    const r = rig(ok(), { selector })
    expect(await r.send()).toMatchObject({ status: 500, whole: true })
    expect(r.events.error).toMatchObject([{ code: 'ERR_INTERNAL', cause: { message: 'mine' } }])
    expect(r.connections).toEqual([0, 0])
  })

  it('that throws at the second pick leaves no connection behind', async () => {
    let picks = 0
    const r = rig(ok({ status: 503 }), {
      selector: (peers) => {
        if (picks++ > 0) throw new Error('mine')
        return peers[0]
      },
    })
    expect(await r.send()).toMatchObject({ status: 500 })
    expect(r.connections).toEqual([0, 0])
    expect(r.transport.inFlight).toBe(0)
  })
})

describe('a transport of the user’s', () => {
  it('that rejects is a 500: no peer is blamed', async () => {
    const r = rig(() => {
      throw new Error('mine')
    })
    expect(await r.send()).toMatchObject({ status: 500, whole: true })
    expect(r.events.error).toMatchObject([{ code: 'ERR_INTERNAL', cause: { message: 'mine' } }])
    expect(r.transport.attempts).toHaveLength(1)
    expect(r.standing).toEqual(['up', 'up'])
    expect(r.connections).toEqual([0, 0])
  })

  it('that finds the request not to be HTTP/1.1 makes it a 400', async () => {
    const r = rig(() => {
      throw Object.assign(new TypeError('bad'), { code: 'ERR_INVALID_CHAR' })
    })
    expect(await r.send()).toMatchObject({ status: 400 })
    expect(r.events.error).toMatchObject([{ code: 'ERR_BAD_REQUEST' }])
  })

  it('is not closed with the balancer', async () => {
    const r = rig(ok())
    const close = vi.spyOn(r.transport, 'close')
    await r.balancer.close()
    expect(close).not.toHaveBeenCalled()
  })
})

describe('events', () => {
  it('next tells request, peer, condition, decision and why', async () => {
    const r = rig(reset)
    const client = await r.start()
    expect(r.events.next).toMatchObject([
      { peer: { name: 'a:80' }, condition: 'error', decision: 'next', why: undefined },
      { peer: { name: 'b:80' }, condition: 'error', decision: 'finish', why: 'request_at_fault' },
    ])
    expect(r.events.next[0]?.request).toBe(client.req)
  })

  it('finish comes once, with the whole story', async () => {
    const r = rig({
      'a:80': fails({ type: 'connection_read_timeout', delay: 30 }),
      'b:80': ok({ delay: 12 }),
    })
    const client = await r.start()
    await r.clock.advanceAsync(42)
    await settle(r.clock)
    expect(r.events.finish).toHaveLength(1)
    expect(r.events.finish[0]).toMatchObject({
      status: 200,
      duration: 42,
      error: undefined,
      attempts: [
        {
          peer: 'a:80',
          status: 0,
          outcome: 'connection_read_timeout in header',
          phase: 'header',
          reusedConnection: false,
        },
        { peer: 'b:80', status: 200, outcome: 'ok', duration: 12, phase: undefined },
      ],
    })
    expect(r.events.finish[0]?.request).toBe(client.req)
    expect(r.events.finish[0]?.response).toBe(client.res)
  })

  it('off takes a listener away; on and off return the balancer', async () => {
    const r = rig(ok())
    const heard = vi.fn()
    expect(r.balancer.on('finish', heard)).toBe(r.balancer)
    expect(r.balancer.off('finish', heard)).toBe(r.balancer)
    await r.send()
    expect(heard).not.toHaveBeenCalled()
  })

  describe('with listeners that throw', () => {
    const warnings: unknown[] = []
    beforeEach(() => {
      warnings.length = 0
      vi.spyOn(process, 'emitWarning').mockImplementation((warning) => {
        warnings.push(warning)
      })
    })
    afterEach(() => {
      vi.restoreAllMocks()
    })

    it('every answer still comes, the other listeners are told, and the process is warned', async () => {
      const r = rig({ 'a:80': refused, 'b:80': [ok(), refused] })
      const order: string[] = []
      for (const event of ['next', 'eject', 'return', 'finish', 'error'] as const) {
        r.balancer.on(event, () => {
          throw new Error(`mine: ${event}`)
        })
        r.balancer.on(event, () => order.push(event))
      }
      expect(await r.send()).toMatchObject({ status: 200 })
      expect(order).toEqual(['eject', 'next', 'finish'])
      expect(await r.send()).toMatchObject({ status: 502 })
      expect(order).toContain('error')
      expect(r.connections).toEqual([0, 0])
      expect(warnings.map((warning) => (warning as Error).message)).toEqual(
        order.map((event) => `mine: ${event}`),
      )
    })

    it('even when what is thrown is no error', async () => {
      const r = rig(ok())
      r.balancer.on('finish', () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- provokes
        throw 'text'
      })
      expect(await r.send()).toMatchObject({ status: 200 })
      expect(warnings).toEqual(['text'])
    })
  })
})

describe('onError', () => {
  it('answers in place of the error page', async () => {
    const r = rig(refused, {
      onError: (error, _req, res) => {
        res.writeHead(error.status, { 'x-code': error.code }).end('mine')
      },
    })
    const reply = await r.send()
    expect(reply).toMatchObject({ status: 502, body: 'mine', whole: true })
    expect(reply.headers).toMatchObject({ 'x-code': 'ERR_UPSTREAM_CONNECTION' })
  })

  it('that throws becomes a bare 500', async () => {
    const r = rig(refused, {
      onError: () => {
        throw new Error('mine')
      },
    })
    expect(await r.send()).toMatchObject({ status: 500, body: '', whole: true })
    expect(r.events.finish).toMatchObject([{ status: 500 }])
  })

  it('that throws in the middle of its answer breaks that off', async () => {
    const r = rig(refused, {
      onError: (_error, _req, res) => {
        res.writeHead(200).write('half')
        throw new Error('mine')
      },
    })
    expect(await r.send()).toMatchObject({ whole: false })
  })

  it('is not asked when a response has begun, or nobody is left', async () => {
    const onError = vi.fn()
    const r = rig(ok({ body: ['a', 'b'], gap: 10, failsWith: {} }), { onError })
    const truncated = await r.start()
    await r.clock.advanceAsync(20)
    await settle(r.clock)
    expect(truncated.reply).toMatchObject({ status: 200, whole: false })
    const leaver = await r.start()
    leaver.leave()
    await settle(r.clock)
    expect(onError).not.toHaveBeenCalled()
    expect(r.events.error.map(({ code }) => code)).toEqual([
      'ERR_UPSTREAM_TRUNCATED',
      'ERR_CLIENT_CLOSED',
    ])
  })
})

describe('close', () => {
  it('waits for running requests, serves stragglers until then, and turns new ones away', async () => {
    const r = rig(({ n }) => ok({ delay: n === 0 ? 100 : 0 }))
    const client = await r.start()
    let closed = false
    const closing = r.balancer.close().then(() => (closed = true))
    const straggler = await r.send()
    expect(straggler).toMatchObject({ status: 200, headers: { connection: 'close' } })
    expect(closed).toBe(false)
    await r.clock.advanceAsync(100)
    await settle(r.clock)
    expect(client.reply).toMatchObject({ status: 200, whole: true })
    await closing
    expect(closed).toBe(true)
    const reply = await r.send()
    expect(reply).toMatchObject({ status: 503 })
    expect(reply.headers['retry-after']).toBe('1')
    expect(r.events.error).toMatchObject([{ code: 'ERR_CLOSING' }])
  })

  it('is at once where nothing runs', async () => {
    const r = rig(ok())
    await r.balancer.close()
    await r.balancer.close()
    expect(r.clock.pending).toBe(0)
  })

  it('waits no longer than its timeout', async () => {
    const r = rig(({ n }) =>
      n === 0 ? ok({ delay: 100_000 }) : ok({ body: ['a', 'b'], gap: 400 }),
    )
    const [silent, begun] = [await r.start(), await r.start()]
    let closed = false
    void r.balancer.close({ timeout: 500 }).then(() => (closed = true))
    await r.clock.advanceAsync(499)
    expect(closed).toBe(false)
    await r.clock.advanceAsync(1)
    await settle(r.clock)
    expect(closed).toBe(true)
    expect(silent.reply).toMatchObject({ status: 503, whole: true })
    expect(begun.reply).toMatchObject({ status: 200, whole: false })
    expect(r.standing).toEqual(['up', 'up'])
    expect(r.connections).toEqual([0, 0])
    expect(r.transport.inFlight).toBe(0)
    expect(r.clock.pending).toBe(0)
  })
})

describe('upstreamVariables', () => {
  it('are undefined for a response of somebody else', () => {
    expect(upstreamVariables(new Client().res)).toBeUndefined()
  })

  it('are live during the request and final after it', async () => {
    const r = rig({
      'a:80': fails({ type: 'connection_read_timeout', delay: 30 }),
      'b:80': ok({ delay: 12, body: ['abc', 'de'], gap: 10 }),
    })
    const client = await r.start({ method: 'PUT', body: 'xyz' })
    expect(upstreamVariables(client.res)).toMatchObject({
      upstream_addr: 'a:80',
      upstream_status: '-',
      upstream_header_time: '-',
      upstream_bytes_sent: '3',
    })
    await r.clock.advanceAsync(30)
    expect(upstreamVariables(client.res)).toMatchObject({
      upstream_addr: 'a:80, b:80',
      upstream_status: '504, -',
    })
    await r.clock.advanceAsync(12)
    expect(upstreamVariables(client.res)).toMatchObject({
      upstream_status: '504, 200',
      upstream_header_time: '-, 0.012',
      upstream_response_time: expect.stringMatching(/, -$/),
      upstream_response_length: '0, 0',
    })
    await r.clock.advanceAsync(20)
    await settle(r.clock)
    expect(client.reply.whole).toBe(true)
    expect(upstreamVariables(client.res)).toMatchObject({
      upstream_addr: 'a:80, b:80',
      upstream_status: '504, 200',
      upstream_response_time: expect.stringMatching(/, 0\.032$/),
      upstream_response_length: '0, 5',
      upstream_bytes_sent: '3, 3',
    })
  })

  it('name the upstream where no peer could be chosen', async () => {
    const r = rig(ok(), { upstream: [{ url: 'http://a:80', down: true }] })
    const client = await r.start()
    expect(upstreamVariables(client.res)).toMatchObject({
      upstream_addr: 'upstream',
      upstream_status: '502',
    })
  })

  it('are a dash where nobody was asked', async () => {
    const r = rig(ok())
    await r.balancer.close()
    const client = await r.start()
    expect(upstreamVariables(client.res)).toMatchObject({
      upstream_addr: '-',
      upstream_status: '-',
    })
  })
})
