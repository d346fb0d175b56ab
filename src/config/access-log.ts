/** The options of the access log, read. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../clock.js'
import type { AccessLogOptions, InfoLogger } from '../observe/access-log-options.js'
import type { LogStream } from '../observe/log-outlet.js'
import type { LogEscape } from '../observe/log-escape.js'
import { unescapeText } from '../nginx/unescape.js'
import { COMBINED, parseLogFormat } from '../observe/log-format.js'
import type { LogFormatPart } from '../observe/log-format.js'
import { VARIABLE_NAMES, variableOf } from '../observe/variables/table.js'
import { isOptions, namesOf, Section } from './section.js'
import type { Problems } from './problems.js'
import type { TextRule } from './section.js'
import { suggest } from './suggest.js'

/** {@link AccessLogOptions}, resolved. */
export interface AccessLogConfig {
  readonly parts: readonly LogFormatPart[]
  readonly escape: LogEscape
  readonly stream: LogStream
  readonly logger: InfoLogger | undefined
  readonly if: ((req: IncomingMessage, res: ServerResponse) => unknown) | undefined
  /** Characters. */
  readonly buffer: number
  readonly serverName: string
  readonly clock: Clock | undefined
  readonly wallTime: (() => number) | undefined
}

type Options = Section<AccessLogOptions>

const ACCESS_LOG = namesOf<AccessLogOptions>({
  format: true,
  escape: true,
  stream: true,
  logger: true,
  if: true,
  buffer: true,
  serverName: true,
  clock: true,
  wallTime: true,
})

const BUFFER = 16 * 1024 * 1024

/** It goes into lines. */
export const SERVER_NAME: TextRule = {
  rule: 'must be a text without control characters',
  holds: (value) => /^\P{Cc}*$/u.test(value),
}

/** @param path what the options are called in messages: empty, or `accessLog`. */
export function readAccessLog(problems: Problems, path: string, given: unknown): AccessLogConfig {
  const options = openAccessLog(problems, path, given)
  const logger = options.plugin<InfoLogger>('logger', ['info'], 'a logger')
  if (logger !== undefined && options.given('stream'))
    problems.say(options.path('stream'), 'cannot be beside logger: one of them takes the lines')
  return Object.freeze({
    parts: readFormat(options),
    escape: options.choice('escape', ['default', 'json', 'none'], 'default'),
    stream: options.plugin<LogStream>('stream', ['write'], 'a stream') ?? process.stdout,
    logger,
    if: options.callback('if'),
    buffer: options.size('buffer', BUFFER, 'more than zero'),
    serverName: options.text('serverName', SERVER_NAME, ''),
    clock: options.plugin<Clock>('clock', ['now', 'after'], 'a clock'),
    wallTime: options.callback('wallTime'),
  })
}

/** A format by itself is one, too. */
function openAccessLog(problems: Problems, path: string, given: unknown): Options {
  if (isOptions(given)) return new Section<AccessLogOptions>(problems, path, given, ACCESS_LOG)
  const format = typeof given === 'string' ? { format: given } : {}
  if (typeof given !== 'string' && given !== undefined && given !== true)
    problems.add(path === '' ? 'options' : path, 'must be an object or a format', given)
  return new Section<AccessLogOptions>(problems, path, format, ACCESS_LOG)
}

function readFormat(options: Options): readonly LogFormatPart[] {
  const value = options.value('format') ?? 'combined'
  if (typeof value !== 'string') {
    options.reject('format', "must be a log_format of nginx, or 'combined'")
    return []
  }
  try {
    const parts = parseLogFormat(value === 'combined' ? COMBINED : unescapeText(value))
    for (const part of parts) if ('variable' in part) checkVariable(options, part.variable)
    return Object.freeze(parts)
  } catch (error) {
    // It quotes what it complains of.
    options.reject('format', `has ${error instanceof Error ? error.message : 'no meaning'}`)
    return []
  }
}

function checkVariable(options: Options, name: string): void {
  const variable = variableOf(name)
  if (typeof variable === 'object') return
  const path = options.path('format')
  if (typeof variable === 'string') options.problems.say(path, `has $${name}, which ${variable}`)
  else
    options.problems.say(
      path,
      `has $${name}, which is not a variable${suggest(name, VARIABLE_NAMES)}`,
    )
}
