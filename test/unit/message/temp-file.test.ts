import fs from 'node:fs'
import { describe, expect, it } from 'vitest'
import { SpoolQueue } from '../../../src/message/spool-queue.js'
import { TempFile } from '../../../src/message/temp-file.js'
import type { TempFileOwner } from '../../../src/message/temp-file.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { bytes, diskError, openFiles, replaceDisk, turn, until, watchDisk } from './spool-rig.js'

watchProcess()

type Done = (error: Error | null, value?: unknown) => void
const doneOf = (args: unknown[]): Done => args.at(-1) as Done

class Owner implements TempFileOwner {
  batches: Buffer[] = []
  errors: Error[] = []
  onWritten: (() => void) | undefined
  written(batch: readonly Buffer[]): void {
    this.batches.push(Buffer.concat(batch))
    this.onWritten?.()
  }
  failed(cause: Error): void {
    this.errors.push(cause)
  }
}

function make(path?: string) {
  const disk = watchDisk()
  const owner = new Owner()
  const file = new TempFile(owner, path ?? disk.path)
  const read = (position: number, length: number): Promise<Buffer | Error> =>
    new Promise((resolve) => {
      file.read(position, length, resolve)
    })
  const flushed = (): Promise<void> => until(() => file.written === file.size)
  return { disk, owner, file, read, flushed }
}

describe('TempFile', () => {
  it('gives back what it was given', async () => {
    const { file, read, flushed } = make()
    for (let i = 0; i < 10; i++) file.append(bytes(3000, i * 3000))
    expect(file.size).toBe(30_000)
    await flushed()
    expect(bytes(30_000).equals((await read(0, 30_000)) as Buffer)).toBe(true)
    expect(await read(2999, 2)).toEqual(bytes(2, 2999))
    expect(await read(0, 1)).toEqual(bytes(1))
    file.close()
  })

  it('is not made before there is something to write', async () => {
    const { file, disk } = make()
    await disk.idle()
    file.close()
    await disk.idle()
    expect(disk.made).toBe(0)
  })

  it('is exclusive, for its owner only, under a name of its own, and unlinked before a byte is in it', async () => {
    const { file, disk, flushed } = make()
    const order: unknown[][] = []
    for (const name of ['open', 'unlink', 'writev'] as const) {
      replaceDisk(name, (original, ...args) => {
        order.push([name, ...args])
        original(...args)
      })
    }
    file.append(Buffer.from('a'))
    await flushed()
    expect(order.map(([name]) => name)).toEqual(['open', 'unlink', 'writev'])
    const [, path, flags, mode] = order[0]!
    expect(String(path).slice(0, disk.path.length)).toBe(disk.path)
    expect(String(path).slice(disk.path.length)).toMatch(
      /^[/\\]evenkeel-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
    )
    expect(flags).toBe(fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL)
    expect(mode).toBe(0o600)
    expect(order[1]![1]).toBe(path)
    expect(fs.readdirSync(disk.path)).toEqual([])
    if (process.platform === 'linux') expect(openFiles(disk.path)).toHaveLength(1)
    file.close()
  })

  it('writes one batch at a time, and gathers meanwhile', async () => {
    const { file, owner, flushed } = make()
    const writes = replaceDisk('writev')
    file.append(bytes(2000))
    file.append(bytes(1, 2000))
    expect(file).toMatchObject({ size: 2001, written: 0, queued: 2001 })
    await until(() => writes.length === 1)
    expect(file).toMatchObject({ size: 2001, written: 0, queued: 0 })
    for (let i = 0; i < 100; i++) file.append(bytes(10, 2001 + i * 10))
    expect(file).toMatchObject({ size: 3001, written: 0, queued: 1000 })
    await flushed()
    expect(writes).toHaveLength(2)
    expect(owner.batches).toEqual([bytes(2001), bytes(1000, 2001)])
    file.close()
  })

  it('goes on after a write that took a part, and a read that gave one', async () => {
    const { file, read, flushed, owner } = make()
    replaceDisk('writev', (original, fd, list, at, done) => {
      const [first] = list as Buffer[]
      original(fd, [first!.subarray(0, 700)], at, done)
    })
    file.append(bytes(1500))
    file.append(bytes(1500, 1500))
    await flushed()
    expect(owner.batches).toEqual([bytes(3000)])
    const reads = replaceDisk('read', (original, fd, to, from, length, at, done) => {
      original(fd, to, from, Math.min(Number(length), 900), at, done)
    })
    expect(await read(10, 2900)).toEqual(bytes(2900, 10))
    expect(reads).toHaveLength(4)
    file.close()
  })

  it('takes its space again after a rewind, and hands back what was not written', async () => {
    const { file, read, flushed, owner } = make()
    const writes = replaceDisk('writev')
    file.append(bytes(5000))
    await flushed()
    owner.onWritten = () => {
      owner.onWritten = undefined
      // They are about to be written.
      expect(file.queued).toBe(0)
      expect(Buffer.concat(file.rewind())).toEqual(bytes(2000, 7000))
      expect(file).toMatchObject({ size: 0, written: 0, queued: 0 })
      file.append(bytes(100))
    }
    file.append(bytes(2000, 5000))
    file.append(bytes(2000, 7000))
    await until(() => file.written === 100)
    expect(writes.map(([, , position]) => position)).toEqual([0, 5000, 0])
    expect(await read(0, 100)).toEqual(bytes(100))
    file.close()
  })
})

describe('TempFile: errors are told, once, and later', () => {
  it.each([
    ['a directory that is not there', '/nonexistent/evenkeel', 'ENOENT'],
    ['a path that is none', '/tmp/\0', 'ERR_INVALID_ARG_VALUE'],
  ])('%s', async (_name, path, code) => {
    const { file, owner, disk } = make(path)
    file.append(Buffer.from('a'))
    file.append(Buffer.from('b'))
    expect(owner.errors).toEqual([])
    await until(() => owner.errors.length > 0)
    file.append(Buffer.from('c'))
    await disk.idle()
    expect(owner.errors).toEqual([expect.objectContaining({ code })])
    expect(owner.batches).toEqual([])
    expect(file.queued).toBe(0)
    file.close()
  })

  it.each(['open', 'unlink', 'writev'] as const)('%s fails', async (name) => {
    const { file, owner, disk } = make()
    const calls = replaceDisk(name, (original, ...args) => {
      const done = doneOf(args)
      // What cannot be unlinked is put away by the test.
      if (name === 'unlink') original(args[0], () => done(diskError('EIO')))
      else process.nextTick(done, diskError('EIO'))
    })
    file.append(Buffer.from('a'))
    await until(() => owner.errors.length > 0)
    file.append(Buffer.from('b'))
    await disk.idle()
    expect(calls).toHaveLength(1)
    expect(owner).toMatchObject({ errors: [{ code: 'EIO' }], batches: [] })
    file.close()
  })

  it('a disk that takes nothing', async () => {
    const { file, owner } = make()
    replaceDisk('writev', (_original, ...args) => process.nextTick(doneOf(args), null, 0))
    file.append(Buffer.from('a'))
    await until(() => owner.errors.length > 0)
    expect(owner.errors[0]?.message).toBe('the disk takes no bytes')
    file.close()
  })

  it('a read that fails, or finds less than there was', async () => {
    const { file, read, flushed } = make()
    file.append(bytes(10))
    expect(await read(0, 1)).toBeInstanceOf(RangeError)
    await flushed()
    expect(await read(5, 6)).toBeInstanceOf(RangeError)
    replaceDisk('read', (_original, ...args) => process.nextTick(doneOf(args), diskError('EIO')))
    expect(await read(0, 10)).toMatchObject({ code: 'EIO' })
    replaceDisk('read', (_original, ...args) => process.nextTick(doneOf(args), null, 0))
    expect(await read(0, 10)).toMatchObject({ message: 'the temporary file ends early' })
    file.close()
  })
})

describe('TempFile: closing', () => {
  it.each([0, 1, 2, 3, 4])('before the answer to call number %i', async (number) => {
    const { file, owner, disk } = make()
    let calls = 0
    for (const name of ['open', 'unlink', 'writev', 'read'] as const) {
      replaceDisk(name, (original, ...args) => {
        const done = args.pop() as Done
        original(...args, (error: Error | null, value: unknown) => {
          if (++calls === number) file.close()
          done(error, value)
        })
      })
    }
    let answers = 0
    owner.onWritten = () => file.read(0, 10, () => answers++)
    file.append(bytes(10))
    if (number === 0) file.close()
    await disk.idle()
    file.close()
    file.append(bytes(10))
    await disk.idle()
    expect(disk).toMatchObject({ made: 1, open: 0 })
    expect(owner.batches).toHaveLength(number < 4 ? 0 : 1)
    expect(answers).toBe(0)
    expect(owner.errors).toEqual([])
  })

  it('waits for every call that uses the descriptor: it could be another file’s by then', async () => {
    const { file, flushed, owner, disk } = make()
    file.append(bytes(10))
    await flushed()
    const held: (() => void)[] = []
    for (const name of ['read', 'writev'] as const) {
      replaceDisk(name, (original, ...args) => {
        const done = args.pop() as Done
        original(...args, (...results: [null]) => held.push(() => done(...results)))
      })
    }
    let answers = 0
    file.read(0, 10, () => answers++)
    file.append(bytes(10))
    await until(() => held.length === 2)
    file.close()
    await turn()
    held[0]!()
    await disk.idle()
    expect(disk.open).toBe(1)
    held[1]!()
    await disk.idle()
    expect(disk.open).toBe(0)
    expect(answers).toBe(0)
    expect(owner.batches).toHaveLength(1)
  })
})

describe('SpoolQueue', () => {
  it('is first in, first out, from both ends', () => {
    const queue = new SpoolQueue()
    const lengths = [1, 1023, 1024, 5, 0, 7, 3000, 20_000, 2, 900, 900, 900]
    let from = 0
    for (const length of lengths) {
      queue.push(bytes(length, from))
      from += length
    }
    expect(queue.bytes).toBe(from)
    const first = queue.shift()!
    const last = queue.pop()!
    const middle = queue.takeAll()
    expect(Buffer.concat([first, ...middle, last]).equals(bytes(from))).toBe(true)
    expect(queue.bytes).toBe(0)
    expect(queue.shift()).toBeUndefined()
    expect(queue.pop()).toBeUndefined()
    queue.push(bytes(3))
    expect(queue.shift()).toEqual(bytes(3))
  })

  it('holds crumbs in few pieces, and as they were', () => {
    const queue = new SpoolQueue()
    const crumb = Buffer.alloc(1)
    for (let i = 0; i < 50_000; i++) {
      crumb[0] = i % 251
      queue.push(crumb)
    }
    const pieces = queue.takeAll()
    expect(pieces.length).toBeLessThan(12)
    const all = Buffer.concat(pieces)
    expect(all.length).toBe(50_000)
    expect(all.every((byte, i) => byte === i % 251)).toBe(true)
  })

  it('does not copy what is no crumb', () => {
    const queue = new SpoolQueue()
    const piece = bytes(1024)
    queue.push(piece)
    expect(queue.shift()).toBe(piece)
  })
})
