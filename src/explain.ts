/** Why a request has ended as it has. */
import type { ServerResponse } from 'node:http'
import { exchangeOf } from './exchange.js'
import type { Exchange } from './exchange.js'
import type { ErrorCode } from './errors.js'
import { explanationOf } from './observe/explanation.js'
import type { BrokenResponse, Explanation, ExplanationFacts } from './observe/explanation.js'
import type { IncidentRecorder } from './observe/incident-recorder.js'
import { targetOf } from './observe/request-uri.js'
import { pathOf } from './observe/shown-text.js'

/** A path is no place for a whole book. */
const LONGEST_PATH = 200

/**
 * What happened to the request of this response, in which phase, to which peers, why no next upstream was tried, and what
 * to do: while it runs, and when it is over. `undefined` for a response that went through no balancer. It names peers: for
 * logs and operators, not for clients.
 * @example response.on('close', () => { if (response.statusCode >= 500) console.error(explain(response)?.text) })
 */
export function explain(res: ServerResponse): Explanation | undefined {
  return exchangeOf(res)?.explain()
}

/** Knows what an explanation needs besides the request. */
export class Explainer {
  readonly #recorder: IncidentRecorder
  readonly #upstream: string
  readonly #now: () => number

  constructor(recorder: IncidentRecorder, upstream: string, now: () => number) {
    this.#recorder = recorder
    this.#upstream = upstream
    this.#now = now
  }

  /** Of one that has not failed. */
  explain(x: Exchange): Explanation {
    const status = x.res.headersSent ? x.res.statusCode : 0
    return explanationOf(this.factsOf(x, undefined, undefined, status))
  }

  /** Taken down now, so that the explanation can be made later. */
  factsOf(
    x: Exchange,
    code: ErrorCode | undefined,
    message: string | undefined,
    status: number,
  ): ExplanationFacts {
    const { listed, more } = isOfPeers(code) ? this.#recorder.standings() : NOBODY
    return {
      upstream: this.#upstream,
      method: x.method,
      path: shownPath(x),
      status,
      code,
      message,
      duration: this.#now() - x.startedAt,
      waited: x.waited,
      attempts: x.attempts.map((attempt) => attempt.summary(x.startedAt)),
      broken: code === 'ERR_UPSTREAM_TRUNCATED' ? brokenOf(x) : undefined,
      peers: listed,
      morePeers: more,
      settings: this.#recorder.settings,
    }
  }
}

function brokenOf({ broken, res, attempts }: Exchange): BrokenResponse | undefined {
  if (broken === undefined) return undefined
  const answered = attempts.findLast(({ status }) => status === res.statusCode) ?? attempts.at(-1)
  const code = (broken.cause as NodeJS.ErrnoException | undefined)?.code
  return { peer: answered?.name ?? '', type: broken.type, code }
}

const NOBODY = { listed: [], more: 0 } as const

/** Is it of importance how the peers stand? */
function isOfPeers(code: ErrorCode | undefined): boolean {
  switch (code) {
    case 'ERR_NO_LIVE_UPSTREAMS':
    case 'ERR_PEERS_BUSY':
    case 'ERR_QUEUE_FULL':
    case 'ERR_QUEUE_TIMEOUT':
    case 'ERR_UPSTREAM_CONNECTION':
    case 'ERR_UPSTREAM_TIMEOUT':
    case 'ERR_UPSTREAM_INVALID_HEADER':
      return true
    default:
      return false
  }
}

/** Without the query and without credentials: they are secrets. */
export function shownPath({ req }: Exchange): string {
  return pathOf(targetOf(req), LONGEST_PATH)
}
