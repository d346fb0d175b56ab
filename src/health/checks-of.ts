/** From the option `healthCheck` to what carries it out. */
import type { Clock } from '../clock.js'
import type { HealthCheckConfig } from '../config/types.js'
import type { Peer } from '../upstream/peer.js'
import type { PeerRegistry } from '../upstream/registry.js'
import { boundedCheck } from './check.js'
import type { StartCheck } from './check.js'
import type { ConnectOptions } from './connection-probe.js'
import { HealthChecker } from './health-checker.js'
import type { Verdicts } from './health-checker.js'
import { httpCheck } from './http-check.js'
import { functionCheck, tcpCheck } from './other-checks.js'

export interface ChecksSettings {
  readonly healthCheck: HealthCheckConfig
  readonly feedback: string | undefined
  readonly random: () => number
}

/** Checks the peers of `registry` from now on. */
export function checksOf(
  { healthCheck, feedback, random }: ChecksSettings,
  registry: PeerRegistry,
  clock: Clock,
  optionsOf: (peer: Peer) => ConnectOptions,
): HealthChecker {
  const { schedule, probe } = healthCheck
  const start = startOf(healthCheck, feedback, optionsOf)
  const checker = new HealthChecker({
    check: boundedCheck(clock, schedule.timeout, start),
    proves: probe === 'tcp' ? 'connect' : 'answer',
    schedule,
    clock,
    random,
    verdicts: verdictsFor(registry),
  })
  for (const peer of registry.peers) checker.watch(peer)
  return checker
}

function startOf(
  { probe, port }: HealthCheckConfig,
  feedback: string | undefined,
  optionsOf: (peer: Peer) => ConnectOptions,
): StartCheck {
  if (typeof probe === 'function') return functionCheck(probe)
  if (probe === 'tcp') return tcpCheck(port, optionsOf)
  return httpCheck({ config: probe, port, feedback, optionsOf })
}

function verdictsFor(registry: PeerRegistry): Verdicts {
  return {
    health(peer, reason, checks) {
      const state = registry.stateOf(peer)
      if (state !== undefined) registry.setHealth(state, reason, checks)
    },
    unknown(peer) {
      const state = registry.stateOf(peer)
      if (state !== undefined) state.healthy = false
    },
    proved(peer) {
      registry.proved(peer)
    },
    said(peer, text) {
      const state = registry.stateOf(peer)
      if (state !== undefined) registry.heard(state, text)
    },
  }
}
