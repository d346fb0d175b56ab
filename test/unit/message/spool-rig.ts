/** What tests of buffering need: a peer and a client that are led by hand, and an eye on the disk. */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { expect, onTestFinished } from 'vitest'
import type {
  BodySink,
  UpstreamFailure,
  UpstreamResponse,
} from '../../../src/next-upstream/attempt-result.js'

export const TRUNCATED: UpstreamFailure = {
  condition: 'error',
  phase: 'body',
  type: 'http_response_incomplete',
  requestSent: true,
  reusedConnection: false,
  responseStarted: true,
  cause: undefined,
}

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Turns of the event loop until it is so: the disk takes as many as it takes. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn()
}

/** Bytes of which each tells where it belongs. */
export function bytes(length: number, from = 0): Buffer {
  const buffer = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i++) buffer[i] = (from + i) * 31 + ((from + i) >> 8)
  return buffer
}

type DiskCall = 'open' | 'unlink' | 'read' | 'writev' | 'close'
type AnyCall = (...args: unknown[]) => void

/**
 * Puts `by` in the place of a function of `node:fs` until the test ends; it gets the original before the arguments.
 * Returns the arguments of all calls, without the callback.
 */
export function replaceDisk(
  name: DiskCall,
  by: (original: AnyCall, ...args: unknown[]) => void = (original, ...args) => original(...args),
): unknown[][] {
  const calls: unknown[][] = []
  const original = fs[name] as AnyCall
  const put = (call: AnyCall): void => {
    Object.assign(fs, { [name]: call })
    syncBuiltinESMExports()
  }
  put((...args) => {
    calls.push(args.slice(0, -1))
    by(original, ...args)
  })
  onTestFinished(() => put(original))
  return calls
}

export interface Disk {
  /** For temporary files. At the end of the test nothing is left in it, neither by name nor by descriptor. */
  readonly path: string
  /** Calls under way. */
  readonly running: number
  /** Files made, and descriptors not closed yet. */
  readonly made: number
  readonly open: number
  /** Resolves when nothing is under way. */
  idle(): Promise<void>
}

/** Keeps the books of the disk for one test. */
export function watchDisk(): Disk {
  const path = fs.mkdtempSync(join(tmpdir(), 'evenkeel-test-'))
  const disk = {
    path,
    running: 0,
    made: 0,
    open: 0,
    idle: async () => {
      await until(() => disk.running === 0)
      // Callbacks, and what they set off.
      for (let i = 0; i < 5 || disk.running > 0; i++) await turn()
    },
  }
  for (const name of ['open', 'unlink', 'read', 'writev', 'close'] as const) {
    replaceDisk(name, (original, ...args) => {
      const done = args.pop() as AnyCall
      original(...args, (error: unknown, ...results: unknown[]) => {
        disk.running--
        if (name === 'open' && error === null) {
          disk.made++
          disk.open++
        }
        if (name === 'close') disk.open--
        done(error, ...results)
      })
      // Not where the call throws.
      disk.running++
    })
  }
  onTestFinished(async () => {
    await disk.idle()
    expect(disk.open).toBe(0)
    expect(openFiles(path)).toEqual([])
    fs.rmdirSync(path)
  })
  return disk
}

/** What this process has open below `path`, deleted files too. Without /proc: nothing. */
export function openFiles(path: string): string[] {
  if (process.platform !== 'linux') return []
  return fs.readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const file = fs.readlinkSync(`/proc/self/fd/${descriptor}`)
      return file.startsWith(`${path}/`) ? [file] : []
    } catch {
      return [] // The one that readdir itself had open.
    }
  })
}

/** A response whose body the test sends by hand. */
export class Peer implements UpstreamResponse {
  readonly status = 206
  readonly statusMessage = 'Some'
  readonly rawHeaders = ['X-A', '1']
  readonly whole?: Buffer
  readonly tunnel?: Duplex
  sink: BodySink | undefined
  /** Bytes sent. */
  sent = 0
  over = false
  /** May send on. */
  open = true
  resumed = 0
  discarded = 0

  start(sink: BodySink): void {
    this.sink = sink
  }

  resume(): void {
    if (this.open) throw new Error('resumed, but nothing had stopped it')
    if (this.over || this.discarded > 0) throw new Error('resumed after its end')
    this.resumed++
    this.open = true
  }

  discard(): void {
    this.discarded++
  }

  end(rawTrailers: readonly string[] = []): void {
    this.over = true
    this.sink!.end(rawTrailers)
  }

  fail(failure: UpstreamFailure): void {
    this.over = true
    this.sink!.fail(failure)
  }

  /** Sends the next `length` bytes; returns whether more may follow. */
  send(length: number): boolean {
    const chunk = bytes(length, this.sent)
    this.sent += length
    this.open = this.sink!.data(chunk)
    return this.open
  }

  /** Sends until it is asked to wait. */
  fill(length: number): void {
    while (this.send(length));
  }
}

/** Takes what comes, while `room` bytes last. */
export class Client implements BodySink {
  room = Infinity
  readonly chunks: Buffer[] = []
  taken = 0
  ended: readonly string[] | undefined
  failed: UpstreamFailure | undefined
  onData: (() => void) | undefined

  data(chunk: Buffer): boolean {
    if (this.over) throw new Error('data after the end')
    this.chunks.push(chunk)
    this.taken += chunk.length
    this.room -= chunk.length
    const more = this.room > 0
    this.onData?.()
    return more
  }

  end(rawTrailers: readonly string[]): void {
    if (this.over) throw new Error('a second end')
    this.ended = rawTrailers
  }

  fail(failure: UpstreamFailure): void {
    if (this.over) throw new Error('a second end')
    this.failed = failure
  }

  get over(): boolean {
    return this.ended !== undefined || this.failed !== undefined
  }

  /** It has had the first `length` bytes, in order and unchanged. */
  expectBytes(length: number): void {
    expect(this.taken).toBe(length)
    expect(Buffer.concat(this.chunks).equals(bytes(length))).toBe(true)
  }
}

/** What `node:fs` says of a disk that fails. */
export function diskError(code: string): Error {
  return Object.assign(new Error(`${code}: so it is said`), { code })
}
