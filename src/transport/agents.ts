/** The keepalive agent pool: one agent a peer, and the plug-in contract for pools of one's own. */
import type { Agent } from 'node:http'
import type { Clock } from '../clock.js'
import type { Peer } from '../upstream/peer.js'
import { UpstreamConnections } from './connections.js'
import type { ConnectionHolder, ConnectionSettings, PoolStatus } from './connections.js'
import { HttpKeepaliveAgent, HttpsKeepaliveAgent } from './keepalive-agent.js'
import type { PeerConnections } from './peer-connections.js'

/** A pool of connections to the peers of one upstream. */
export interface AgentPool {
  /**
   * The agent for an attempt at `peer`. Called once an attempt. For `'fresh'` the agent must open a new connection:
   * the request may not be repeated, and a kept one could be closed by the peer at this moment.
   */
  agent(peer: Peer, connection: 'any' | 'fresh'): Agent
  /** Closes every connection. */
  close(): void
}

/** A pool as a bare function. */
export type SelectAgent = (peer: Peer, connection: 'any' | 'fresh') => Agent

interface PeerAgents {
  readonly connections: PeerConnections
  readonly own: HttpKeepaliveAgent | HttpsKeepaliveAgent
  readonly any: Agent
  readonly fresh: Agent
}

/** The default pool, on agentkeepalive. */
export class KeepaliveAgentPool implements AgentPool, ConnectionHolder {
  readonly #connections: UpstreamConnections
  readonly #agents = new Map<Peer, PeerAgents>()
  /** Of settings that are out of date, or of peers that are gone, as long as they have a connection. */
  readonly #retired = new Set<PeerAgents>()

  constructor(settings: ConnectionSettings | UpstreamConnections, clock: Clock) {
    this.#connections =
      settings instanceof UpstreamConnections ? settings : new UpstreamConnections(settings, clock)
  }

  agent(peer: Peer, connection: 'any' | 'fresh'): Agent {
    let agents = this.#agents.get(peer)
    if (agents === undefined) {
      const rules = this.#connections.rulesOf(peer)
      if (rules.ended) return this.#agentOfGone(peer, rules)[connection]
      agents = this.#open(peer, rules)
      this.#agents.set(peer, agents)
    }
    return agents[connection]
  }

  status(peer: Peer): PoolStatus {
    const { active: current = 0, idle = 0 } = this.#agents.get(peer)?.own.status() ?? {}
    let active = current
    for (const { connections, own } of this.#retired)
      if (connections.peer === peer) active += own.status().active
    return { active, idle }
  }

  /** The TLS settings of this peer, or of all, have changed: new connections use them, and the others are let go. */
  renew(peer: Peer | undefined): void {
    for (const [each, agents] of this.#agents) {
      if ((peer !== undefined && each !== peer) || each.protocol !== 'https:') continue
      this.#retire(agents)
      // What was learnt of the peer's idle limit is still true.
      this.#agents.set(each, this.#open(each, agents.connections))
    }
  }

  forget(peer: Peer): void {
    const agents = this.#agents.get(peer)
    if (agents === undefined) return
    this.#agents.delete(peer)
    this.#retire(agents)
  }

  closeConnections(): void {
    this.close()
  }

  close(): void {
    for (const { own } of [...this.#retired, ...this.#agents.values()]) own.destroy()
    this.#retired.clear()
    this.#agents.clear()
  }

  /** An attempt at it had begun before it was taken out: none of its connections is kept. */
  #agentOfGone(peer: Peer, rules: PeerConnections): PeerAgents {
    const agents = this.#open(peer, rules)
    this.#retireWhenDone(agents)
    return agents
  }

  #retire(agents: PeerAgents): void {
    agents.own.retire()
    if (agents.own.status().active > 0) this.#retireWhenDone(agents)
  }

  #retireWhenDone(agents: PeerAgents): void {
    this.#retired.add(agents)
    agents.own.onEmpty = () => {
      this.#retired.delete(agents)
    }
  }

  #open(peer: Peer, connections: PeerConnections): PeerAgents {
    const bind = this.#connections.bindOptions(peer)
    const own =
      peer.protocol === 'https:'
        ? new HttpsKeepaliveAgent(connections, bind, this.#connections.tlsOptions(peer))
        : new HttpKeepaliveAgent(connections, bind, this.#connections.reads)
    return { connections, own, any: own as unknown as Agent, fresh: own.fresh }
  }
}

/** A user's bare function as a pool; what it hands out stays the user's to close. */
export function agentPoolFromFunction(select: SelectAgent): AgentPool {
  return { agent: select, close: () => undefined }
}
