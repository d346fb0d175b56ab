/**
 * Numbers and words as the page shows them. The objects in this folder are run by the server and, as text, by browsers:
 * their methods use `this`, their parameters and what every JavaScript has, and give functions no names, so that they survive
 * bundlers and minifiers (esbuild's `keepNames` puts a helper round each function that is kept in a variable).
 */
import type { IncidentReport, PeerReport } from '../report.js'

export const WORDS = {
  /** Three digits at most. */
  number(value: number): string {
    if (value >= 10_000_000) return `${(value / 1_000_000).toFixed(0)}M`
    if (value >= 10_000) return `${(value / 1000).toFixed(0)}k`
    return String(value >= 100 ? Math.round(value) : Number(value.toPrecision(value < 1 ? 2 : 3)))
  },

  percent(share: number): string {
    return share > 0 && share < 0.001 ? '<0.1 %' : `${this.number(Math.round(share * 1000) / 10)} %`
  },

  time(ms: number): string {
    if (ms < 0) return '–'
    if (ms < 1) return '<1 ms'
    return ms < 1000 ? `${this.number(ms)} ms` : `${this.number(Math.round(ms / 100) / 10)} s`
  },

  /** Of a long time its two largest parts. */
  span(ms: number): string {
    if (ms > 0 && ms < 1000) return this.time(ms)
    const seconds = Math.floor(ms / 1000)
    const minutes = Math.floor(seconds / 60)
    const hours = Math.floor(minutes / 60)
    const [large, small] =
      hours >= 24
        ? [`${String(Math.floor(hours / 24))} d`, `${String(hours % 24)} h`]
        : hours > 0
          ? [`${String(hours)} h`, `${String(minutes % 60)} min`]
          : [`${String(minutes)} min`, `${String(seconds % 60)} s`]
    if (minutes === 0) return small
    return small.startsWith('0 ') ? large : `${large} ${small}`
  },

  clock(at: number): string {
    return `${new Date(at).toISOString().slice(11, 19)} UTC`
  },

  day(at: number): string {
    return new Date(at).toISOString().slice(0, 10)
  },

  /** State is told by a sign and a word, never by colour alone. */
  sign(state: PeerReport['state']): string {
    return { up: '✓', full: '■', draining: '↓', down: '○', unhealthy: '!', ejected: '✕' }[state]
  },

  reason(reason: string): string {
    const words: Readonly<Record<string, string>> = {
      error: 'connection failed',
      timeout: 'timed out',
      invalid_header: 'invalid response',
      status: 'bad status',
      rate: 'too many failures',
      retry_after: 'asked for a pause',
      shared: 'said by another worker',
      body: 'check: wrong body',
      feedback: 'by its own word',
      administrator: 'by the administrator',
      max_conns: 'at its limit',
    }
    return Object.hasOwn(words, reason) ? (words[reason] ?? reason) : reason
  },

  plain(words: string): string {
    return words.replaceAll('_', ' ')
  },

  incidentTitle({ id, mechanism, state }: IncidentReport): string {
    return `Incident ${String(id)}: ${this.plain(mechanism)}${state === 'open' ? ', going on' : ''}`
  },
}
