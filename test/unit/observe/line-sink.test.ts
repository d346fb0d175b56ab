/** Lines on their way to a stream. */
import { Socket } from 'node:net'
import { Writable } from 'node:stream'
import { fakeClock } from 'evenkeel/testing'
import { describe, expect, it, vi } from 'vitest'
import { takesBytes } from '../../../src/observe/log-outlet.js'
import type { LineSink as Sink } from '../../../src/observe/line-sink.js'
import { settle } from '../../conformance/stage.js'

/** A stream that takes a write when it is let. */
class SlowStream extends Writable {
  readonly chunks: string[] = []
  release: (() => void) | undefined

  constructor() {
    super({ highWaterMark: 10, decodeStrings: false })
  }

  override _write(chunk: string, _encoding: BufferEncoding, done: () => void): void {
    this.chunks.push(chunk)
    this.release = () => {
      this.release = undefined
      done()
    }
  }
}

// Modules of its own: listeners of the process are counted here, and logs of other tests have them, too.
vi.resetModules()
const { LineSink } = await import('../../../src/observe/line-sink.js')

const WHAT = { limit: 30, what: 'access log' }

describe('a line sink', () => {
  it('writes the lines of a turn at once', async () => {
    const written: string[] = []
    const sink = new LineSink({
      ...WHAT,
      limit: 1000,
      stream: { write: (text) => written.push(text) },
    })
    sink.line('a')
    sink.line('b')
    expect(written).toEqual([])
    await settle()
    sink.line('c')
    await sink.close()
    expect(written).toEqual(['a\nb\n', 'c\n'])
  })

  it('writes many lines with few writes: at once, and then after a pause, or when there are enough', async () => {
    const written: string[] = []
    const clock = fakeClock()
    const stream = { write: (text: string) => written.push(text) }
    const sink = new LineSink({ ...WHAT, limit: 1_000_000, stream, clock })
    const next = async (text: string): Promise<void> => {
      sink.line(text)
      await settle()
    }
    await next('a')
    expect(written).toEqual(['a\n'])
    await next('b')
    clock.advance(49)
    await next('c')
    expect(written).toEqual(['a\n'])
    clock.advance(1)
    expect(written).toEqual(['a\n', 'b\nc\n'])
    clock.advance(50)
    await next('d')
    expect(written.slice(2)).toEqual(['d\n'])
    await next('x'.repeat(70_000))
    expect(written).toHaveLength(4)
    await next('e')
    expect(written).toHaveLength(4)
    await sink.close()
    expect(written.slice(4)).toEqual(['e\n'])
    expect(clock.pending).toBe(0)
  })

  it('takes lines that are made when the turn is over', async () => {
    const written: string[] = []
    const late = ['late']
    const sink: Sink = new LineSink({
      ...WHAT,
      limit: 1000,
      stream: { write: (text) => written.push(text) },
      onTurnEnd: () => {
        for (const text of late.splice(0)) sink.line(text)
      },
    })
    sink.expect()
    expect(written).toEqual([])
    await settle()
    expect(written).toEqual(['late\n'])
    late.push('at the end')
    await sink.close()
    await settle()
    expect(written.join('')).toBe('late\nat the end\n')
  })

  it('gives a stream of Node bytes of its own, and text to one that wants text', async () => {
    const chunks: unknown[] = []
    const take = (chunk: unknown, _encoding: unknown, done: () => void): void => {
      chunks.push(chunk)
      done()
    }
    const lines = ['plain', 'Grüße 🦊', '\ud800']
    const expected = 'plain\nGrüße 🦊\n\ufffd\n'
    const bytes = new Writable({ write: take })
    const replaced = Object.assign(new Writable({ write: take }), {
      write: (chunk: unknown) => chunks.push(chunk),
    })
    for (const [stream, isText] of [
      [bytes, false],
      [new Writable({ write: take, decodeStrings: false }), true],
      [new Writable({ write: take, objectMode: true }), true],
      [replaced, true],
    ] as const) {
      const sink = new LineSink({ ...WHAT, limit: 10_000, stream })
      for (const line of lines) sink.line(line)
      await sink.close()
      const all = chunks.splice(0).filter((chunk) => String(chunk) !== '')
      expect(all.map((chunk) => typeof chunk === 'string')).toEqual([isText])
      expect(String(all[0])).toBe(expected)
      // What was handed over stays as it is.
      const before = Buffer.from(String(all[0]))
      sink.line('another')
      await sink.close()
      expect(Buffer.from(String(all[0])).equals(before)).toBe(true)
      chunks.length = 0
    }
  })

  it('says of a stream that is broken for good once a minute that lines are lost, and at the end how many', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const said = (): string[] => warn.mock.calls.splice(0).map(([text]) => String(text))
    const clock = fakeClock()
    const stream = new Writable({
      write(_chunk, _encoding, done) {
        done(new Error('disk full'))
      },
    })
    const sink = new LineSink({ ...WHAT, limit: 10_000, stream, clock })
    for (let i = 0; i < 10; i++) {
      sink.line('x')
      await settle()
      clock.advance(50)
    }
    expect(said()).toEqual([
      expect.stringContaining('cannot be written: disk full'),
      expect.stringContaining('1 lines of the access log were dropped'),
    ])
    clock.advance(60_000)
    sink.line('x')
    await settle()
    expect(said()).toEqual([expect.stringContaining('9 lines of the access log')])
    sink.line('x')
    await sink.close()
    expect(said()).toEqual([expect.stringContaining('1 lines of the access log')])
    expect(sink.dropped).toBe(11)
    warn.mockRestore()
  })

  it('sockets get bytes: they would make them of a text, whatever they say of it', () => {
    expect(takesBytes(new Socket())).toBe(true)
  })

  it('holds back for a slow stream, drops what does not fit, counts it and says so once', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const stream = new SlowStream()
    const sink = new LineSink({ ...WHAT, stream })
    sink.line('first line')
    await settle()
    for (const text of ['second line', 'third line', 'fourth line', 'fifth line']) sink.line(text)
    expect(sink.dropped).toBe(2)
    stream.release!()
    await settle()
    stream.release!()
    const closed = sink.close()
    for (let i = 0; i < 5; i++) {
      await settle()
      stream.release?.()
    }
    await closed
    expect(stream.chunks.join('')).toBe('first line\nsecond line\nthird line\n')
    expect(warn).toHaveBeenCalledOnce()
    expect(String(warn.mock.calls[0]![0])).toContain('2 lines of the access log')
    warn.mockRestore()
  })

  it('much in one turn is no reason to drop', async () => {
    const written: string[] = []
    const sink = new LineSink({ ...WHAT, stream: { write: (text) => written.push(text) } })
    for (let i = 0; i < 20; i++) sink.line('a line of some length')
    await sink.close()
    expect(sink.dropped).toBe(0)
    expect(written.join('').split('\n')).toHaveLength(21)
  })

  it('a stream that throws, or breaks, costs lines and nothing else', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const throwing = new LineSink({
      ...WHAT,
      stream: {
        write: () => {
          throw new Error('no')
        },
      },
    })
    throwing.line('x')
    await throwing.close()
    expect(throwing.dropped).toBe(1)
    const stream = new SlowStream()
    const broken = new LineSink({ ...WHAT, stream })
    broken.line('x')
    await settle()
    stream.destroy(new Error('disk full'))
    await settle()
    broken.line('y')
    await broken.close()
    expect(broken.dropped).toBe(1)
    expect(warn.mock.calls.map(([text]) => String(text)).join('\n')).toContain('disk full')
    warn.mockRestore()
  })

  it('what waits at the end of the process is written', () => {
    const written: string[] = []
    const before = process.listeners('exit')
    const late = ['made at the end']
    const sink: Sink = new LineSink({
      ...WHAT,
      stream: { write: (text) => written.push(text) },
      onTurnEnd: () => {
        for (const text of late.splice(0)) sink.line(text)
      },
    })
    sink.line('last')
    const [added] = process.listeners('exit').filter((each) => !before.includes(each))
    ;(added as () => void)()
    expect(written.join('')).toBe('last\nmade at the end\n')
    return sink.close()
  })

  it('however many streams there are, the process has one listener, and all lines are written at its end', async () => {
    const written: string[] = []
    const before = process.listeners('exit')
    const sinks = Array.from(
      { length: 20 },
      () => new LineSink({ ...WHAT, stream: { write: (text) => written.push(text) } }),
    )
    for (const [i, sink] of sinks.entries()) sink.line(String(i))
    const added = process.listeners('exit').filter((each) => !before.includes(each))
    expect(added).toHaveLength(1)
    ;(added[0] as () => void)()
    expect(written).toHaveLength(20)
    for (const sink of sinks) await sink.close()
    expect(process.listeners('exit')).toEqual(before)
  })

  it('many sinks of one stream have one listener, and none when they are closed', async () => {
    const stream = new SlowStream()
    const count = (): readonly number[] => [
      process.listenerCount('exit'),
      stream.listenerCount('error'),
      stream.listenerCount('drain'),
    ]
    const before = count()
    const sinks = Array.from({ length: 20 }, () => new LineSink({ ...WHAT, stream }))
    for (const sink of sinks) sink.line('x')
    expect(count()).toEqual(before.map((each) => each + 1))
    const closed = Promise.all(sinks.map((sink) => sink.close()))
    while (stream.chunks.join('').split('x').length < 21) {
      stream.release?.()
      await settle()
    }
    for (let i = 0; i < 50; i++) {
      stream.release?.()
      await settle()
    }
    await closed
    expect(count()).toEqual(before)
  })
})
