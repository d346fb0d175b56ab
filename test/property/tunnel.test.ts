import { fakeClock } from 'evenkeel/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChunkedDecoder } from '../../src/message/chunked-decoder.js'
import { Tunnel } from '../../src/message/tunnel.js'
import { FrameBoundary } from '../../src/message/websocket-frames.js'
import { turns } from '../helpers/watch-process.js'
import { inMemory, Reading } from '../unit/message/connections.js'
import { closeFrame, frame } from '../unit/message/frames.js'

const length = fc.oneof(
  { weight: 4, arbitrary: fc.nat(20) },
  { weight: 2, arbitrary: fc.constantFrom(125, 126, 127, 255, 256) },
  { weight: 1, arbitrary: fc.constantFrom(65_535, 65_536, 70_000) },
)

/** Payloads full of bytes that would be headers elsewhere. */
const payload = fc.tuple(length, fc.nat(255)).map(([size, byte]) => Buffer.alloc(size, byte))

const dataFrame = fc
  .record({
    bytes: payload,
    opcode: fc.constantFrom(0, 1, 2),
    fin: fc.boolean(),
    rsv: fc.nat(7),
    masked: fc.boolean(),
  })
  .map(({ bytes, ...options }) => frame(bytes, options))

const controlFrame = fc
  .record({ size: fc.nat(125), opcode: fc.constantFrom(9, 10), masked: fc.boolean() })
  .map(({ size, ...options }) => frame(Buffer.alloc(size, 0x88), options))

const frames = fc.array(fc.oneof(dataFrame, controlFrame), { maxLength: 8 })

/** Where a stream is cut: mostly into small pieces. */
const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5000 })), {
  minLength: 1,
  maxLength: 30,
})

/** `bytes` in pieces of these sizes, over and over. */
function pieces(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const out: Buffer[] = []
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]! * (i >= 1000 ? 100 : 1)
    out.push(bytes.subarray(at, at + size))
    at += size
  }
  return out
}

/** Ends of frames, counted from the first byte. */
function boundaries(list: readonly Buffer[]): number[] {
  let at = 0
  return list.map((each) => (at += each.length))
}

describe('FrameBoundary', () => {
  it('finds the end of every frame, however the stream is cut', () => {
    fc.assert(
      fc.property(frames, cuts, (list, sizes) => {
        const tracker = new FrameBoundary()
        const found: number[] = []
        let before = 0
        for (const piece of pieces(Buffer.concat(list), sizes)) {
          let at = 0
          while (at < piece.length) {
            at = tracker.advance(piece, at)
            if (tracker.between) found.push(before + at)
          }
          before += piece.length
        }
        expect(found).toEqual(boundaries(list))
        expect(tracker.lost).toBe(false)
      }),
    )
  })

  it('push() comes to the same', () => {
    fc.assert(
      fc.property(frames, cuts, (list, sizes) => {
        const tracker = new FrameBoundary()
        const ends = new Set([0, ...boundaries(list)])
        let at = 0
        for (const piece of pieces(Buffer.concat(list), sizes)) {
          tracker.push(piece)
          at += piece.length
          expect(tracker.between).toBe(ends.has(at))
        }
      }),
    )
  })

  it('takes whatever comes, and never goes back', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }), (chunks) => {
        const tracker = new FrameBoundary()
        for (const chunk of chunks) {
          const bytes = Buffer.from(chunk)
          for (let at = 0; at < bytes.length;) {
            const next = tracker.advance(bytes, at)
            expect(next).toBeGreaterThan(at)
            expect(next).toBeLessThanOrEqual(bytes.length)
            at = next
          }
        }
      }),
    )
  })
})

describe('Tunnel', () => {
  it('changes no byte, whatever the chunks and the buffers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(payload, payload),
        fc.tuple(cuts, cuts),
        fc.integer({ min: 1, max: 2000 }),
        fc.constantFrom('foo', 'websocket'),
        async ([up, down], [upCuts, downCuts], highWaterMark, protocol) => {
          const { client, peer, run, clock } = open(protocol, highWaterMark)
          const toPeer = new Reading(peer)
          const toClient = new Reading(client)
          for (const piece of pieces(up, upCuts)) client.write(piece)
          for (const piece of pieces(down, downCuts)) peer.write(piece)
          client.end()
          peer.end()
          await Promise.all([toPeer.end(), toClient.end()])
          expect(toPeer.bytes.equals(up)).toBe(true)
          expect(toClient.bytes.equals(down)).toBe(true)
          expect(await run).toMatchObject({
            how: 'ended',
            ...{ toPeer: up.length, toClient: down.length },
          })
          expect(clock.pending).toBe(0)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('a drained WebSocket client gets whole frames, and then 1001', async () => {
    await fc.assert(
      fc.asyncProperty(frames, cuts, fc.nat(100), async (list, sizes, percent) => {
        const { client, peer, run, tunnel, clock } = open('websocket', 100_000)
        const toClient = new Reading(client)
        const stream = pieces(Buffer.concat(list), sizes)
        const drainAt = Math.floor((stream.length * percent) / 100)
        let sent = 0
        for (const [i, piece] of stream.entries()) {
          if (i === drainAt) {
            await toClient.until(() => toClient.length === sent)
            tunnel.drain()
          }
          peer.write(piece)
          sent += piece.length
        }
        await turns(2)
        tunnel.drain()
        peer.end()
        await toClient.end()
        client.end()
        expect(await run).toMatchObject({ how: 'drained' })
        const goodbye = closeFrame(1001)
        const got = toClient.bytes
        const frameBytes = got.length - goodbye.length
        expect(got.subarray(frameBytes)).toEqual(goodbye)
        expect([0, ...boundaries(list)]).toContain(frameBytes)
        expect(
          got.subarray(0, frameBytes).equals(Buffer.concat(list).subarray(0, frameBytes)),
        ).toBe(true)
        expect(clock.pending).toBe(0)
      }),
      { numRuns: 60 },
    )
  })
})

function open(protocol: string, highWaterMark: number) {
  const client = inMemory(highWaterMark)
  const peer = inMemory(highWaterMark)
  const clock = fakeClock()
  const tunnel = new Tunnel({
    ...{ client: client.near, peer: peer.near, protocol, idleTimeout: 60_000, clock },
  })
  return { client: client.far, peer: peer.far, tunnel, run: tunnel.run(), clock }
}

describe('ChunkedDecoder', () => {
  const chunk = fc
    .record({
      data: fc.uint8Array({ minLength: 1, maxLength: 300 }),
      zeros: fc.nat(3),
      upper: fc.boolean(),
      extension: fc.constantFrom('', ';a', ';a=b', ' ; a="x;y"'),
    })
    .map(({ data, zeros, upper, extension }) => {
      const hex = '0'.repeat(zeros) + data.length.toString(16)
      const size = upper ? hex.toUpperCase() : hex
      const line = Buffer.from(`${size}${extension}\r\n`)
      return { data, wire: Buffer.concat([line, data, Buffer.from('\r\n')]) }
    })

  it('gives the body back, and leaves what follows', () => {
    fc.assert(
      fc.property(
        fc.array(chunk, { maxLength: 6 }),
        fc.constantFrom('', 'X-A: b\r\n', 'A:1\r\nA:2\r\n'),
        fc.uint8Array({ maxLength: 20 }),
        cuts,
        (chunks, trailers, rest, sizes) => {
          const end = Buffer.from(`0\r\n${trailers}\r\n`)
          const body = Buffer.concat([...chunks.map(({ wire }) => wire), end])
          const decoder = new ChunkedDecoder()
          const data: Buffer[] = []
          let length = 0
          for (const piece of pieces(Buffer.concat([body, rest]), sizes)) {
            length += decoder.read(piece, (part) => data.push(part))
          }
          expect(decoder.done).toBe(true)
          expect(length).toBe(body.length)
          expect(Buffer.concat(data)).toEqual(Buffer.concat(chunks.map((each) => each.data)))
          expect(decoder.rawTrailers.length).toBe(2 * (trailers.split('\r\n').length - 1))
        },
      ),
    )
  })
})
