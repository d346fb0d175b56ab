/** What could not be known from these logs, and what would have to be logged. */
import type { FormatKnows } from './access-reader.js'
import type { LogsKnow } from './case-file.js'
import type { ConfFacts } from './conf-facts.js'
import type { LogReport } from './doctor.js'
import type { ReadFile } from './report.js'

/** For those who log too little: everything that the doctor can use. */
const DOCTOR_FORMAT =
  "log_format doctor '$time_iso8601\\t$status\\t$request\\t$upstream_addr\\t$upstream_status\\t$upstream_connect_time\\t$upstream_header_time\\t$upstream_response_time\\t$request_time';"

export interface NotesContext {
  readonly read: readonly ReadFile[]
  readonly knows: LogsKnow
  readonly formats: readonly FormatKnows[]
  readonly conf: ConfFacts | undefined
  readonly found: LogReport
}

export function notesOf(context: NotesContext): string[] {
  const { read, knows, conf, found } = context
  const notes = [...fileNotes(read), ...formatNotes(context)]
  const troubled = found.lost.total > 0 || found.rescued > 0
  if (!knows.accessLog && read.length > 0)
    notes.push(
      'There is no access log: requests are counted by the error log, and whether another server answered those with a failed attempt is not known.',
    )
  if (troubled && !knows.errorLog)
    notes.push('There is no error log: what exactly failed in an attempt with 502 is not known.')
  if (troubled && conf === undefined)
    notes.push(
      'There is no configuration: max_fails=1 and fail_timeout=10s are assumed, and all peers count as one upstream.',
    )
  const several = (conf?.workerProcesses ?? 1) !== 1
  if (troubled && several && conf?.upstreams.some(({ zone }) => !zone) === true)
    notes.push(
      'Without `zone` each worker has marks of its own: the times of marks are those of a single worker.',
    )
  return notes
}

function formatNotes({ formats, knows }: NotesContext): string[] {
  if (!knows.accessLog) return []
  const missing = [
    [formats.every(({ peers }) => peers), '$upstream_addr'],
    [formats.every(({ statuses }) => statuses), '$upstream_status'],
    [formats.every(({ headers }) => headers), '$upstream_header_time'],
    [formats.every(({ connects }) => connects), '$upstream_connect_time'],
    [formats.every(({ requests }) => requests), '$request'],
  ] as const
  const names = missing.filter(([there]) => !there).map(([, name]) => name)
  if (names.length === 0) return []
  const lost = []
  if (names.includes('$upstream_addr') || names.includes('$upstream_status'))
    lost.push('which attempts failed where, and who was a bystander')
  if (names.includes('$upstream_header_time'))
    lost.push(
      knows.errorLog
        ? "whether a 502 is the application's own (it is taken to be, where the error log has nothing of it)"
        : "whether a 502 is the application's own",
    )
  if (names.includes('$upstream_connect_time'))
    lost.push('whether a connection had been used before')
  if (names.includes('$request')) lost.push('which URLs')
  return [
    `The log format lacks ${names.join(', ')}. So this cannot be seen: ${lost.join('; ')}. Better: ${DOCTOR_FORMAT}`,
  ]
}

function fileNotes(read: readonly ReadFile[]): string[] {
  const notes: string[] = []
  for (const { file, lines, unmatched } of read)
    if (unmatched > 0)
      notes.push(
        `${file}: ${unmatched} of ${lines} lines do not have the format, and were left out.`,
      )
  const access = read.filter(({ kind, from }) => kind === 'access' && from !== undefined)
  const errors = read.filter(({ kind, from }) => kind === 'error' && from !== undefined)
  if (
    access.length > 0 &&
    errors.length > 0 &&
    !access.some((one) => errors.some((other) => overlap(one, other)))
  )
    notes.push(
      'The access log and the error log are of different times. (The error log has no time zone: --utc-offset?)',
    )
  return notes
}

function overlap(one: ReadFile, other: ReadFile): boolean {
  const hour = 3_600_000
  return (one.from ?? 0) <= (other.to ?? 0) + hour && (other.from ?? 0) <= (one.to ?? 0) + hour
}
