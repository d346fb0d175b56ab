/** What a request handler is made of. */
import type { IncomingMessage } from 'node:http'
import type { Clock } from './clock.js'
import type { Delivery } from './delivery.js'
import type { Draining } from './draining.js'
import type { ExchangePolicy } from './exchange.js'
import type { ErrorPageSettings } from './message/error-page.js'
import type { BodySettings } from './message/incoming-body.js'
import type { RequestChanges } from './message/request-changes.js'
import type { Trust } from './message/trust-proxy.js'
import type { AccessWriter } from './observe/access-writer.js'
import type { RetryBudget } from './next-upstream/budget.js'
import type { Condition } from './next-upstream/condition.js'
import type { DecideNextUpstream } from './next-upstream/decide.js'
import type { OutboundParts } from './outbound.js'
import type { HedgeSettings } from './hedging.js'
import type { Admission } from './overload/admission.js'
import type { Reporter } from './reporter.js'
import type { Transport } from './transport/transport.js'
import type { PeerRegistry } from './upstream/registry.js'

/** All that a handler works with; put together by the composition root. */
export interface HandlerParts {
  readonly registry: PeerRegistry
  readonly transport: Transport
  readonly clock: Clock
  readonly budget: RetryBudget | undefined
  /** Undefined: no limit. */
  readonly admission: Admission | undefined
  /** Undefined: no request is hedged. */
  readonly hedge: HedgeSettings | undefined
  readonly decide: DecideNextUpstream | undefined
  readonly trust: Trust
  readonly body: BodySettings
  readonly requestChanges: RequestChanges | undefined
  readonly delivery: Delivery
  readonly draining: Draining
  readonly reporter: Reporter
  readonly policy: HandlerPolicy
  /** Undefined: none is written here. */
  readonly accessLog: AccessWriter | undefined
}

export type HandlerPolicy = ErrorPageSettings &
  OutboundParts['policy'] & {
    readonly on: ReadonlySet<Condition>
    readonly failOn: ReadonlySet<Condition>
    readonly tries: number
    /** Milliseconds for all attempts together; 0 is no limit. */
    readonly nextTimeout: number
    readonly ignoreClientAbort: boolean
    /** How such a request goes says nothing of a peer; undefined: there are none. */
    readonly exempt: ((req: IncomingMessage) => boolean) | undefined
    /** The field in which peers tell of their load, in lower case: not for clients. */
    readonly feedback: string | undefined
    /** Bytes of a response that is read whole before any of it is sent; 0: none. */
    readonly wholeResponse: number
    /** Its name, for logs. */
    readonly upstreamName: string
    readonly explainer: ExchangePolicy['explainer']
  }
