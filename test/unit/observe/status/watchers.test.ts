/** Who watches is told at once, and then of changes; nobody can make us collect what they do not take. */
import type { StatusChange, StatusSnapshot } from 'evenkeel'
import { fails, ok } from 'evenkeel/testing'
import type { Outcome } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { Client } from '../../balancer/client.js'
import { rig, settle } from '../../balancer/rig.js'
import type { Rig } from '../../balancer/rig.js'

interface Message {
  readonly event: string
  readonly data: StatusSnapshot & StatusChange
}

async function watch({ balancer, clock }: Rig): Promise<Client> {
  const client = new Client({ url: '/events' })
  balancer.statusPage(client.req, client.res)
  await settle(clock)
  return client
}

function messagesOf(client: Client): Message[] {
  const text = Buffer.concat(client.socket.chunks).toString()
  return [...text.matchAll(/event: (\w+)\ndata: (.*)\n\n/g)].map(([, event = '', data = '']) => ({
    event,
    data: JSON.parse(data) as Message['data'],
  }))
}

const eventsOf = (client: Client): string[] => messagesOf(client).map(({ event }) => event)

describe('a watcher', () => {
  it('is sent everything at once, and then what is new, twice a second at most', async () => {
    const r = rig(ok())
    const client = await watch(r)
    expect(eventsOf(client)).toEqual(['snapshot'])
    expect(messagesOf(client)[0]?.data.peers).toHaveLength(2)
    for (let i = 0; i < 50; i++) {
      await r.send()
      await r.clock.advanceAsync(20)
    }
    const messages = messagesOf(client)
    expect(messages.map(({ event }) => event)).toEqual(['snapshot', 'change', 'change'])
    expect(messages[2]?.data.totals.requests).toBeGreaterThan(40)
    // What has not changed is not sent again.
    expect(messages[1]?.data).not.toHaveProperty('configuration')
    expect(messages[1]?.data).not.toHaveProperty('incidents')
    expect(messages[1]?.data.peers[0]).not.toHaveProperty('history')
    await r.balancer.close()
  })

  it('hears of a peer that is out within 20 ms, of many at once in one message', async () => {
    const r = rig({ 'a:80': fails(), 'b:80': fails() })
    const client = await watch(r)
    await r.send()
    expect(eventsOf(client)).toEqual(['snapshot'])
    await r.clock.advanceAsync(100)
    const [, change, ...more] = messagesOf(client)
    expect(more).toEqual([])
    expect(change?.data.peers.map(({ state }) => state)).toEqual(['ejected', 'ejected'])
    await r.balancer.close()
  })

  it('hears of one that is out, and that it is back', async () => {
    let outcome: Outcome = fails()
    const r = rig({ 'a:80': () => outcome, 'b:80': ok() }, { failTimeout: 10_000 })
    const client = await watch(r)
    await r.clock.advanceAsync(110)
    await r.send()
    await r.clock.advanceAsync(20)
    expect(messagesOf(client).at(-1)?.data.peers[0]).toMatchObject({ state: 'ejected' })
    outcome = ok()
    await r.clock.advanceAsync(10_100)
    for (let i = 0; i < 4; i++) await r.send()
    expect(r.standing).toEqual(['up', 'up'])
    await r.clock.advanceAsync(100)
    expect(messagesOf(client).at(-1)?.data.peers[0]).toMatchObject({ state: 'up' })
    await r.balancer.close()
  })

  it('hears of drained peers, of those that come and of those that go', async () => {
    const r = rig(ok())
    const client = await watch(r)
    r.upstream.drain(r.upstream.peers[0]!)
    await r.clock.advanceAsync(100)
    expect(messagesOf(client).at(-1)?.data.peers).toMatchObject([
      { name: 'a:80', state: 'draining' },
    ])
    r.upstream.add('http://c:80')
    r.upstream.remove(r.upstream.peers[0]!)
    await r.clock.advanceAsync(100)
    expect(messagesOf(client).at(-1)?.data.order).toEqual(['b:80', 'c:80'])
    await r.balancer.close()
  })

  it('is given a sign of life when nothing happens', async () => {
    const r = rig(ok())
    const client = await watch(r)
    await r.clock.advanceAsync(60_000)
    const events = eventsOf(client)
    expect(events.filter((event) => event === 'beat').length).toBeGreaterThanOrEqual(25)
    expect(events.length).toBeLessThan(35)
    await r.balancer.close()
  })

  it('that does not read is sent nothing more, then all at once, or is let go', async () => {
    const r = rig(ok())
    const client = await watch(r)
    client.socket.gateOpen = false
    for (let i = 0; i < 20; i++) {
      await r.send()
      await r.clock.advanceAsync(500)
    }
    // One message may have been under way; nothing is collected behind it.
    expect(client.res.writableLength).toBeLessThan(20_000)
    const before = messagesOf(client).length
    client.socket.gateOpen = true
    client.socket.openGate()
    await settle(r.clock)
    await r.send()
    await r.clock.advanceAsync(500)
    const later = messagesOf(client).slice(before)
    expect(later.map(({ event }) => event)).toContain('snapshot')
    expect(later.findLast(({ event }) => event === 'snapshot')?.data.totals.requests).toBe(21)

    client.socket.gateOpen = false
    for (let i = 0; i < 80; i++) {
      await r.send()
      await r.clock.advanceAsync(500)
    }
    expect(client.res.destroyed).toBe(true)
    expect(r.clock.pending).toBe(0)
  })
})

describe('watchers', () => {
  it('are twenty at most, and leave nothing behind', async () => {
    const r = rig(ok())
    const { pending } = r.clock
    const clients = await Promise.all(Array.from({ length: 20 }, () => watch(r)))
    expect(r.clock.pending).toBe(pending + 1)
    const one = await watch(r)
    expect(one.reply.status).toBe(503)
    clients[0]!.res.destroy()
    await settle(r.clock)
    expect(eventsOf(await watch(r))).toEqual(['snapshot'])
    for (const { res } of clients) res.destroy()
    await settle(r.clock)
    expect(r.clock.pending).toBe(pending + 1)
    await r.balancer.close()
    expect(r.clock.pending).toBe(pending)
  })

  it('end with the balancer', async () => {
    const r = rig(ok())
    const client = await watch(r)
    await r.balancer.close()
    expect(client.res.writableEnded).toBe(true)
    const late = await watch(r)
    expect(late.reply.status).toBe(503)
  })

  it('see the same state as the JSON, however the changes came', async () => {
    const r = rig({ 'a:80': fails(), 'b:80': ok() }, { failTimeout: 300 })
    const client = await watch(r)
    for (let i = 0; i < 40; i++) {
      await r.send({ url: `/${String(i)}` })
      await r.clock.advanceAsync(170)
    }
    // Until rates are what they were a moment ago.
    await r.clock.advanceAsync(20_000)
    let state: StatusSnapshot | undefined
    for (const { event, data } of messagesOf(client)) {
      if (event === 'snapshot') state = data
      if (event !== 'change' || state === undefined) continue
      const peers = state.peers.map((peer) => ({
        ...peer,
        ...data.peers.find(({ name }) => name === peer.name),
      }))
      state = { ...state, ...data, peers }
    }
    const now = new Client({ url: '/json' })
    r.balancer.statusPage(now.req, now.res)
    await settle(r.clock)
    const whole = JSON.parse(now.reply.body) as StatusSnapshot
    const comparable = ({ peers, totals, failures }: StatusSnapshot): unknown => ({
      peers: peers.map((peer) => ({ ...peer, returnsIn: null })),
      totals,
      failures,
    })
    expect(comparable(state!)).toEqual(comparable(whole))
    await r.balancer.close()
  })
})
