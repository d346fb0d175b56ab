import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { fakeClock } from 'evenkeel/testing'
import { describe, expect, it } from 'vitest'
import { ChunkedDecoder } from '../../../src/message/chunked-decoder.js'
import { LengthDecoder, UpgradeBody, upgradeBody } from '../../../src/message/upgrade-body.js'
import { turns, watchProcess } from '../../helpers/watch-process.js'
import { inMemory, Reading } from './connections.js'

watchProcess()

const TIMEOUT = 60_000

function body(decoder: LengthDecoder | ChunkedDecoder, highWaterMark = 1000) {
  const { near, far } = inMemory(highWaterMark)
  const clock = fakeClock()
  const failures: number[] = []
  const stream = new UpgradeBody(near, decoder, {
    clock,
    onFailure: (status) => void failures.push(status),
  })
  return { stream, near, far, clock, failures }
}

/** What is waiting in a stream. */
function text(stream: Duplex): string {
  let all = ''
  for (;;) {
    const chunk = stream.read() as Buffer | null
    if (chunk === null) return all
    all += chunk.toString()
  }
}

describe('UpgradeBody', () => {
  it('touches nothing before it is read', async () => {
    const { stream, far, near, clock } = body(new LengthDecoder(5))
    far.write('hello')
    await turns()
    expect(stream.readableDidRead).toBe(false)
    expect(near.readableLength).toBe(5)
    expect(near.listenerCount('data')).toBe(0)
    expect(clock.pending).toBe(0)
  })

  it('ends with its last byte, and leaves the rest to the connection', async () => {
    const { stream, far, near, clock } = body(new LengthDecoder(10))
    const reading = new Reading(stream as never)
    far.write('01234')
    await reading.reads('01234')
    far.write('56789new')
    await reading.end()
    expect(reading.text).toBe('0123456789')
    expect(stream.rawTrailers).toEqual([])
    far.write(' protocol')
    await turns()
    expect(text(near)).toBe('new protocol')
    expect(clock.pending).toBe(0)
    expect(near.listenerCount('data') + near.listenerCount('close')).toBe(0)
  })

  it('chunked, with trailers', async () => {
    const { stream, far, near } = body(new ChunkedDecoder())
    const reading = new Reading(stream as never)
    far.write('3\r\nabc\r\n2\r')
    far.write('\nde\r\n0\r\nX-Sum: 1\r\n\r\nnew')
    await reading.end()
    expect(reading.text).toBe('abcde')
    expect(stream.rawTrailers).toEqual(['X-Sum', '1'])
    expect(text(near)).toBe('new')
  })

  it('reads no more than is taken from it, and a taker that takes its time is no timeout', async () => {
    const { stream, far, clock, failures } = body(new LengthDecoder(10_000_001))
    let first = 0
    stream.once('data', (chunk: Buffer) => {
      first = chunk.length
      stream.pause()
    })
    for (let i = 0; i < 1000; i++) far.write(Buffer.alloc(10_000))
    await turns(50)
    expect(stream.readableLength).toBeLessThan(200_000)
    expect(far.writableLength).toBeGreaterThan(9_000_000)
    expect(clock.pending).toBe(0)
    clock.advance(10 * TIMEOUT)
    expect(failures).toEqual([])
    const reading = new Reading(stream as never)
    stream.resume()
    await reading.until(() => first + reading.length === 10_000_000)
    // Now it is the client that is waited for.
    clock.advance(TIMEOUT)
    expect(failures).toEqual([408])
  })

  it('a client that falls silent: 408, and nothing more', async () => {
    const { stream, far, near, clock, failures } = body(new LengthDecoder(10))
    const reading = new Reading(stream as never)
    far.write('01')
    await reading.reads('01')
    clock.advance(TIMEOUT - 1)
    far.write('23')
    await reading.reads('0123')
    clock.advance(TIMEOUT - 1)
    expect(failures).toEqual([])
    clock.advance(1)
    expect(failures).toEqual([408])
    expect(stream.destroyed).toBe(true)
    expect(near.listenerCount('data')).toBe(0)
    expect(clock.pending).toBe(0)
  })

  it('what is no body: 400', async () => {
    const { stream, far, near, clock, failures } = body(new ChunkedDecoder())
    const reading = new Reading(stream as never)
    far.write('zzz\r\n')
    far.write('3\r\nabc\r\n')
    await reading.close()
    await turns()
    expect(failures).toEqual([400])
    expect(reading).toMatchObject({ ended: false, error: undefined, length: 0 })
    expect(near.listenerCount('data')).toBe(0)
    expect(clock.pending).toBe(0)
  })

  it('a connection that closes takes it along', async () => {
    const { stream, far, near, clock, failures } = body(new LengthDecoder(10))
    const reading = new Reading(stream as never)
    far.write('01')
    await reading.reads('01')
    near.destroy()
    await reading.close()
    expect(reading.ended).toBe(false)
    expect(clock.pending).toBe(0)
    expect(failures).toEqual([])
  })

  it('destroy() lets the connection go', async () => {
    const { stream, far, near, clock } = body(new LengthDecoder(10))
    const reading = new Reading(stream as never)
    far.write('01')
    await reading.reads('01')
    stream.destroy()
    expect(near.listenerCount('data') + near.listenerCount('close')).toBe(0)
    expect(clock.pending).toBe(0)
    expect(near.destroyed).toBe(false)
  })
})

describe('upgradeBody()', () => {
  const of = (headers: Record<string, string>, more: Partial<IncomingMessage> = {}) => {
    const req: unknown = { headers, complete: true, readableLength: 0, ...more }
    return upgradeBody(req as IncomingMessage, inMemory().near, {
      clock: fakeClock(),
      onFailure: () => undefined,
    })
  }
  // Node 26 reads it by itself.
  const left = parseInt(process.versions.node, 10) < 26

  it.each([{ 'content-length': '3' }, { 'transfer-encoding': 'chunked' }])('%j', (headers) => {
    expect(of(headers) !== undefined).toBe(left)
  })

  it.each([{}, { 'content-length': '0' }])('there is none: %j', (headers) => {
    expect(of(headers)).toBeUndefined()
  })

  it('Node is reading it, or has read it', () => {
    const headers = { 'content-length': '3' }
    expect(of(headers, { complete: false })).toBeUndefined()
    expect(of(headers, { readableLength: 3 })).toBeUndefined()
  })
})
