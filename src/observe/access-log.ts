/** The access log: `accessLog()`, for servers of every kind and for balancers. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { hostname } from 'node:os'
import type { Clock } from '../clock.js'
import { systemClock, wallTime } from '../clock.js'
import { readAccessLog } from '../config/access-log.js'
import type { AccessLogConfig } from '../config/access-log.js'
import { Problems } from '../config/problems.js'
import type { AccessLogOptions } from './access-log-options.js'
import { AccessWriter } from './access-writer.js'

const kWriter = Symbol('evenkeel.accessWriter')

/** Writes a line for each response: middleware for Connect and Express, and what `createBalancer` takes as `accessLog`. */
export interface AccessLog {
  /** Called before anything answers. */
  (req: IncomingMessage, res: ServerResponse, next?: (error?: unknown) => void): void
  /** A hook for Fastify: `app.addHook('onRequest', log.fastify)`. */
  readonly fastify: (
    request: { readonly raw: IncomingMessage },
    reply: { readonly raw: ServerResponse },
    done: () => void,
  ) => void
  /** Lines that could not be written: the stream was slower than they came, or broken. */
  readonly dropped: number
  /** Resolves when the stream has all lines. It stays open. */
  close(): Promise<void>
}

/**
 * An access log in nginx's `log_format`. Each response gets one line when it is over: however it was answered, and also
 * when its client left before (499).
 * @throws {ConfigurationError} with everything that is wrong with the options.
 */
export function accessLog(options: AccessLogOptions | string = {}): AccessLog {
  const problems = new Problems()
  const config = readAccessLog(problems, '', options)
  problems.throwIfAny()
  const writer = makeWriter(config, systemClock, 'log')
  const log = (req: IncomingMessage, res: ServerResponse, next?: () => void): void => {
    writer.begin(req, res)
    next?.()
  }
  return Object.defineProperties(log, {
    fastify: {
      value: (
        { raw: req }: { readonly raw: IncomingMessage },
        { raw: res }: { readonly raw: ServerResponse },
        done: () => void,
      ) => {
        log(req, res, done)
      },
    },
    dropped: { get: () => writer.dropped },
    close: { value: () => writer.close() },
    [kWriter]: { value: writer },
  }) as unknown as AccessLog
}

/** What a balancer is given that is an access log already. */
export function isAccessLog(value: unknown): value is AccessLog {
  return typeof value === 'function' && kWriter in value
}

/** The writer of a log that is given. */
export function writerOf(given: AccessLog): AccessWriter {
  return (given as unknown as { readonly [kWriter]: AccessWriter })[kWriter]
}

/** A writer of one's own: whoever has asked for it closes it. */
export function makeWriter(
  config: AccessLogConfig,
  clock: Clock,
  besides: 'log' | 'leave',
): AccessWriter {
  return new AccessWriter(config, {
    besides,
    clock,
    wallTime,
    hostname: hostname().toLowerCase(),
    newRequestId: () => randomBytes(16).toString('hex'),
  })
}
