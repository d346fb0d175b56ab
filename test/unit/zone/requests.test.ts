/** Requests that come before a new worker knows what the others know. */
import { ok } from 'evenkeel/testing'
import { describe, expect, it, vi } from 'vitest'
import { rig, settle } from '../balancer/rig.js'
import { fail, Pipe, zoneRig } from './rig.js'

async function late() {
  const zone = zoneRig()
  const one = zone.start({ peers: ['http://a:80', 'http://b:80'] })
  await zone.settle()
  fail(one, 'a')
  await zone.settle()
  const pipe = new Pipe()
  zone.hub.connect(pipe.hubEnd)
  const two = rig(ok(), { at: zone.clock, zone: { name: 'test', channel: pipe.workerEnd } })
  return { zone, pipe, two }
}

describe('the first requests of a worker', () => {
  it('wait for what the others know, and do not try a peer that is marked', async () => {
    const { pipe, two } = await late()
    const clients = [await two.start(), await two.start(), await two.start()]
    expect(two.transport.attempts).toHaveLength(0)
    while (pipe.up.step() || pipe.down.step());
    await settle(two.clock)
    expect(clients.map(({ reply }) => reply.status)).toEqual([200, 200, 200])
    expect(two.transport.attempts.map(({ peer }) => peer)).toEqual(['b:80', 'b:80', 'b:80'])
    expect(two.upstream.status(two.upstream.peers[0]!)).toBe('ejected')
  })

  it('wait no longer than they may', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const { two } = await late()
    const client = await two.start()
    await two.clock.advanceAsync(499)
    expect(client.over).toBe(false)
    await two.clock.advanceAsync(1)
    await settle(two.clock)
    expect(client.reply.status).toBe(200)
    warn.mockRestore()
  })

  it('are told what the balancer tells when the worker is closed meanwhile', async () => {
    const { two } = await late()
    const client = await two.start()
    await two.upstream.close()
    await settle(two.clock)
    expect(client.reply.status).toBe(200)
  })
})

it('a mark that was learnt is an event of the balancer, and says so', async () => {
  const { pipe, two } = await late()
  while (pipe.up.step() || pipe.down.step());
  expect(two.events.eject.map(({ peer, reason }) => [peer.name, reason])).toEqual([
    ['a:80', 'shared'],
  ])
})
