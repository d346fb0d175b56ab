/** What is told of a request on its way: as events, and on `diagnostics_channel`. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { AttemptEndEvent, AttemptStartEvent, QueueEvent } from 'evenkeel'
import { fails, ok } from 'evenkeel/testing'
import { describe, expect, it, vi } from 'vitest'
import { internalsOf } from '../../../src/observe/internals.js'
import { rig, settle } from './rig.js'

const refused = fails()

describe('attempts', () => {
  it('are told of when they begin and when they end, a failure before the next begins', async () => {
    const r = rig({ 'a:80': refused, 'b:80': ok() })
    const heard: string[] = []
    r.balancer
      .on('start', ({ request, upstream }) => heard.push(`start ${request.url ?? ''} ${upstream}`))
      .on('attemptStart', ({ peer, number, again }) =>
        heard.push(`> ${peer.name} ${String(number)} ${String(again)}`),
      )
      .on('attemptEnd', ({ peer, number, attempt }) =>
        heard.push(`< ${peer?.name ?? '-'} ${String(number)} ${attempt.outcome}`),
      )
      .on('finish', ({ status: given }) => heard.push(`finish ${String(given)}`))
    await r.send({ url: '/a' })
    expect(heard).toEqual([
      `start /a ${r.upstream.name}`,
      '> a:80 1 false',
      '< a:80 1 connection_refused in connect',
      '> b:80 2 false',
      '< b:80 2 ok',
      'finish 200',
    ])
  })

  it('say what was the matter, what was done, and why nothing more', async () => {
    const r = rig({ 'a:80': refused, 'b:80': refused })
    const ends: AttemptEndEvent[] = []
    r.balancer.on('attemptEnd', (event) => ends.push(event))
    await r.send()
    expect(ends.map(({ attempt }) => attempt)).toMatchObject([
      { condition: 'error', type: 'connection_refused', requestSent: false, decision: 'next' },
      { charged: true, marked: true, decision: 'finish', why: 'no_eligible_peer' },
    ])
    expect(ends[0]?.attempt).toMatchObject({ charged: true, marked: true, why: undefined })
  })

  it('have a start in the time of the request', async () => {
    const r = rig({ 'a:80': fails({ delay: 30 }), 'b:80': ok() })
    const ends: AttemptEndEvent[] = []
    r.balancer.on('attemptEnd', (event) => ends.push(event))
    await r.start()
    await r.clock.advanceAsync(30)
    await settle(r.clock)
    expect(ends.map(({ attempt }) => attempt.startedAt)).toEqual([0, 30])
  })

  it('made again at the same peer begin when that is made', async () => {
    const stale = fails({ type: 'connection_terminated', reusedConnection: true, delay: 30 })
    const r = rig([stale, ok()], { upstream: ['http://a:80'] })
    const starts: boolean[] = []
    const ends: AttemptEndEvent[] = []
    r.balancer.on('attemptStart', ({ again }) => starts.push(again))
    r.balancer.on('attemptEnd', (event) => ends.push(event))
    await r.start()
    await r.clock.advanceAsync(30)
    await settle(r.clock)
    expect(starts).toEqual([false, true])
    expect(ends.map(({ attempt }) => attempt.startedAt)).toEqual([0, 30])
    expect(ends[0]?.attempt).toMatchObject({ stale: true, decision: 'again' })
  })

  it('are told of where no peer could be chosen, too', async () => {
    const r = rig(ok(), { upstream: [{ url: 'http://a:80', down: true }] })
    const starts = vi.fn()
    const ends: AttemptEndEvent[] = []
    r.balancer.on('attemptStart', starts).on('attemptEnd', (event) => ends.push(event))
    await r.send()
    expect(starts).not.toHaveBeenCalled()
    expect(ends).toMatchObject([{ peer: undefined, attempt: { outcome: 'no_live_upstreams' } }])
  })
})

describe('setHeader', () => {
  it('changes what one attempt sends, and no other', async () => {
    const r = rig({ 'a:80': refused, 'b:80': ok() })
    r.balancer.on('attemptStart', ({ number, setHeader }) => {
      if (number !== 1) return
      setHeader('traceparent', '00-1')
      setHeader('tracestate', 'a=b')
    })
    await r.send({ headers: { traceparent: '00-client' } })
    const sent = r.transport.attempts.map(({ head }) => {
      const at = head.headers.findIndex((name) => name.toLowerCase() === 'traceparent')
      return head.headers[at + 1]
    })
    expect(sent).toEqual(['00-1', '00-client'])
    expect(r.transport.attempts[0]?.head.headers).toContain('tracestate')
    expect(r.transport.attempts[1]?.head.headers).not.toContain('tracestate')
  })

  it.each([
    ['a name', 'a b', 'x', /"a b" is no name/],
    ['a value', 'x', 'a\r\nb: c', /value of "x" cannot be sent/],
    ['framing', 'Content-Length', '1', /belongs to the connection/],
  ])('refuses %s that would break the message', async (_what, name, value, text) => {
    const r = rig(ok())
    const thrown: unknown[] = []
    r.balancer.on('attemptStart', ({ setHeader }) => {
      try {
        setHeader(name, value)
      } catch (error) {
        thrown.push(error)
      }
    })
    await expect(r.send()).resolves.toMatchObject({ status: 200 })
    expect(thrown).toMatchObject([{ message: expect.stringMatching(text) as string }])
  })

  it('is of no use when the attempt has begun', async () => {
    const r = rig(ok())
    const starts: AttemptStartEvent[] = []
    r.balancer.on('attemptStart', (event) => starts.push(event))
    await r.send()
    expect(() => {
      starts[0]?.setHeader('a', 'b')
    }).toThrow(/has begun/)
  })
})

describe('the queue', () => {
  const busy = { upstream: [{ url: 'http://a:80', maxConns: 1 }], queue: { size: 5 } }

  it('tells of who joins it, and how long they waited', async () => {
    const r = rig(ok({ delay: 25 }), busy)
    const heard: QueueEvent[] = []
    r.balancer.on('queue', (event) => heard.push(event))
    await r.start()
    await r.start()
    await r.clock.advanceAsync(25)
    await settle(r.clock)
    await r.clock.advanceAsync(25)
    await settle(r.clock)
    expect(heard.map(({ outcome, waited }) => [outcome, waited])).toEqual([
      ['joined', 0],
      ['served', 25],
    ])
    expect(r.events.finish.map(({ waited }) => waited)).toEqual([0, 25])
  })

  it('tells of who waited in vain, and for whom there was no room', async () => {
    const r = rig(ok({ delay: 500 }), { ...busy, queue: { size: 1, timeout: 100 } })
    const heard: QueueEvent[] = []
    r.balancer.on('queue', (event) => heard.push(event))
    await r.start()
    await r.start()
    await r.start()
    await r.clock.advanceAsync(100)
    await settle(r.clock)
    expect(heard.map(({ outcome }) => outcome)).toEqual(['joined', 'full', 'timeout'])
  })

  it('tells of a client that leaves it', async () => {
    const r = rig(ok({ delay: 500 }), busy)
    const heard: QueueEvent[] = []
    r.balancer.on('queue', (event) => heard.push(event))
    await r.start()
    const client = await r.start()
    await r.clock.advanceAsync(40)
    client.leave()
    await settle(r.clock)
    expect(heard.map(({ outcome, waited }) => [outcome, waited])).toEqual([
      ['joined', 0],
      ['left', 40],
    ])
  })
})

describe('observers of the library’s own', () => {
  it('are all told, though one of them leaves in the middle', async () => {
    const r = rig(ok())
    const { reporter } = internalsOf(r.balancer)
    const heard: string[] = []
    const leaving = {
      finished() {
        heard.push('leaving')
        reporter.remove(leaving)
      },
    }
    const staying = { finished: () => void heard.push('staying') }
    reporter.add(leaving)
    reporter.add(staying)
    reporter.add(staying)
    await r.send()
    await r.send()
    expect(heard).toEqual(['leaving', 'staying', 'staying'])
  })
})

describe('diagnostics_channel', () => {
  it('has each event, with the same payload, for the whole process', async () => {
    const r = rig({ 'a:80': ok({ status: 503 }), 'b:80': ok() })
    const heard: unknown[] = []
    const told: unknown[] = []
    const onMessage = (message: unknown): void => void heard.push(message)
    subscribe('evenkeel:attemptStart', onMessage)
    subscribe('evenkeel:finish', onMessage)
    r.balancer.on('attemptStart', (event) => told.push(event))
    r.balancer.on('finish', (event) => told.push(event))
    await r.send()
    unsubscribe('evenkeel:attemptStart', onMessage)
    unsubscribe('evenkeel:finish', onMessage)
    expect(heard).toHaveLength(3)
    expect(heard).toEqual(told)
    expect(heard[0]).toBe(told[0])
  })

  it('needs no listener on the balancer', async () => {
    const r = rig(ok())
    const heard: unknown[] = []
    const onMessage = (message: unknown): void => void heard.push(message)
    subscribe('evenkeel:attemptEnd', onMessage)
    await r.send()
    unsubscribe('evenkeel:attemptEnd', onMessage)
    await r.send()
    expect(heard).toMatchObject([{ upstream: r.upstream.name, number: 1 }])
  })
})
