import { describe, expect, it } from 'vitest'
import { fails, hangs, ok } from 'evenkeel/testing'
import { Client, STREAM } from './client.js'
import { rig, settle } from './rig.js'

const reset = fails({ type: 'connection_terminated' })
const bodies = (r: ReturnType<typeof rig>): string[] =>
  r.transport.attempts.map(({ body }) => body.toString())

describe('a request body', () => {
  it('reaches the peer whole', async () => {
    const r = rig(ok())
    await r.send({ method: 'PUT', body: 'abc' })
    await r.send({ method: 'PUT', body: ['ab', 'c', 'd'] })
    expect(bodies(r)).toEqual(['abc', 'abcd'])
    expect(r.transport.attempts.every(({ bodyComplete }) => bodyComplete)).toBe(true)
    expect(r.transport.attempts.map(({ attempt }) => attempt.body.framing)).toEqual([
      'known',
      'chunked',
    ])
  })

  it('is replayed whole and unchanged', async () => {
    const r = rig({ 'a:80': reset, 'b:80': ok() })
    expect(await r.send({ method: 'PUT', body: ['ab', 'cd', 'ef'] })).toMatchObject({ status: 200 })
    expect(bodies(r)).toEqual(['abcdef', 'abcdef'])
  })

  it('is replayed while it is still coming', async () => {
    const r = rig({ 'a:80': fails({ type: 'connection_write_timeout' }), 'b:80': ok() })
    const client = await r.start({ method: 'PUT', body: STREAM })
    client.send('ab')
    await settle(r.clock)
    client.send('cd')
    client.send(null)
    await settle(r.clock)
    expect(client.reply).toMatchObject({ status: 200 })
    expect(bodies(r)[1]).toBe('abcd')
  })

  it('over replayBuffer is not replayed, and the client is told', async () => {
    const r = rig(reset, { replayBuffer: 5 })
    expect(await r.send({ method: 'PUT', body: ['abc', 'def'] })).toMatchObject({ status: 502 })
    expect(r.decisions).toEqual(['a finish (body_not_replayable)'])
  })

  it('over replayBuffer goes out on a fresh connection', async () => {
    const r = rig(ok(), { replayBuffer: 5 })
    await r.send({ method: 'PUT', body: 'abcdef' })
    await r.send({ method: 'PUT', body: 'abcde' })
    await r.send({ method: 'PUT', body: ['a'] })
    expect(r.transport.attempts.map(({ connection }) => connection)).toEqual([
      'fresh',
      'any',
      'fresh',
    ])
  })

  it('over replayBuffer goes on when it was never sent', async () => {
    const r = rig({ 'a:80': fails(), 'b:80': ok() }, { replayBuffer: 0 })
    expect(await r.send({ method: 'PUT', body: 'abcdef' })).toMatchObject({ status: 200 })
    expect(bodies(r)[1]).toBe('abcdef')
  })

  it('is not kept with requestBuffering off', async () => {
    const r = rig(reset, { requestBuffering: 'off' })
    expect(await r.send({ method: 'PUT', body: 'a' })).toMatchObject({ status: 502 })
    expect(r.transport.attempts).toHaveLength(1)
  })

  it('is not kept where the memory of all is used up, and is again when that is free', async () => {
    let finished = false
    const r = rig(
      ({ attempt }) => {
        if (attempt.head.target === '/hang') return finished ? ok() : hangs()
        return attempt.peer.hostname === 'a' ? reset : ok()
      },
      { replayMemory: 10, maxFails: 0 },
    )
    const hanging = await r.start({ method: 'PUT', url: '/hang', body: '0123456' })
    await r.send({ method: 'GET' })
    const statuses = [(await r.send({ method: 'PUT', body: '0123' })).status]
    statuses.push((await r.send({ method: 'PUT', body: '0123' })).status)
    expect(statuses).toContain(502)
    finished = true
    hanging.leave()
    await settle(r.clock)
    for (let i = 0; i < 4; i++)
      expect((await r.send({ method: 'PUT', body: '0123456789' })).status).toBe(200)
  })

  it('over maxBody is refused: at once, or as soon as it is', async () => {
    const r = rig(ok(), { maxBody: 5 })
    expect(await r.send({ method: 'PUT', body: '012345' })).toMatchObject({ status: 413 })
    expect(r.transport.attempts).toHaveLength(0)
    expect(await r.send({ method: 'PUT', body: ['0123', '45'] })).toMatchObject({ status: 413 })
    expect(r.events.error.map(({ code }) => code)).toEqual([
      'ERR_BODY_TOO_LARGE',
      'ERR_BODY_TOO_LARGE',
    ])
    expect(r.standing).toEqual(['up', 'up'])
    expect(r.connections).toEqual([0, 0])
    expect(await r.send({ method: 'PUT', body: '01234' })).toMatchObject({ status: 200 })
  })

  it('is read to its end when the answer comes early', async () => {
    const r = rig(ok({ early: true, body: 'early' }))
    const client = await r.start({ method: 'PUT', body: STREAM })
    expect(client.reply).toMatchObject({ status: 200, body: 'early', whole: true })
    client.send('abc')
    client.send(null)
    await settle(r.clock)
    expect(client.req.readableEnded).toBe(true)
  })

  it('flows at the peer’s pace', async () => {
    const r = rig(ok(), { transportOptions: { backpressure: true } })
    expect(await r.send({ method: 'PUT', body: ['ab', 'cd', 'ef'] })).toMatchObject({ status: 200 })
    expect(bodies(r)).toEqual(['abcdef'])
  })

  it('that was read and is gone is a 500 that says what to do', async () => {
    const r = rig(ok())
    const client = new Client({ method: 'PUT', body: 'abc' })
    for await (const _chunk of client.req);
    r.balancer(client.req, client.res)
    await settle(r.clock)
    expect(client.reply).toMatchObject({ status: 500, whole: true })
    expect(r.events.error).toMatchObject([{ code: 'ERR_BODY_CONSUMED' }])
    expect(r.transport.attempts).toEqual([])
  })
})
