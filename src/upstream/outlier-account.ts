/** What outlier detection knows of one peer beside its failures in a row, and what it can take back. */
import type { Charge } from './availability.js'
import { FailureWindow } from './failure-window.js'
import type { EjectReason } from './upstream.js'

/** What a peer is marked for: it decides what brings it back. */
export type Mark = 'none' | 'transport' | 'status' | 'rate'

export class OutlierAccount {
  readonly window: FailureWindow
  mark: Mark = 'none'
  /** Ejections in a row: each is longer than the one before. */
  ejections = 0
  /** When the last one ended. */
  returnedAt = Number.NEGATIVE_INFINITY
  /** Since when a single request tries it; Infinity: none does. */
  triedSince = Infinity
  /** Numbers of the rows of failures under way: an answer begins another. */
  transportRow = 0
  statusRow = 0

  constructor(length: number) {
    this.window = new FailureWindow(length)
  }
}

/** A failure with all that is needed to undo it. */
export class OutlierCharge implements Charge {
  readonly ledger: Charge['ledger']
  /** Of its weight in the rate. */
  readonly share: number
  readonly part: number
  readonly era: number
  /** The row that it is in; -1: in none. */
  readonly row: number
  readonly weightLost: number
  ejected = false
  reason: EjectReason | undefined
  /** Of the mark that it has set or prolonged: its end, 0 for none; and how all had been before. */
  until = 0
  untilBefore = 0
  ejectionsBefore = 0
  markBefore: Mark = 'none'

  constructor(
    ledger: Charge['ledger'],
    { share, part, row, weightLost }: Pick<OutlierCharge, 'share' | 'part' | 'row' | 'weightLost'>,
    era: number,
  ) {
    this.ledger = ledger
    this.share = share
    this.part = part
    this.row = row
    this.weightLost = weightLost
    this.era = era
  }
}
