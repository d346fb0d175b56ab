/** Whatever happens at whichever worker, and however late the messages are: in the end all know the same. */
import fc from 'fast-check'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { readLearnt, readTold } from '../../src/zone/wire.js'
import { fail, knowledge, zoneRig } from '../unit/zone/rig.js'
import type { Worker, ZoneRig } from '../unit/zone/rig.js'

// A worker that has stood alone for a while has said so.
beforeEach(() => {
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  return () => spy.mockRestore()
})

const NAMES = ['a', 'b', 'c', 'd', 'e']
const name = fc.constantFrom(...NAMES)
const worker = fc.nat(3)

const step = fc.oneof(
  fc.record({ do: fc.constant('fail' as const), worker, name }),
  fc.record({ do: fc.constant('status' as const), worker, name }),
  fc.record({ do: fc.constant('prove' as const), worker, name }),
  fc.record({ do: fc.constant('answer' as const), worker, name }),
  fc.record({ do: fc.constant('health' as const), worker, name, well: fc.boolean() }),
  fc.record({
    do: fc.constant('add' as const),
    worker,
    name,
    weight: fc.integer({ min: 1, max: 9 }),
  }),
  fc.record({ do: fc.constant('remove' as const), worker, name }),
  fc.record({
    do: fc.constant('update' as const),
    worker,
    name,
    weight: fc.integer({ min: 1, max: 9 }),
    drain: fc.boolean(),
  }),
  fc.record({
    do: fc.constant('replace' as const),
    worker,
    list: fc.shuffledSubarray(NAMES, { minLength: 1 }),
  }),
  fc.record({ do: fc.constant('time' as const), ms: fc.nat(4000) }),
  fc.record({ do: fc.constant('deliver' as const), worker, way: fc.constantFrom('up', 'down') }),
  fc.record({ do: fc.constant('start' as const) }),
  fc.record({ do: fc.constant('kill' as const), worker }),
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

async function run(rig: ZoneRig, each: Step): Promise<void> {
  if (each.do === 'time') rig.clock.advance(each.ms)
  else if (each.do === 'start') {
    if (rig.workers.length < 4) rig.start()
  } else {
    const one = rig.workers[each.worker]
    if (one !== undefined) act(rig, one, each)
  }
  await Promise.resolve()
  await Promise.resolve()
}

function act(rig: ZoneRig, one: Worker, each: Exclude<Step, { do: 'time' | 'start' }>): void {
  const { registry, upstream, pipe } = one
  if (each.do === 'deliver') {
    pipe[each.way].step()
    return
  }
  if (each.do === 'kill') {
    pipe.cut()
    rig.workers.splice(rig.workers.indexOf(one), 1)
    return
  }
  if (each.do === 'replace') {
    upstream.replace(each.list.map((host) => `http://${host}`))
    return
  }
  const peer = registry.peers.find(({ hostname }) => hostname === each.name)
  if (each.do === 'add') {
    if (peer === undefined) upstream.add({ url: `http://${each.name}`, weight: each.weight })
    return
  }
  if (peer === undefined) return
  if (each.do === 'fail') fail(one, each.name)
  else if (each.do === 'status') fail(one, each.name, 'status')
  else if (each.do === 'prove') registry.proved(peer)
  else if (each.do === 'health') peer.healthy = each.well
  else if (each.do === 'remove') upstream.remove(peer)
  else if (each.do === 'update') upstream.update(peer, { weight: each.weight, drain: each.drain })
  else {
    registry.taken(peer, registry.clock.now())
    registry.answered(peer, { reusedConnection: false, good: true, takenAt: registry.clock.now() })
    registry.freed(peer, 'ok')
  }
}

/** Everything that was to be said is said and heard. */
async function rest(rig: ZoneRig): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await rig.settle()
    rig.clock.advance(50)
  }
  await rig.settle()
}

describe.each([undefined, 'nginx' as const])('preset: %s', (preset) => {
  it('all workers agree in the end, those that come late included', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 3 }),
        async (steps, maxFails) => {
          const rig = zoneRig({
            peers: ['http://a', 'http://b', 'http://c'],
            maxFails,
            ...(preset === undefined ? {} : { preset }),
          })
          rig.start()
          rig.start()
          for (const each of steps) await run(rig, each)
          await rest(rig)
          const late = rig.start()
          await rest(rig)
          for (const each of rig.workers) {
            expect(knowledge(each)).toEqual(knowledge(late))
            expect(each.registry.peers.map(({ connections }) => connections)).toEqual(
              late.registry.peers.map(() => 0),
            )
          }
          expect(rig.workers.filter(({ leads }) => leads)).toHaveLength(1)
          const before = rig.messages
          await rest(rig)
          expect(rig.messages).toBe(before)
        },
      ),
      { numRuns: 300 },
    )
  })
})

it('connections of all workers add up', async () => {
  const change = fc.record({
    worker: fc.nat(2),
    name: fc.constantFrom('a', 'b'),
    by: fc.integer({ min: -3, max: 3 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(change, fc.nat(80)), { maxLength: 40 }), async (steps) => {
      const rig = zoneRig()
      const all = [rig.start(), rig.start(), rig.start()]
      await rig.settle()
      const sums = new Map<string, number>()
      const own = new Map<string, number>()
      for (const each of steps) {
        if (typeof each === 'number') {
          rig.clock.advance(each)
          await rig.settle()
          continue
        }
        const { registry, peer } = all[each.worker]!
        const key = `${each.worker}${each.name}`
        for (let i = 0; i < Math.abs(each.by); i++) {
          const many = own.get(key) ?? 0
          if (each.by < 0 && many === 0) break
          if (each.by > 0) registry.taken(peer(each.name), registry.clock.now())
          else registry.freed(peer(each.name), 'ok')
          own.set(key, many + Math.sign(each.by))
          sums.set(each.name, (sums.get(each.name) ?? 0) + Math.sign(each.by))
        }
      }
      await rest(rig)
      for (const each of all)
        for (const host of ['a', 'b']) expect(each.peer(host).connections).toBe(sums.get(host) ?? 0)
    }),
    { numRuns: 100 },
  )
})

it('no message breaks anything, whatever it is', () => {
  const envelope = fc.record({
    evenkeel: fc.constant('zone'),
    v: fc.constantFrom(1, 1, 1, 2, '1'),
    kind: fc.constantFrom('hello', 'changes', 'bye', 'state', 'hub', 'x'),
    zone: fc.oneof(fc.constant('test'), fc.anything()),
    member: fc.oneof(fc.constant('m'), fc.anything()),
    seq: fc.oneof(fc.nat(), fc.anything()),
    ack: fc.oneof(fc.nat(), fc.anything()),
    lead: fc.oneof(fc.boolean(), fc.anything()),
    full: fc.oneof(fc.boolean(), fc.anything()),
    config: fc.oneof(fc.constant('c'), fc.anything()),
    list: fc.oneof(fc.array(fc.tuple(fc.string(), fc.object())), fc.anything()),
    standings: fc.oneof(fc.array(fc.tuple(fc.string(), fc.object())), fc.anything()),
    entries: fc.oneof(
      fc.array(fc.tuple(fc.string(), fc.anything(), fc.string(), fc.object())),
      fc.anything(),
    ),
    membership: fc.oneof(
      fc.array(fc.tuple(fc.constantFrom('set', 'drop', 'list'), fc.anything(), fc.anything())),
      fc.anything(),
    ),
    gone: fc.anything(),
    counts: fc.oneof(fc.array(fc.tuple(fc.string(), fc.anything())), fc.anything()),
  })
  fc.assert(
    fc.property(fc.oneof(envelope, fc.anything()), (message) => {
      readTold(message, 1000)
      readLearnt(message, 1000)
    }),
    { numRuns: 1000 },
  )
})

it('nonsense from another process leaves the peers as they are, and the zone at work', async () => {
  const rig = zoneRig()
  const [one, two] = [rig.start(), rig.start()]
  await rig.settle()
  const before = knowledge(two)
  const { id, zone } = JSON.parse(JSON.stringify({ id: memberOf(two), zone: 'test' })) as Record<
    string,
    string
  >
  const state = {
    evenkeel: 'zone',
    v: 1,
    kind: 'state',
    zone,
    member: id,
    ack: 0,
    lead: false,
    full: false,
  }
  for (const more of [
    { standings: [['http://a:80', { fails: -1, statusFails: 0, ago: 0 }]] },
    { standings: [['http://a:80', { fails: 1e99, statusFails: 0, ago: 0 }], 7, null, [[]]] },
    {
      standings: 'x',
      gone: [7, {}],
      counts: [
        ['http://a:80', -4],
        ['http://nobody', 3],
      ],
    },
    { entries: [['http://a:80', 0, 'http://a:80', { weight: -1 }]] },
    {
      entries: [
        ['http://x', 9, 'ftp://x', {}],
        ['y', 'z'],
      ],
      gone: [],
    },
  ])
    two.pipe.down.listener?.({ ...state, ...more })
  expect(knowledge(two)).toEqual(before)
  fail(one, 'a')
  await rest(rig)
  expect(two.standing).toEqual({ a: 'ejected', b: 'up' })
})

/** The name that a worker goes by, as it says it. */
function memberOf({ pipe, upstream }: Worker): string {
  const known: string[] = []
  const { send } = pipe.up
  pipe.up.send = (message) => known.push((message as { member: string }).member)
  pipe.down.listener?.({ evenkeel: 'zone', v: 1, kind: 'hub' })
  pipe.up.send = send
  if (known[0] === undefined) throw new Error(`${upstream.name} says nothing`)
  return known[0]
}
