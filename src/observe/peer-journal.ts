/** What has happened to the peers of late: why each of them is marked, and how often it has been. */
import type { AttemptSummary } from '../errors.js'
import type { Peer } from '../upstream/peer.js'
import type { MarkHistory } from './early-warning.js'

/** An attempt that marked a peer, with the request that it belongs to. */
export interface MarkingAttempt {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly method: string
  readonly path: string
  readonly peer: string
  readonly attempt: AttemptSummary
}

/** A mark that a peer bears. Milliseconds of the clock. */
export interface Mark {
  readonly reason: string
  readonly at: number
  readonly until: number
  marking: MarkingAttempt | undefined
}

/** More than that many marks in the window are as many. */
const TIMES = 100

class PeerAccount {
  mark: Mark | undefined
  /** When it was marked. */
  readonly times: number[] = []
  /** How long marks that are over have lasted, all together. */
  lasted = 0
  ended = 0
}

/** Milliseconds of the clock throughout. */
export class PeerJournal {
  readonly #accounts = new Map<Peer, PeerAccount>()

  ejected(peer: Peer, reason: string, now: number, until: number): void {
    const account = this.#accountOf(peer)
    account.mark = { reason, at: now, until, marking: undefined }
    account.times.push(now)
    if (account.times.length > TIMES) account.times.shift()
  }

  returned(peer: Peer, now: number): void {
    const account = this.#accounts.get(peer)
    if (account?.mark === undefined) return
    account.lasted += now - account.mark.at
    account.ended++
    account.mark = undefined
  }

  /** The mark was a mistake, and is as if it had never been. */
  refunded(peer: Peer): void {
    const account = this.#accounts.get(peer)
    if (account === undefined) return
    account.mark = undefined
    account.times.pop()
  }

  left(peer: Peer): void {
    this.#accounts.delete(peer)
  }

  /** The mark that it bears now. */
  markOf(peer: Peer): Mark | undefined {
    return this.#accounts.get(peer)?.mark
  }

  historyOf(peer: Peer, now: number, window: number): MarkHistory {
    const account = this.#accounts.get(peer)
    if (account === undefined) return { marks: 0, outFor: peer.failTimeout }
    const marks = account.times.filter((at) => now - at < window).length
    const outFor = account.ended === 0 ? peer.failTimeout : account.lasted / account.ended
    return { marks, outFor }
  }

  #accountOf(peer: Peer): PeerAccount {
    let account = this.#accounts.get(peer)
    if (account === undefined) {
      account = new PeerAccount()
      this.#accounts.set(peer, account)
    }
    return account
  }
}
