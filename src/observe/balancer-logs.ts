/** The logs of one balancer. */
import type { Clock } from '../clock.js'
import { wallTime } from '../clock.js'
import type { BalancerConfig } from '../config/types.js'
import { logError } from '../debug.js'
import { isAccessLog, makeWriter, writerOf } from './access-log.js'
import type { AccessWriter } from './access-writer.js'
import { ErrorLog } from './error-log.js'

type LogsConfig = Pick<BalancerConfig, 'accessLog' | 'errorLog'>

export class BalancerLogs {
  /** Undefined: none is written, as for the next. */
  readonly access: AccessWriter | undefined
  readonly errors: ErrorLog | undefined
  /** It was made for this balancer, and ends with it. */
  readonly #own: AccessWriter | undefined

  constructor(config: LogsConfig, clock: Clock) {
    const { accessLog } = config
    if (isAccessLog(accessLog)) this.access = writerOf(accessLog)
    else if (accessLog !== undefined) this.#own = makeWriter(accessLog, clock, 'leave')
    this.access ??= this.#own
    this.errors = errorLogOf(config, clock)
  }

  /** Resolves when all lines are with their streams. */
  async close(): Promise<void> {
    await this.#own?.close()
    await this.errors?.close()
  }
}

/** Where lines go if not to a stream: only if somebody listens, for the words have to be found. */
function errorLogOf({ errorLog }: LogsConfig, clock: Clock): ErrorLog | undefined {
  const parts = { clock, wallTime, pid: process.pid }
  if (errorLog !== undefined) return new ErrorLog(errorLog, parts)
  if (!logError.enabled) return undefined
  const stream = {
    write(lines: string): void {
      logError('%s', lines.trimEnd())
    },
  }
  const config = { stream, level: 'info', logger: undefined, serverName: '', wallTime } as const
  return new ErrorLog(config, parts)
}
