/** The table of peers. On a narrow screen each row is a card. */
import type { PeerReport, StatusSnapshot } from '../report.js'
import { PARTS } from './parts.js'
import type { Tree } from './tree.js'

/** `heard`: when a browser was told, by its own clock. */
export type ShownPeer = PeerReport & { readonly heard?: number }

export const PEERS = {
  ...PARTS,

  peerTable({ peers, controls, span }: StatusSnapshot, now: number): Tree {
    const names = [
      'Peer',
      'State',
      'Requests',
      'Failures',
      'In flight',
      'Latency',
      'Connections',
      'Weight',
    ]
    if (controls) names.push('Controls')
    const head = names.map((name): Tree => ['th', { role: 'columnheader', scope: 'col' }, name])
    const rows = peers.map((peer) => this.peerRow(peer, { controls, span, now }))
    return [
      'table',
      { role: 'table', 'aria-labelledby': 'peers-title' },
      ['thead', { role: 'rowgroup' }, ['tr', { role: 'row' }, ...head]],
      ['tbody', { role: 'rowgroup' }, ...rows],
    ]
  },

  peerRow(
    peer: ShownPeer,
    { controls, span, now }: { controls: boolean; span: number; now: number },
  ): Tree {
    const { name, state, history, ledgers, pool } = peer
    const failed = `${String(ledgers.transport)} transport, ${String(ledgers.status)} status, ${String(ledgers.stale)} stale`
    const reused = peer.reusedShare === null ? '' : `, ${this.percent(peer.reusedShare)} reused`
    return [
      'tr',
      {
        role: 'row',
        class: `peer ${state}`,
        'data-key': name,
        memo: peer.returnsIn === null ? peer : undefined,
      },
      [
        'th',
        { role: 'rowheader', scope: 'row' },
        ['span', { class: 'name' }, name],
        ...this.tags(peer),
      ],
      this.cell('State', ...this.stateOf(peer, now)),
      this.cell(
        'Requests',
        `${this.number(peer.requestsPerSecond)}/s `,
        this.requestLine(history, span),
      ),
      this.cell('Failures', `${this.number(peer.failuresPerSecond)}/s `, this.small(failed)),
      this.cell(
        'In flight',
        String(peer.inFlight),
        ...(peer.maxConns > 0 ? [this.small(` of ${String(peer.maxConns)}`)] : []),
      ),
      this.cell('Latency', ...this.latency(peer.latency), this.latencyLine(history, span)),
      this.cell(
        'Connections',
        `${String(pool.active)} in use `,
        this.small(`${String(pool.idle)} idle${reused}`),
      ),
      this.cell('Weight', ...this.weight(peer)),
      ...(controls ? [this.cell('Controls', ...this.buttons(peer))] : []),
    ]
  },

  tags({ backup, tier, locality }: PeerReport): Tree[] {
    const tags = tier > 1 ? [`tier ${String(tier)}`] : backup ? ['backup'] : []
    if (locality !== null) tags.push(locality)
    return tags.map((tag): Tree => ['span', { class: 'tag' }, tag])
  },

  stateOf({ state, reason, returnsIn, heard }: ShownPeer, now: number): Tree[] {
    const why = reason === null ? [] : [this.small(this.reason(reason))]
    const pill: Tree = [
      'span',
      { class: `pill ${state}` },
      ['span', { 'aria-hidden': 'true' }, `${this.sign(state)} `],
      state,
    ]
    if (returnsIn === null) return [pill, ' ', ...why]
    const left = Math.max(0, returnsIn - (heard === undefined ? 0 : now - heard))
    const next = left === 0 ? 'next try: now' : `next try in ${String(Math.ceil(left / 1000))} s`
    return [pill, ' ', ...why, ' ', this.small(next)]
  },

  weight({ weight, easedWeight }: PeerReport): Tree[] {
    return easedWeight === weight
      ? [String(weight)]
      : [`${this.number(easedWeight)} `, this.small(`of ${String(weight)}`)]
  },

  /** The first one changes its name and stays where it is: so the focus stays on it. */
  buttons({ name, state }: PeerReport): Tree[] {
    const isOut = state === 'down' || state === 'draining'
    const first = isOut ? 'up' : 'drain'
    const buttons = [this.button(name, first, isOut ? 'Up' : 'Drain')]
    if (state !== 'down') buttons.push(' ', this.button(name, 'down', 'Down'))
    return buttons
  },

  button(peer: string, action: string, text: string): Tree {
    const does = { 'data-action': action, 'data-peer': peer }
    return ['button', { type: 'button', ...does, 'aria-label': `${text} ${peer}` }, text]
  },
}
