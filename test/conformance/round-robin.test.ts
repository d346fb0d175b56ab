/** Smooth weighted round robin: a real nginx's sequence, `weight`, `effective_weight`, `down`, `backup`, `max_conns`. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { settle, Stage } from './stage.js'

interface Golden {
  readonly servers: readonly { readonly addr: string; readonly weight: number }[]
  /** Ports. */
  readonly order: readonly number[]
}

const golden = JSON.parse(
  readFileSync(new URL('golden/smooth-weighted-round-robin.json', import.meta.url), 'utf8'),
) as Golden

const peers = (...weights: readonly number[]): { weight: number }[] =>
  weights.map((weight) => ({ weight }))

describe('golden sequence of nginx 1.31.5', () => {
  const stage = new Stage(
    golden.servers.map(({ addr, weight }) => ({ url: `http://${addr}`, weight })),
  )

  it('has 14 steps', () => {
    expect(golden.order).toHaveLength(14)
  })

  it.each(golden.order.map((port, step) => [step + 1, port]))('step %i: %i', async (_, port) => {
    const { variables } = await stage.request()
    expect(variables.upstream_addr).toBe(`127.0.0.1:${port}`)
  })
})

describe('weight', () => {
  it.each([
    ['one', [1], 'a a a'],
    ['equal ones take turns', [1, 1, 1], 'a b c a b c'],
    ['equal ones of a greater weight, too', [4, 4], 'a b a b'],
    ['2 1', [2, 1], 'a b a a b a'],
    ['1 2: the heavier begins', [1, 2], 'b a b b a b'],
    ['5 1 1', [5, 1, 1], 'a a b a c a a'],
    ['3 2 1', [3, 2, 1], 'a b a c b a'],
    ['1 2 3 4', [1, 2, 3, 4], 'd c b d a c d b c d'],
  ])('%s', async (_, weights, order) => {
    expect(await new Stage(peers(...weights)).order(order.split(' ').length)).toBe(order)
  })

  it('over the sum of the weights each gets its own, and the current weights are 0 again', async () => {
    const weights = [7, 1, 4, 2, 9]
    const stage = new Stage(peers(...weights))
    const order = await stage.order(23)
    weights.forEach((weight, i) => {
      expect(order.split(' ').filter((name) => name === 'abcde'[i])).toHaveLength(weight)
    })
    expect(stage.balancer.upstream.peers.map((peer) => peer.currentWeight)).toEqual([0, 0, 0, 0, 0])
  })

  it('those that a request has tried take no part in its next pick', async () => {
    const stage = new Stage(peers(5, 1, 1), { maxFails: 0 })
    stage.does({ a: 'reset' })
    expect(await stage.line()).toBe('200 a, b [502, 200]')
    expect(stage.balancer.upstream.peers.map((peer) => peer.currentWeight)).toEqual([-2, 0, 2])
  })
})

describe('effective_weight', () => {
  it.each([
    [1, 0],
    [2, 3],
    [3, 4],
    [4, 5],
    [6, 5],
    [7, 6],
    [0, 6],
  ])('max_fails=%i: a failure leaves %i of 6', async (maxFails, left) => {
    const stage = new Stage([{ weight: 6, maxFails }, { maxFails: 0 }])
    stage.does({ a: 'reset' })
    await stage.request()
    expect(stage.peer('a').effectiveWeight).toBe(left)
  })

  it('does not go below 0', async () => {
    const stage = new Stage([{ weight: 6 }, {}], { failTimeout: 5 })
    stage.does({ a: 'reset' })
    await stage.request()
    await stage.at(6)
    expect(await stage.lines(3)).toEqual(['200 b [200]', '200 b [200]', '200 a, b [502, 200]'])
    // It had grown to 3 by then, and 6 were taken.
    expect(stage.peer('a').effectiveWeight).toBe(0)
  })

  it('grows by one at each pick that the peer takes part in, and not while it is marked', async () => {
    const stage = new Stage([{ weight: 6 }, { weight: 1 }], { failTimeout: 5 })
    stage.does({ a: 'reset' })
    await stage.request()
    stage.does({ a: 200 })
    await stage.lines(3)
    expect(stage.peer('a').effectiveWeight).toBe(0)
    await stage.at(6)
    const grown: number[] = []
    for (let i = 0; i < 8; i++) {
      await stage.request()
      grown.push(stage.peer('a').effectiveWeight)
    }
    expect(grown).toEqual([1, 2, 3, 4, 5, 6, 6, 6])
  })

  it('a peer that comes back gets its share little by little', async () => {
    const stage = new Stage([{ weight: 4 }, { weight: 4 }], { failTimeout: 1 })
    stage.does({ a: 'reset' })
    await stage.request()
    stage.does({ a: 200 })
    await stage.at(2)
    // Worked out by hand: a begins with current -4 and effective 0, b with current 4.
    expect(await stage.order(12)).toBe('b b b b a b a b a b a b')
  })
})

describe('down, backup and max_conns', () => {
  it('down gets nothing', async () => {
    expect(await new Stage([{}, { down: true }, {}]).order(4)).toBe('a c a c')
  })

  it('all down is "no live upstreams"', async () => {
    expect(await new Stage([{ down: true }, { down: true }]).line()).toBe('502 example [502]')
  })

  it('backups serve, by the same algorithm, only while no primary can', async () => {
    const stage = new Stage([{}, { backup: true, weight: 2 }, { backup: true }], { failTimeout: 5 })
    expect(await stage.order(2)).toBe('a a')
    stage.does({ a: 'reset' })
    expect(await stage.line()).toBe('200 a, b [502, 200]')
    stage.does({ a: 200 })
    expect(await stage.order(5)).toBe('c b b c b')
    await stage.at(6)
    expect(await stage.order(3)).toBe('a a a')
  })

  it('a request stays with the backups for its later tries', async () => {
    const stage = new Stage([{}, {}, { backup: true }, { backup: true }], { maxFails: 0 })
    stage.does({ a: 'reset', b: 'reset', c: 'reset' })
    expect(await stage.line()).toBe('200 a, b, c, d [502, 502, 502, 200]')
  })

  it('even if a primary is live again by then', async () => {
    const stage = new Stage([{}, { backup: true }, { backup: true }], { failTimeout: 1 })
    stage.does({ a: 'reset' })
    expect(await stage.line()).toBe('200 a, b [502, 200]')
    stage.does({ a: 200 })
    const release = stage.holds('c')
    const running = stage.begin()
    await stage.at(5)
    await release('reset')
    expect((await running.answered).line).toBe('200 c, b [502, 200]')
  })

  it('a full primary sends to the backup', async () => {
    const stage = new Stage([{ maxConns: 1 }, { backup: true }])
    const release = stage.holds('a')
    const running = stage.begin()
    await settle()
    expect(await stage.line()).toBe('200 b [200]')
    await release(200)
    expect((await running.answered).line).toBe('200 a [200]')
  })

  it('all full is 502, also for the only server', async () => {
    const stage = new Stage([{ maxConns: 1 }])
    const release = stage.holds('a')
    const running = stage.begin()
    await settle()
    expect(await stage.line()).toBe('502 example [502]')
    await release(200)
    await running.answered
    expect(await stage.line()).toBe('200 a [200]')
  })
})

describe('least_conn', () => {
  it('fewest attempts in flight by weight; round robin among equals', async () => {
    const stage = new Stage(peers(2, 1, 1), { selector: 'least_conn' })
    const releases = ['a', 'b', 'c'].map((name) => stage.holds(name))
    const running = Array.from({ length: 8 }, () => stage.begin())
    await settle()
    // Worked out by hand; it is what nginx does, too (see differential/).
    expect(stage.transport.peers.join(' ')).toBe('a:80 b:80 c:80 a:80 c:80 a:80 b:80 a:80')
    for (const release of releases) await release(200)
    await Promise.all(running.map(({ answered }) => answered))
  })
})
