/** A connection that broke before an answer: had it been idle for too long, or did the peer die at work? */
import { keepsAlive, mostFrequent } from './case-file.js'
import type { CaseFile } from './case-file.js'
import type { Confidence, DoctorMechanism } from './report.js'

export interface ClosedConnections {
  readonly mechanism: Extract<DoctorMechanism, 'stale_keepalive' | 'peer_crash'>
  readonly confidence: Confidence
  readonly because: readonly string[]
}

/** Milliseconds: a connection that is found closed fails at once, one on which a peer dies has been at work. */
const AT_ONCE = 50
/** Of those that can be told. */
const NEARLY_ALL = 0.8

interface Traits {
  readonly count: number
  /** Shares from 0 to 1; undefined if the logs do not say. */
  readonly atOnce: number | undefined
  readonly reused: number | undefined
  readonly poison: string | undefined
  readonly refusedToo: boolean
}

export function closedConnections(file: CaseFile): ClosedConnections {
  const traits = traitsOf(file)
  const kept = file.upstream === undefined ? undefined : keepsAlive(file)
  const stale =
    kept !== false &&
    traits.poison === undefined &&
    !traits.refusedToo &&
    (traits.atOnce ?? 1) >= NEARLY_ALL &&
    (traits.reused ?? 1) >= NEARLY_ALL
  return stale ? staleConnections(traits, kept) : crash(traits, kept)
}

function staleConnections(traits: Traits, kept: boolean | undefined): ClosedConnections {
  const because = [
    'Connections were closed before a byte of an answer, at different URLs that otherwise work.',
  ]
  if (traits.atOnce !== undefined)
    because.push('They failed at once ($upstream_response_time about 0).')
  if (traits.reused !== undefined)
    because.push('They were not new: $upstream_connect_time is 0.000.')
  if (kept === true) because.push('The configuration keeps idle connections (keepalive).')
  const known = [traits.atOnce, traits.reused, kept].filter((trait) => trait !== undefined).length
  return {
    mechanism: 'stale_keepalive',
    confidence: known === 3 ? 'high' : known >= 1 ? 'medium' : 'low',
    because,
  }
}

function crash(traits: Traits, kept: boolean | undefined): ClosedConnections {
  const because: string[] = []
  if (traits.poison !== undefined)
    because.push(
      `All of them were for ${traits.poison}, which was never answered well: that URL breaks the server.`,
    )
  if (traits.refusedToo)
    because.push(
      'New connections to the same server were refused afterwards: its process had ended.',
    )
  if (kept === false) because.push('No idle connections are kept, so the connections were new.')
  if (traits.atOnce !== undefined && traits.atOnce < NEARLY_ALL)
    because.push('They broke while the server was at work ($upstream_response_time above 0).')
  return {
    mechanism: 'peer_crash',
    confidence: because.length > 0 ? 'high' : 'medium',
    because,
  }
}

function traitsOf(file: CaseFile): Traits {
  const closed = file.failures.filter(({ kind }) => kind === 'closed' || kind === 'reset')
  const told = closed.length > 0 ? closed : file.failures.filter(({ kind }) => kind === 'error')
  const timed = file.timed.filter(({ kind }) => kind === 'error')
  const withTime = timed.filter(({ duration }) => duration >= 0)
  const withConnect = timed.filter(({ connectTime }) => connectTime >= 0)
  const share = (part: number, of: number): number | undefined => (of === 0 ? undefined : part / of)
  const closers = new Set(told.map(({ peer }) => peer))
  const top = mostFrequent(told.map(({ path }) => path))
  const single = top !== undefined && top.value !== '' && top.count >= told.length * NEARLY_ALL
  return {
    count: told.length,
    atOnce: share(withTime.filter(({ duration }) => duration <= AT_ONCE).length, withTime.length),
    reused: share(
      withConnect.filter(({ connectTime }) => connectTime === 0).length,
      withConnect.length,
    ),
    poison: single && file.served.ofPath(top.value) < top.count ? top.value : undefined,
    refusedToo: file.failures.some(({ kind, peer }) => kind === 'refused' && closers.has(peer)),
  }
}
