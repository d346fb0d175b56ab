import { PassThrough } from 'node:stream'
import { fakeClock } from 'evenkeel/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bufferedResponse } from '../../src/message/buffered-response.js'
import { readFullBody } from '../../src/message/full-body.js'
import type { FullBodyResult } from '../../src/message/full-body.js'
import { limitRate } from '../../src/message/limit-rate.js'
import { SpoolQueue } from '../../src/message/spool-queue.js'
import type { UpstreamFailure } from '../../src/next-upstream/attempt-result.js'
import type { RequestSink } from '../../src/transport/transport.js'
import { watchProcess } from '../helpers/watch-process.js'
import {
  bytes,
  Client,
  openFiles,
  Peer,
  TRUNCATED,
  turn,
  until,
  watchDisk,
} from '../unit/message/spool-rig.js'

watchProcess()

const length = fc.oneof(
  fc.integer({ min: 1, max: 30 }),
  fc.integer({ min: 1, max: 3000 }),
  fc.constant(20_000),
)

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('send' as const), length }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('drain' as const), room: fc.nat(5000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('turn' as const, 'idle' as const) }) },
)

const ending = fc.constantFrom('end' as const, 'fail' as const, 'discard' as const)

describe('bufferedResponse, whatever happens', () => {
  it('bytes are the same and in order, it ends once, memory and file have their limits, nothing is left', async () => {
    const disk = watchDisk()
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60, size: 'max' }),
        fc.integer({ min: 1, max: 5000 }),
        fc.oneof(
          { weight: 1, arbitrary: fc.constant(0) },
          { weight: 3, arbitrary: fc.nat(60_000) },
        ),
        fc.boolean(),
        ending,
        async (steps, buffers, maxTempFile, eager, how) => {
          const peer = new Peer()
          const client = new Client()
          const over: (UpstreamFailure | undefined)[] = []
          const response = bufferedResponse(peer, {
            buffers,
            maxTempFile,
            tempPath: disk.path,
            onUpstreamOver: (failure) => over.push(failure),
          })
          client.room = 0
          if (eager) client.onData = () => client.room > -5000 && response.resume()
          response.start(client)
          try {
            let largest = 0
            for (const one of steps) {
              if (one.do === 'send') {
                // Contract: a peer that was stopped sends nothing.
                if (peer.open) peer.send('length' in one ? one.length : 0)
                largest = Math.max(largest, 'length' in one ? one.length : 0)
              } else if (one.do === 'drain') {
                client.room = 'room' in one ? one.room : 0
                response.resume()
              } else if (one.do === 'turn') await turn()
              else await disk.idle()
              const held = peer.sent - client.taken
              expect(held).toBeLessThan(buffers + maxTempFile + Math.max(largest, 1))
              // Whoever takes everything holds nobody up.
              if (held === 0) expect(peer.open).toBe(true)
            }
            await disk.idle()
            // A peer waits only where at least the memory is full.
            if (!peer.open) expect(peer.sent - client.taken).toBeGreaterThanOrEqual(buffers)
            client.onData = undefined
            if (how === 'discard') response.discard()
            else if (how === 'end') peer.end(['X-T', '1'])
            else peer.fail(TRUNCATED)
            if (how === 'discard') {
              const { taken } = client
              client.room = Infinity
              response.resume()
              await disk.idle()
              expect(client.taken).toBe(taken)
              expect(client.over).toBe(false)
              expect(over).toEqual([])
            } else {
              expect(over).toEqual([how === 'end' ? undefined : TRUNCATED])
              const before = client.taken
              // To the end in sips.
              while (!client.over) {
                client.room = 700
                response.resume()
                await turn()
              }
              expect(client.taken).toBeGreaterThanOrEqual(before)
              client.expectBytes(peer.sent)
              expect(client.ended).toEqual(how === 'end' ? ['X-T', '1'] : undefined)
              expect(client.failed).toBe(how === 'end' ? undefined : TRUNCATED)
            }
            await disk.idle()
            expect(disk.open).toBe(0)
            expect(openFiles(disk.path)).toEqual([])
            expect(Buffer.concat(client.chunks).equals(bytes(client.taken))).toBe(true)
          } finally {
            // What fails leaves nothing to the next, shorter example.
            response.discard()
            await disk.idle()
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('limitRate, whatever happens', () => {
  it('never more than rate × seconds; everything, in order, and one end; no timer is left', () => {
    const action = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant('send' as const), length }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.nat(2500) }) },
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constant('drain' as const), room: fc.nat(5000) }),
      },
    )
    fc.assert(
      fc.property(
        fc.array(action, { maxLength: 60 }),
        fc.integer({ min: 50, max: 50_000 }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        fc.boolean(),
        (actions, rate, start, obedient) => {
          const clock = fakeClock(start)
          const [peer, client] = [new Peer(), new Client()]
          const response = limitRate(peer, { rate, clock })
          response.start(client)
          const check = (): void => {
            const seconds = Math.floor((clock.now() - start) / 1000) + 1
            expect(client.taken).toBeLessThanOrEqual(rate * seconds)
            expect(clock.pending).toBeLessThanOrEqual(1)
          }
          client.onData = check
          for (const one of actions) {
            if (one.do === 'send') {
              if (peer.open || !obedient) peer.send('length' in one ? one.length : 0)
            } else if (one.do === 'pass') clock.advance('ms' in one ? one.ms : 0)
            else {
              client.room = 'room' in one ? one.room : 0
              response.resume()
            }
            check()
          }
          client.room = Infinity
          response.resume()
          peer.end()
          const left = peer.sent - client.taken
          let waits = 0
          while (clock.nextDue !== undefined) {
            clock.advance(clock.nextDue - clock.now())
            waits++
          }
          client.expectBytes(peer.sent)
          expect(client.ended).toEqual([])
          // No timer ran in vain but for the one that waits for the next second.
          expect(waits).toBeLessThanOrEqual(2 * (left + 1))
        },
      ),
      { numRuns: 300 },
    )
  })
})

/** Takes a request body, with pauses. */
class Sink implements RequestSink {
  readonly chunks: Buffer[] = []
  ends = 0
  constructor(readonly room: () => boolean) {}
  write(chunk: Buffer): boolean {
    if (this.ends > 0) throw new Error('write after end')
    this.chunks.push(chunk)
    return this.room()
  }
  end(): void {
    this.ends++
  }
}

describe('readFullBody, whatever happens', () => {
  it('is the client’s body each time, or none of it; nothing is left', async () => {
    const disk = watchDisk()
    const attempt = fc.record({
      rooms: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
      leaves: fc.option(fc.nat(6)),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(length, { maxLength: 20 }),
        fc.nat(5000),
        fc.oneof(
          { weight: 4, arbitrary: fc.constant(Infinity) },
          { weight: 1, arbitrary: fc.nat(20_000) },
        ),
        fc.option(fc.nat(19), { freq: 4 }),
        fc.boolean(),
        fc.array(attempt, { maxLength: 4 }),
        async (lengths, bodyBuffer, maxBody, leavesAt, trailers, attempts) => {
          const stream = Object.assign(new PassThrough(), {
            rawTrailers: trailers ? ['X', '1'] : [],
          })
          const errors: Error[] = []
          const reading = readFullBody(stream, {
            bodyBuffer,
            maxBody,
            tempPath: disk.path,
            onError: (cause) => errors.push(cause),
          })
          let result: FullBodyResult | undefined
          void reading.then((value) => (result = value))
          let sent = 0
          for (const [index, one] of lengths.entries()) {
            if (index === leavesAt) stream.destroy()
            else if (!stream.destroyed) stream.write(bytes(one, sent))
            sent += one
            if (index % 3 === 0) await turn()
          }
          const left = stream.destroyed
          if (!left) stream.end()
          const { kind } = await reading
          if (left) expect(['aborted', 'too_large']).toContain(kind)
          else expect(kind).toBe(sent > maxBody ? 'too_large' : 'body')
          if (result?.kind === 'body') {
            const { body } = result
            expect(body.length).toBe(trailers ? 0 : sent)
            for (const { rooms, leaves } of attempts) {
              let writes = 0
              const sink = new Sink(() => rooms[writes++ % rooms.length] ?? true)
              body.attach(sink)
              for (let i = 0; sink.ends === 0 && i !== leaves; i++) {
                await turn()
                body.drained()
              }
              if (sink.ends === 0) body.detach()
              const { length: seen } = sink.chunks
              await turn()
              expect(sink.chunks.length).toBe(seen)
              const all = Buffer.concat(sink.chunks)
              expect(all.equals(bytes(all.length))).toBe(true)
              expect(sink.ends).toBe(all.length === sent && sink.ends > 0 ? 1 : 0)
            }
            const last = new Sink(() => true)
            body.attach(last)
            body.release()
            await until(() => last.ends > 0)
            expect(Buffer.concat(last.chunks).equals(bytes(sent))).toBe(true)
          }
          await disk.idle()
          expect(disk.open).toBe(0)
          expect(openFiles(disk.path)).toEqual([])
          expect(errors).toEqual([])
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('SpoolQueue, whatever happens', () => {
  it('is first in, first out', () => {
    const action = fc.oneof(
      { weight: 4, arbitrary: length },
      { weight: 2, arbitrary: fc.constantFrom('shift' as const, 'pop' as const, 'all' as const) },
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const queue = new SpoolQueue()
        let model = Buffer.alloc(0)
        let pushed = 0
        for (const one of actions) {
          if (typeof one === 'number') {
            const piece = bytes(one, pushed)
            pushed += one
            queue.push(piece)
            model = Buffer.concat([model, piece])
            if (one < 1024) piece.fill(0)
          } else if (one === 'pop') {
            const piece = queue.pop() ?? Buffer.alloc(0)
            expect(piece.equals(model.subarray(model.length - piece.length))).toBe(true)
            model = model.subarray(0, model.length - piece.length)
          } else {
            const taken = one === 'all' ? Buffer.concat(queue.takeAll()) : queue.shift()
            const piece = taken ?? Buffer.alloc(0)
            expect(piece.equals(model.subarray(0, piece.length))).toBe(true)
            model = model.subarray(piece.length)
          }
          expect(queue.bytes).toBe(model.length)
        }
        expect(Buffer.concat(queue.takeAll()).equals(model)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})
