/** Writes a line for each response that is over. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../clock.js'
import type { AccessLogConfig } from '../config/access-log.js'
import type { Exchange } from '../exchange.js'
import { LineFormat } from './line-format.js'
import { LineSink } from './line-sink.js'
import { LogTimes } from './log-times.js'
import { LogWarning } from './log-warning.js'
import { logOf, ResponseLog } from './response-log.js'
import type { LogNeeds, LogOwner } from './response-log.js'

/** What an access log takes from its surroundings. */
export interface AccessWriterParts {
  /** Where the configuration has none. */
  readonly clock: Clock
  /** Milliseconds since 1970. */
  readonly wallTime: () => number
  readonly hostname: string
  readonly newRequestId: () => string
  /** What is done with a response that has another access log already: it is logged here, too, or left to that one. */
  readonly besides: 'log' | 'leave'
}

export class AccessWriter implements LogOwner {
  readonly needs: LogNeeds
  readonly clock: Clock
  readonly #times: LogTimes
  readonly #format: LineFormat
  readonly #sink: LineSink | undefined = undefined
  readonly #logger: AccessLogConfig['logger']
  readonly #if: AccessLogConfig['if']
  /** Responses that were over in this turn of the event loop. */
  readonly #over: ResponseLog[] = []
  readonly #besides: AccessWriterParts['besides']
  readonly #warning: LogWarning

  constructor(config: AccessLogConfig, parts: AccessWriterParts) {
    this.clock = config.clock ?? parts.clock
    this.#warning = new LogWarning(this.clock)
    const times = new LogTimes(this.clock, config.wallTime ?? parts.wallTime)
    this.#times = times
    const { hostname, newRequestId } = parts
    const around = { times, serverName: config.serverName, hostname, newRequestId }
    this.#format = new LineFormat(config.parts, config.escape, around)
    this.needs = this.#format.needs
    this.#logger = config.logger
    this.#if = config.if
    this.#besides = parts.besides
    const { stream, buffer: limit } = config
    const onTurnEnd = (): void => {
      this.#writeLines()
      times.expire()
    }
    if (config.logger === undefined)
      this.#sink = new LineSink({ stream, limit, what: 'access log', onTurnEnd })
  }

  get dropped(): number {
    return this.#sink?.dropped ?? 0
  }

  /** A response will get its line; one that has been announced before gets no second one. */
  begin(req: IncomingMessage, res: ServerResponse): void {
    if (this.#isNew(res)) new ResponseLog(this, req, res, this.clock.now(), undefined)
  }

  /** The same for a response that a balancer has begun with, and which it tells of. */
  follow(x: Exchange, clock: Clock): void {
    const { req, res } = x
    const startedAt = clock === this.clock ? x.startedAt : this.clock.now()
    if (this.#isNew(res)) new ResponseLog(this, req, res, startedAt, x)
  }

  #isNew(res: ServerResponse): boolean {
    const first = logOf(res)
    if (first !== undefined && this.#besides === 'leave') return false
    for (let log = first; log !== undefined; log = log.next) if (log.is(this)) return false
    return true
  }

  now(): number {
    return this.#times.now
  }

  write(log: ResponseLog): void {
    try {
      if (this.#if !== undefined && this.#if(log.req, log.res) === false) return
      if (this.#sink !== undefined) {
        this.#over.push(log)
        this.#sink.expect()
        return
      }
      // There is no turn to share the times with.
      this.#times.expire()
      this.#logger?.info(this.#format.fields(log))
    } catch (error) {
      // The user's predicate or logger: neither may cost a client its connection.
      this.#failed(error)
    }
  }

  /** All of a turn together: what is needed for one line is at hand for the next. */
  #writeLines(): void {
    const over = this.#over
    for (const log of over) this.#writeLine(log)
    over.length = 0
  }

  #writeLine(log: ResponseLog): void {
    try {
      this.#sink?.line(this.#format.line(log))
    } catch (error) {
      // Others may have put anything into the fields of a request.
      this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    this.#warning.say(`no line in the access log: ${String(error)}`)
  }

  async close(): Promise<void> {
    await this.#sink?.close()
  }
}
