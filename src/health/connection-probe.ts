/** The default probe: it repeats the step that failed, and nothing that an application would notice. */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect as netConnect } from 'node:net'
import type { NetConnectOpts, Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import type { Clock } from '../clock.js'
import type { PeerTlsConnectOptions } from '../transport/tls.js'
import type { FailedStep, Peer } from '../upstream/peer.js'
import type { Probe } from './prober.js'

/** A probe under way. */
interface Running {
  /** Ends it without a word. */
  destroy(): void
}

type Start = (peer: Peer, tls: PeerTlsConnectOptions, done: (alive: boolean) => void) => Running

function address(peer: Peer): NetConnectOpts {
  return peer.socketPath === undefined
    ? { host: peer.hostname, port: peer.port }
    : { path: peer.socketPath }
}

/** A peer that did not take connections is back when it takes one, TLS included. */
const connect: Start = (peer, tls, done) => {
  const encrypted = peer.protocol === 'https:'
  const socket: Socket = encrypted
    ? tlsConnect({ ...address(peer), ...tls })
    : netConnect(address(peer))
  socket.once(encrypted ? 'secureConnect' : 'connect', () => {
    socket.destroy()
    done(true)
  })
  socket.on('error', () => {
    done(false)
  })
  return socket
}

/**
 * A peer that took connections and gave no answer is back when it gives one, whatever its status. `OPTIONS *` is
 * HTTP's own "ping" (RFC 9110 section 9.3.7): no resource is touched.
 */
const ask: Start = (peer, tls, done) => {
  const { socketPath } = peer
  const request = (peer.protocol === 'https:' ? httpsRequest : httpRequest)({
    ...tls,
    ...(socketPath === undefined ? { host: peer.hostname, port: peer.port } : { socketPath }),
    method: 'OPTIONS',
    path: '*',
    agent: false,
    headers: { 'user-agent': 'evenkeel-probe', connection: 'close' },
  })
  request.on('response', () => {
    request.destroy()
    done(true)
  })
  request.on('error', () => {
    done(false)
  })
  request.end()
  return request
}

const starts: Readonly<Record<FailedStep, Start>> = { connect, answer: ask }

export function connectionProbe(clock: Clock, tlsOf: (peer: Peer) => PeerTlsConnectOptions): Probe {
  return (peer, step, timeout, done) => {
    let over = false
    const finish = (alive: boolean): void => {
      if (over) return
      over = true
      timer.cancel()
      running.destroy()
      done(alive)
    }
    const running = starts[step](peer, tlsOf(peer), finish)
    const timer = clock.after(timeout, () => {
      finish(false)
    })
    return () => {
      over = true
      timer.cancel()
      running.destroy()
    }
  }
}
