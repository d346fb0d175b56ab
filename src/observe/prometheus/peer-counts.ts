/** What is counted at one peer, or at all that have no series of their own. */
import type { AttemptRecord } from '../../attempt-record.js'
import type { ConnectionChange, EjectReason, ReturnReason } from '../../upstream/upstream.js'
import { Histogram } from './histogram.js'
import { EJECT_REASONS, ENDS, endOf, placeIn, RETURN_REASONS } from './labels.js'
import { Tally } from './tally.js'

export class PeerCounts {
  /** Value of the label `peer`. */
  readonly name: string
  readonly attempts = new Tally(ENDS.length)
  readonly ejections = new Tally(EJECT_REASONS.length)
  readonly returns = new Tally(RETURN_REASONS.length)
  readonly connect: Histogram
  readonly header: Histogram
  readonly duration: Histogram
  opened = 0
  closedByUs = 0
  closedByPeer = 0
  reused = 0
  bytesSent = 0
  bytesReceived = 0

  constructor(name: string, bounds: Float64Array) {
    this.name = name
    this.connect = new Histogram(bounds)
    this.header = new Histogram(bounds)
    this.duration = new Histogram(bounds)
  }

  attemptEnded(record: AttemptRecord): void {
    this.attempts.add(endOf(record))
    if (record.reused) this.reused++
    else if (record.connectTime >= 0) this.connect.observe(record.connectTime)
    if (record.headerTime >= 0) this.header.observe(record.headerTime)
    if (record.responseTime >= 0) this.duration.observe(record.responseTime)
    this.bytesSent += record.bytesSent
    this.bytesReceived += record.bytesReceived
  }

  ejected(reason: EjectReason): void {
    this.ejections.add(placeIn(EJECT_REASONS, reason))
  }

  returned(reason: ReturnReason): void {
    this.returns.add(placeIn(RETURN_REASONS, reason))
  }

  connection(change: ConnectionChange): void {
    switch (change) {
      case 'opened':
        this.opened++
        return
      case 'closed':
        this.closedByUs++
        return
      case 'closed_by_peer':
        this.closedByPeer++
    }
  }
}
