/** What is new from one snapshot to the next, so that watchers are not sent everything again. */
import type { PeerReport, StatusChange, StatusSnapshot } from './report.js'

type Part = 'totals' | 'incidents' | 'warning' | 'failures'
const PARTS: readonly Part[] = ['totals', 'incidents', 'warning', 'failures']

interface SeenPeer {
  readonly text: string
  readonly history: PeerReport['history']
}

export class Changes {
  #peers: ReadonlyMap<string, SeenPeer> = new Map()
  #order = ''
  readonly #parts = new Map<Part, { readonly part: unknown; readonly text: string }>()

  /** Since the snapshot before; undefined: nothing is. */
  since(snapshot: StatusSnapshot): StatusChange | undefined {
    const { at, uptime, counting } = snapshot
    const peers = this.#newPeers(snapshot.peers)
    const names = snapshot.peers.map(({ name }) => name)
    const order = names.join('\n')
    const isOther = order !== this.#order
    this.#order = order
    const parts: Partial<Record<Part, unknown>> = {}
    for (const part of PARTS) {
      const before = this.#parts.get(part)
      if (before?.part === snapshot[part]) continue
      const text = JSON.stringify(snapshot[part])
      this.#parts.set(part, { part: snapshot[part], text })
      if (before?.text === text) continue
      parts[part] = snapshot[part]
    }
    if (peers.length === 0 && !isOther && Object.keys(parts).length === 0) return undefined
    return {
      at,
      uptime,
      counting,
      ...(parts as Pick<StatusChange, Part>),
      ...(peers.length > 0 ? { peers } : {}),
      ...(isOther ? { order: names } : {}),
    }
  }

  #newPeers(peers: readonly PeerReport[]): NonNullable<StatusChange['peers']> {
    const seen = new Map<string, SeenPeer>()
    const changed: NonNullable<StatusChange['peers']>[number][] = []
    for (const { history, ...now } of peers) {
      const before = this.#peers.get(now.name)
      // That less time is left is nothing new: who watches can tell.
      const text = JSON.stringify({ ...now, returnsIn: now.returnsIn === null ? null : 0 })
      seen.set(now.name, { text, history })
      if (before?.history !== history) changed.push({ ...now, history })
      else if (before.text !== text) changed.push(now)
    }
    this.#peers = seen
    return changed
  }
}
