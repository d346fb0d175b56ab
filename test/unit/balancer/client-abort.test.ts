import { ok } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { rig, settle } from './rig.js'

describe('ignoreClientAbort', () => {
  it('false: the attempt of a client that has left is given up, and it is a 499', async () => {
    const r = rig(ok({ delay: 100, body: 'x' }))
    const client = await r.start()
    client.leave()
    await settle(r.clock)
    expect(r.transport.attempts[0]!.result).toBe('aborted')
    expect(r.events.finish).toMatchObject([{ status: 499 }])
  })

  it('true: it goes on to its end, and blames nobody', async () => {
    const r = rig(ok({ delay: 100, body: 'x' }), { ignoreClientAbort: true })
    const client = await r.start()
    client.leave()
    await settle(r.clock)
    expect(r.events.finish).toEqual([])
    await r.clock.advanceAsync(100)
    await settle(r.clock)
    expect(r.transport.attempts[0]!.result).toBe('response')
    expect(r.events.finish).toMatchObject([{ status: 200, error: undefined }])
    expect([r.connections, r.transport.inFlight]).toEqual([[0, 0], 0])
  })

  it('true: a next upstream is tried without a client, too', async () => {
    const r = rig(
      { 'a:80': ok({ delay: 100, status: 503 }), 'b:80': ok() },
      { ignoreClientAbort: true },
    )
    const client = await r.start()
    client.leave()
    await r.clock.advanceAsync(100)
    await settle(r.clock)
    expect(r.transport.peers).toEqual(['a:80', 'b:80'])
    expect(r.events.finish).toMatchObject([{ status: 200 }])
  })

  it('true: a body on its way is read to its end, however slow the client was', async () => {
    const body = Array.from({ length: 20 }, () => 'x'.repeat(1000))
    const r = rig(ok({ body, gap: 10 }), { ignoreClientAbort: true, wholeResponse: 0 })
    const client = await r.start()
    await r.clock.advanceAsync(50)
    client.leave()
    await r.clock.advanceAsync(1000)
    await settle(r.clock)
    expect(r.transport.attempts[0]!.response).toBe('ended')
    expect(r.connections).toEqual([0, 0])
    expect(r.events.finish).toHaveLength(1)
  })

  it('true: a request whose body will never be whole ends all the same', async () => {
    const r = rig(ok(), { ignoreClientAbort: true })
    const client = await r.start({ method: 'POST', body: { declared: 10 } })
    client.leave()
    await settle(r.clock)
    expect(r.events.finish).toMatchObject([{ status: 499 }])
  })
})
