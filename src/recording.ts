/** Puts a recorder of incidents together for a balancer. */
import { wallTime } from './clock.js'
import type { Clock } from './clock.js'
import type { BalancerConfig } from './config.js'
import type { BalancerEmitter } from './events.js'
import type { ExplainedSettings } from './observe/explanation.js'
import { IncidentRecorder } from './observe/incident-recorder.js'
import type { IncidentLog } from './observe/incident-recorder.js'
import type { Peer } from './upstream/peer.js'
import type { UpstreamHandle } from './upstream-handle.js'

export function recorderOf(
  config: BalancerConfig,
  { parts }: UpstreamHandle,
  emitter: BalancerEmitter,
  clock: Clock,
  log: IncidentLog | undefined,
): IncidentRecorder {
  const { registry, failOn } = parts
  const peers = {
    name: registry.name,
    get peers() {
      return registry.peers
    },
    statusOf(peer: Peer) {
      const state = registry.stateOf(peer)
      return state === undefined ? 'down' : registry.status(state)
    },
  }
  const settings: ExplainedSettings = {
    nginx: registry.nginx,
    tries: config.tries,
    nextTimeout: config.nextTimeout,
    connectTimeout: config.connectTimeout,
    sendTimeout: config.sendTimeout,
    readTimeout: config.readTimeout,
    bufferSize: config.bufferSize,
    whenNoneLive: registry.whenNoneLive,
    failOn: [...failOn],
    on: [...config.on],
    queueTimeout: registry.queueTimeout,
  }
  return new IncidentRecorder(peers, emitter, clock, wallTime, settings, log)
}
