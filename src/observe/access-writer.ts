/** Writes a line for each response that is over. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../clock.js'
import type { AccessLogConfig } from '../config/access-log.js'
import { LineFormat } from './line-format.js'
import { LineSink } from './line-sink.js'
import { LogTimes } from './log-times.js'
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
  readonly #besides: AccessWriterParts['besides']

  constructor(config: AccessLogConfig, parts: AccessWriterParts) {
    this.clock = config.clock ?? parts.clock
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
      times.expire()
    }
    if (config.logger === undefined)
      this.#sink = new LineSink({ stream, limit, what: 'access log', onTurnEnd })
  }

  get dropped(): number {
    return this.#sink?.dropped ?? 0
  }

  /**
   * A response will get its line; one that has been announced before gets no second one.
   * @param startedAt milliseconds of our clock.
   */
  begin(req: IncomingMessage, res: ServerResponse, startedAt = this.clock.now()): void {
    const first = logOf(res)
    if (first !== undefined && this.#besides === 'leave') return
    for (let log = first; log !== undefined; log = log.next) if (log.is(this)) return
    new ResponseLog(this, req, res, startedAt)
  }

  now(): number {
    return this.#times.now
  }

  write(log: ResponseLog): void {
    try {
      if (this.#if !== undefined && this.#if(log.req, log.res) === false) return
      if (this.#sink !== undefined) this.#sink.line(this.#format.line(log))
      else {
        // There is no turn to share the times with.
        this.#times.expire()
        this.#logger?.info(this.#format.fields(log))
      }
    } catch (error) {
      // The user's predicate or logger: neither may cost a client its connection.
      process.emitWarning(`no line in the access log: ${String(error)}`, 'EvenkeelLogWarning')
    }
  }

  async close(): Promise<void> {
    await this.#sink?.close()
  }
}
