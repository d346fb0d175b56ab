/** What a line of the error log says of failures. */
import type { ErrorLine } from './error-line.js'
import type { FailureEvent, LogEvent, SignEvent } from './events.js'
import { NO_UPSTREAM, UNKNOWN } from './access-events.js'
import type { PeerNames } from './peer-names.js'
import type { Evidence } from './report.js'

/** Connections that are remembered: between an attempt's failure and what follows it there is a moment. */
const REMEMBERED = 1000

export class ErrorEvents {
  readonly #names: PeerNames
  /** Connections with a failed attempt: their "no live upstreams" is the end of a trigger. */
  readonly #failed = new Set<string>()
  /** The request whose first failure the last line was. */
  #lastFirst: string | undefined

  constructor(names: PeerNames) {
    this.#names = names
  }

  /** The event of a line at `time`, in milliseconds since 1970; undefined if it is about something else. */
  eventOf(line: ErrorLine, time: number, evidence: Evidence): LogEvent | undefined {
    switch (line.kind) {
      case 'no_live_upstreams':
        return {
          what: 'lost',
          time,
          source: 'error',
          role: this.#failed.delete(identity(line)) ? 'trigger' : 'bystander',
          status: 502,
          upstream: this.#names.keyOf(line.upstream),
          logged: this.#names.isUpstream(line.upstream) ? line.upstream : '',
          evidence,
        }
      case 'disabled':
      case 'worker_connections':
      case 'too_many_files':
      case 'limit_conn':
      case 'limit_req':
      case 'resolver':
        return this.#sign(line, line.kind, time, evidence)
      case 'other':
      case 'body_timeout':
      case 'broken_body':
        return undefined
      default:
        return this.#failure(line, line.kind, time, evidence)
    }
  }

  /** The line that was given last is the first one of its request with a failed attempt. */
  isFirst(line: ErrorLine): boolean {
    return this.#lastFirst === identity(line)
  }

  #sign(line: ErrorLine, kind: SignEvent['kind'], time: number, evidence: Evidence): SignEvent {
    if (kind === 'disabled') this.#remember(line)
    const { method, path, upstream } = line
    const limited = kind === 'limit_conn' || kind === 'limit_req'
    const key = limited ? NO_UPSTREAM : this.#names.keyOf(upstream)
    return { what: 'sign', time, kind, upstream: key, peer: upstream, method, path, evidence }
  }

  #failure(
    line: ErrorLine,
    kind: FailureEvent['kind'],
    time: number,
    evidence: Evidence,
  ): FailureEvent {
    this.#remember(line)
    return {
      what: 'failure',
      time,
      source: 'error',
      kind,
      status: 0,
      upstream: this.#names.keyOf(line.upstream),
      peer: line.upstream,
      method: line.method,
      path: line.path,
      duration: UNKNOWN,
      connectTime: UNKNOWN,
      certain: true,
      evidence,
    }
  }

  #remember(line: ErrorLine): void {
    const request = identity(line)
    this.#lastFirst = this.#failed.has(request) ? undefined : request
    this.#failed.add(request)
    if (this.#failed.size <= REMEMBERED) return
    for (const oldest of this.#failed) {
      this.#failed.delete(oldest)
      break
    }
  }
}

const identity = ({ pid, connection, path }: ErrorLine): string => `${pid} ${connection} ${path}`
