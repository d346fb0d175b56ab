/** A variable of a log format: how its value is found when a response is over. */
import type { LogText } from '../log-escape.js'
import type { LogTimes } from '../log-times.js'
import type { ResponseLog } from '../response-log.js'

/** What belongs to the log and not to a response. */
export interface LogSurroundings {
  readonly times: LogTimes
  /** `$server_name`. */
  readonly serverName: string
  /** `$hostname`. */
  readonly hostname: string
  /** 32 hexadecimal digits, others each time. */
  readonly newRequestId: () => string
}

/** Undefined: there is none, and the line shows `-`. */
export type ReadVariable = (log: ResponseLog, around: LogSurroundings) => string | undefined

/** What has to be asked for when a response begins. */
export type Need = 'addresses' | 'tls' | 'sent' | 'received'

export interface LogVariable {
  readonly read: ReadVariable
  readonly text: LogText
  /** In a structured line it is a number. */
  readonly isNumber: boolean
  readonly needs: readonly Need[]
}

const NOTHING: readonly Need[] = []

/** Printable ASCII, whatever comes. */
export function plain(read: ReadVariable, ...needs: Need[]): LogVariable {
  return { read, text: 'plain', isNumber: false, needs: needs.length === 0 ? NOTHING : needs }
}

export function number(read: ReadVariable, ...needs: Need[]): LogVariable {
  return { ...plain(read, ...needs), isNumber: true }
}

/** Comes from a message: a character for each byte. */
export function bytes(read: ReadVariable): LogVariable {
  return { read, text: 'bytes', isNumber: false, needs: NOTHING }
}

/** Comes from options, or is Unicode for other reasons. */
export function unicode(read: ReadVariable, ...needs: Need[]): LogVariable {
  return { read, text: 'text', isNumber: false, needs }
}

/** A family of variables: `$http_NAME`. The name comes in lower case, without the prefix. */
export type VariableFamily = (name: string) => LogVariable

export type VariableTable = Readonly<Record<string, LogVariable>>
