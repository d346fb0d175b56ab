/** The options of the access log. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../clock.js'
import type { LogStream } from './log-outlet.js'
import type { LogEscape } from './log-escape.js'

/** pino, or anything with its `info`. */
export interface InfoLogger {
  info(object: object): void
}

export interface AccessLogOptions {
  /**
   * nginx `log_format`: text with `$variables`, or `'combined'`. `\t`, `\n`, `\r`, `\"`, `\'` and `\\` are what they are in a
   * quoted text of an nginx configuration. Default `'combined'`.
   * @see https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format
   */
  format?: string
  /**
   * How values are written: `default`, unsafe bytes as `\xXX` and `-` for what there is not; `json`, as in a JSON string and
   * nothing for what there is not; `none`, as they are. Default `'default'`. nginx `log_format … escape=`.
   */
  escape?: LogEscape
  /** Takes the lines. It is never closed. Default `process.stdout`. */
  stream?: LogStream
  /** Is given an object with the format's variables in place of a line: pino, for one. */
  logger?: InfoLogger
  /** Asked when the response is over: false, and there is no line. nginx `access_log … if=`. */
  if?: (req: IncomingMessage, res: ServerResponse) => unknown
  /** Bytes that may wait for a slow stream; what comes then is dropped, counted and told. Default `'16m'`. */
  buffer?: number | string
  /** `$server_name`. Default empty. */
  serverName?: string
  /** Where durations come from; for tests. Default: the platform's clock; in a balancer, its own. */
  clock?: Clock
  /** Milliseconds since 1970; for tests. Default: the platform's. */
  wallTime?: () => number
}
