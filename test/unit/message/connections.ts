/** Connected pairs of streams: in memory, over TCP, over TLS. */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { onTestFinished } from 'vitest'
import { forLocalhost } from '../../fixtures/test-only-certificates.js'

/** `near` is handed to the code under test; `far` is what the client or the peer holds. */
export interface Connection<Stream extends Duplex = Duplex> {
  readonly near: Stream
  readonly far: Stream
}

/** One end of a connection in memory. A chunk is taken when the other end has room for it. */
class Ended extends Duplex {
  other: Ended | undefined
  #taken: (() => void) | undefined

  override _read(): void {
    const taken = this.#taken
    this.#taken = undefined
    taken?.()
  }

  override _write(chunk: Buffer, _: string, done: () => void): void {
    if (this.other?.push(chunk) === false) this.other.#taken = done
    else done()
  }

  /** The other end sees the end of it, as over TCP. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (this.other?.destroyed === false && !this.writableFinished) this.other.push(null)
    done(error)
  }

  override _final(done: () => void): void {
    this.other?.push(null)
    done()
  }
}

export function inMemory(highWaterMark = 64): Connection {
  const near = new Ended({ highWaterMark })
  const far = new Ended({ highWaterMark })
  near.other = far
  far.other = near
  return { near, far }
}

export async function overTcp(): Promise<Connection<Socket>> {
  const server = createServer({ allowHalfOpen: true })
  return connected(server, (port) => connect({ port, host: '127.0.0.1', allowHalfOpen: true }))
}

export async function overTls(): Promise<Connection<Socket>> {
  const server = createTlsServer({ ...forLocalhost, allowHalfOpen: true } as never)
  return connected(
    server,
    (port) =>
      connectTls({
        ...{ port, host: '127.0.0.1', ca: forLocalhost.cert, servername: 'localhost' },
        ...{ allowHalfOpen: true },
      }),
    'secureConnection',
  )
}

async function connected(
  server: ReturnType<typeof createServer>,
  open: (port: number) => Socket,
  event = 'connection',
): Promise<Connection<Socket>> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const far = open((server.address() as AddressInfo).port)
  const [near] = (await once(server, event)) as [Socket]
  server.close()
  onTestFinished(() => {
    near.destroy()
    far.destroy()
  })
  return { near, far }
}

/** What has been read from a stream, and how it ended. */
export class Reading {
  #bytes: Buffer[] = []
  length = 0
  ended = false
  closed = false
  error: string | undefined
  #waiting: { done: () => boolean; resolve: () => void }[] = []

  constructor(stream: Duplex) {
    stream.on('data', (chunk: Buffer) => {
      this.#bytes.push(chunk)
      this.length += chunk.length
      this.#changed()
    })
    stream.on('end', () => {
      this.ended = true
      this.#changed()
    })
    stream.on('error', (error: NodeJS.ErrnoException) => (this.error = error.code ?? error.message))
    stream.on('close', () => {
      this.closed = true
      this.#changed()
    })
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#bytes)
  }

  get text(): string {
    return this.bytes.toString('latin1')
  }

  until(done: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ done, resolve })
      this.#changed()
    })
  }

  reads(text: string): Promise<void> {
    return this.until(() => this.text === text)
  }

  end(): Promise<void> {
    return this.until(() => this.ended)
  }

  close(): Promise<void> {
    return this.until(() => this.closed)
  }

  #changed(): void {
    this.#waiting = this.#waiting.filter(({ done, resolve }) => {
      if (!done()) return true
      resolve()
      return false
    })
  }
}
