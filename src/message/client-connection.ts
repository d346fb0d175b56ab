/** What a request has to do with others on the same HTTP/1 connection. */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { ClientResponse } from './relay.js'

/** Tells the client, before the head of its response is written, that the connection ends with it. */
export function closeAfter(res: ClientResponse): void {
  if (res.stream !== undefined || res.headersSent) return
  res.setHeader('Connection', 'close')
}

/**
 * `waiting`: an earlier response is still on its way on this connection. `ended`: the earlier one was the last, and this
 * request stands where none should be.
 */
export function turnOf(res: ClientResponse): 'now' | 'waiting' | 'ended' {
  if (res.stream !== undefined || res.destroyed) return 'now'
  if (res.socket === null) return 'waiting'
  return res.socket.writable ? 'now' : 'ended'
}

/** Those who wait for their turn on one connection: with one listener for all of them. */
const kWaiting = Symbol('evenkeel.waiting')

type ClientSocket = Socket & { [kWaiting]?: Set<() => void> }

/**
 * Resolves true when the responses before this one are through, false when the connection has ended before that. Node
 * hands pipelined requests out all at once; but what is not safe must not be overtaken (RFC 9112 section 9.3.2), and what
 * stands behind the last request of a connection is nobody's. nginx, too, takes one at a time.
 */
export function itsTurn(req: IncomingMessage, res: ClientResponse): Promise<boolean> {
  const socket: ClientSocket = req.socket
  if (socket.destroyed) return Promise.resolve(false)
  return new Promise((resolve) => {
    const waiting = waitingAt(socket)
    const closed = (): void => {
      res.off('socket', assigned)
      resolve(false)
    }
    const assigned = (): void => {
      waiting.delete(closed)
      resolve(true)
    }
    waiting.add(closed)
    // Emitted by Node when the response gets its connection.
    res.once('socket', assigned)
  })
}

function waitingAt(socket: ClientSocket): Set<() => void> {
  const known = socket[kWaiting]
  if (known !== undefined) return known
  const waiting = new Set<() => void>()
  socket[kWaiting] = waiting
  socket.once('close', () => {
    for (const closed of waiting) closed()
  })
  return waiting
}
