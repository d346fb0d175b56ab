/** Reads all logs once, in the order of time, and has the doctor's findings. */
import { resolve } from 'node:path'
import type { AccessReader } from '../../doctor/access-reader.js'
import type { ConfFacts } from '../../doctor/conf-facts.js'
import { Doctor } from '../../doctor/doctor.js'
import type { LogReport } from '../../doctor/doctor.js'
import { parseErrorLine } from '../../doctor/error-line.js'
import { printable } from '../../doctor/escapes.js'
import { notesOf } from '../../doctor/notes.js'
import type { ReadFile } from '../../doctor/report.js'
import type { DoctorArguments } from './arguments.js'
import { AccessCursor, ErrorCursor, LocalTime, readInOrder } from './cursors.js'
import type { LogCursor } from './cursors.js'
import { candidates, readerFor } from './log-format-of.js'
import { filesFor } from './log-files.js'

export interface LogsRead extends LogReport {
  readonly read: readonly ReadFile[]
  readonly notes: readonly string[]
}

/** @throws {Error} for a file that was named and is not there, or whose format is not known. */
export async function readLogs(
  given: DoctorArguments,
  conf: ConfFacts | undefined,
): Promise<LogsRead> {
  const notes: string[] = []
  const broken = (file: string) => (error: Error) =>
    notes.push(printable(`${file} could not be read to its end: ${error.message}`))
  const local = new LocalTime(given.utcOffset)
  const accessFiles = logFiles(
    given.accessLogs,
    conf?.accessLogs.map(({ file }) => file) ?? [],
    notes,
  )
  const errorFiles = logFiles(given.errorLogs, conf?.errorLogs ?? [], notes)
  const formats = candidates(given.logFormat, given.escape, conf)
  const readers: AccessReader[] = []
  const cursors: LogCursor[] = []
  for (const file of accessFiles) {
    const reader = await readerFor(file, formats)
    const isOther = errorFiles.includes(file) ? isOfErrorLog : undefined
    cursors.push(new AccessCursor({ file, broken: broken(file), isOther }, reader, local))
    readers.push(reader)
  }
  for (const file of errorFiles) {
    // The reader of the access log has the line that is at hand there.
    const reader = accessFiles.includes(file) ? await readerFor(file, formats) : undefined
    const isOther = reader && ((line: string) => reader.read(line))
    cursors.push(new ErrorCursor({ file, broken: broken(file), isOther }, local))
  }
  const known = readers.map(({ knows }) => knows)
  const knows = {
    accessLog: accessFiles.length > 0,
    errorLog: errorFiles.length > 0,
    attempts: known.length > 0 && known.every(({ peers, statuses }) => peers && statuses),
  }
  const doctor = new Doctor({ conf, knows, gap: given.gap, minimum: given.minimum })
  await readInOrder(cursors, doctor)
  const found = doctor.finish()
  const read = cursors.map((cursor) => cursor.report())
  return {
    ...found,
    read,
    notes: [...notes, ...notesOf({ read, knows, formats: known, conf, found })],
  }
}

/** Containers write both logs into one. */
const isOfErrorLog = (line: string): boolean => parseErrorLine(line) !== undefined

/** Those that were named must be there; those of the configuration may be on another machine. */
function logFiles(
  given: readonly string[],
  byDefault: readonly string[],
  notes: string[],
): string[] {
  const files = new Set<string>()
  for (const pattern of given) {
    const found = filesFor(pattern)
    if (found.length === 0) throw new Error(`there is no file ${pattern}`)
    for (const file of found) files.add(file)
  }
  if (given.length > 0) return [...files]
  for (const file of byDefault) {
    const found = filesFor(resolve(file))
    if (found.length === 0)
      notes.push(printable(`The configuration names ${file}, which is not here.`))
    for (const one of found) files.add(one)
  }
  return [...files]
}
