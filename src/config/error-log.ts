/** The options of the error log, read. */
import type { ErrorLogOptions, LevelLogger } from '../observe/error-log-options.js'
import type { LogStream } from '../observe/log-outlet.js'
import { SERVER_NAME } from './access-log.js'
import type { Problems } from './problems.js'
import { isOptions, namesOf, Section } from './section.js'

/** {@link ErrorLogOptions}, resolved. */
export interface ErrorLogConfig {
  readonly stream: LogStream
  readonly level: 'error' | 'warn' | 'info'
  readonly logger: LevelLogger | undefined
  readonly serverName: string
  readonly wallTime: (() => number) | undefined
}

const ERROR_LOG = namesOf<ErrorLogOptions>({
  stream: true,
  level: true,
  logger: true,
  serverName: true,
  wallTime: true,
})

/** Undefined: none is written. */
export function readErrorLog(
  problems: Problems,
  path: string,
  given: unknown,
): ErrorLogConfig | undefined {
  if (given === undefined || given === false) return undefined
  if (given !== true && !isOptions(given)) {
    problems.add(path, 'must be true, false or an object', given)
    return undefined
  }
  const options = new Section<ErrorLogOptions>(
    problems,
    path,
    given === true ? {} : given,
    ERROR_LOG,
  )
  const logger = options.plugin<LevelLogger>('logger', ['error', 'warn', 'info'], 'a logger')
  if (logger !== undefined && options.given('stream'))
    problems.say(options.path('stream'), 'cannot be beside logger: one of them takes the lines')
  return Object.freeze({
    stream: options.plugin<LogStream>('stream', ['write'], 'a stream') ?? process.stderr,
    level: options.choice('level', ['error', 'warn', 'info'], 'warn'),
    logger,
    serverName: options.text('serverName', SERVER_NAME, ''),
    wallTime: options.callback('wallTime'),
  })
}
