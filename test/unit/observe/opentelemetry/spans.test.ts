/** Spans of attempts, on a clock that stands still and without sockets. */
import { context, trace } from '@opentelemetry/api'
import { isTracingSuppressed } from '@opentelemetry/core'
import { AlwaysOffSampler, ParentBasedSampler } from '@opentelemetry/sdk-trace-base'
import type { BodySink, Transport } from 'evenkeel'
import { traceBalancer } from 'evenkeel/opentelemetry'
import { fails, hangs, ok } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { isError, spans, traceparentOf, within } from '../../../helpers/spans.js'
import { rig, settle } from '../../balancer/rig.js'
import type { Rig } from '../../balancer/rig.js'

const refused = fails()
const CLIENTS = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

/** What the attempts have sent, by the field's name. */
function sent({ transport }: Rig, name: string): (string | undefined)[] {
  return transport.attempts.map(({ head }) => {
    const at = head.headers.findIndex((each, i) => i % 2 === 0 && each.toLowerCase() === name)
    return at < 0 ? undefined : head.headers[at + 1]
  })
}

describe('a span', () => {
  it('has the attributes of the conventions, and the method for a name', async () => {
    const s = spans()
    const r = rig({ 'a:80': ok({ status: 404 }), 'b:80': ok() })
    traceBalancer(r.balancer, { tracerProvider: s.provider })
    await r.send({ url: '/a?sig=abc&x=1&Sig%6Eature=d' })
    const [span] = s.attempts
    expect(span?.name).toBe('GET')
    expect(span?.attributes).toEqual({
      'http.request.method': 'GET',
      'server.address': 'a',
      'server.port': 80,
      'url.full': 'http://a:80/a?sig=REDACTED&x=1&Sig%6Eature=REDACTED',
      'url.scheme': 'http',
      'network.protocol.version': '1.1',
      'http.response.status_code': 404,
      'evenkeel.upstream': 'upstream',
      'evenkeel.attempt.number': 1,
      'evenkeel.attempt.outcome': 'ok',
      'evenkeel.connection.reused': false,
    })
    expect(isError(span!)).toBe(false)
  })

  it('does not let clients invent names', async () => {
    const s = spans()
    const r = rig(ok())
    traceBalancer(r.balancer, { tracerProvider: s.provider, redactQuery: ['Token'] })
    await r.send({ method: 'BREW', url: '/?token=1&a' })
    expect(s.attempts[0]?.name).toBe('HTTP')
    expect(s.attempts[0]?.attributes).toMatchObject({
      'http.request.method': '_OTHER',
      'http.request.method_original': 'BREW',
      'url.full': 'http://a:80/?token=REDACTED&a',
    })
  })

  it('tells of failures by the type, and of the tries before by links', async () => {
    const s = spans()
    const r = rig(
      { 'a:80': refused, 'b:80': ok({ status: 503 }), 'c:80': ok({ status: 500 }) },
      {
        upstream: ['http://a:80', 'http://b:80', 'http://c:80'],
      },
    )
    traceBalancer(r.balancer, { tracerProvider: s.provider })
    await r.send()
    const [first, second, third] = s.attempts
    expect(s.attempts.map(({ attributes }) => attributes['error.type'])).toEqual([
      'connection_refused',
      '503',
      '500',
    ])
    expect(s.attempts.every(isError)).toBe(true)
    expect(first?.status.message).toBe('connection_refused in connect')
    expect(s.attempts.map(({ attributes }) => attributes['http.request.resend_count'])).toEqual([
      undefined,
      1,
      2,
    ])
    expect(first?.links).toEqual([])
    expect(second?.links.map(({ context: to }) => to.spanId)).toEqual([first?.spanContext().spanId])
    expect(third?.links.map(({ context: to }) => to.spanId)).toEqual([
      first?.spanContext().spanId,
      second?.spanContext().spanId,
    ])
    expect(first?.events.map(({ name, attributes }) => [name, attributes])).toEqual([
      ['evenkeel.eject', { 'evenkeel.peer': 'a:80' }],
      ['evenkeel.next', { 'evenkeel.condition': 'error', 'evenkeel.decision': 'next' }],
    ])
  })

  it('of a response that is not delivered ends when that is decided', async () => {
    const s = spans()
    const r = rig({ 'a:80': ok({ status: 503 }), 'b:80': ok({ delay: 50 }) })
    traceBalancer(r.balancer, { tracerProvider: s.provider })
    await r.start()
    expect(s.attempts.map(({ attributes }) => attributes['error.type'])).toEqual(['503'])
    expect(s.open.size).toBe(1)
    await r.clock.advanceAsync(50)
    await settle(r.clock)
    expect(s.open.size).toBe(0)
  })

  it('ends when the body is over, and fails with it', async () => {
    const s = spans()
    const r = rig(ok({ body: ['a', 'b'], gap: 20, failsWith: {} }))
    traceBalancer(r.balancer, { tracerProvider: s.provider })
    await r.start()
    await r.clock.advanceAsync(20)
    expect(s.open.size).toBe(1)
    await r.clock.advanceAsync(40)
    await settle(r.clock)
    expect(s.attempts).toMatchObject([
      {
        attributes: { 'http.response.status_code': 200, 'error.type': 'http_response_incomplete' },
      },
    ])
    expect(isError(s.attempts[0]!)).toBe(true)
  })

  it('ends when the client leaves, and blames nobody', async () => {
    const s = spans()
    const r = rig(hangs())
    traceBalancer(r.balancer, { tracerProvider: s.provider })
    const client = await r.start()
    client.leave()
    await settle(r.clock)
    expect(s.open.size).toBe(0)
    expect(s.attempts[0]?.attributes['evenkeel.attempt.outcome']).toBe('unanswered')
    expect(isError(s.attempts[0]!)).toBe(false)
  })

  it('says of a hedged attempt what became of it', async () => {
    const s = spans()
    const r = rig({ 'a:80': hangs(), 'b:80': ok() }, { hedge: { after: 30 } })
    traceBalancer(r.balancer, { tracerProvider: s.provider })
    await r.start()
    await r.clock.advanceAsync(30)
    await settle(r.clock)
    const byNumber = [...s.attempts].sort(
      (one, other) =>
        Number(one.attributes['evenkeel.attempt.number']) -
        Number(other.attributes['evenkeel.attempt.number']),
    )
    expect(byNumber).toMatchObject([
      { attributes: { 'evenkeel.attempt.outcome': 'cancelled' } },
      { attributes: { 'evenkeel.attempt.outcome': 'ok', 'evenkeel.attempt.hedged': true } },
    ])
    expect(byNumber.some(isError)).toBe(false)
    expect(s.open.size).toBe(0)
  })

  it('tells how long the request had waited', async () => {
    const s = spans()
    const r = rig(ok({ delay: 25 }), {
      upstream: [{ url: 'http://a:80', maxConns: 1 }],
      queue: { size: 5 },
    })
    traceBalancer(r.balancer, { tracerProvider: s.provider })
    await r.start()
    let parent = ''
    await within(s.tracer, 'server', async (span) => {
      parent = span.spanContext().spanId
      await r.start()
      await r.clock.advanceAsync(25)
      await settle(r.clock)
      await r.clock.advanceAsync(25)
      await settle(r.clock)
      span.end()
    })
    expect(s.attempts[1]?.attributes['evenkeel.queue.waited_ms']).toBe(25)
    expect(s.attempts[1]?.parentSpanContext?.spanId).toBe(parent)
    const server = s.all.find(({ name }) => name === 'server')
    expect(server?.events).toMatchObject([
      { name: 'evenkeel.queue', attributes: { 'evenkeel.queue.outcome': 'served' } },
    ])
  })

  it('is missing where nobody could be asked: then the server’s span is told', async () => {
    const s = spans()
    const r = rig(ok(), { upstream: [{ url: 'http://a:80', down: true }] })
    traceBalancer(r.balancer, { tracerProvider: s.provider })
    await within(s.tracer, 'server', async (span) => {
      await r.send()
      span.end()
    })
    expect(s.attempts).toEqual([])
    expect(s.all[0]?.events).toMatchObject([
      { name: 'evenkeel.error', attributes: { 'evenkeel.code': 'ERR_NO_LIVE_UPSTREAMS' } },
    ])
  })
})

describe('the trace', () => {
  it('goes on from what is active, whatever the client says', async () => {
    const s = spans()
    const r = rig({ 'a:80': refused, 'b:80': ok() })
    traceBalancer(r.balancer, { tracerProvider: s.provider })
    const parent = await within(s.tracer, 'server', async (span) => {
      await r.send({ headers: { traceparent: CLIENTS, tracestate: 'vendor=1', baggage: 'k=v' } })
      span.end()
      return span.spanContext()
    })
    for (const span of s.attempts) {
      expect(span.parentSpanContext?.spanId).toBe(parent.spanId)
      expect(span.spanContext().traceId).toBe(parent.traceId)
    }
    expect(sent(r, 'traceparent')).toEqual(s.attempts.map(traceparentOf))
    // The client's belongs to another trace; its baggage to none.
    expect(sent(r, 'tracestate')).toEqual([undefined, undefined])
    expect(sent(r, 'baggage')).toEqual(['k=v', 'k=v'])
  })

  it('goes on from the client’s header where nothing is active', async () => {
    const s = spans()
    const r = rig(ok())
    traceBalancer(r.balancer, { tracerProvider: s.provider })
    await r.send({ headers: { traceparent: CLIENTS, tracestate: 'vendor=1', baggage: 'k=v' } })
    const [span] = s.attempts
    expect(span?.spanContext().traceId).toBe('0af7651916cd43dd8448eb211c80319c')
    expect(span?.parentSpanContext?.spanId).toBe('b7ad6b7169203331')
    expect(sent(r, 'traceparent')).toEqual([traceparentOf(span!)])
    expect(sent(r, 'tracestate')).toEqual(['vendor=1'])
    expect(sent(r, 'baggage')).toEqual(['k=v'])
  })

  it.each(['', 'nonsense', '00-00000000000000000000000000000000-b7ad6b7169203331-01'])(
    'begins anew when the client’s header is %j',
    async (traceparent) => {
      const s = spans()
      const r = rig(ok())
      traceBalancer(r.balancer, { tracerProvider: s.provider })
      await r.send({ headers: { traceparent } })
      expect(s.attempts[0]?.parentSpanContext).toBeUndefined()
      expect(sent(r, 'traceparent')).toEqual([traceparentOf(s.attempts[0]!)])
    },
  )

  it('of a client that is not recorded here is passed on as it is', async () => {
    const s = spans(new AlwaysOffSampler())
    const r = rig(ok())
    traceBalancer(r.balancer, { tracerProvider: s.provider })
    await r.send({ headers: { traceparent: CLIENTS, tracestate: 'vendor=1' } })
    expect(sent(r, 'traceparent')).toEqual([CLIENTS])
    expect(sent(r, 'tracestate')).toEqual(['vendor=1'])
    expect(s.all).toEqual([])
  })

  it('that is not sampled is still passed on', async () => {
    const s = spans(new ParentBasedSampler({ root: new AlwaysOffSampler() }))
    const r = rig(ok())
    traceBalancer(r.balancer, { tracerProvider: s.provider })
    const { traceId } = await within(s.tracer, 'server', async (span) => {
      await r.send({ headers: { traceparent: CLIENTS } })
      return span.spanContext()
    })
    expect(sent(r, 'traceparent')).toEqual([
      expect.stringMatching(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`)),
    ])
  })

  it('needs no SDK: without one everything goes by untouched', async () => {
    const r = rig({ 'a:80': refused, 'b:80': ok() })
    traceBalancer(r.balancer)
    await r.send({ headers: { traceparent: CLIENTS } })
    expect(sent(r, 'traceparent')).toEqual([CLIENTS, CLIENTS])
  })

  it('is what hooks find active, after a retry and after a wait, too', async () => {
    const s = spans()
    const seen: (string | undefined)[] = []
    const note = (): void => void seen.push(trace.getSpan(context.active())?.spanContext().spanId)
    const r = rig(
      { 'a:80': refused, 'b:80': ok({ delay: 5, body: ['x', 'y'], gap: 5 }) },
      {
        onUpstreamResponse: note,
        onUpstreamRequest: note,
      },
    )
    traceBalancer(r.balancer, { tracerProvider: s.provider })
    const id = await within(s.tracer, 'server', async (span) => {
      await r.start()
      return span.spanContext().spanId
    })
    await within(s.tracer, 'another', () => r.clock.advanceAsync(20))
    await settle(r.clock)
    expect(seen).toEqual([id, id])
  })
})

it.each([
  ['is read whole first', 1024],
  ['flows', 0],
])(
  'what a transport calls back from elsewhere goes on in the context of the request: a body %s',
  async (_how, wholeResponse) => {
    const s = spans()
    const active = (): string | undefined => trace.getSpan(context.active())?.spanContext().spanId
    const seen: Record<string, string | boolean | undefined> = {}
    let answer = (): void => undefined
    let sink: BodySink | undefined
    const response = {
      status: 200,
      statusMessage: 'OK',
      rawHeaders: ['content-length', '1'],
      start: (to: BodySink) => void (sink = to),
      resume: () => undefined,
      discard: () => undefined,
    }
    const transport: Transport = {
      name: 'elsewhere',
      roundTrip: () => Promise.reject(new Error('start is there')),
      close: () => Promise.resolve(),
      start(_attempt, _signal, settle) {
        seen['suppressed'] = isTracingSuppressed(context.active())
        answer = () => {
          settle({ kind: 'response', response })
        }
      },
    }
    const r = rig(ok(), {
      transport,
      wholeResponse,
      onUpstreamResponse: () => {
        seen['hook'] = active()
        seen['quiet'] = isTracingSuppressed(context.active())
      },
    })
    traceBalancer(r.balancer, { tracerProvider: s.provider })
    const id = await within(s.tracer, 'server', async (span) => {
      await r.start()
      return span.spanContext().spanId
    })
    within(s.tracer, 'another', () => {
      answer()
    })
    within(s.tracer, 'another', () => {
      sink?.data(Buffer.from('x'))
      sink?.end([])
    })
    await settle(r.clock)
    expect(seen).toEqual({ suppressed: true, hook: id, quiet: false })
  },
)

describe('close', () => {
  it('lets those under way end, and traces nothing that comes later', async () => {
    const s = spans()
    const r = rig(ok({ delay: 20 }))
    const tracing = traceBalancer(r.balancer, { tracerProvider: s.provider })
    await r.start()
    tracing.close()
    tracing.close()
    await r.start()
    await r.clock.advanceAsync(20)
    await settle(r.clock)
    expect(s.attempts).toHaveLength(1)
    expect(s.open.size).toBe(0)
    await r.start()
    await r.clock.advanceAsync(20)
    await settle(r.clock)
    expect(s.attempts).toHaveLength(1)
    expect(() => traceBalancer(r.balancer)).not.toThrow()
  })

  it('comes before another one: a balancer is traced once', () => {
    const r = rig(ok())
    traceBalancer(r.balancer)
    expect(() => traceBalancer(r.balancer)).toThrow(/traced already/)
  })
})

it('an SDK that throws costs nobody an answer', async () => {
  const r = rig(ok())
  const broken = {
    startSpan() {
      throw new Error('broken')
    },
  }
  traceBalancer(r.balancer, { tracer: broken })
  await expect(r.send()).resolves.toMatchObject({ status: 200 })
})

it('what is no balancer is refused', () => {
  expect(() => traceBalancer({} as never)).toThrow(/not a balancer/)
})
