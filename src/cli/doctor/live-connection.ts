/** One connection of a live check: each step takes a bounded time, and nothing of the peer is kept beyond a bound. */
import { connect as connectTcp } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../../clock.js'
import { parseHead } from '../../doctor/response-head.js'
import type { ResponseHead } from '../../doctor/response-head.js'

/** Bytes of a response that are read. */
const MOST = 512 * 1024

export interface PeerAddress {
  /** An IP address or a name, without brackets; undefined for a unix socket. */
  readonly host: string | undefined
  readonly port: number
  readonly path: string | undefined
}

/** `10.0.0.1:80`, `[::1]:80`, `name:80` or `unix:/path`. */
export function addressOf(text: string): PeerAddress {
  if (text.startsWith('unix:')) return { host: undefined, port: 0, path: text.slice(5) }
  const colon = text.lastIndexOf(':')
  const host = text.slice(0, colon).replace(/^\[|\]$/g, '')
  return { host, port: Number(text.slice(colon + 1)), path: undefined }
}

/** Resolves with what `wait` gives, or rejects with `timed out` after so many milliseconds. */
export function within<T>(
  clock: Clock,
  ms: number,
  wait: (done: (value: T) => void, fail: (error: Error) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => reject(new Error(`no answer for ${ms / 1000} s`)))
    wait(
      (value) => {
        timer.cancel()
        resolve(value)
      },
      (error) => {
        timer.cancel()
        reject(error)
      },
    )
  })
}

export function openTcp(
  clock: Clock,
  { host, port, path }: PeerAddress,
  ms: number,
): Promise<Socket> {
  const socket = path === undefined ? connectTcp({ host: host ?? '', port }) : connectTcp({ path })
  return settled(clock, socket, 'connect', ms)
}

/** Whatever the certificate: what is wrong with it is told afterwards. */
export function openTls(
  clock: Clock,
  socket: Socket,
  name: string,
  ms: number,
): Promise<TLSSocket> {
  // SNI has no addresses (RFC 6066 section 3).
  const servername = /^[\d.]+$|:/.test(name) ? '' : name
  return settled(
    clock,
    connectTls({ socket, servername, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] }),
    'secureConnect',
    ms,
  )
}

function settled<T extends Socket>(clock: Clock, socket: T, event: string, ms: number): Promise<T> {
  const opened = within<T>(clock, ms, (done, fail) => {
    socket.once(event, () => done(socket))
    socket.on('error', fail)
    socket.once('close', () => fail(new Error('closed')))
  })
  opened.catch(() => socket.destroy())
  return opened
}

/** The next head that comes. */
export function readHead(clock: Clock, socket: Socket, ms: number): Promise<ResponseHead> {
  let bytes = ''
  return within(clock, ms, (done, fail) => {
    socket.once('error', fail)
    socket.once('close', () => fail(new Error('closed without an answer')))
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.toString('latin1')
      const head = parseHead(bytes)
      if (head === null) fail(new Error('the answer is not HTTP/1.1'))
      else if (head !== undefined) done(head)
      else if (bytes.length > MOST) fail(new Error(`a header of more than ${MOST / 1024} kB`))
      if (bytes.length > MOST) socket.destroy()
    })
  })
}

/** Milliseconds until the peer closes the connection; undefined if it has not within `ms`. */
export function closedAfter(clock: Clock, socket: Socket, ms: number): Promise<number | undefined> {
  const since = clock.now()
  if (socket.destroyed || socket.readableEnded) return Promise.resolve(0)
  return new Promise((resolve) => {
    const timer = clock.after(ms, () => resolve(undefined))
    const closed = (): void => {
      timer.cancel()
      resolve(clock.now() - since)
    }
    socket.once('end', closed).once('close', closed)
    socket.resume()
  })
}
