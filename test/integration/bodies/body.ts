/** A body as a few numbers: the same bytes, in the same pieces and at the same pace, whenever it is made. */
import { createCipheriv, createHash } from 'node:crypto'
import type { Readable, Writable } from 'node:stream'
import { scriptedRandom } from 'evenkeel/testing'
import { turns } from '../../helpers/watch-process.js'

export interface Body {
  readonly seed: number
  readonly size: number
  /** How many pieces it is written in, more or less. */
  readonly pieces: keyof typeof PIECES
  /** How often the writer rests between two of them. */
  readonly rests: keyof typeof RESTS
}

/** How a reader takes a body: at once, with rests, or after everybody else has stopped. */
export type Reading = 'eager' | 'halting' | 'late'

export interface Received {
  readonly bytes: number
  readonly sha256: string
  /** It ended, and did not break off. */
  readonly ended: boolean
}

export const PIECES = { one: 1, few: 5, many: 100, crumbs: 2000 } as const
export const RESTS = { none: 0, some: 0.05, many: 0.3 } as const

/** Turns of the event loop: nothing here waits for the clock. */
const LONGEST_REST = 20
const LATE = 300

const ZEROS = Buffer.alloc(1 << 20)

/** Bytes that never repeat: a piece that is lost, doubled or swapped changes the digest. */
function* noise(seed: number, lengths: Iterable<number>): Generator<Buffer> {
  const key = Buffer.alloc(16)
  key.writeInt32LE(seed | 0)
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16))
  for (const length of lengths) {
    const zeros = length <= ZEROS.length ? ZEROS.subarray(0, length) : Buffer.alloc(length)
    yield cipher.update(zeros)
  }
}

function* lengthsOf({ size, pieces }: Body, random: () => number): Generator<number> {
  const mean = Math.max(1, Math.ceil(size / PIECES[pieces]))
  for (let left = size; left > 0;) {
    const length = pieces === 'one' ? left : Math.min(left, 1 + Math.floor(random() * 2 * mean))
    left -= length
    yield length
  }
}

/**
 * Writes it and resolves with its SHA-256 when the last piece was taken, or nobody takes any more.
 * @param beforeLast the last piece waits for it.
 */
export async function send(
  stream: Writable,
  body: Body,
  beforeLast?: Promise<unknown>,
): Promise<string> {
  const random = scriptedRandom(body.seed)
  const hash = createHash('sha256')
  let sent = 0
  for (const piece of noise(body.seed, lengthsOf(body, random))) {
    hash.update(piece)
    sent += piece.length
    if (sent === body.size) await beforeLast
    if (stream.destroyed) continue
    if (!stream.write(piece)) await room(stream)
    if (random() < RESTS[body.rests]) await turns(1 + Math.floor(random() * LONGEST_REST))
  }
  return hash.digest('hex')
}

function room(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done)
      stream.off('close', done)
      resolve()
    }
    stream.on('drain', done)
    stream.on('close', done)
  })
}

/** Reads to the end. Never rejects. */
export async function receive(stream: Readable, reading: Reading, seed = 0): Promise<Received> {
  const random = scriptedRandom(seed)
  const hash = createHash('sha256')
  let bytes = 0
  let ended = false
  const closed = new Promise<void>((resolve) => {
    stream.on('error', () => undefined)
    stream.on('end', () => {
      ended = true
      resolve()
    })
    stream.on('close', resolve)
    if (stream.destroyed) resolve()
  })
  if (reading === 'late') await turns(LATE)
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    hash.update(chunk)
    if (reading !== 'halting' || random() > 0.2) return
    stream.pause()
    void turns(1 + Math.floor(random() * LONGEST_REST)).then(() => stream.resume())
  })
  await closed
  return { bytes, sha256: hash.digest('hex'), ended }
}
