/** nginx's error log: a line for each attempt that fails, and for each request that ends without a peer's answer. */
import type { RequestObserver } from './request-observer.js'
import type { AttemptRecord } from '../attempt-record.js'
import type { Clock } from '../clock.js'
import type { ErrorLogConfig } from '../config/error-log.js'
import type { BalancerError } from '../errors.js'
import type { Exchange } from '../exchange.js'
import { connectionLogOf, socketOf } from './connection-log.js'
import type { ConnectionLog } from './connection-log.js'
import { errorTextOf, whileIn } from './error-text.js'
import type { ErrorText } from './error-text.js'
import { LineSink } from './line-sink.js'
import { escapeDefault } from './log-escape.js'
import { LogTimes } from './log-times.js'
import { LogWarning } from './log-warning.js'
import { refusalTextOf } from './refusal-text.js'
import { requestUri, targetOf } from './request-uri.js'

const SEVERITY = { crit: 0, error: 1, warn: 2, info: 3 } as const

/** Characters of a line at most (`NGX_MAX_ERROR_STR`). */
const LONGEST = 2047

/** Characters that may wait for a slow stream. */
const BUFFER = 1024 * 1024

export interface ErrorLogParts {
  readonly clock: Clock
  /** Milliseconds since 1970. */
  readonly wallTime: () => number
  /** Of the process. */
  readonly pid: number
}

/** What a line is about. */
class Subject {
  readonly client: string
  readonly server: string
  readonly request: string
  readonly upstream: string | undefined
  readonly host: string | undefined
  readonly referrer: string | undefined
  readonly connection: number

  constructor(
    x: Exchange,
    connection: ConnectionLog,
    server: string,
    attempt: AttemptRecord | undefined,
  ) {
    const { host, referer, ':authority': authority } = x.req.headers
    this.client = connection.remoteAddress ?? 'unix:'
    this.server = server
    this.request = `${x.method} ${targetOf(x.req)} HTTP/${x.req.httpVersion}`
    this.upstream = attempt === undefined ? undefined : urlOf(attempt, x.url)
    this.host = host ?? authority?.toString()
    this.referrer = referer
    this.connection = connection.number
  }
}

export class ErrorLog implements RequestObserver {
  readonly #times: LogTimes
  readonly #sink: LineSink | undefined = undefined
  readonly #logger: ErrorLogConfig['logger']
  readonly #least: number
  readonly #serverName: string
  readonly #pid: number
  readonly #warning: LogWarning

  constructor(config: ErrorLogConfig, { clock, wallTime, pid }: ErrorLogParts) {
    this.#warning = new LogWarning(clock)
    const times = new LogTimes(clock, config.wallTime ?? wallTime)
    this.#times = times
    this.#logger = config.logger
    this.#least = SEVERITY[config.level]
    this.#serverName = config.serverName
    this.#pid = pid
    const onTurnEnd = (): void => {
      times.expire()
    }
    if (config.logger === undefined)
      this.#sink = new LineSink({
        stream: config.stream,
        limit: BUFFER,
        what: 'error log',
        // There should be few of them, and each is wanted now.
        pause: 0,
        onTurnEnd,
      })
  }

  /** A request has come. Node forgets the addresses of a connection with its end: they are asked for now. */
  started(x: Exchange): void {
    connectionOf(x)
  }

  /** An attempt was found wanting. */
  judged(x: Exchange, record: AttemptRecord): void {
    const { failure, name } = record
    if (failure !== undefined) {
      const { level, text } = errorTextOf(failure, name)
      // The same peer is asked again, and nobody is the worse for it.
      const isNothing = record.stale && record.decision === 'again'
      this.#say(x, record, { level: isNothing ? 'info' : level, text })
    }
    if (!record.marked) return
    const phase = failure?.phase ?? 'header'
    this.#say(x, record, {
      level: 'warn',
      text: `upstream server temporarily disabled${whileIn(phase)}`,
    })
  }

  /** A request has ended with an answer of our own, or was broken off. */
  failed(x: Exchange, error: BalancerError): void {
    const said = refusalTextOf(x, error)
    if (said !== undefined) this.#say(x, x.laterAttempts.at(-1) ?? x.firstAttempt, said)
  }

  /** What is of no single request: an incident, the early warning. */
  note(level: 'error' | 'warn', text: string, detail: object): void {
    if (SEVERITY[level] > this.#least) return
    const line = `${this.#times.error} [${level}] ${String(this.#pid)}#0: ${oneLine(text)}`
    this.#send(level, line.slice(0, LONGEST), detail, text)
  }

  async close(): Promise<void> {
    await this.#sink?.close()
  }

  #say(x: Exchange, attempt: AttemptRecord | undefined, { level, text }: ErrorText): void {
    if (SEVERITY[level] > this.#least) return
    const subject = new Subject(x, connectionOf(x), this.#serverName, attempt)
    const line = this.#sink === undefined ? '' : this.#line(level, text, subject)
    this.#send(level, line, subject, text)
  }

  /** A line to a stream; the object and the text to a logger. */
  #send(level: ErrorText['level'], line: string, detail: object, text: string): void {
    if (this.#sink !== undefined) {
      this.#sink.line(line)
      return
    }
    try {
      this.#logger?.[level === 'crit' ? 'error' : level](detail, text)
    } catch (error) {
      this.#warning.say(`no line in the error log: ${String(error)}`)
    }
  }

  /** `ngx_log_error_core`, `ngx_http_log_error`, `ngx_http_log_error_handler`; what comes from outside cannot forge a line. */
  #line(level: string, text: string, of: Subject): string {
    const line =
      `${this.#times.error} [${level}] ${String(this.#pid)}#0: *${String(of.connection)} ${oneLine(text)}` +
      `, client: ${of.client}, server: ${of.server}, request: "${escapeDefault(of.request, 'bytes')}"` +
      quoted('upstream', of.upstream) +
      quoted('host', of.host) +
      quoted('referrer', of.referrer)
    return line.slice(0, LONGEST)
  }
}

function connectionOf({ req, res, startedAt }: Exchange): ConnectionLog {
  return connectionLogOf(res, socketOf(res, req.socket), startedAt)
}

function quoted(name: string, value: string | undefined): string {
  return value === undefined ? '' : `, ${name}: "${escapeDefault(value, 'bytes')}"`
}

/** It may hold an error's message. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')
}

function urlOf({ peer, name }: AttemptRecord, url: string): string {
  const uri = requestUri(url)
  const path = uri.startsWith('/') ? uri : '/'
  return `${peer?.protocol ?? 'http:'}//${name}${name.startsWith('unix:') ? ':' : ''}${path}`
}
