/** The options of the error log. */
import type { LogStream } from './log-outlet.js'

/** pino, or anything with its methods. */
export interface LevelLogger {
  error(object: object, message: string): void
  warn(object: object, message: string): void
  info(object: object, message: string): void
}

export interface ErrorLogOptions {
  /** Takes the lines. It is never closed. Default `process.stderr`. */
  stream?: LogStream
  /**
   * The least that is written: `error`, what has failed; `warn`, also peers that are marked by it; `info`, also clients that
   * have left and connections that were stale. Default `'warn'`, for nginx's own default, `error`, hides why peers are out.
   */
  level?: 'error' | 'warn' | 'info'
  /** Is given an object and nginx's words in place of a line: pino, for one. */
  logger?: LevelLogger
  /** `server: NAME`. Default empty. */
  serverName?: string
  /** Milliseconds since 1970; for tests. Default: the platform's. */
  wallTime?: () => number
}
