/** The default probe: it repeats the step that failed, and nothing that an application would notice. */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect as netConnect } from 'node:net'
import type { NetConnectOpts } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'
import type { Clock } from '../clock.js'
import type { FailedStep, Peer, PeerAddress } from '../upstream/peer.js'
import type { Probe } from './prober.js'

/** What connections to a peer are opened with: local address, TLS. */
export type ConnectOptions = Pick<
  ConnectionOptions,
  'rejectUnauthorized' | 'servername' | 'secureContext' | 'checkServerIdentity'
> & { readonly localAddress?: string; readonly family?: number }

/** A probe under way. */
interface Running {
  /** Ends it without a word. */
  destroy(): void
}

/** `connected`: from now on silence until the timeout speaks for the peer, too. */
type Finding = 'alive' | 'dead' | 'connected'

type Start = (peer: PeerAddress, options: ConnectOptions, found: (what: Finding) => void) => Running

function address(peer: PeerAddress): NetConnectOpts {
  return peer.socketPath === undefined
    ? { host: peer.hostname, port: peer.port }
    : { path: peer.socketPath }
}

/** A peer that did not take connections is back when it takes one, TLS included. */
export const connect: Start = (peer, options, found) => {
  if (peer.protocol === 'https:') return connectSecurely(peer, options, found)
  const socket = netConnect({ ...address(peer), ...options })
  socket.once('connect', () => {
    found('alive')
  })
  socket.on('error', () => {
    found('dead')
  })
  return socket
}

/**
 * In TLS 1.3 the client is done before the server has judged the client's certificate: an alert may still come. What
 * shows that it will not: a session ticket (made when the server, too, is done), or that the peer closes in its turn.
 */
const connectSecurely: Start = (peer, options, found) => {
  const socket = tlsConnect({ ...address(peer), ...options })
  const alive = (): void => {
    found('alive')
  }
  socket.once('secureConnect', () => {
    if (socket.getProtocol() !== 'TLSv1.3') {
      found('alive')
      return
    }
    found('connected')
    socket.once('session', alive)
    socket.once('end', alive)
    socket.resume()
    socket.end()
  })
  socket.on('error', () => {
    found('dead')
  })
  return socket
}

/**
 * A peer that took connections and gave no answer is back when it gives one, whatever its status. `OPTIONS *` is
 * HTTP's own "ping" (RFC 9110 section 9.3.7): no resource is touched.
 */
const ask: Start = (peer, options, found) => {
  const { socketPath } = peer
  const request = (peer.protocol === 'https:' ? httpsRequest : httpRequest)({
    ...options,
    ...(socketPath === undefined ? { host: peer.hostname, port: peer.port } : { socketPath }),
    method: 'OPTIONS',
    path: '*',
    agent: false,
    headers: { 'user-agent': 'evenkeel-probe', connection: 'close' },
  })
  request.on('response', () => {
    found('alive')
  })
  request.on('error', () => {
    found('dead')
  })
  request.end()
  return request
}

const starts: Readonly<Record<FailedStep, Start>> = { connect, answer: ask }

export function connectionProbe(clock: Clock, optionsOf: (peer: Peer) => ConnectOptions): Probe {
  return (peer, step, timeout, done) => {
    let over = false
    let connected = false
    const stop = (): void => {
      over = true
      timer.cancel()
      running.destroy()
    }
    const found = (what: Finding): void => {
      if (over) return
      connected ||= what === 'connected'
      if (what === 'connected') return
      stop()
      done(what === 'alive')
    }
    const running = starts[step](peer, optionsOf(peer), found)
    const timer = clock.after(timeout, () => {
      found(connected ? 'alive' : 'dead')
    })
    return stop
  }
}
