import { describe, expect, it } from 'vitest'
import { fails, fakeClock, hangs, ok, scriptedTransport } from 'evenkeel/testing'
import type { FailsOptions } from 'evenkeel/testing'
import type {
  AttemptResult,
  BodySink,
  UpstreamResponse,
} from '../../../src/next-upstream/attempt-result.js'
import type {
  Attempt,
  AttemptSignal,
  RequestSink,
  RequestSource,
} from '../../../src/transport/transport.js'
import { PeerState } from '../../../src/upstream/peer.js'

function peer(name: string): PeerState {
  return new PeerState(
    { protocol: 'http:', hostname: name, port: 80, socketPath: undefined, name },
    { weight: 1, maxConns: 0, maxFails: 1, failTimeout: 10_000, backup: false, down: false },
    0,
  )
}

/** A body under the test's hand: `push` and `end` go to the sink that is attached. */
class Source implements RequestSource {
  readonly log: string[] = []
  sink: RequestSink | undefined
  constructor(
    readonly framing: 'none' | 'known' | 'chunked' = 'none',
    readonly length = 0,
  ) {}
  attach(sink: RequestSink): void {
    this.log.push('attach')
    this.sink = sink
  }
  drained(): void {
    this.log.push('drained')
  }
  detach(): void {
    this.log.push('detach')
  }
}

function attemptAt(name: string, body: RequestSource = new Source()): Attempt {
  return {
    peer: peer(name),
    head: { method: 'POST', target: '/x', headers: ['Host', 'h'], upgrade: undefined },
    body,
    connection: 'any',
    expectContinue: false,
    record: {
      connectTime: -1,
      headerTime: -1,
      responseTime: -1,
      bytesSent: 0,
      bytesReceived: 0,
      responseLength: 0,
      reused: false,
    },
  }
}

const signal = (aborted = false): AttemptSignal & { onAbort: (() => void) | undefined } => ({
  aborted,
  onAbort: undefined,
  informational: () => expect.unreachable(),
})
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function pending(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  promise.then(
    () => (settled = true),
    () => (settled = true),
  )
  await turn()
  return !settled
}

function responseOf(result: AttemptResult): UpstreamResponse {
  if (result.kind !== 'response') throw new Error(`a ${result.kind}`)
  return result.response
}

class Sink implements BodySink {
  readonly log: string[] = []
  constructor(readonly onData: (chunk: string) => boolean = () => true) {}
  data(chunk: Buffer): boolean {
    this.log.push(`data ${chunk.toString()}`)
    return this.onData(chunk.toString())
  }
  end(rawTrailers: readonly string[]): void {
    this.log.push(['end', ...rawTrailers].join(' '))
  }
  fail(failure: { type: string; phase: string }): void {
    this.log.push(`fail ${failure.type} ${failure.phase}`)
  }
}

describe('which outcome an attempt gets', () => {
  const statusOf = async (
    transport: ReturnType<typeof scriptedTransport>,
    name: string,
  ): Promise<number> => responseOf(await transport.roundTrip(attemptAt(name), signal())).status

  it('one for all', async () => {
    const transport = scriptedTransport(ok({ status: 201 }))
    expect([await statusOf(transport, 'a'), await statusOf(transport, 'b')]).toEqual([201, 201])
    expect(transport.peers).toEqual(['a', 'b'])
  })

  it('a list in turn, and one attempt too many rejects', async () => {
    const transport = scriptedTransport([ok({ status: 201 }), ok({ status: 202 })])
    expect([await statusOf(transport, 'a'), await statusOf(transport, 'b')]).toEqual([201, 202])
    await expect(statusOf(transport, 'a')).rejects.toThrow('has 2 outcomes, and this is attempt 3')
    expect(transport.inFlight).toBe(2) // the two responses rest
  })

  it('by peer, each list in turn, and * for the others', async () => {
    const transport = scriptedTransport({
      a: [ok({ status: 201 }), ok({ status: 202 })],
      b: ok({ status: 203 }),
      '*': ok({ status: 204 }),
    })
    const seen = []
    for (const name of ['a', 'b', 'a', 'b', 'c']) seen.push(await statusOf(transport, name))
    expect(seen).toEqual([201, 203, 202, 203, 204])
    await expect(statusOf(scriptedTransport({ a: ok() }), 'z')).rejects.toThrow('no script for z')
  })

  it('from a function that is told the attempt and its numbers', async () => {
    const told: unknown[] = []
    const transport = scriptedTransport(async ({ attempt, n, nOfPeer }) => {
      told.push([attempt.peer.name, n, nOfPeer])
      return ok({ status: 200 + n })
    })
    for (const name of ['a', 'b', 'a']) await statusOf(transport, name)
    expect(told).toEqual([
      ['a', 0, 0],
      ['b', 1, 0],
      ['a', 2, 1],
    ])
  })

  it('rejects with what a function throws', async () => {
    const transport = scriptedTransport(() => {
      throw new Error('not foreseen')
    })
    await expect(transport.roundTrip(attemptAt('a'), signal())).rejects.toThrow('not foreseen')
    expect(transport.inFlight).toBe(0)
  })
})

describe('fails', () => {
  const failureOf = async (options?: FailsOptions): Promise<unknown> => {
    const result = await scriptedTransport(fails(options)).roundTrip(attemptAt('a'), signal())
    if (result.kind !== 'failure') throw new Error(result.kind)
    const { condition, phase, requestSent, responseStarted, reusedConnection, cause } =
      result.failure
    expect(cause).toBeInstanceOf(Error)
    return [condition, phase, requestSent, responseStarted, reusedConnection].join(' ')
  }

  it.each([
    ['connection_refused', 'error connect false false false'],
    ['connection_timeout', 'timeout connect false false false'],
    ['connection_terminated', 'error header true false false'],
    ['connection_write_timeout', 'timeout send true false false'],
    ['connection_read_timeout', 'timeout header true false false'],
    ['dns_error', 'error connect false false false'],
    ['destination_ip_unroutable', 'error connect false false false'],
    ['tls_protocol_error', 'error tls false false false'],
    ['tls_certificate_error', 'error tls false false false'],
    ['tls_alert_received', 'error tls false false false'],
    ['http_response_incomplete', 'error header true true false'],
    ['http_response_header_section_size', 'invalid_header header true true false'],
    ['http_protocol_error', 'invalid_header header true true false'],
    ['proxy_internal_error', 'error connect false false false'],
  ] as const)('%s is %s', async (type, expected) => {
    expect(await failureOf({ type })).toBe(expected)
  })

  it('is a refused connection by default, and each field can be said', async () => {
    expect(await failureOf()).toBe('error connect false false false')
    expect(
      await failureOf({
        type: 'connection_terminated',
        condition: 'timeout',
        phase: 'send',
        requestSent: false,
        responseStarted: true,
        reusedConnection: true,
      }),
    ).toBe('timeout send false true true')
  })

  it('comes after its delay on the given clock', async () => {
    const clock = fakeClock()
    const result = scriptedTransport(fails({ delay: 50 }), { clock }).roundTrip(
      attemptAt('a'),
      signal(),
    )
    await clock.advanceAsync(49)
    expect(await pending(result)).toBe(true)
    await clock.advanceAsync(1)
    expect((await result).kind).toBe('failure')
  })

  it('does not touch the body when nothing was sent', async () => {
    const body = new Source('chunked')
    await scriptedTransport(fails()).roundTrip(attemptAt('a', body), signal())
    expect(body.log).toEqual([])
  })

  it('in phase send comes while the body is on its way', async () => {
    const body = new Source('chunked')
    const type = 'connection_write_timeout'
    await scriptedTransport(fails({ type })).roundTrip(attemptAt('a', body), signal())
    expect(body.log).toEqual(['attach', 'detach'])
  })

  it('in phase header comes after the whole body', async () => {
    const body = new Source('chunked')
    const type = 'connection_terminated'
    const result = scriptedTransport(fails({ type })).roundTrip(attemptAt('a', body), signal())
    expect(await pending(result)).toBe(true)
    body.sink!.end([])
    expect((await result).kind).toBe('failure')
  })
})

describe('the request body', () => {
  it('is taken whole before the answer, kept and counted', async () => {
    const body = new Source('known', 6)
    const transport = scriptedTransport(ok())
    const attempt = attemptAt('a', body)
    const result = transport.roundTrip(attempt, signal())
    await turn()
    expect(body.sink!.write(Buffer.from('abc'))).toBe(true)
    const [run] = transport.attempts
    expect([run!.bodyLength, run!.bodyComplete]).toEqual([3, false])
    body.sink!.write(Buffer.from('def'))
    expect(await pending(result)).toBe(true)
    body.sink!.end([])
    await result
    expect([run!.body.toString(), run!.bodyLength, run!.bodyComplete]).toEqual(['abcdef', 6, true])
    expect(attempt.record.bytesSent).toBe(6)
  })

  it('is copied: the source may use its memory again', async () => {
    const body = new Source('chunked')
    const transport = scriptedTransport(hangs())
    void transport.roundTrip(attemptAt('a', body), signal())
    await turn()
    const chunk = Buffer.from('abc')
    body.sink!.write(chunk)
    chunk.fill('x')
    expect(transport.attempts[0]!.body.toString()).toBe('abc')
  })

  it('is only counted, or left alone, when told so', async () => {
    const counted = new Source('chunked')
    const counting = scriptedTransport(hangs(), { requestBody: 'count' })
    void counting.roundTrip(attemptAt('a', counted), signal())
    await turn()
    counted.sink!.write(Buffer.from('abc'))
    expect([counting.attempts[0]!.bodyLength, counting.attempts[0]!.body.length]).toEqual([3, 0])

    const ignored = new Source('chunked')
    const ignoring = scriptedTransport(ok(), { requestBody: 'ignore' })
    expect((await ignoring.roundTrip(attemptAt('a', ignored), signal())).kind).toBe('response')
    expect(ignored.log).toEqual([])
  })

  it('meets backpressure when told so', async () => {
    const body = new Source('chunked')
    void scriptedTransport(hangs(), { backpressure: true }).roundTrip(
      attemptAt('a', body),
      signal(),
    )
    await turn()
    expect(body.sink!.write(Buffer.from('abc'))).toBe(false)
    expect(body.log).toEqual(['attach'])
    await turn()
    expect(body.log).toEqual(['attach', 'drained'])
  })

  it('goes on after an early answer, until the response is over', async () => {
    const body = new Source('chunked')
    const transport = scriptedTransport(ok({ status: 413, early: true }))
    const response = responseOf(await transport.roundTrip(attemptAt('a', body), signal()))
    body.sink!.write(Buffer.from('abc'))
    expect(body.log).toEqual(['attach'])
    response.discard()
    expect(body.log).toEqual(['attach', 'detach'])
    expect(() => body.sink!.write(Buffer.from('d'))).toThrow('detached')
  })

  it('shows a source that breaks the contract', async () => {
    const short = new Source('known', 4)
    void scriptedTransport(hangs()).roundTrip(attemptAt('a', short), signal())
    await turn()
    short.sink!.write(Buffer.from('abc'))
    expect(() => short.sink!.end([])).toThrow('has 3 bytes, but 4 were announced')

    const late = new Source('chunked')
    void scriptedTransport(hangs()).roundTrip(attemptAt('a', late), signal())
    await turn()
    late.sink!.end([])
    expect(() => late.sink!.write(Buffer.from('x'))).toThrow('has ended')
    expect(() => late.sink!.end([])).toThrow('has ended')
  })
})

describe('ok', () => {
  const get = async (
    options: Parameters<typeof ok>[0],
    clock = fakeClock(),
  ): Promise<UpstreamResponse> =>
    responseOf(await scriptedTransport(ok(options), { clock }).roundTrip(attemptAt('a'), signal()))

  it('hands over the head as scripted', async () => {
    const plain = await get({})
    expect([plain.status, plain.statusMessage, plain.rawHeaders]).toEqual([200, '', []])
    const rich = await get({
      status: 404,
      statusMessage: 'Nope',
      headers: [
        ['Set-Cookie', 'a'],
        ['X', '1'],
        ['set-cookie', 'b'],
      ],
    })
    expect([rich.status, rich.statusMessage]).toEqual([404, 'Nope'])
    expect(rich.rawHeaders).toEqual(['Set-Cookie', 'a', 'X', '1', 'set-cookie', 'b'])
    const listed = await get({ headers: { 'Set-Cookie': ['a', 'b'], 'Content-Length': 3 } })
    expect(listed.rawHeaders).toEqual(['Set-Cookie', 'a', 'Set-Cookie', 'b', 'Content-Length', '3'])
  })

  it('lets the body rest until it is asked for, and not flow within start', async () => {
    const response = await get({ body: ['a', 'b'], trailers: { T: 'v' } })
    const sink = new Sink()
    response.start(sink)
    expect(sink.log).toEqual([])
    await turn()
    expect(sink.log).toEqual(['data a', 'data b', 'end T v'])
  })

  it('pauses when data says false, and goes on with resume', async () => {
    const response = await get({ body: ['a', 'b', 'c'] })
    const sink = new Sink((chunk) => chunk !== 'b')
    response.start(sink)
    await turn()
    expect(sink.log).toEqual(['data a', 'data b'])
    response.resume()
    response.resume()
    await turn()
    expect(sink.log).toEqual(['data a', 'data b', 'data c', 'end'])
  })

  it('waits with end while paused on the last chunk', async () => {
    const response = await get({ body: 'a' })
    const sink = new Sink(() => false)
    response.start(sink)
    await turn()
    expect(sink.log).toEqual(['data a'])
    response.resume()
    await turn()
    expect(sink.log).toEqual(['data a', 'end'])
  })

  it('allows resume from within data', async () => {
    const response = await get({ body: ['a', 'b'] })
    const sink = new Sink(() => {
      response.resume()
      return false
    })
    response.start(sink)
    await turn()
    expect(sink.log).toEqual(['data a', 'data b', 'end'])
  })

  it('says nothing after discard, not even from within data', async () => {
    const response = await get({ body: ['a', 'b'] })
    const sink = new Sink(() => {
      response.discard()
      response.discard()
      return true
    })
    response.start(sink)
    await turn()
    response.resume()
    await turn()
    expect(sink.log).toEqual(['data a'])
  })

  it('refuses a second start, and one after discard', async () => {
    const twice = await get({})
    twice.start(new Sink())
    expect(() => twice.start(new Sink())).toThrow('twice')
    const gone = await get({})
    gone.discard()
    expect(() => gone.start(new Sink())).toThrow('after discard')
  })

  it('breaks off with a failure in phase body', async () => {
    const response = await get({ body: 'a', failsWith: {} })
    const sink = new Sink()
    response.start(sink)
    await turn()
    expect(sink.log).toEqual(['data a', 'fail http_response_incomplete body'])
  })

  it('keeps to its delay and gaps, and to the record', async () => {
    const clock = fakeClock(1000)
    const attempt = attemptAt('a')
    const transport = scriptedTransport(ok({ delay: 30, gap: 5, body: ['ab', 'c'] }), { clock })
    const result = transport.roundTrip(attempt, signal())
    await clock.advanceAsync(29)
    expect(await pending(result)).toBe(true)
    await clock.advanceAsync(1)
    const sink = new Sink()
    responseOf(await result).start(sink)
    await clock.advanceAsync(5)
    expect(sink.log).toEqual(['data ab'])
    expect(transport.attempts[0]!.response).toBe('flowing')
    await clock.advanceAsync(5)
    expect(sink.log).toEqual(['data ab', 'data c', 'end'])
    expect(attempt.record).toMatchObject({
      connectTime: 0,
      headerTime: 30,
      responseTime: 40,
      responseLength: 3,
      bytesReceived: 3,
    })
    expect([transport.attempts[0]!.response, transport.inFlight]).toEqual(['ended', 0])
    expect(clock.pending).toBe(0)
  })
})

describe('aborting', () => {
  it('ends a hanging attempt', async () => {
    const body = new Source('chunked')
    const transport = scriptedTransport(hangs())
    const abort: AttemptSignal = signal()
    const result = transport.roundTrip(attemptAt('a', body), abort)
    expect(await pending(result)).toBe(true)
    expect(transport.inFlight).toBe(1)
    abort.onAbort!()
    expect(await result).toEqual({ kind: 'aborted' })
    expect(body.log).toEqual(['attach', 'detach'])
    expect([transport.inFlight, abort.onAbort]).toEqual([0, undefined])
  })

  it('ends a delayed one and its timer', async () => {
    const clock = fakeClock()
    const abort: AttemptSignal = signal()
    const result = scriptedTransport(ok({ delay: 10 }), { clock }).roundTrip(attemptAt('a'), abort)
    await clock.advanceAsync(5)
    abort.onAbort!()
    expect((await result).kind).toBe('aborted')
    expect(clock.pending).toBe(0)
  })

  it('answers at once when it was aborted before', async () => {
    const transport = scriptedTransport(ok())
    const result = await transport.roundTrip(attemptAt('a'), signal(true))
    expect([result.kind, transport.attempts.length]).toEqual(['aborted', 0])
  })

  it('discards a response that flows', async () => {
    const clock = fakeClock()
    const abort: AttemptSignal = signal()
    const transport = scriptedTransport(ok({ gap: 5, body: ['a', 'b'] }), { clock })
    const sink = new Sink()
    responseOf(await transport.roundTrip(attemptAt('a'), abort)).start(sink)
    await clock.advanceAsync(5)
    abort.onAbort!()
    await clock.advanceAsync(50)
    expect(sink.log).toEqual(['data a'])
    expect(transport.attempts[0]!.response).toBe('discarded')
  })

  it('close ends all, and nothing runs after it', async () => {
    const transport = scriptedTransport(hangs())
    const result = transport.roundTrip(attemptAt('a'), signal())
    await turn()
    await transport.close()
    expect((await result).kind).toBe('aborted')
    await expect(transport.roundTrip(attemptAt('a'), signal())).rejects.toThrow('after close')
  })
})
