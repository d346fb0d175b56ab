/** Sticky sessions in front of a registry, without requests and responses. */
import type { FakeClock } from 'evenkeel/testing'
import { fakeClock } from 'evenkeel/testing'
import { resolveUpstream } from '../../../src/config.js'
import type { StickyOptions } from '../../../src/sticky-options.js'
import { stickySessions } from '../../../src/sticky/sticky-sessions.js'
import type { StickySessions } from '../../../src/sticky/sticky-sessions.js'
import type { SelectionRequest } from '../../../src/upstream/peer-selector.js'
import { PeerSession } from '../../../src/upstream/peer-session.js'
import type { PeerParameters, PeerState } from '../../../src/upstream/peer.js'
import { group, request } from '../upstream/group.js'
import type { GroupOptions } from '../upstream/group.js'

export interface StickyRig extends Omit<ReturnType<typeof group>, 'log'> {
  readonly sticky: StickySessions
  /** Whom a request with these fields is given, in order; nothing is kept. */
  tried(fields?: SelectionRequest['headers'], url?: string, most?: number): string[]
  /** The fields that a client is answered with by `name`. */
  answer(
    name: string,
    sent?: SelectionRequest['headers'],
    rawHeaders?: readonly string[],
    secure?: 'secure' | 'plain',
  ): readonly string[]
}

export function made(options: StickyOptions, clock: FakeClock = fakeClock(0)): StickySessions {
  const { sticky } = resolveUpstream({ peers: ['http://a'], sticky: options })
  if (sticky === undefined) throw new Error('no sticky sessions')
  return stickySessions(sticky, clock)
}

export function rig(
  options: StickyOptions,
  peers: Readonly<Record<string, Partial<PeerParameters>>> = { a: {}, b: {}, c: {} },
  settings: GroupOptions = {},
): StickyRig {
  const clock = fakeClock(0)
  const sticky = made(options, clock)
  const made_ = group(peers, { ...settings, sticky, clock })
  const peer: (name: string) => PeerState = made_.peer
  return {
    ...made_,
    sticky,
    tried(headers = {}, url = '/', most = 1) {
      const session = new PeerSession(made_.registry, { ...request, headers, url })
      const leases = []
      for (let i = 0; i < most; i++) {
        const lease = session.next()
        if (lease === undefined) break
        leases.push(lease)
      }
      for (const lease of leases) lease.release('ok')
      return leases.map((lease) => lease.peer.name)
    },
    answer(name, headers = {}, rawHeaders = [], secure = 'plain') {
      const owner = { ...request, headers, req: undefined as never }
      const response = { status: 200, rawHeaders }
      return sticky.answered(rawHeaders, owner, peer(name), response, () => secure === 'secure')
    },
  }
}

/** `name=value` of the first Set-Cookie. */
export function pairOf(fields: readonly string[]): string {
  const line = fields[fields.indexOf('Set-Cookie') + 1] ?? ''
  return line.split(';')[0] ?? ''
}
