import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { readFullBody } from '../../../src/message/full-body.js'
import type { FullBodyOptions, FullBodyResult } from '../../../src/message/full-body.js'
import type { RequestBody } from '../../../src/message/request-body.js'
import type { AttemptSignal, RequestSink } from '../../../src/transport/transport.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { bytes, diskError, replaceDisk, turn, until, watchDisk } from './spool-rig.js'

watchProcess()

/** As much of a request as counts. */
class Request extends PassThrough {
  rawTrailers: string[] = []
  aborted = false
  complete = true
  sent = 0
  send(length: number): void {
    this.write(bytes(length, this.sent))
    this.sent += length
  }
}

/** Takes what it is given; `room` false asks for a pause. */
class Sink implements RequestSink {
  chunks: Buffer[] = []
  trailers: (readonly string[])[] = []
  room = true
  onWrite: (() => void) | undefined
  write(chunk: Buffer): boolean {
    if (this.trailers.length > 0) throw new Error('write after end')
    this.chunks.push(chunk)
    const { room } = this
    this.onWrite?.()
    return room
  }
  end(rawTrailers: readonly string[]): void {
    this.trailers.push(rawTrailers)
  }
  get bytes(): Buffer {
    return Buffer.concat(this.chunks)
  }
  ended = (): boolean => this.trailers.length > 0
}

function reading(options: Partial<FullBodyOptions> = {}, prepare = (_stream: Request) => {}) {
  const disk = watchDisk()
  const stream = new Request()
  const errors: Error[] = []
  const signal: AttemptSignal = {
    aborted: false,
    onAbort: undefined,
    informational: () => expect.unreachable(),
  }
  prepare(stream)
  const results: FullBodyResult[] = []
  const result = readFullBody(
    stream,
    {
      bodyBuffer: 1000,
      maxBody: Infinity,
      tempPath: disk.path,
      onError: (cause) => errors.push(cause),
      ...options,
    },
    signal,
  )
  void result.then((value) => results.push(value))
  return { disk, stream, signal, errors, result, results }
}

/** A body of these pieces, read. */
async function read(lengths: readonly number[], options: Partial<FullBodyOptions> = {}) {
  const { stream, result, ...rest } = reading(options)
  for (const length of lengths) {
    stream.send(length)
    await turn()
  }
  stream.end()
  const outcome = await result
  if (outcome.kind !== 'body') throw new Error(outcome.kind)
  return { ...rest, stream, body: outcome.body }
}

async function take(body: RequestBody): Promise<Sink> {
  const sink = new Sink()
  body.attach(sink)
  await until(sink.ended)
  return sink
}

const bodies: [string, number[], number][] = [
  ['empty', [], 0],
  ['in memory', [400, 600], 0],
  ['in memory and a file', [1000, 1], 1],
  ['in a file from its first piece on', [1001, 5, 70_000, 70_000], 1],
]

describe('readFullBody: what it makes', () => {
  it.each(bodies)('%s: known, whole, and again and again', async (_name, lengths, files) => {
    const { body, stream, disk } = await read(lengths)
    expect(body).toMatchObject({
      framing: 'known',
      length: stream.sent,
      replayable: true,
      repeatable: true,
    })
    expect(disk.made).toBe(files)
    for (let i = 0; i < 3; i++) {
      const sink = await take(body)
      expect(sink.bytes.equals(bytes(stream.sent))).toBe(true)
      expect(sink.trailers).toEqual([[]])
      expect(sink.chunks.every(({ length }) => length > 0 && length <= 70_000)).toBe(true)
    }
    expect(disk.open).toBe(files)
    body.release()
    await disk.idle()
    expect(disk.open).toBe(0)
  })

  it('keeps bodyBuffer bytes in memory, and none with 0', async () => {
    for (const [bodyBuffer, made] of [
      [10, 0],
      [9, 1],
      [0, 1],
    ] as const) {
      const { body, disk } = await read([10], { bodyBuffer })
      expect(disk.made).toBe(made)
      body.release()
    }
  })

  it.each(bodies)('%s, with trailers: chunked', async (_name, lengths) => {
    const { stream, result } = reading()
    for (const length of lengths) stream.send(length)
    stream.rawTrailers = ['X-Sum', '1', 'Content-Length', '7', 'x-sum', '2']
    stream.end()
    const outcome = await result
    if (outcome.kind !== 'body') throw new Error(outcome.kind)
    expect(outcome.body).toMatchObject({ framing: 'chunked', length: 0, replayable: true })
    for (let i = 0; i < 2; i++) {
      const sink = await take(outcome.body)
      expect(sink.bytes.equals(bytes(stream.sent))).toBe(true)
      expect(sink.trailers).toEqual([['X-Sum', '1', 'x-sum', '2']])
    }
    outcome.body.release()
  })

  it('with trailers that may not be sent on: known', async () => {
    const { stream, result } = reading()
    stream.rawTrailers = ['Content-Length', '7']
    stream.end('abc')
    expect(await result).toMatchObject({ kind: 'body', body: { framing: 'known', length: 3 } })
  })

  it('says that it wants the body before it reads a byte', async () => {
    const wanted: boolean[] = []
    let seen: Request | undefined
    const { stream, result } = reading(
      { onWanted: () => wanted.push(seen!.readableDidRead) },
      (request) => {
        seen = request
        request.send(10)
      },
    )
    expect(wanted).toEqual([false])
    stream.end()
    await result
    expect(wanted).toEqual([false])
  })
})

describe('readFullBody: while it reads', () => {
  it('lets the client wait for a slow disk', async () => {
    let release = (): void => undefined
    const { stream, disk, result } = reading({}, () => {
      replaceDisk('writev', (original, ...args) => {
        release = () => original(...args)
      })
    })
    const writes = replaceDisk('writev', (original, ...args) => original(...args))
    for (let i = 0; i < 4; i++) {
      stream.send(50_000)
      await until(() => i > 0 || writes.length === 1)
      await turn()
    }
    // One write under way, and 64 kB and a piece behind it.
    expect(stream.isPaused()).toBe(true)
    expect(writes).toHaveLength(1)
    expect(stream.sent - stream.readableLength).toBe(150_000)
    for (let i = 2; i <= 3; i++) {
      release()
      await until(() => writes.length === i)
    }
    expect(stream.readableLength).toBe(0)
    // The last write is not the last one any more, when the client's last bytes have come behind it.
    stream.send(50)
    stream.end()
    await until(() => stream.readableEnded)
    let over = false
    void result.then(() => (over = true))
    for (let i = 3; i <= 4; i++) {
      await disk.idle()
      expect(over).toBe(false)
      expect(writes).toHaveLength(i)
      release()
    }
    const outcome = await result
    if (outcome.kind !== 'body') throw new Error(outcome.kind)
    expect((await take(outcome.body)).bytes.equals(bytes(200_050))).toBe(true)
    outcome.body.release()
    await disk.idle()
    expect(disk.open).toBe(0)
  })

  it.each([
    ['in memory', [4], 4, 1],
    ['in a file', [2000, 1], 2000, 1],
    ['in one piece', [5000], 4999, 0],
  ])('too large, %s: the rest is read and dropped', async (_name, lengths, maxBody) => {
    const { stream, result, disk, signal } = reading({ maxBody })
    for (const length of lengths) stream.send(length)
    stream.send(1)
    expect(await result).toEqual({ kind: 'too_large' })
    expect(signal.onAbort).toBeUndefined()
    stream.send(100_000)
    stream.end()
    await until(() => stream.readableEnded)
    await disk.idle()
    expect(disk.open).toBe(0)
  })

  it('exactly maxBody is not too large', async () => {
    const { body } = await read([2000, 3], { maxBody: 2003 })
    expect(body.length).toBe(2003)
    body.release()
  })

  it.each(['close', 'error'] as const)('the client leaves (%s)', async (how) => {
    for (const length of [10, 2000, 200_000]) {
      const { stream, result, disk, signal } = reading()
      stream.send(length)
      await turn()
      const cause = new Error('aborted')
      stream.destroy(how === 'error' ? cause : undefined)
      expect(await result).toEqual({ kind: 'aborted', cause: how === 'error' ? cause : undefined })
      expect(signal.onAbort).toBeUndefined()
      expect(stream.listenerCount('data') + stream.listenerCount('close')).toBe(0)
      await disk.idle()
      expect(disk.open).toBe(0)
    }
  })

  it.each([{ aborted: true }, { complete: false }])(
    'a stream that ends although it was reset (%o)',
    async (state) => {
      const { stream, result } = reading()
      Object.assign(stream, state)
      stream.send(10)
      stream.end()
      expect(await result).toEqual({ kind: 'aborted', cause: undefined })
    },
  )

  it('the request is given up: what comes is dropped, an error of the stream too', async () => {
    const { stream, result, disk, signal } = reading()
    stream.send(5000)
    await turn()
    stream.pause()
    signal.onAbort?.()
    expect(await result).toEqual({ kind: 'aborted', cause: undefined })
    stream.send(500_000)
    await until(() => stream.readableLength === 0 && stream.writableLength === 0)
    stream.destroy(new Error('later'))
    await disk.idle()
    expect(disk.open).toBe(0)
  })

  it('is not begun where there is nothing to read', async () => {
    const gone = new Request()
    gone.destroy()
    await until(() => gone.closed)
    const text = reading({}, (stream) => stream.setEncoding('latin1'))
    expect(await text.result).toMatchObject({ kind: 'failed' })
    const stream = new Request()
    stream.end('a')
    stream.resume()
    await until(() => stream.readableEnded)
    const onError = (): void => expect.unreachable()
    const options = { bodyBuffer: 1, maxBody: 9, tempPath: undefined, onError }
    expect(await readFullBody(stream, options)).toMatchObject({ kind: 'failed' })
    expect(await readFullBody(gone, options)).toEqual({ kind: 'aborted', cause: undefined })
    const over = { ...text.signal, aborted: true }
    expect(await readFullBody(new Request(), options, over)).toMatchObject({ kind: 'aborted' })
  })

  it.each(['open', 'unlink', 'writev'] as const)('the disk fails (%s)', async (name) => {
    const { stream, result, disk, signal } = reading()
    replaceDisk(name, (original, ...args) => {
      const done = args.at(-1) as (error: Error) => void
      if (name === 'unlink') original(args[0], () => done(diskError('ENOSPC')))
      else process.nextTick(done, diskError('ENOSPC'))
    })
    stream.send(5000)
    expect(await result).toMatchObject({ kind: 'failed', cause: { code: 'ENOSPC' } })
    expect(signal.onAbort).toBeUndefined()
    stream.send(100_000)
    stream.end()
    await until(() => stream.readableEnded)
    await disk.idle()
    expect(disk.open).toBe(0)
  })

  it('the disk fails after the client’s last byte', async () => {
    const { stream, result } = reading()
    replaceDisk('writev', (_original, ...args) => {
      void until(() => stream.readableEnded).then(() => {
        ;(args.at(-1) as (error: Error) => void)(diskError('ENOSPC'))
      })
    })
    stream.send(5000)
    stream.end()
    expect(await result).toMatchObject({ kind: 'failed', cause: { code: 'ENOSPC' } })
  })

  it('a client that leaves after its last byte is not the body’s business', async () => {
    const { stream, result } = reading()
    stream.send(5000)
    stream.end()
    await until(() => stream.destroyed)
    expect(await result).toMatchObject({ kind: 'body', body: { length: 5000 } })
    const outcome = await result
    if (outcome.kind === 'body') outcome.body.release()
  })
})

describe('readFullBody: sending it', () => {
  it('waits for a sink that is full, in memory and in the file', async () => {
    const { body } = await read([500, 400, 100, 200_000])
    const sink = new Sink()
    sink.room = false
    body.attach(sink)
    let pauses = 0
    while (!sink.ended()) {
      const before = sink.chunks.length
      await turn()
      await turn()
      if (sink.chunks.length > before) continue
      expect(sink.chunks.length).toBeLessThanOrEqual(pauses + 1)
      if (sink.chunks.length === pauses + 1) {
        pauses++
        body.drained()
      }
    }
    expect(pauses).toBe(sink.chunks.length)
    expect(sink.bytes.equals(bytes(201_000))).toBe(true)
    body.release()
  })

  it('takes a sink that drains from within its write', async () => {
    const { body } = await read([500, 400, 100, 200_000])
    const sink = new Sink()
    sink.room = false
    sink.onWrite = () => body.drained()
    body.attach(sink)
    await until(sink.ended)
    expect(sink.bytes.equals(bytes(201_000))).toBe(true)
    expect(sink.trailers).toHaveLength(1)
    body.release()
  })

  it('begins anew while a read for the last attempt is under way', async () => {
    const { body } = await read([200_000])
    const held: (() => void)[] = []
    const began = new Sink()
    began.room = false
    body.attach(began)
    await until(() => began.chunks.length === 1)
    replaceDisk('read', (original, ...args) => {
      held.push(() => original(...args))
    })
    const [first, second, third] = [new Sink(), new Sink(), new Sink()]
    body.drained()
    body.attach(first)
    body.attach(second)
    body.attach(second)
    body.detach()
    body.drained()
    body.attach(third)
    expect(held).toHaveLength(5)
    for (let i = 0; i < held.length; i++) {
      held[i]!()
      await turn()
      await until(() => held.length > i + 1 || third.ended())
    }
    expect(began).toMatchObject({ chunks: [{ length: 65_536 }], trailers: [] })
    expect(first).toMatchObject({ chunks: [], trailers: [] })
    expect(second).toMatchObject({ chunks: [], trailers: [] })
    expect(third.bytes.equals(bytes(200_000))).toBe(true)
    body.release()
  })

  it('a sink that leaves from within its write gets nothing more', async () => {
    const { body, disk } = await read([500, 400, 5000])
    for (const after of [1, 2]) {
      const sink = new Sink()
      sink.onWrite = () => {
        if (sink.chunks.length === after) body.detach()
      }
      body.attach(sink)
      await until(() => sink.chunks.length >= after)
      await disk.idle()
      expect(sink.chunks).toHaveLength(after)
      expect(sink.trailers).toEqual([])
    }
    body.release()
  })

  it('released early, it still goes to the peer that has answered before the end', async () => {
    const { body, disk } = await read([200_000])
    const sink = new Sink()
    sink.room = false
    body.attach(sink)
    await until(() => sink.chunks.length === 1)
    body.release()
    body.release()
    await disk.idle()
    expect(disk.open).toBe(1)
    sink.room = true
    body.drained()
    await until(sink.ended)
    expect(sink.bytes.equals(bytes(200_000))).toBe(true)
    await disk.idle()
    expect(disk.open).toBe(0)
  })

  it('released early, and then the peer leaves', async () => {
    const { body, disk } = await read([200_000])
    const sink = new Sink()
    body.attach(sink)
    body.release()
    body.detach()
    await disk.idle()
    expect(disk.open).toBe(0)
    expect(sink.ended()).toBe(false)
  })

  it('tells of a file that cannot be read, once, and sends no end', async () => {
    const { body, errors, disk } = await read([200_000])
    replaceDisk('read', (original, ...args) => {
      const done = args.at(-1) as (error: Error) => void
      if (args[4] === 0) original(...args)
      else process.nextTick(done, diskError('EIO'))
    })
    const sink = new Sink()
    body.attach(sink)
    await until(() => errors.length > 0)
    body.drained()
    await disk.idle()
    expect(errors).toMatchObject([{ code: 'EIO' }])
    expect(sink.ended()).toBe(false)
    body.release()
  })

  it('does not tell of it when the attempt is over', async () => {
    const { body, errors, disk } = await read([200_000])
    replaceDisk('read', (_original, ...args) => {
      process.nextTick(args.at(-1) as (error: Error) => void, diskError('EIO'))
    })
    body.attach(new Sink())
    body.detach()
    await disk.idle()
    expect(errors).toEqual([])
    body.release()
  })

  it('an attempt that takes over from within the write of another has its own pauses', async () => {
    const { body } = await read([500, 2000, 500, 2000], { bodyBuffer: 9000 })
    const [one, other] = [new Sink(), new Sink()]
    other.room = false
    one.onWrite = () => body.attach(other)
    body.attach(one)
    expect(one.chunks).toHaveLength(1)
    expect(other.chunks).toHaveLength(1)
    other.room = true
    body.drained()
    expect(other.bytes.equals(bytes(5000))).toBe(true)
  })

  it('tells who attaches it after its release', async () => {
    const { body, errors } = await read([200_000])
    body.release()
    const sink = new Sink()
    body.attach(sink)
    await until(() => errors.length > 0)
    expect(errors[0]?.message).toBe('the body has been released')
    expect(sink.ended()).toBe(false)
  })
})
