/** Checks that send no request of ours: a connection, or whatever a function of the user's does. */
import type { CheckFunction } from '../config/types.js'
import type { Peer } from '../upstream/peer.js'
import { resultOf } from './check.js'
import type { StartCheck } from './check.js'
import { connect } from './connection-probe.js'
import type { ConnectOptions } from './connection-probe.js'

/** A connection, TLS included. */
export function tcpCheck(
  port: number | undefined,
  optionsOf: (peer: Peer) => ConnectOptions,
): StartCheck {
  return (peer, run) => {
    const { protocol, hostname, socketPath, name } = peer
    const address = { protocol, hostname, socketPath, name, port: port ?? peer.port }
    const running = connect(address, optionsOf(peer), (what) => {
      if (what === 'connected') run.atTimeout = resultOf('passed')
      else run.end(resultOf(what === 'alive' ? 'passed' : 'error'))
    })
    return () => {
      running.destroy()
    }
  }
}

/** Its signal ends when the check does, in whatever way. */
export function functionCheck(check: CheckFunction): StartCheck {
  return (peer, run) => {
    const controller = new AbortController()
    const asked = new Promise<unknown>((resolve) => {
      resolve(check(peer, controller.signal))
    })
    asked.then(
      (answer) => {
        const said = typeof answer === 'string' ? answer : undefined
        run.end(resultOf(answer === false ? 'error' : 'passed', said))
      },
      () => {
        run.end(resultOf('error'))
      },
    )
    return () => {
      controller.abort()
    }
  }
}
