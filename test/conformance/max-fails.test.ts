/** `max_fails` and `fail_timeout`: whole seconds, one live request after the window, forgiven when it is complete. */
import { describe, expect, it } from 'vitest'
import { ok } from 'evenkeel/testing'
import { settle, Stage } from './stage.js'
import type { Does, Running } from './stage.js'

/** a has just failed, half past a second; both do well from now on. */
async function marked(options = {}): Promise<Stage> {
  const stage = new Stage([{}, {}], options)
  stage.does({ a: 'reset' })
  expect(await stage.line()).toBe('200 a, b [502, 200]')
  stage.does({ a: 200 })
  return stage
}

/** Requests until a has one more; returns that one. Round robin gives b two before it. */
async function letThrough(stage: Stage): Promise<Running> {
  const before = stage.peer('a').connections
  for (let i = 0; i < 3; i++) {
    const running = stage.begin()
    await settle()
    if (stage.peer('a').connections > before) return running
  }
  throw new Error('none was let through')
}

describe('fail_timeout counts whole seconds', () => {
  it.each([
    [0.1, 'b b b'],
    [9.4, 'b b b'],
    // 10 s later by the whole second: `now - checked <= fail_timeout` still holds.
    [9.5, 'b b b'],
    [10, 'b b b'],
    [10.499, 'b b b'],
    // The 11th second has begun.
    [10.5, 'a b b'],
    [11, 'a b b'],
    [60, 'a b b'],
  ])('%d s after the failure: %s', async (seconds, order) => {
    const stage = await marked()
    await stage.at(seconds)
    const answered = await stage.order(3)
    expect(answered.split(' ').sort().join(' ')).toBe(order)
  })

  it.each([0, 1, 3])('fail_timeout=%i', async (failTimeout) => {
    const stage = await marked({ failTimeout })
    await stage.at(failTimeout + 0.4)
    expect(await stage.order(3)).toBe('b b b')
    await stage.at(failTimeout + 0.6)
    expect(await stage.order(3)).toContain('a')
  })
})

describe('after the window one request is let through', () => {
  async function underWay(): Promise<[Stage, (does: Does) => Promise<void>, Running]> {
    const stage = await marked()
    await stage.at(11)
    const release = stage.holds('a')
    return [stage, release, await letThrough(stage)]
  }

  it('all others still see the peer as marked', async () => {
    const [stage, release, probe] = await underWay()
    expect(await stage.order(6)).toBe('b b b b b b')
    expect(stage.balancer.upstream.status(stage.peer('a'))).toBe('ejected')
    await release(200)
    await probe.answered
    expect(stage.balancer.upstream.status(stage.peer('a'))).toBe('up')
    stage.does({ a: 200 })
    expect(await stage.order(4)).toContain('a')
  })

  it('the peer is forgiven when that request completes, not at its headers', async () => {
    const [stage, release, probe] = await underWay()
    await release(ok({ body: ['one', 'two'], gap: 3000 }))
    await stage.at(14.5)
    expect(await stage.order(4)).toBe('b b b b')
    expect(stage.peer('a').fails).toBe(1)
    await stage.at(17.5)
    await probe.answered
    stage.does({ a: 200 })
    expect(stage.peer('a').fails).toBe(0)
    expect(await stage.order(4)).toContain('a')
  })

  it('its failure arms the window again', async () => {
    const [stage, release, probe] = await underWay()
    await stage.at(12)
    await release('reset')
    await probe.answered
    stage.does({ a: 200 })
    await stage.at(22.4)
    expect(await stage.order(4)).toBe('b b b b')
    await stage.at(22.5)
    expect(await stage.order(4)).toContain('a')
  })

  it('while it hangs, one more is let through every fail_timeout', async () => {
    const [stage, release, probe] = await underWay()
    // It was let through in the second that began at 10.5 s.
    await stage.at(21.4)
    expect(await stage.order(4)).toBe('b b b b')
    stage.does({ a: 200 })
    await stage.at(21.5)
    expect(await stage.order(4)).toContain('a')
    await release(200)
    await probe.answered
  })

  it.each<[string, Does]>([
    ['an error status', 500],
    ['a status that is passed on', 404],
    ['a death in the body', ok({ body: 'x', failsWith: {} })],
  ])('%s forgives it, too: it is no failure', async (_, does) => {
    const [stage, release, probe] = await underWay()
    await release(does)
    await probe.answered
    expect(stage.peer('a').fails).toBe(0)
  })

  it('a client that leaves it forgives it, too', async () => {
    const [stage, release, probe] = await underWay()
    probe.leave()
    expect((await probe.answered).line).toBe('499 a [-]')
    expect(stage.peer('a').fails).toBe(0)
    await release(200)
  })

  it('an older request that completes after the window was armed anew forgives it (accessed < checked)', async () => {
    const stage = new Stage([{}, {}])
    const older = stage.holds('a')
    const first = await letThrough(stage)
    await stage.request()
    stage.does({ a: 'reset' })
    await stage.request()
    expect(stage.peer('a').fails).toBe(1)
    const newer = stage.holds('a')
    await stage.at(11)
    const second = await letThrough(stage)
    await older(200)
    await first.answered
    expect(stage.peer('a').fails).toBe(0)
    await newer('reset')
    await second.answered
  })

  it('an older request that completes within the window does not forgive', async () => {
    const stage = new Stage([{}, {}])
    const older = stage.holds('a')
    const first = await letThrough(stage)
    await stage.request()
    stage.does({ a: 'reset' })
    await stage.request()
    await stage.at(5)
    await older(200)
    await first.answered
    expect(stage.peer('a').fails).toBe(1)
    stage.does({ a: 200 })
    expect(await stage.order(3)).toBe('b b b')
  })
})

describe('max_fails', () => {
  it.each([1, 2, 3, 5])('%i failures mark a peer, one fewer does not', async (maxFails) => {
    const stage = new Stage([{ maxFails }, { maxFails: 0 }])
    stage.does({ a: 'reset' })
    let failures = 0
    for (let i = 0; i < 40; i++) {
      if ((await stage.line()).includes('a, b')) failures++
    }
    expect(failures).toBe(maxFails)
    expect(stage.balancer.upstream.status(stage.peer('a'))).toBe('ejected')
  })

  it('0 never marks, and leaves the weight alone', async () => {
    const stage = new Stage([{ weight: 3, maxFails: 0 }, {}])
    stage.does({ a: 'reset' })
    expect((await stage.lines(8)).filter((line) => line === '200 a, b [502, 200]')).toHaveLength(6)
    expect(stage.peer('a').effectiveWeight).toBe(3)
    expect(stage.balancer.upstream.status(stage.peer('a'))).toBe('up')
  })

  it('a success within fail_timeout does not forgive the failure before it', async () => {
    const stage = new Stage([{ maxFails: 2 }, { down: true }], { failTimeout: 10 })
    stage.does({ a: 'reset' })
    await stage.request()
    stage.does({ a: 200 })
    await stage.at(5)
    expect(await stage.line()).toBe('200 a [200]')
    stage.does({ a: 'reset' })
    await stage.at(9)
    expect(await stage.line()).toBe('502 a [502]')
    expect(await stage.line()).toBe('502 example [502]')
  })

  it('a success after fail_timeout does', async () => {
    const stage = new Stage([{ maxFails: 2 }, { down: true }], { failTimeout: 10 })
    stage.does({ a: 'reset' })
    await stage.request()
    stage.does({ a: 200 })
    await stage.at(11)
    await stage.request()
    stage.does({ a: 'reset' })
    await stage.at(12)
    expect(await stage.line()).toBe('502 a [502]')
    stage.does({ a: 200 })
    expect(await stage.line()).toBe('200 a [200]')
  })

  it('time alone forgives nothing: two failures a day apart mark the peer', async () => {
    const stage = new Stage([{ maxFails: 2 }, { down: true }])
    stage.does({ a: 'reset' })
    await stage.request()
    await stage.at(86_400)
    expect(await stage.line()).toBe('502 a [502]')
    expect(await stage.line()).toBe('502 example [502]')
  })

  it.each<[Does]>([
    ['refused'],
    ['connect timeout'],
    ['reset'],
    ['read timeout'],
    ['bad header'],
    ['big header'],
    ['stale'],
  ])('%s counts although it is not listed', async (does) => {
    const stage = new Stage([{}, {}], { on: ['http_502'] })
    stage.does({ a: does })
    expect((await stage.request()).status).toBe(
      does === 'read timeout' || does === 'connect timeout' ? 504 : 502,
    )
    expect(await stage.order(3)).toBe('b b b')
  })
})

describe('nothing but requests', () => {
  it('brings a peer back: no probe is under way', async () => {
    const stage = await marked()
    expect(stage.clock.pending).toBe(0)
  })
})

describe('the only server', () => {
  it('is never marked', async () => {
    const stage = new Stage([{}])
    stage.does({ a: 'reset' })
    expect(await stage.lines(3)).toEqual(Array.from({ length: 3 }, () => '502 a [502]'))
    expect(stage.peer('a').fails).toBe(0)
    expect(stage.peer('a').effectiveWeight).toBe(1)
  })

  it('gets a request once, whatever tries says', async () => {
    const stage = new Stage([{}], { on: ['error', 'http_500'], tries: 5 })
    stage.does({ a: 'reset' })
    expect(await stage.line()).toBe('502 a [502]')
    stage.does({ a: 500 })
    expect(await stage.request()).toMatchObject({ line: '500 a [500]', body: "upstream's 500" })
  })

  it.each([
    ['down', { down: true }],
    ['that is marked', {}],
    ['for backup', { backup: true }],
  ])('loses that with one more server %s', async (_, more) => {
    const stage = new Stage([{}, more])
    stage.does({ a: 'reset', b: 'reset' })
    await stage.request()
    stage.does({ a: 200, b: 200 })
    expect(await stage.line()).toBe('502 example [502]')
    await stage.at(11)
    expect(await stage.line()).toMatch(/^200 /)
  })
})
