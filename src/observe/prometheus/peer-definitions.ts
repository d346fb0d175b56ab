/** Metrics with a series for each peer. */
import { PeerState } from '../../upstream/peer.js'
import type { Peer, PeerStatus } from '../../upstream/peer.js'
import { ofPeer } from './definition.js'
import type { MetricDefinition } from './definition.js'
import { EJECT_REASONS, ENDS, RETURN_REASONS, STATES } from './labels.js'
import type { UpstreamCounts } from './upstream-counts.js'

const ATTEMPT_METRICS: readonly MetricDefinition[] = [
  ofPeer(
    'counter',
    'attempts_total',
    'Attempts that are over. outcome: answered (reason: class of the status), failed (reason: the proxy error type of RFC 9209), stale (a kept connection that the peer had closed), cancelled (a hedged one beside it was faster), aborted (the request was over before it was answered).',
    ({ attempts }, samples) => {
      samples.addSeen(attempts, ENDS)
    },
    { labels: ['outcome', 'reason'] },
  ),
  ofPeer(
    'histogram',
    'attempt_connect_seconds',
    'Time until a new connection was there, TLS included.',
    ({ connect }, samples) => {
      samples.addHistogram(connect)
    },
  ),
  ofPeer(
    'histogram',
    'attempt_header_seconds',
    'Time from the start of an attempt until the head of its response had come.',
    ({ header }, samples) => {
      samples.addHistogram(header)
    },
  ),
  ofPeer(
    'histogram',
    'attempt_duration_seconds',
    'Time from the start of an attempt until it had failed or the last byte of its response had come.',
    ({ duration }, samples) => {
      samples.addHistogram(duration)
    },
  ),
  ofPeer(
    'gauge',
    'attempts_in_flight',
    'Attempts that this process has under way.',
    (_counts, samples, peers) => {
      samples.add(sumOf(peers, inFlightHere))
    },
  ),
  ofPeer(
    'counter',
    'sent_bytes_total',
    'Bytes written to the connections to the peer for attempts that are over, heads included.',
    ({ bytesSent }, samples) => {
      samples.add(bytesSent)
    },
  ),
  ofPeer(
    'counter',
    'received_bytes_total',
    'Bytes read from the connections to the peer for attempts that are over, heads included.',
    ({ bytesReceived }, samples) => {
      samples.add(bytesReceived)
    },
  ),
]

const STANDING_METRICS: readonly MetricDefinition[] = [
  ofPeer(
    'gauge',
    'peer_state',
    '1 for the state in which the peer is, 0 for the others.',
    (_counts, samples, peers, { registry }) => {
      const now = peers.map((peer) => statusOf(registry, peer))
      for (const state of STATES) samples.add(now.filter((each) => each === state).length, state)
    },
    { labels: ['state'] },
  ),
  ofPeer(
    'gauge',
    'peer_weight',
    'The weight with which the peer is chosen, slow start and its own wishes included.',
    (_counts, samples, peers) => {
      samples.add(sumOf(peers, ({ easedWeight }) => easedWeight))
    },
    { aggregator: 'first' },
  ),
  ofPeer(
    'counter',
    'peer_ejections_total',
    'Times that the peer was marked, by what had failed.',
    ({ ejections }, samples) => {
      samples.addAll(ejections, EJECT_REASONS)
    },
    { labels: ['reason'] },
  ),
  ofPeer(
    'counter',
    'peer_returns_total',
    'Times that the peer came back from a mark, by what has brought it back.',
    ({ returns }, samples) => {
      samples.addAll(returns, RETURN_REASONS)
    },
    { labels: ['reason'] },
  ),
]

const POOL_METRICS: readonly MetricDefinition[] = [
  ofPeer(
    'gauge',
    'connections',
    'Connections to the peer. A pool of your own is not seen.',
    (_counts, samples, peers, { balancers }) => {
      const held = peers.map((peer) => balancers[0]?.connections.status(peer))
      samples.add(
        held.reduce((sum, each) => sum + (each?.active ?? 0), 0),
        'active',
      )
      samples.add(
        held.reduce((sum, each) => sum + (each?.idle ?? 0), 0),
        'idle',
      )
    },
    { labels: ['state'] },
  ),
  ofPeer(
    'counter',
    'connections_opened_total',
    'Connections to the peer that were opened.',
    ({ opened }, samples) => {
      samples.add(opened)
    },
  ),
  ofPeer(
    'counter',
    'connections_closed_total',
    'Connections to the peer that were closed. by: us (also whatever ended one in use), peer (it closed one that was idle).',
    ({ closedByUs, closedByPeer }, samples) => {
      samples.add(closedByUs, 'us')
      samples.add(closedByPeer, 'peer')
    },
    { labels: ['by'] },
  ),
  ofPeer(
    'counter',
    'connections_reused_total',
    'Attempts that went out on a kept connection.',
    ({ reused }, samples) => {
      samples.add(reused)
    },
  ),
]

export const PEER_METRICS: readonly MetricDefinition[] = [
  ...ATTEMPT_METRICS,
  ...STANDING_METRICS,
  ...POOL_METRICS,
]

/** Those of other processes (`zone`) are for them to tell of. */
function inFlightHere(peer: Peer): number {
  return peer instanceof PeerState ? peer.connections - peer.elsewhere : peer.connections
}

function statusOf(registry: UpstreamCounts['registry'], peer: Peer): PeerStatus | undefined {
  const state = registry.stateOf(peer)
  return state && registry.status(state)
}

function sumOf(peers: readonly Peer[], of: (peer: Peer) => number): number {
  return peers.reduce((sum, peer) => sum + of(peer), 0)
}
