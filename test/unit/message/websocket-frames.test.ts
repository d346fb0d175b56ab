import { describe, expect, it } from 'vitest'
import { CLOSE_GOING_AWAY, FrameBoundary } from '../../../src/message/websocket-frames.js'
import { closeFrame, frame } from './frames.js'

/** The ends of frames in `bytes`, as they are found when it comes in one piece. */
function ends(bytes: Buffer, frames = new FrameBoundary()): number[] {
  const found: number[] = []
  let at = 0
  while (at < bytes.length) {
    at = frames.advance(bytes, at)
    if (frames.between) found.push(at)
  }
  return found
}

const after = (...bytes: Buffer[]): FrameBoundary => {
  const frames = new FrameBoundary()
  for (const each of bytes) frames.push(each)
  return frames
}

describe('FrameBoundary', () => {
  it('is between two frames before the first', () => {
    expect(new FrameBoundary()).toMatchObject({ between: true, closed: false, lost: false })
  })

  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 100_000])('a payload of %d bytes', (length) => {
    const one = frame(Buffer.alloc(length, 0x88))
    expect(ends(Buffer.concat([one, one]))).toEqual([one.length, 2 * one.length])
  })

  it.each([7, 16, 64] as const)(
    'a length of %d bits, though a shorter one would do',
    (lengthBits) => {
      const one = frame('hello', { lengthBits })
      expect(ends(one)).toEqual([one.length])
    },
  )

  it('a mask, also one of nothing', () => {
    const some = frame('hello', { masked: true })
    const none = frame('', { masked: true })
    expect(ends(Buffer.concat([some, none, some]))).toEqual([11, 17, 28])
  })

  it('knows where it is at every single byte', () => {
    const bytes = Buffer.concat([
      frame(Buffer.alloc(300), { opcode: 2, rsv: 4, fin: false }),
      frame('', { opcode: 9 }),
      frame('tail', { opcode: 0, masked: true, lengthBits: 64 }),
    ])
    const frames = new FrameBoundary()
    const found: number[] = []
    for (let i = 0; i < bytes.length; i++) {
      frames.push(bytes.subarray(i, i + 1))
      if (frames.between) found.push(i + 1)
    }
    expect(found).toEqual([304, 306, bytes.length])
  })

  it('a control frame between the pieces of a message', () => {
    const bytes = [frame('a', { fin: false }), frame('', { opcode: 10 }), frame('b', { opcode: 0 })]
    expect(ends(Buffer.concat(bytes))).toEqual([3, 5, 8])
  })

  it('goes on from where it is asked to', () => {
    const bytes = Buffer.concat([frame('abc'), frame('de')])
    const frames = new FrameBoundary()
    expect(frames.advance(bytes, 0)).toBe(5)
    expect(frames.between).toBe(true)
    expect(frames.advance(bytes, 5)).toBe(9)
  })

  it('stops in the middle where the bytes do', () => {
    const bytes = frame('abc').subarray(0, 4)
    const frames = new FrameBoundary()
    expect(frames.advance(bytes, 0)).toBe(4)
    expect(frames.between).toBe(false)
  })

  it.each([
    ['whole', [closeFrame(1000)]],
    ['without a code', [frame('', { opcode: 8 })]],
    ['in pieces', [closeFrame(1000).subarray(0, 1), closeFrame(1000).subarray(1)]],
  ])('a close frame, %s', (_, bytes) => {
    expect(after(...bytes)).toMatchObject({ closed: true, lost: false, between: true })
  })

  it('a close frame that is not through yet', () => {
    expect(after(closeFrame(1000).subarray(0, 3))).toMatchObject({ closed: false, between: false })
  })

  it('what follows a close frame is no frame', () => {
    const frames = after(closeFrame(1000), Buffer.from('whatever'))
    expect(frames).toMatchObject({ closed: true, lost: false })
  })

  it.each([
    ['HTTP', Buffer.from('HTTP/1.1 200 OK\r\n')],
    ['a reserved opcode', frame('', { opcode: 3 })],
    ['a reserved control opcode', frame('', { opcode: 11 })],
    ['a long control frame', frame(Buffer.alloc(126), { opcode: 9 })],
    ['a control frame in pieces', frame('', { opcode: 9, fin: false })],
    ['a length over 2^63', Buffer.from([0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 1])],
    ['a length over 2^53', Buffer.from([0x82, 127, 0, 0x20, 0, 0, 0, 0, 0, 0])],
  ])('gives up at %s, for good', (_, bytes) => {
    const frames = after(bytes)
    expect(frames).toMatchObject({ lost: true, between: false, closed: false })
    frames.push(frame('fine again'))
    expect(frames).toMatchObject({ lost: true, between: false })
    expect(frames.advance(frame('x'), 1)).toBe(3)
  })

  it('a length of nearly 2^53 is waited for', () => {
    const frames = after(Buffer.from([0x82, 127, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0]))
    frames.push(Buffer.alloc(100_000, 0x88))
    expect(frames).toMatchObject({ lost: false, closed: false, between: false })
  })

  it('its own close frame is one', () => {
    expect(CLOSE_GOING_AWAY).toEqual(closeFrame(1001))
    expect(after(CLOSE_GOING_AWAY).closed).toBe(true)
  })
})
