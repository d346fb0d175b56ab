/** The keepalive agent pool: one agent a peer, and the plug-in contract for pools of one's own. */
import type { Agent } from 'node:http'
import type { Clock } from '../clock.js'
import type { Peer } from '../upstream/peer.js'
import { HttpKeepaliveAgent, HttpsKeepaliveAgent } from './keepalive-agent.js'
import type { KeepaliveSettings } from './keepalive-agent.js'
import type { PeerTlsSettings } from './tls.js'

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

/** What the pool holds of one peer. */
export interface PoolStatus {
  /** Connections in use. */
  readonly active: number
  /** Kept and idle. */
  readonly idle: number
}

interface PeerAgents {
  readonly own: HttpKeepaliveAgent | HttpsKeepaliveAgent
  readonly any: Agent
  readonly fresh: Agent
}

/** The default pool, on agentkeepalive. */
export class KeepaliveAgentPool implements AgentPool {
  readonly #settings: KeepaliveSettings
  readonly #tls: PeerTlsSettings
  readonly #clock: Clock
  readonly #agents = new Map<Peer, PeerAgents>()

  constructor(settings: KeepaliveSettings, tls: PeerTlsSettings, clock: Clock) {
    this.#settings = settings
    this.#tls = tls
    this.#clock = clock
  }

  agent(peer: Peer, connection: 'any' | 'fresh'): Agent {
    let agents = this.#agents.get(peer)
    if (agents === undefined) {
      const own =
        peer.protocol === 'https:'
          ? new HttpsKeepaliveAgent(peer, this.#settings, this.#clock, this.#tls)
          : new HttpKeepaliveAgent(peer, this.#settings, this.#clock)
      agents = { own, any: own as unknown as Agent, fresh: own.fresh }
      this.#agents.set(peer, agents)
    }
    return agents[connection]
  }

  status(peer: Peer): PoolStatus {
    return this.#agents.get(peer)?.own.status() ?? { active: 0, idle: 0 }
  }

  close(): void {
    for (const { own } of this.#agents.values()) own.destroy()
    this.#agents.clear()
  }
}

/** A user's bare function as a pool; what it hands out stays the user's to close. */
export function agentPoolFromFunction(select: SelectAgent): AgentPool {
  return { agent: select, close: () => undefined }
}
