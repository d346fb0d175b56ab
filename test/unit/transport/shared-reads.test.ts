import { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { SharedReads } from '../../../src/transport/shared-reads.js'
import type { ConnectionReads } from '../../../src/transport/shared-reads.js'

interface Reading {
  readonly reads: ConnectionReads
  readonly socket: Socket
  readonly given: Buffer[]
}

/** A socket on which Node's parser listens, as it seems. */
function reading(parser: object | null): Reading {
  const reads = new SharedReads().next('20.19.0')
  if (reads === undefined) throw new Error('not shared')
  const socket = Object.assign(new Socket(), { parser })
  const given: Buffer[] = []
  socket.on('data', (chunk: Buffer) => given.push(chunk))
  reads.socket = socket
  return { reads, socket, given }
}

function read({ reads }: Reading, text: string): boolean {
  return reads.callback(reads.buffer.write(text), reads.buffer)
}

/** What was pushed is given out in the next turn. */
async function textOf({ given }: Reading): Promise<string> {
  await new Promise((resolve) => setImmediate(resolve))
  return Buffer.concat(given).toString()
}

describe('what connections read into', () => {
  it('is one buffer', () => {
    const shared = new SharedReads()
    expect(shared.next('26.1.0')?.buffer).toBe(shared.next('20.19.0')?.buffer)
  })

  it('is left to a Node whose parser nobody has looked at', () => {
    expect(new SharedReads().next('27.0.0')).toBeUndefined()
  })

  it('is given to the parser as it is', async () => {
    const r = reading({})
    expect(read(r, 'abc')).toBe(true)
    expect(await textOf(r)).toBe('abc')
    expect(r.given[0]?.buffer).toBe(r.reads.buffer.buffer)
  })

  it('is copied for whoever has taken over the connection', async () => {
    const r = reading(null)
    read(r, 'abc')
    read(r, 'def')
    expect(await textOf(r)).toBe('abcdef')
  })

  it('is copied when somebody else listens, too', async () => {
    const r = reading({})
    r.socket.on('data', () => undefined)
    read(r, 'abc')
    read(r, 'def')
    expect(await textOf(r)).toBe('abcdef')
  })

  it('is copied while nobody listens, and the connection asked to pause', () => {
    const r = reading({})
    r.socket.removeAllListeners('data')
    r.socket.pause()
    const full = r.reads.buffer.length
    expect(r.reads.callback(full, r.reads.buffer.fill('a'))).toBe(false)
    r.reads.buffer.fill('b')
    expect((r.socket.read() as Buffer).equals(Buffer.alloc(full, 'a'))).toBe(true)
  })
})
