/** The arguments of `evenkeel doctor`. */
import { parseArgs } from 'node:util'
import { parseDuration } from '../../config/duration.js'
import type { LogEscape } from '../../doctor/escapes.js'
import { offsetOf } from '../../doctor/times.js'
import { UsageError } from '../command.js'

export const DOCTOR_USAGE = `Usage: evenkeel doctor [nginx.conf] --access-log FILE --error-log FILE [options]

Reads nginx's (or evenkeel's) logs, finds bunches of lost requests, and says what caused them.

  --access-log FILE     may be given several times, as a pattern ('access.log*'), and gzipped.
                        Default: those of the configuration
  --error-log FILE      the same
  --log-format FORMAT   of the access log: its text, or a name ("combined", or one of the
                        configuration). Default: the one that fits
  --escape WORD         default, json or none: as in log_format
  --utc-offset=+02:00   of the error log. Default: that of the access log, or this machine's
  --gap TIME            between two lost requests of one bunch at most.
                        Default: half of fail_timeout, at least 2s
  --min NUMBER          lost requests that make a bunch. Default 5
  --live                also checks each server of the configuration, with a few requests
  --live-path PATH      what is asked for. Default /
  --live-wait TIME      how long an idle connection is watched. Default 5s
  --json                prints the report as JSON
  --html FILE           also writes the report as one HTML file

Exit code: 0 nothing found, 1 something found, 2 wrong arguments or unreadable files.
`

export interface DoctorArguments {
  readonly conf: string | undefined
  readonly accessLogs: readonly string[]
  readonly errorLogs: readonly string[]
  readonly logFormat: string | undefined
  readonly escape: LogEscape
  /** Milliseconds. */
  readonly utcOffset: number | undefined
  readonly gap: number | undefined
  readonly minimum: number | undefined
  readonly live: boolean
  readonly livePath: string
  /** Milliseconds. */
  readonly liveWait: number
  readonly json: boolean
  readonly html: string | undefined
}

/** @throws {UsageError} */
export function doctorArguments(args: readonly string[]): DoctorArguments {
  const { values, positionals } = parse(args)
  if (positionals.length > 1)
    throw new UsageError(
      `one configuration file at most, got ${positionals.join(' ')} (patterns in quotes: --access-log 'access.log*')`,
    )
  const [conf] = positionals
  const accessLogs = values['access-log'] ?? []
  const errorLogs = values['error-log'] ?? []
  if (conf === undefined && accessLogs.length === 0 && errorLogs.length === 0)
    throw new UsageError('nothing to read: neither a configuration nor a log is given')
  if (conf === undefined && values.live === true)
    throw new UsageError('--live needs the configuration')
  return {
    conf,
    accessLogs,
    errorLogs,
    logFormat: values['log-format'],
    escape: escapeOf(values.escape),
    utcOffset: optional(values['utc-offset'], '--utc-offset', 'such as +02:00', offsetOf),
    gap: optional(values.gap, '--gap', 'a time', (text) => parseDuration(text) ?? NaN),
    minimum: optional(values.min, '--min', 'a number from 1', positive),
    live: values.live ?? false,
    livePath: livePath(values['live-path']),
    liveWait:
      optional(values['live-wait'], '--live-wait', 'a time up to 10m', (text) =>
        atMost(parseDuration(text), 600_000),
      ) ?? 5000,
    json: values.json ?? false,
    html: values.html,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        'access-log': { type: 'string', multiple: true },
        'error-log': { type: 'string', multiple: true },
        'log-format': { type: 'string' },
        escape: { type: 'string' },
        'utc-offset': { type: 'string' },
        gap: { type: 'string' },
        min: { type: 'string' },
        live: { type: 'boolean' },
        'live-path': { type: 'string' },
        'live-wait': { type: 'string' },
        json: { type: 'boolean' },
        html: { type: 'string' },
      },
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function escapeOf(text: string | undefined): LogEscape {
  switch (text) {
    case undefined:
    case 'default':
      return 'default'
    case 'json':
    case 'none':
      return text
    default:
      throw new UsageError(`--escape must be default, json or none, got "${text}"`)
  }
}

function optional(
  text: string | undefined,
  name: string,
  rule: string,
  read: (text: string) => number,
): number | undefined {
  if (text === undefined) return undefined
  const value = read(text)
  if (!Number.isFinite(value)) throw new UsageError(`${name} must be ${rule}, got "${text}"`)
  return value
}

const positive = (text: string): number => (/^[1-9]\d{0,8}$/.test(text) ? Number(text) : NaN)

const atMost = (value: number | undefined, most: number): number =>
  value !== undefined && value <= most ? value : NaN

/** It goes into a request line as it is. */
function livePath(path = '/'): string {
  if (!/^\/[\x21-\x7e]*$/.test(path))
    throw new UsageError('--live-path must be a path, percent-encoded')
  return path
}
