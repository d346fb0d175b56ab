import { EventEmitter, once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { PassThrough, Readable } from 'node:stream'
import { createGzip, gunzipSync } from 'node:zlib'
import { describe, expect, it, test } from 'vitest'
import { replacedRequestBody } from '../../../src/message/replaced-body.js'
import type { ReplacedBodyOwner } from '../../../src/message/replaced-body.js'
import type { ClientResponse } from '../../../src/message/relay.js'
import { NO_BODY, ReplayMemory } from '../../../src/message/request-body.js'
import type { RequestBody } from '../../../src/message/request-body.js'
import type { RequestSink } from '../../../src/transport/transport.js'

class Sink implements RequestSink {
  readonly chunks: Buffer[] = []
  room = true
  #whenEnded: (() => void) | undefined
  ended = false
  readonly end_ = new Promise<void>((resolve) => (this.#whenEnded = resolve))
  write(chunk: Buffer): boolean {
    expect(Buffer.isBuffer(chunk)).toBe(true)
    this.chunks.push(chunk)
    return this.room
  }
  end(): void {
    this.ended = true
    this.#whenEnded?.()
  }
  get bytes(): Buffer {
    return Buffer.concat(this.chunks)
  }
}

class Owner implements ReplacedBodyOwner {
  readonly bodyStream = undefined
  readonly stream = new PassThrough()
  readonly req = this.stream as unknown as IncomingMessage
  readonly response = new EventEmitter()
  readonly res = this.response as unknown as ClientResponse
  wanted = 0
  readonly failures: Error[] = []
  readonly failed = new EventEmitter()
  readonly aborted = false
  onAbort: (() => void) | undefined
  informational(): void {
    // Only an attempt brings them.
  }
  tooLarge = 0
  bodyTooLarge(): void {
    this.tooLarge++
  }
  bodyWanted(): void {
    this.wanted++
  }
  bodyFailed(cause: Error): void {
    this.failures.push(cause)
    this.failed.emit('failed')
  }
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}

function replaced(
  body: Parameters<typeof replacedRequestBody>[0],
  owner = new Owner(),
  replayBuffer = 1000,
): { body: RequestBody; owner: Owner; memory: ReplayMemory } {
  const memory = new ReplayMemory(10_000)
  const settings = {
    buffering: 'replay' as const,
    bodyBuffer: 10,
    tempPath: undefined,
    replayBuffer,
    memory,
    maxBody: 10,
  }
  return { body: replacedRequestBody(body, settings, owner), owner, memory }
}

describe('text and bytes', () => {
  test.each([
    ['äö', 'äö'],
    ['', ''],
    [new Uint8Array([97, 98]), 'ab'],
    [Buffer.from('xabcx').subarray(1, 4), 'abc'],
    ['longer than maxBody, which is for clients', 'longer than maxBody, which is for clients'],
  ])('%j', (given, text) => {
    const { body } = replaced(given)
    expect(body).toMatchObject({ framing: 'known', length: Buffer.byteLength(text) })
    expect(body).toMatchObject({ replayable: true, repeatable: true })
    for (let i = 0; i < 2; i++) {
      const sink = new Sink()
      body.attach(sink)
      expect(sink.bytes.toString()).toBe(text)
      expect(sink.ended).toBe(true)
    }
  })

  it('null is no body', () => {
    expect(replaced(null).body).toBe(NO_BODY)
  })

  test.each([null, 'text'])("the client's own is read and dropped: %j", async (given) => {
    const { owner } = replaced(given)
    owner.stream.end('x'.repeat(100_000))
    await once(owner.stream, 'end')
  })
})

describe('a stream', () => {
  it('is sent in chunks, and kept for a replay', async () => {
    const { body, owner } = replaced(Readable.from([Buffer.from('one '), Buffer.from('two')]))
    expect(body).toMatchObject({ framing: 'chunked', length: 0, repeatable: false })
    expect(owner.wanted).toBe(0)
    const first = new Sink()
    body.attach(first)
    await first.end_
    expect(owner.wanted).toBe(1)
    expect(body.replayable).toBe(true)
    const second = new Sink()
    body.attach(second)
    expect([first.bytes.toString(), second.bytes.toString()]).toEqual(['one two', 'one two'])
    expect(second.ended).toBe(true)
  })

  it('is not kept beyond the limit', async () => {
    const { body, owner } = replaced(Readable.from(['x'.repeat(2000)]), new Owner(), 1000)
    const sink = new Sink()
    body.attach(sink)
    await sink.end_
    expect(sink.bytes.length).toBe(2000)
    expect(owner.tooLarge).toBe(0)
    expect(body.replayable).toBe(false)
  })

  test.each<[string, () => Readable, string]>([
    ['texts', () => Readable.from(['ä', 'b']), 'äb'],
    ['bytes of other kinds', () => Readable.from([new Uint8Array([97]), Buffer.from('b')]), 'ab'],
    ['nothing', () => Readable.from([]), ''],
    ['with an encoding', () => Readable.from([Buffer.from('ä')], { encoding: 'utf8' }), 'ä'],
    [
      'a generator',
      () =>
        Readable.from(
          (async function* () {
            await Promise.resolve()
            yield 'a'
            yield 'b'
          })(),
        ),
      'ab',
    ],
  ])('of %s', async (_what, make, text) => {
    const { body, owner } = replaced(make())
    const sink = new Sink()
    body.attach(sink)
    await sink.end_
    expect(sink.bytes.toString()).toBe(text)
    expect(owner.failures).toEqual([])
  })

  it("may be the client's body, changed", async () => {
    const owner = new Owner()
    const { body } = replaced(owner.stream.pipe(createGzip()), owner)
    const sink = new Sink()
    body.attach(sink)
    owner.stream.end('hello '.repeat(1000))
    await sink.end_
    expect(gunzipSync(sink.bytes).toString()).toBe('hello '.repeat(1000))
  })

  it("may be the client's request itself: that is never destroyed", async () => {
    const owner = new Owner()
    const { body } = replaced(owner.req, owner)
    const sink = new Sink()
    body.attach(sink)
    owner.stream.write('abc')
    await turns()
    expect(sink.bytes.toString()).toBe('abc')
    // The limit is for what clients send.
    owner.stream.write('more than ten')
    await turns()
    expect(owner.tooLarge).toBe(1)
    body.detach()
    body.release()
    owner.response.emit('close')
    await turns()
    expect(owner.stream.destroyed).toBe(false)
    owner.stream.end()
    await once(owner.stream, 'end')
  })

  it('waits for the peer', async () => {
    let made = 0
    const source = new Readable({
      read() {
        this.push(made++ < 100 ? Buffer.alloc(16_384) : null)
      },
    })
    const { body } = replaced(source)
    const sink = new Sink()
    sink.room = false
    body.attach(sink)
    await turns()
    const before = made
    // 64 kB in each of the streams on the way, with newer Nodes.
    expect(before).toBeLessThan(40)
    await turns()
    expect(made).toBe(before)
    sink.room = true
    body.drained()
    await sink.end_
    expect(sink.bytes.length).toBe(100 * 16_384)
  })

  test.each<[string, () => Readable, string | RegExp]>([
    [
      'breaks',
      () =>
        Readable.from(
          (async function* () {
            yield 'a'
            await Promise.resolve()
            throw new Error('mine')
          })(),
        ),
      'mine',
    ],
    [
      'is destroyed by somebody',
      () => {
        const stream = new PassThrough()
        stream.write('a')
        setImmediate(() => stream.destroy())
        return stream
      },
      /Premature close|closed/,
    ],
    ['was destroyed before', () => new PassThrough().destroy(), /Premature close|closed|destroyed/],
    ['was broken before', () => broken(), 'before'],
    ['brings objects', () => Readable.from([{ a: 1 }]), 'a stream must bring texts or bytes'],
    ['brings numbers', () => Readable.from([1]), 'a stream must bring texts or bytes, got 1'],
  ])('that %s is told once, and ends nothing', async (_what, make, message) => {
    const owner = new Owner()
    const failed = once(owner.failed, 'failed')
    const { body } = replaced(make(), owner)
    const sink = new Sink()
    body.attach(sink)
    await failed
    await turns()
    expect(owner.failures).toHaveLength(1)
    expect(owner.failures[0]?.message).toMatch(message)
    expect(sink.ended).toBe(false)
    body.detach()
    body.release()
    owner.response.emit('close')
    await turns()
    expect(owner.failures).toHaveLength(1)
  })

  function broken(): Readable {
    const stream = new PassThrough()
    stream.on('error', () => undefined)
    return stream.destroy(new Error('before'))
  }

  it('may break before anybody wants it', async () => {
    const owner = new Owner()
    const stream = new PassThrough()
    replaced(stream, owner)
    stream.destroy(new Error('early'))
    await turns()
    expect(owner.failures.map(({ message }) => message)).toEqual(['early'])
  })

  it('is destroyed when the request is over, and the client has its answer', async () => {
    const owner = new Owner()
    const stream = new PassThrough()
    const { body } = replaced(stream, owner)
    body.release()
    await turns()
    expect(stream.destroyed).toBe(false)
    owner.response.emit('close')
    await turns()
    expect(stream.destroyed).toBe(true)
    expect(owner.failures).toEqual([])
    owner.stream.end('x'.repeat(100_000))
    await once(owner.stream, 'end')
  })

  test.each<[string, object]>([
    ['left', { destroyed: true }],
    ['been answered', { writableFinished: true }],
    ['left, in HTTP/2', { stream: { destroyed: true } }],
  ])('is destroyed at once when the client has %s', async (_what, state) => {
    const owner = new Owner()
    Object.assign(owner.response, state)
    const stream = new PassThrough()
    const { body } = replaced(stream, owner)
    body.release()
    await turns()
    expect(stream.destroyed).toBe(true)
    expect(owner.failures).toEqual([])
  })

  it('goes on to an attempt that has answered early', async () => {
    const owner = new Owner()
    const stream = new PassThrough()
    const { body } = replaced(stream, owner)
    const sink = new Sink()
    body.attach(sink)
    body.release()
    owner.response.emit('close')
    stream.end('more')
    await sink.end_
    expect(sink.bytes.toString()).toBe('more')
    expect(stream.destroyed).toBe(true)
  })

  it('is over when such an attempt is', async () => {
    const owner = new Owner()
    const stream = new PassThrough()
    const { body } = replaced(stream, owner)
    body.attach(new Sink())
    body.release()
    owner.response.emit('close')
    await turns()
    expect(stream.destroyed).toBe(false)
    Object.assign(owner.response, { destroyed: true })
    body.detach()
    await turns()
    expect(stream.destroyed).toBe(true)
    expect(owner.failures).toEqual([])
  })

  it('gives back what it kept', async () => {
    const owner = new Owner()
    const { body, memory } = replaced(Readable.from(['x'.repeat(900)]), owner)
    const sink = new Sink()
    body.attach(sink)
    await sink.end_
    expect(memory.take(9500)).toBe(false)
    body.release()
    expect(memory.take(10_000)).toBe(true)
  })
})
