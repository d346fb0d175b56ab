/** What one worker knows is known to all. */
import { createUpstream } from 'evenkeel'
import { describe, expect, it, vi } from 'vitest'
import { fakeClock } from 'evenkeel/testing'
import { fail, knowledge, Pipe, startWorker, zoneRig } from './rig.js'
import { queueUp } from '../upstream/group.js'

describe('marks', () => {
  it('of one worker are everybody’s, with the time that is left, and so are returns', async () => {
    const rig = zoneRig()
    const [one, two] = [rig.start(), rig.start()]
    await rig.settle()
    const told: string[] = []
    two.registry.observers.add({
      ejected: (peer, reason, step) => told.push(`${peer.name} ${reason} ${step}`),
      returned: (peer, reason) => told.push(`${peer.name} ${reason}`),
    })
    fail(one, 'a')
    rig.clock.advance(3000)
    await rig.settle()
    expect(two.standing).toEqual({ a: 'ejected', b: 'up' })
    // Messages that were late have lost time on their way; that is all they can lose.
    expect(two.peer('a').ejectedUntil).toBe(one.peer('a').ejectedUntil)
    one.registry.proved(one.peer('a'))
    await rig.settle()
    expect(two.standing).toEqual({ a: 'up', b: 'up' })
    expect(told).toEqual(['a:80 shared answer', 'a:80 shared'])
  })

  it('are not told back by those who have learnt of them', async () => {
    const rig = zoneRig()
    const all = [rig.start(), rig.start(), rig.start(), rig.start()]
    await rig.settle()
    const before = all.map(({ pipe }) => pipe.up.count)
    const messages = rig.messages
    fail(all[0]!, 'a')
    await rig.settle()
    rig.clock.advance(1000)
    await rig.settle()
    const sent = all.map(({ pipe }, i) => pipe.up.count - before[i]!)
    expect(sent.slice(1)).toEqual([0, 0, 0])
    expect(rig.messages - messages).toBeLessThanOrEqual(6)
  })

  it('are known to a worker that comes later, and survive the one that made them', async () => {
    const rig = zoneRig()
    const one = rig.start()
    await rig.settle()
    fail(one, 'a')
    await rig.settle()
    one.pipe.cut()
    rig.clock.advance(2000)
    const two = rig.start()
    await rig.settle()
    expect(two.standing).toEqual({ a: 'ejected', b: 'up' })
    const left = two.peer('a').ejectedUntil - rig.clock.now()
    expect(left).toBe(8000)
  })

  it('when nobody is left to say so, one request tries the peer after failTimeout: one in all', async () => {
    const rig = zoneRig({ whenNoneLive: 'fail', peers: ['http://a:80'] })
    const [one, two] = [rig.start(), rig.start()]
    await rig.settle()
    fail(one, 'a')
    await rig.settle()
    rig.clock.advance(10_001)
    expect([one.registry.status(one.peer('a')), two.registry.status(two.peer('a'))]).toEqual([
      'up',
      'up',
    ])
    one.registry.taken(one.peer('a'), rig.clock.now())
    await rig.settle()
    expect(two.registry.status(two.peer('a'))).toBe('ejected')
  })

  it.each([undefined, 'nginx' as const])(
    'failures of several workers come to maxFails together (preset: %s)',
    async (preset) => {
      const rig = zoneRig({ maxFails: 3, ...(preset === undefined ? {} : { preset }) })
      const all = [rig.start(), rig.start(), rig.start()]
      await rig.settle()
      for (const worker of all) {
        expect(worker.standing).toEqual({ a: 'up', b: 'up' })
        fail(worker, 'a')
        rig.clock.advance(60)
        await rig.settle()
      }
      for (const worker of all) expect(worker.standing).toEqual({ a: 'ejected', b: 'up' })
    },
  )

  it('that are two failures at the same moment are one mark', async () => {
    const rig = zoneRig({ maxFails: 2 })
    const [one, two] = [rig.start(), rig.start()]
    await rig.settle()
    fail(one, 'a')
    fail(two, 'a')
    rig.clock.advance(60)
    await rig.settle()
    expect(one.standing).toEqual({ a: 'ejected', b: 'up' })
    expect(knowledge(two)).toEqual(knowledge(one))
  })

  it('failures that are older than failTimeout do not count together', async () => {
    const rig = zoneRig({ maxFails: 2 })
    const [one, two] = [rig.start(), rig.start()]
    await rig.settle()
    fail(one, 'a')
    rig.clock.advance(60)
    await rig.settle()
    rig.clock.advance(11_000)
    fail(two, 'a')
    rig.clock.advance(60)
    await rig.settle()
    expect(one.standing).toEqual({ a: 'up', b: 'up' })
    expect([one.peer('a').fails, two.peer('a').fails]).toEqual([1, 1])
  })
})

describe('marks of other kinds', () => {
  it('a peer that has asked for a rest gets it from all, and is back for all when it is over', async () => {
    const rig = zoneRig({ retryAfter: true })
    const [one, two] = [rig.start(), rig.start()]
    await rig.settle()
    one.registry.rest(one.peer('a'), 5000)
    await rig.settle()
    expect(two.standing).toEqual({ a: 'ejected', b: 'up' })
    rig.clock.advance(5001)
    expect(two.standing).toEqual({ a: 'up', b: 'up' })
    expect(one.standing).toEqual({ a: 'up', b: 'up' })
    await rig.settle()
    expect(knowledge(two)).toEqual(knowledge(one))
  })

  it('outlier detection keeps its books for each worker, and its marks for all', async () => {
    const rig = zoneRig({ outlierDetection: { consecutiveFailures: 2, jitter: 0 } })
    const [one, two] = [rig.start(), rig.start()]
    await rig.settle()
    fail(one, 'a')
    fail(two, 'a')
    rig.clock.advance(60)
    await rig.settle()
    expect(two.standing).toEqual({ a: 'up', b: 'up' })
    fail(one, 'a')
    await rig.settle()
    expect(two.standing).toEqual({ a: 'ejected', b: 'up' })
    two.registry.proved(two.peer('a'))
    await rig.settle()
    expect([one.standing, two.standing]).toEqual([
      { a: 'up', b: 'up' },
      { a: 'up', b: 'up' },
    ])
  })
})

describe('the leader', () => {
  it('is the eldest; when it is gone, the next looks after what is marked', async () => {
    const rig = zoneRig()
    const [one, two, three] = [rig.start(), rig.start(), rig.start()]
    await rig.settle()
    expect([one.leads, two.leads, three.leads]).toEqual([true, false, false])
    one.pipe.cut()
    await rig.settle()
    expect([two.leads, three.leads]).toEqual([true, false])
    await two.upstream.close()
    await rig.settle()
    expect(three.leads).toBe(true)
  })
})

describe('membership', () => {
  it('changes everywhere: add, update, drain, remove, replace, in one order', async () => {
    const rig = zoneRig()
    const [one, two, three] = [rig.start(), rig.start(), rig.start()]
    await rig.settle()
    const c = one.upstream.add({ url: 'http://c', weight: 3, labels: { v: '2' } })
    two.upstream.add('http://d')
    three.upstream.drain(three.peer('b'))
    await rig.settle()
    expect(knowledge(two)).toEqual(knowledge(one))
    expect(knowledge(three)).toEqual(knowledge(one))
    expect(one.standing).toEqual({ a: 'up', b: 'draining', c: 'up', d: 'up' })
    expect(two.peer('c')).toMatchObject({ weight: 3, labels: { v: '2' } })
    one.upstream.remove(c)
    two.upstream.update(two.peer('d'), { weight: 7, down: true })
    await rig.settle()
    expect(three.standing).toEqual({ a: 'up', b: 'draining', d: 'down' })
    const kept = three.peer('a')
    one.upstream.replace(['http://d', 'http://a', 'http://e'])
    await rig.settle()
    expect(Object.keys(three.standing)).toEqual(['d', 'a', 'e'])
    expect(three.peer('a')).toBe(kept)
    expect(knowledge(three)).toEqual(knowledge(one))
    const late = rig.start()
    await rig.settle()
    expect(knowledge(late)).toEqual(knowledge(one))
  })

  it('the same list again is no news', async () => {
    const rig = zoneRig()
    const one = rig.start()
    await rig.settle()
    const before = one.pipe.up.count
    one.upstream.replace(['http://a:80', 'http://b:80'])
    await rig.settle()
    expect(one.pipe.up.count - before).toBe(0)
  })

  it('workers of another configuration keep their own list, and share what is known of peers', async () => {
    const rig = zoneRig()
    const old = rig.start()
    await rig.settle()
    old.upstream.remove(old.peer('b'))
    fail(old, 'a')
    await rig.settle()
    const renewed = rig.start({ peers: ['http://a:80', 'http://b:80', 'http://c:80'] })
    await rig.settle()
    expect(renewed.standing).toEqual({ a: 'ejected', b: 'up', c: 'up' })
    expect(old.standing).toEqual({ a: 'ejected' })
  })

  it('takes no keys along', async () => {
    const rig = zoneRig()
    const { upstream } = rig.start()
    expect(() => upstream.add({ url: 'https://c', tls: { verify: false } })).toThrow(
      "peers[0].tls must not be new with zone: set the upstream's tls, or updateTls in each worker",
    )
  })
})

describe('connections', () => {
  it('of others count, at most every 50 ms, and not those of a worker that is gone', async () => {
    const rig = zoneRig({ peers: [{ url: 'http://a', maxConns: 2 }, 'http://b'] })
    const [one, two] = [rig.start(), rig.start()]
    await rig.settle()
    const now = rig.clock.now()
    one.registry.taken(one.peer('a'), now)
    one.registry.taken(one.peer('a'), now)
    await rig.settle()
    expect(two.peer('a').connections).toBe(0)
    for (let i = 0; i < 3; i++) {
      rig.clock.advance(50)
      await rig.settle()
    }
    expect(two.peer('a').connections).toBe(2)
    expect(two.standing).toEqual({ a: 'full', b: 'up' })
    two.registry.taken(two.peer('a'), now)
    two.registry.freed(two.peer('a'), 'ok')
    expect(two.peer('a').connections).toBe(2)
    one.pipe.cut()
    rig.clock.advance(50)
    await rig.settle()
    expect(two.peer('a').connections).toBe(0)
    expect(two.standing).toEqual({ a: 'up', b: 'up' })
  })

  it('a place that becomes free elsewhere is for who waits here', async () => {
    const rig = zoneRig({ peers: [{ url: 'http://a', maxConns: 1 }], whenNoneLive: 'wait' })
    const [one, two] = [rig.start(), rig.start()]
    await rig.settle()
    one.registry.taken(one.peer('a'), rig.clock.now())
    const tick = async (): Promise<void> => {
      rig.clock.advance(50)
      await rig.settle()
      rig.clock.advance(50)
      await rig.settle()
    }
    await tick()
    const resumed: string[] = []
    queueUp(two.registry, resumed)
    one.registry.freed(one.peer('a'), 'ok')
    await tick()
    expect(resumed).toEqual(['ready'])
  })

  it('that come and go between two looks are not told', async () => {
    const rig = zoneRig()
    const one = rig.start()
    rig.start()
    await rig.settle()
    rig.clock.advance(100)
    await rig.settle()
    const before = rig.messages
    for (let i = 0; i < 100; i++) {
      one.registry.taken(one.peer('a'), rig.clock.now())
      one.registry.freed(one.peer('a'), 'ok')
      rig.clock.advance(1)
    }
    await rig.settle()
    expect(rig.messages).toBe(before)
  })
})

describe('the channel', () => {
  it('that is slow is not filled: what is to be said becomes less', async () => {
    const rig = zoneRig({ peers: ['http://a', 'http://b', 'http://c'], maxFails: 1000 })
    const [one, two] = [rig.start(), rig.start()]
    await rig.settle()
    for (let i = 0; i < 500; i++) {
      fail(one, 'a')
      one.upstream.update(one.peer('b'), { weight: 1 + (i % 50) })
      rig.clock.advance(60)
      await Promise.resolve()
      await Promise.resolve()
    }
    expect(one.pipe.up.waiting.length).toBe(1)
    await rig.settle()
    expect(two.peer('a').fails).toBe(500)
    expect(knowledge(two)).toEqual(knowledge(one))
  })

  it('to a slow worker is not filled either', async () => {
    const rig = zoneRig()
    const [one, two] = [rig.start(), rig.start()]
    await rig.settle()
    const { up, down } = one.pipe
    for (let i = 0; i < 500; i++) {
      one.upstream.update(one.peer('b'), { weight: 1 + i })
      await Promise.resolve()
      await Promise.resolve()
      while (up.step() || down.step());
    }
    expect(two.pipe.down.waiting.length).toBe(1)
    await rig.settle()
    expect(two.peer('b').weight).toBe(500)
  })

  it('without anybody at the other end: requests wait for a moment only, and it is said once', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const clock = fakeClock(0)
    const pipe = new Pipe()
    const one = startWorker(pipe, clock, {
      zone: { name: 'z', wait: 300, channel: pipe.workerEnd },
    })
    let joined = false
    void one.registry.joining?.then(() => (joined = true))
    await clock.advanceAsync(299)
    expect(joined).toBe(false)
    await clock.advanceAsync(1)
    expect(joined).toBe(true)
    expect(one.registry.joining).toBeUndefined()
    expect(warn.mock.calls).toEqual([
      ['zone "z": nobody answers; is shareZones() called in the primary?', 'EvenkeelZoneWarning'],
    ])
    fail(one, 'a')
    expect(one.standing).toEqual({ a: 'ejected', b: 'up' })
    warn.mockRestore()
  })

  it('a hub that comes late learns what its workers know by then', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const rig = zoneRig()
    const pipe = new Pipe()
    const one = startWorker(pipe, rig.clock, {})
    rig.clock.advance(500)
    fail(one, 'a')
    one.upstream.add('http://c')
    while (pipe.up.step());
    rig.hub.connect(pipe.hubEnd)
    for (let i = 0; i < 5; i++) {
      while (pipe.down.step() || pipe.up.step());
      await Promise.resolve()
      await Promise.resolve()
    }
    const two = rig.start()
    await rig.settle()
    expect(two.standing).toEqual({ a: 'ejected', b: 'up', c: 'up' })
    expect(one.standing).toEqual({ a: 'ejected', b: 'up', c: 'up' })
    warn.mockRestore()
  })

  it('that throws, or ends, ends nothing else', async () => {
    const rig = zoneRig()
    const [one, two] = [rig.start(), rig.start()]
    await rig.settle()
    one.registry.taken(one.peer('a'), rig.clock.now())
    rig.clock.advance(100)
    await rig.settle()
    two.pipe.cut()
    expect(two.leads).toBe(true)
    fail(two, 'b')
    rig.clock.advance(100)
    expect(two.standing).toEqual({ a: 'up', b: 'ejected' })
    const broken = startWorker(new Pipe(), rig.clock, {
      zone: {
        name: 'z',
        channel: {
          send() {
            throw new Error('closed')
          },
          onMessage: () => () => undefined,
        },
      },
    })
    fail(broken, 'a')
    await broken.upstream.close()
    await broken.upstream.close()
  })
})

it('a process that nobody has forked has no zone, and does not mind', async () => {
  const send = process.send
  Object.assign(process, { send: undefined })
  try {
    const upstream = createUpstream({ peers: ['http://a'], zone: 'alone' })
    await upstream.close()
  } finally {
    Object.assign(process, { send })
  }
})
