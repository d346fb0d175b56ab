/** Each of these once went wrong. The names say what is promised. */
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fails, ok } from 'evenkeel/testing'
import { Client } from './client.js'
import { rig, settle } from './rig.js'

const THREE = ['http://a:80', 'http://b:80', 'http://c:80']
const refused = fails()
const reset = fails({ type: 'connection_terminated' })

describe('a real answer that is held', () => {
  it('outlives a better one whose head cannot be written', async () => {
    const r = rig({ 'a:80': ok({ status: 503, body: 'real' }), 'b:80': ok({ status: 99 }) })
    expect(await r.send()).toMatchObject({ status: 503, body: 'real' })
  })

  it('is delivered when the peer that was in view cannot be had after all', async () => {
    // The request is with the backups when the primary has room again: the outlook is good, the pick is empty.
    const r = rig(
      { 'a:80': ok({ delay: 50 }), 'b:80': ok({ status: 503, body: 'real', delay: 100 }) },
      {
        upstream: [
          { url: 'http://a:80', maxConns: 1 },
          { url: 'http://b:80', backup: true },
        ],
        whenNoneLive: 'fail',
      },
    )
    await r.start()
    const second = await r.start()
    await r.clock.advanceAsync(200)
    await settle(r.clock)
    expect(second.reply).toMatchObject({ status: 503, body: 'real' })
  })

  it('is delivered when a selector finds nobody for the second attempt', async () => {
    let picks = 0
    const r = rig(ok({ status: 503, body: 'real' }), {
      whenNoneLive: 'fail',
      selector: {
        name: 'once',
        begin: () => ({ pick: ({ group }) => (picks++ === 0 ? group.peers[0] : undefined) }),
      },
    })
    expect(await r.send()).toMatchObject({ status: 503, body: 'real' })
  })
})

describe('a response head that Node will not write', () => {
  const rejections: unknown[] = []
  const note = (reason: unknown): void => {
    rejections.push(reason)
  }
  let others: NodeJS.UnhandledRejectionListener[] = []
  beforeEach(() => {
    rejections.length = 0
    others = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection')
    process.on('unhandledRejection', note)
  })
  afterEach(() => {
    process.off('unhandledRejection', note)
    for (const listener of others) process.on('unhandledRejection', listener)
  })

  it('with a bad reason phrase is a 502, and no crash', async () => {
    const r = rig(ok({ statusMessage: 'a\u0001b' }))
    const client = await r.start()
    expect(rejections).toEqual([])
    expect(client.reply).toMatchObject({ status: 502, statusMessage: 'Bad Gateway', whole: true })
    expect(r.events.finish).toHaveLength(1)
    expect(r.connections).toEqual([0, 0])
  })

  it('leaves its reason phrase behind nowhere', async () => {
    const r = rig(ok({ statusMessage: 'Fine', headers: { 'x-a': 'a\u0001b' } }))
    expect(await r.send()).toMatchObject({ status: 502, statusMessage: 'Bad Gateway', whole: true })
  })

  it.each([204, 304])('of a %i leaves no bodiless error page behind', async (status) => {
    const r = rig(ok({ status, headers: { 'x-a': 'a\u0001b' } }))
    expect(await r.send()).toMatchObject({ status: 502, body: '502 Bad Gateway\n', whole: true })
  })

  it('costs one try, not two', async () => {
    const r = rig(
      { 'a:80': ok({ status: 99 }), 'b:80': ok({ body: 'good' }) },
      { nextUpstream: { tries: 2 } },
    )
    expect(await r.send()).toMatchObject({ status: 200, body: 'good' })
  })

  it('does not stop the clock of nextUpstream.timeout', async () => {
    const r = rig(
      { 'a:80': ok({ status: 99 }), 'b:80': ok({ delay: 5000 }) },
      {
        nextUpstream: { timeout: 1000 },
      },
    )
    const client = await r.start()
    await r.clock.advanceAsync(1000)
    await settle(r.clock)
    expect(client.reply).toMatchObject({ status: 504 })
  })
})

describe('a refund', () => {
  it('is for the failures that were the request’s, not for a peer that refused it unseen', async () => {
    const r = rig({ 'a:80': refused, 'b:80': reset, 'c:80': reset }, { upstream: THREE })
    await r.send()
    expect(r.decisions.at(-1)).toBe('c finish (request_at_fault)')
    expect(r.standing).toEqual(['ejected', 'up', 'up'])
  })

  it('does not bring a dead peer back', async () => {
    const r = rig(
      { 'a:80': reset, 'b:80': reset, 'c:80': reset },
      { upstream: THREE, failTimeout: '10s' },
    )
    await r.send({ method: 'POST' })
    expect(r.standing).toEqual(['ejected', 'up', 'up'])
    await r.clock.advanceAsync(10_001)
    r.upstream.peers[0]!.currentWeight = 100
    await r.send()
    expect(r.transport.peers).toEqual(['a:80', 'a:80', 'b:80', 'c:80'])
    expect(r.standing).toEqual(['ejected', 'up', 'up'])
  })
})

describe('a peer marked for its statuses', () => {
  it('is back for good when it answers well after failTimeout, without probes, too', async () => {
    let status = 500
    const r = rig({ 'a:80': () => ok({ status }), 'b:80': ok() }, { failOn: ['http_500'] })
    await r.send()
    expect(r.standing).toEqual(['ejected', 'up'])
    status = 200
    await r.clock.advanceAsync(10_000)
    for (let i = 0; i < 6; i++) await r.send()
    expect(r.standing).toEqual(['up', 'up'])
  })
})

describe('what an upstream response holds', () => {
  it('is let go when a policy asks the same peer again', async () => {
    let asked = 0
    const r = rig([ok({ status: 503, body: 'x' }), ok({ body: 'y' })], {
      nextUpstream: (_facts, standard) => (asked++ === 0 ? { do: 'again' } : standard),
    })
    expect(await r.send()).toMatchObject({ status: 200 })
    expect(r.transport.inFlight).toBe(0)
  })

  it('is let go when a policy throws', async () => {
    const r = rig(ok({ status: 503, body: 'x' }), {
      nextUpstream: () => {
        throw new Error('mine')
      },
    })
    expect(await r.send()).toMatchObject({ status: 500 })
    expect(r.transport.inFlight).toBe(0)
  })
})

describe('close', () => {
  it('called twice ends twice', async () => {
    const r = rig(ok({ delay: 10 }))
    await r.start()
    let closed = 0
    void r.balancer.close().then(() => closed++)
    void r.balancer.close().then(() => closed++)
    await r.clock.advanceAsync(20)
    await settle(r.clock)
    expect(closed).toBe(2)
  })
})

describe('a client that had left before the balancer got its request', () => {
  it('is noticed: no attempt, and no connection held for ever', async () => {
    const r = rig(ok({ body: 'x' }))
    const client = new Client()
    client.leave()
    await settle(r.clock)
    r.balancer(client.req, client.res)
    await settle(r.clock)
    expect(r.connections).toEqual([0, 0])
    expect(r.transport.inFlight).toBe(0)
    expect(r.events.finish).toMatchObject([{ status: 499 }])
  })

  it('also behind a real server, while middleware took its time', async () => {
    const r = rig(ok({ body: 'x' }))
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, resolve))
    const client = httpRequest({ port: (server.address() as AddressInfo).port })
    client.on('error', () => undefined)
    const served = new Promise<void>((resolve) => {
      server.on('request', (req, res) => {
        res.on('close', () => {
          r.balancer(req, res)
          resolve()
        })
        client.destroy()
      })
    })
    client.end()
    await served
    await settle(r.clock)
    server.close()
    expect(r.connections).toEqual([0, 0])
    expect(r.events.finish).toMatchObject([{ status: 499 }])
  })
})

describe('waiting', () => {
  it('a client that leaves the queue after a failure is a 499, and no 502', async () => {
    const r = rig(refused, { whenNoneLive: 'wait' })
    const client = await r.start()
    expect(r.decisions).toEqual(['a next', 'b wait'])
    client.leave()
    await settle(r.clock)
    expect(r.events.finish).toMatchObject([{ status: 499, error: { code: 'ERR_CLIENT_CLOSED' } }])
  })

  it('keeps the order of arrival, however long it takes', async () => {
    const r = rig(({ n }) => ok({ delay: n === 0 ? 1200 : 10 }), {
      upstream: [{ url: 'http://a:80', maxConns: 1 }],
      whenNoneLive: 'wait',
    })
    await r.start({ url: '/1' })
    await r.start({ url: '/2' })
    await r.clock.advanceAsync(500)
    await r.start({ url: '/3' })
    await r.clock.advanceAsync(800)
    await settle(r.clock)
    expect(r.transport.attempts.map(({ head }) => head.target)).toEqual(['/1', '/2', '/3'])
  })

  it('does not multiply the tries', async () => {
    const r = rig(refused, { whenNoneLive: 'wait', maxFails: 0, nextUpstream: { tries: 2 } })
    await r.start()
    await r.clock.advanceAsync(20_000)
    expect(r.transport.attempts.length).toBeLessThanOrEqual(2)
  })

  it('does not spin when a selector finds nobody although peers are live', async () => {
    let picks = 0
    const r = rig(ok(), {
      whenNoneLive: 'wait',
      queue: { timeout: 3000 },
      selector: {
        name: 'nobody',
        begin: () => ({
          pick: () => {
            // Without an end this would block the process.
            if (++picks > 1000) throw new Error('it spins')
            return undefined
          },
        }),
      },
    })
    const client = await r.start()
    await r.clock.advanceAsync(3000)
    await settle(r.clock)
    expect(picks).toBeLessThan(20)
    expect(client.reply.status).toBe(502)
  })
})

describe('the replay memory', () => {
  it('is given back when the idempotent predicate throws', async () => {
    let asked = 0
    const r = rig([reset, ok()], {
      replayMemory: 10,
      nextUpstream: {
        idempotent: () => {
          if (asked++ === 0) throw new Error('mine')
          return true
        },
      },
    })
    expect(await r.send({ method: 'PUT', body: '0123456789' })).toMatchObject({ status: 500 })
    expect(await r.send({ method: 'PUT', body: '0123456789' })).toMatchObject({ status: 200 })
  })
})
