/** Outlier detection: failures in a row, and their rate over time (Envoy `outlier_detection`, Finagle's failure accrual). */
import type { Answer, Availability, Charge } from './availability.js'
import { WHOLE } from './failure-window.js'
import { OutlierAccount, OutlierCharge } from './outlier-account.js'
import type { Mark } from './outlier-account.js'
import type { FailedStep, PeerState } from './peer.js'

/** The `outlierDetection` option, resolved. Times are milliseconds. */
export interface OutlierSettings {
  /** 0: not counted. */
  readonly consecutiveFailures: number
  /** From 0 to 1; 0: not counted. */
  readonly failureRate: number
  readonly minimumRequests: number
  readonly window: number
  /** From 0 to 1. */
  readonly statusWeights: ReadonlyMap<number, number>
  readonly ejectionTime: number
  readonly maxEjectionTime: number
  /** From 0 to 1. */
  readonly jitter: number
  /** Per cent. */
  readonly maxEjectionPercent: number
}

export interface OutlierSurroundings {
  /** Milliseconds. */
  readonly now: () => number
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** The peers of its tier. */
  readonly tierOf: (peer: PeerState) => readonly PeerState[]
}

const HIGHEST_STATUS = 599

type Failure = Pick<OutlierCharge, 'ledger' | 'share' | 'part'> & { readonly now: number }

/** When a failure is seen, and when its attempt began. */
interface Moment {
  readonly now: number
  readonly takenAt: number
}

/**
 * `consecutiveFailures` in a row, or too high a share of failures over the window, mark a peer for a time that grows with
 * each mark. One that is marked for a row of failures is tried with single requests when the time is over, and what
 * shows that it works again brings it back; one that is marked for its rate returns when the time is over.
 */
export class OutlierAvailability implements Availability {
  readonly #settings: OutlierSettings
  readonly #surroundings: OutlierSurroundings
  /** By status, in parts of {@link WHOLE}; -1: not listed. */
  readonly #shares = new Int32Array(HIGHEST_STATUS + 1).fill(-1)
  readonly #rate: number
  readonly #mostEjections: number

  constructor(settings: OutlierSettings, surroundings: OutlierSurroundings) {
    this.#settings = settings
    this.#surroundings = surroundings
    for (const [status, weight] of settings.statusWeights)
      this.#shares[status] = Math.round(weight * WHOLE)
    this.#rate = Math.round(settings.failureRate * WHOLE)
    // More of them would not make it longer, and only be slower to decay.
    this.#mostEjections = Math.ceil(settings.maxEjectionTime / settings.ejectionTime)
  }

  liveAt(peer: PeerState): number {
    return peer.ejectedUntil === 0 || peer.maxFails === 0
      ? Number.NEGATIVE_INFINITY
      : peer.ejectedUntil
  }

  picked(peer: PeerState, now: number): void {
    if (peer.ejectedUntil === 0 || now < peer.ejectedUntil) return
    const account = this.#accountOf(peer)
    // The time is over without a proof: this one request tries the peer, the others go on waiting.
    account.triedSince = now
    peer.ejectedUntil = now + this.#timeFor(account.ejections)
  }

  failed(
    peer: PeerState,
    ledger: Charge['ledger'],
    step: FailedStep,
    now: number,
    takenAt: number = now,
  ): Charge {
    const account = this.#accountOf(peer)
    const part = account.window.note(WHOLE, now)
    if (ledger === 'transport') peer.failedStep = step
    const charge = this.#charge(peer, account, { ledger, share: WHOLE, part, now })
    this.#judge(peer, account, charge, { now, takenAt })
    return charge
  }

  weigh(peer: PeerState, answer: Answer): Charge | undefined {
    const account = this.#accountOf(peer)
    const share = this.#shareOf(answer)
    const now = this.#surroundings.now()
    const part = account.window.note(share, now)
    if (answer.good && share === 0) return undefined
    const charge = answer.good
      ? this.#lesser(peer, account, share, part)
      : this.#charge(peer, account, { ledger: 'status', share, part, now })
    this.#judge(peer, account, charge, { now, takenAt: answer.takenAt })
    return charge
  }

  answered(peer: PeerState, answer: Answer): boolean {
    peer.failuresSinceAnswer = 0
    const account = peer.outliers
    if (account === undefined) return false
    // An old connection says nothing of whether the peer takes new ones.
    const proves = !(answer.reusedConnection && peer.failedStep === 'connect')
    const good = answer.good && this.#shareOf(answer) === 0
    if (account.mark === 'none') {
      if (proves) endTransportRow(peer, account)
      if (good) endStatusRow(peer, account)
      return false
    }
    if (account.mark === 'rate') return false
    // What had begun before the peer gave its bad status says nothing about how it is now.
    if (account.mark === 'status') {
      if (!good || answer.takenAt <= peer.failedAt) return false
    } else if (!proves) return false
    return this.#forgive(peer, account)
  }

  completed(): boolean {
    return false
  }

  proved(peer: PeerState): boolean {
    const account = peer.outliers
    // A probe sees neither the statuses nor the rate that a peer was marked for.
    return account?.mark === 'transport' && this.#forgive(peer, account)
  }

  lapsed(peer: PeerState): boolean {
    const account = peer.outliers
    if (account?.mark !== 'rate') return false
    return this.#forgive(peer, account)
  }

  adopted(peer: PeerState, reason: string): void {
    const account = this.#accountOf(peer)
    if (account.mark !== 'none') return
    account.mark = reason === 'rate' || reason === 'status' ? reason : 'transport'
    account.ejections = Math.min(account.ejections + 1, this.#mostEjections)
  }

  released(peer: PeerState): void {
    this.#forgive(peer, this.#accountOf(peer))
  }

  refund(peer: PeerState, charge: Charge): boolean {
    const account = this.#accountOf(peer)
    if (!(charge instanceof OutlierCharge)) return false
    peer.ledgers[charge.ledger]--
    peer.effectiveWeight = Math.min(peer.easedWeight, peer.effectiveWeight + charge.weightLost)
    account.window.advance(this.#surroundings.now())
    account.window.takeBack(charge.share, charge.part, charge.era)
    shortenRow(peer, account, charge)
    if (peer.ejectedUntil === 0) return false
    if (charge.until === peer.ejectedUntil) {
      // It was this one's doing, and nothing has come of it since.
      account.ejections = charge.ejectionsBefore
      account.mark = charge.markBefore
      peer.ejectedUntil = charge.untilBefore
      return account.mark === 'none'
    }
    if (this.#deserves(peer, account, account.mark)) return false
    account.ejections--
    unmark(peer, account)
    return true
  }

  /** A failure that counts in full: in its row, and against the weight as nginx's do. */
  #charge(
    peer: PeerState,
    account: OutlierAccount,
    { ledger, share, part, now }: Failure,
  ): OutlierCharge {
    const { consecutiveFailures } = this.#settings
    peer.ledgers[ledger]++
    peer.failedAt = now
    let row = account.statusRow
    if (ledger === 'status') peer.statusFails++
    else {
      peer.fails++
      peer.failuresSinceAnswer++
      row = account.transportRow
    }
    const step = consecutiveFailures === 0 ? 0 : Math.floor(peer.weight / consecutiveFailures)
    const weightLost = peer.maxFails === 0 ? 0 : Math.min(step, peer.effectiveWeight)
    peer.effectiveWeight -= weightLost
    return new OutlierCharge(ledger, { share, part, row, weightLost }, account.window.era)
  }

  /** One that has its weight in the rate and nowhere else. */
  #lesser(peer: PeerState, { window }: OutlierAccount, share: number, part: number): OutlierCharge {
    peer.ledgers.status++
    return new OutlierCharge('status', { share, part, row: -1, weightLost: 0 }, window.era)
  }

  #judge(
    peer: PeerState,
    account: OutlierAccount,
    charge: OutlierCharge,
    { now, takenAt }: Moment,
  ): void {
    if (peer.ejectedUntil !== 0) {
      // The request that has tried it has failed: as long again, and longer. What had begun before changes nothing.
      if (charge.row !== -1 && takenAt >= account.triedSince)
        this.#eject(peer, account, charge, { mark: account.mark, now })
      return
    }
    const mark = this.#markFor(peer, account, charge)
    if (mark === 'none' || !this.#mayEject(peer)) return
    charge.ejected = true
    charge.reason = mark === 'rate' ? 'rate' : undefined
    this.#eject(peer, account, charge, { mark, now })
  }

  #markFor(peer: PeerState, account: OutlierAccount, charge: OutlierCharge): Mark {
    if (charge.row !== -1 && this.#deserves(peer, account, charge.ledger)) return charge.ledger
    return charge.share > 0 && this.#deserves(peer, account, 'rate') ? 'rate' : 'none'
  }

  #deserves(peer: PeerState, { window }: OutlierAccount, mark: Mark): boolean {
    const { consecutiveFailures, minimumRequests } = this.#settings
    switch (mark) {
      case 'none':
        return false
      case 'transport':
        return consecutiveFailures > 0 && peer.fails >= consecutiveFailures
      case 'status':
        return consecutiveFailures > 0 && peer.statusFails >= consecutiveFailures
      case 'rate':
        if (this.#rate === 0 || window.requests < minimumRequests) return false
        return window.failures >= this.#rate * window.requests
    }
  }

  /** Envoy's `max_ejection_percent`: one may go in any case, but never the last, unless all may. */
  #mayEject(peer: PeerState): boolean {
    const { maxEjectionPercent } = this.#settings
    if (peer.maxFails === 0 || maxEjectionPercent === 0) return false
    let inService = 0
    let ejected = 0
    for (const each of this.#surroundings.tierOf(peer)) {
      if (!each.inService) continue
      inService++
      if (each.ejectedUntil !== 0) ejected++
    }
    if (maxEjectionPercent === 100) return true
    const most = Math.max(1, Math.floor((inService * maxEjectionPercent) / 100))
    return ejected < Math.min(inService - 1, most)
  }

  #eject(
    peer: PeerState,
    account: OutlierAccount,
    charge: OutlierCharge,
    { mark, now }: { readonly mark: Mark; readonly now: number },
  ): void {
    charge.untilBefore = peer.ejectedUntil
    charge.ejectionsBefore = account.ejections
    charge.markBefore = account.mark
    if (account.mark === 'none') {
      const quietWindows = Math.floor((now - account.returnedAt) / this.#settings.window)
      account.ejections = Math.max(0, account.ejections - quietWindows)
    }
    account.ejections = Math.min(account.ejections + 1, this.#mostEjections)
    account.mark = mark
    account.triedSince = Infinity
    peer.ejectedUntil = now + this.#timeFor(account.ejections)
    charge.until = peer.ejectedUntil
  }

  #timeFor(ejections: number): number {
    const { ejectionTime, maxEjectionTime, jitter } = this.#settings
    const time = Math.min(ejectionTime * ejections, maxEjectionTime)
    return jitter === 0 ? time : time * (1 + jitter * (2 * this.#surroundings.random() - 1))
  }

  #shareOf({ status = 0, good }: Answer): number {
    const listed = this.#shares[status] ?? -1
    if (listed >= 0) return listed
    return good ? 0 : WHOLE
  }

  #forgive(peer: PeerState, account: OutlierAccount): true {
    unmark(peer, account)
    peer.failuresSinceAnswer = 0
    endTransportRow(peer, account)
    endStatusRow(peer, account)
    account.window.clear()
    account.returnedAt = this.#surroundings.now()
    return true
  }

  #accountOf(peer: PeerState): OutlierAccount {
    return (peer.outliers ??= new OutlierAccount(this.#settings.window))
  }
}

function unmark(peer: PeerState, account: OutlierAccount): void {
  peer.ejectedUntil = 0
  account.mark = 'none'
  account.triedSince = Infinity
}

function endTransportRow(peer: PeerState, account: OutlierAccount): void {
  if (peer.fails === 0) return
  peer.fails = 0
  account.transportRow++
}

function endStatusRow(peer: PeerState, account: OutlierAccount): void {
  if (peer.statusFails === 0) return
  peer.statusFails = 0
  account.statusRow++
}

/** A failure that an answer has followed is in no row any more. */
function shortenRow(
  peer: PeerState,
  account: OutlierAccount,
  { ledger, row }: OutlierCharge,
): void {
  if (ledger === 'transport') {
    peer.failuresSinceAnswer = Math.max(0, peer.failuresSinceAnswer - 1)
    if (row === account.transportRow) peer.fails--
  } else if (row === account.statusRow) peer.statusFails--
}
