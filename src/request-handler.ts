/** Takes requests in, and has each of them served by a {@link RequestRun}. */
import type { IncomingMessage } from 'node:http'
import { Exchange } from './exchange.js'
import type { HandlerParts } from './handler-parts.js'
import type { ClientResponse } from './message/relay.js'
import { RequestRun } from './request-run.js'
import type { UpgradeRequest } from './upgrade.js'

export class RequestHandler {
  readonly #parts: HandlerParts

  constructor(parts: HandlerParts) {
    this.#parts = parts
  }

  /**
   * Serves one request. Never throws.
   * @param parsedBody the body where the framework does not leave it in `req.body`; else undefined.
   * @param upgrade what the server's `upgrade` event has brought.
   * @param onDone called when the response has been handed over, or given up.
   */
  handle(
    req: IncomingMessage,
    res: ClientResponse,
    parsedBody: unknown,
    upgrade?: UpgradeRequest,
    onDone?: () => void,
  ): void {
    const { clock, budget, draining, policy, registry, reporter, accessLog } = this.#parts
    const startedAt = clock.now()
    const x = new Exchange(req, res, startedAt, policy, upgrade)
    accessLog?.follow(x, clock)
    budget?.request(startedAt)
    draining.entered(x)
    reporter.started(x)
    const run = new RequestRun(this.#parts, x, onDone)
    if (registry.joining === undefined) run.begin(parsedBody)
    else {
      void registry.joining.then(() => {
        run.begin(parsedBody)
      })
    }
  }
}
