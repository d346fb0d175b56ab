import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BufferedBody,
  NO_BODY,
  ReplayMemory,
  StreamedBody,
} from '../../../src/message/request-body.js'
import type { StreamedBodyOptions } from '../../../src/message/request-body.js'
import type { RequestSink } from '../../../src/transport/transport.js'

/** Takes what it is given; `room` false asks for a pause. */
class Sink implements RequestSink {
  text = ''
  ended = 0
  room = true
  write(chunk: Buffer): boolean {
    if (this.ended > 0) throw new Error('write after end')
    this.text += chunk.toString('latin1')
    return this.room
  }
  end(): void {
    this.ended++
  }
}

/** Streams run on ticks and immediates. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Bytes that are still to be had. Leaves the memory as it was. */
function left(memory: ReplayMemory): number {
  let low = 0
  for (let step = 1 << 20; step >= 1; step /= 2) {
    if (!memory.take(low + step)) continue
    memory.give(low + step)
    low += step
  }
  return low
}

function streamed(options: Partial<StreamedBodyOptions> = {}) {
  const stream = new PassThrough()
  const memory = options.memory ?? new ReplayMemory(1000)
  const calls = { tooLarge: 0, wanted: 0 }
  const body = new StreamedBody(stream, {
    length: undefined,
    replayBuffer: 100,
    maxBody: Infinity,
    owner: { bodyTooLarge: () => calls.tooLarge++, bodyWanted: () => calls.wanted++ },
    ...options,
    memory,
  })
  const send = async (text: string): Promise<void> => {
    stream.write(Buffer.from(text, 'latin1'))
    await turn()
  }
  const end = async (): Promise<void> => {
    stream.end()
    await turn()
  }
  return { stream, memory, calls, body, send, end }
}

describe('NO_BODY', () => {
  it('ends at once, as often as wanted', () => {
    for (let i = 0; i < 2; i++) {
      const sink = new Sink()
      NO_BODY.attach(sink)
      expect(sink).toMatchObject({ text: '', ended: 1 })
      NO_BODY.drained()
      NO_BODY.detach()
      NO_BODY.release()
    }
    expect(NO_BODY).toMatchObject({
      framing: 'none',
      length: 0,
      replayable: true,
      repeatable: true,
    })
  })
})

describe('BufferedBody', () => {
  it('is replayed whole, also after its release', () => {
    const body = new BufferedBody(Buffer.from('abc'))
    expect(body).toMatchObject({ framing: 'known', length: 3, replayable: true, repeatable: true })
    for (let i = 0; i < 2; i++) {
      const sink = new Sink()
      sink.room = false
      body.attach(sink)
      expect(sink).toMatchObject({ text: 'abc', ended: 1 })
      body.drained()
      body.detach()
      body.release()
    }
  })
})

describe('ReplayMemory', () => {
  it('gives what there is, and no byte more', () => {
    const memory = new ReplayMemory(10)
    expect(memory.take(11)).toBe(false)
    expect(memory.take(10)).toBe(true)
    expect(memory.take(1)).toBe(false)
    expect(memory.take(0)).toBe(true)
    memory.give(4)
    expect(memory.take(5)).toBe(false)
    expect(memory.take(4)).toBe(true)
  })
})

describe('StreamedBody: sending on', () => {
  it('passes on what comes, and its end', async () => {
    const { body, send, end } = streamed()
    const sink = new Sink()
    body.attach(sink)
    await send('ab')
    expect(sink.text).toBe('ab')
    await send('cd')
    await end()
    expect(sink).toMatchObject({ text: 'abcd', ended: 1 })
  })

  it('knows its framing', () => {
    expect(streamed().body).toMatchObject({ framing: 'chunked', length: 0 })
    expect(streamed({ length: 7 }).body).toMatchObject({ framing: 'known', length: 7 })
  })

  it('does not touch the stream before it is attached', async () => {
    const { body, stream, send } = streamed()
    await send('ab')
    expect(stream.readableFlowing).toBe(null)
    expect(stream.listenerCount('data')).toBe(0)
    expect(body.replayable).toBe(true)
  })

  it('pauses the client while the sink is full', async () => {
    const { body, stream, send, end } = streamed()
    const sink = new Sink()
    sink.room = false
    body.attach(sink)
    await send('a')
    expect(stream.isPaused()).toBe(true)
    await send('b')
    expect(sink.text).toBe('a')
    sink.room = true
    body.drained()
    await turn()
    expect(sink.text).toBe('ab')
    await end()
    expect(sink.ended).toBe(1)
  })

  it('waits while no attempt takes it, and goes on with the next', async () => {
    const { body, stream, send, end } = streamed()
    const [first, second] = [new Sink(), new Sink()]
    body.attach(first)
    await send('ab')
    body.detach()
    await send('cd')
    expect(stream.isPaused()).toBe(true)
    body.drained()
    await turn()
    expect(stream.isPaused()).toBe(true)
    body.attach(second)
    await turn()
    await end()
    expect(first).toMatchObject({ text: 'ab', ended: 0 })
    expect(second).toMatchObject({ text: 'abcd', ended: 1 })
  })
})

describe('StreamedBody: replaying', () => {
  it('is whole and unchanged each time', async () => {
    const { body, send, end } = streamed()
    const sinks = [new Sink(), new Sink(), new Sink()] as const
    body.attach(sinks[0])
    await send('ab')
    body.attach(sinks[1])
    await send('cd')
    await end()
    body.detach()
    body.attach(sinks[2])
    expect(sinks[0]).toMatchObject({ text: 'ab', ended: 0 })
    expect(sinks[1]).toMatchObject({ text: 'abcd', ended: 1 })
    expect(sinks[2]).toMatchObject({ text: 'abcd', ended: 1 })
    expect(body.replayable).toBe(true)
  })

  it('of what is kept waits for a full sink before the rest', async () => {
    const { body, stream, send } = streamed()
    body.attach(new Sink())
    await send('ab')
    body.detach()
    await send('cd')
    const slow = new Sink()
    slow.room = false
    body.attach(slow)
    await turn()
    expect(slow.text).toBe('ab')
    expect(stream.isPaused()).toBe(true)
    slow.room = true
    body.drained()
    await turn()
    expect(slow.text).toBe('abcd')
  })

  it('keeps replayBuffer bytes, and not one more', async () => {
    const { body, memory, send } = streamed({ replayBuffer: 4 })
    const sink = new Sink()
    body.attach(sink)
    await send('abcd')
    expect(body.replayable).toBe(true)
    expect(left(memory)).toBe(996)
    await send('e')
    expect(body.replayable).toBe(false)
    expect(left(memory)).toBe(1000)
    expect(sink.text).toBe('abcde')
  })

  it('keeps nothing with replayBuffer 0, and is replayable until the first byte', async () => {
    const { body, memory, send } = streamed({ replayBuffer: 0 })
    expect(body).toMatchObject({ replayable: true, repeatable: false })
    body.attach(new Sink())
    expect(body.replayable).toBe(true)
    await send('a')
    expect(body.replayable).toBe(false)
    expect(left(memory)).toBe(1000)
  })

  it('keeps no part of a body known to be too long', async () => {
    const { body, memory, send } = streamed({ length: 101 })
    expect(body).toMatchObject({ replayable: true, repeatable: false })
    body.attach(new Sink())
    await send('a')
    expect(left(memory)).toBe(1000)
    expect(body.replayable).toBe(false)
  })

  it('reserves for a known length at once, and not again as it comes', async () => {
    const { body, memory, send } = streamed({ length: 10 })
    expect(body.repeatable).toBe(true)
    expect(left(memory)).toBe(990)
    body.attach(new Sink())
    await send('0123456789')
    expect(left(memory)).toBe(990)
    body.release()
    expect(left(memory)).toBe(1000)
  })

  it('shares the memory with all other bodies', async () => {
    const memory = new ReplayMemory(10)
    const one = streamed({ memory, length: 8 })
    const two = streamed({ memory, length: 8 })
    expect([one.body.repeatable, two.body.repeatable]).toEqual([true, false])
    two.body.attach(new Sink())
    await two.send('ab')
    expect(two.body.replayable).toBe(true)
    await two.send('c')
    expect(two.body.replayable).toBe(false)
    expect(left(memory)).toBe(2)
    one.body.release()
    expect(left(memory)).toBe(10)
  })

  it('a chunked body is never sure to be repeatable', () => {
    expect(streamed().body.repeatable).toBe(false)
  })
})

describe('StreamedBody: release', () => {
  it('gives the memory back, once', async () => {
    const { body, memory, send } = streamed()
    body.attach(new Sink())
    await send('abc')
    expect(left(memory)).toBe(997)
    body.release()
    body.release()
    expect(left(memory)).toBe(1000)
    expect(body.replayable).toBe(false)
  })

  it('lets a running attempt have the rest', async () => {
    const { body, memory, send, end } = streamed()
    const sink = new Sink()
    body.attach(sink)
    await send('ab')
    body.release()
    await send('cd')
    await end()
    expect(sink).toMatchObject({ text: 'abcd', ended: 1 })
    expect(left(memory)).toBe(1000)
  })

  it('reads the rest away when nobody takes it, so that the client’s connection can go on', async () => {
    const { body, stream, send, end } = streamed()
    body.attach(new Sink())
    await send('ab')
    body.detach()
    body.release()
    await send('cd')
    await end()
    expect(stream.readableEnded).toBe(true)
  })

  it('also of a body that nobody has ever asked for', async () => {
    const { body, memory, stream, send, end } = streamed({ length: 4 })
    await send('abcd')
    await end()
    body.release()
    await turn()
    expect(stream.readableEnded).toBe(true)
    expect(left(memory)).toBe(1000)
  })
})

describe('StreamedBody: maxBody', () => {
  it('says once that it is over, and passes no byte beyond on', async () => {
    const { body, calls, send } = streamed({ maxBody: 4 })
    const sink = new Sink()
    body.attach(sink)
    await send('abcd')
    expect(calls.tooLarge).toBe(0)
    await send('e')
    await send('f')
    expect(calls.tooLarge).toBe(1)
    expect(sink.text).toBe('abcd')
  })

  it('a single chunk can be too large', async () => {
    const { body, calls, memory, send } = streamed({ maxBody: 4 })
    body.attach(new Sink())
    await send('abcde')
    expect(calls.tooLarge).toBe(1)
    body.release()
    expect(left(memory)).toBe(1000)
  })
})

describe('StreamedBody, whatever happens', () => {
  const action = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('send' as const), bytes: fc.nat(30) }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom('attach' as const, 'detach' as const) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('fill' as const, 'drain' as const) }) },
  )

  it('an attempt has a beginning of the body, or all of it; the memory comes back', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 25 }),
        fc.nat(120),
        fc.nat(120),
        async (actions, replayBuffer, common) => {
          const memory = new ReplayMemory(common)
          const { body, send, end } = streamed({ replayBuffer, memory })
          let sent = ''
          let sink: Sink | undefined
          const sinks: Sink[] = []
          for (const step of actions) {
            if (step.do === 'send') {
              const text = Array.from({ length: step.bytes }, (_, i) =>
                String.fromCharCode(97 + ((sent.length + i) % 26)),
              ).join('')
              sent += text
              if (text !== '') await send(text)
            } else if (step.do === 'attach') {
              if (!body.replayable) continue
              sink = new Sink()
              sinks.push(sink)
              body.attach(sink)
            } else if (step.do === 'detach') {
              body.detach()
              sink = undefined
            } else if (sink !== undefined) {
              sink.room = step.do === 'drain'
              if (sink.room) body.drained()
            }
            await turn()
            expect(left(memory)).toBeGreaterThanOrEqual(common - replayBuffer)
          }
          if (body.replayable) {
            sink = new Sink()
            sinks.push(sink)
            body.attach(sink)
          } else if (sink !== undefined) {
            sink.room = true
            body.drained()
          }
          await end()
          await turn()
          for (const one of sinks) {
            expect(sent.startsWith(one.text)).toBe(true)
            expect(one.ended === 0 || one.text === sent).toBe(true)
          }
          if (sink !== undefined) expect(sink).toMatchObject({ text: sent, ended: 1 })
          body.release()
          expect(left(memory)).toBe(common)
        },
      ),
      { numRuns: 150 },
    )
  })
})
