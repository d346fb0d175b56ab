/** `npx evenkeel doctor`: what the logs of nginx say of lost requests. */
import { writeFileSync } from 'node:fs'
import { systemClock, wallTime } from '../clock.js'
import { factsOf } from '../doctor/conf-facts.js'
import { printable } from '../doctor/escapes.js'
import { htmlReport } from '../doctor/html-report.js'
import type { DoctorReport, LintNote, LiveCheck } from '../doctor/report.js'
import { textReport } from '../doctor/text-report.js'
import type { Directive } from '../nginx/conf.js'
import { lintNginx } from '../nginx/lint.js'
import type { Command, CommandOutput } from './command.js'
import { DOCTOR_USAGE, doctorArguments } from './doctor/arguments.js'
import { checkLive } from './doctor/live.js'
import { readLogs } from './doctor/read-logs.js'
import { readNginxConfig } from './read-config.js'

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'finds out from the logs why requests were lost',
  usage: DOCTOR_USAGE,
  run: runDoctor,
}

async function runDoctor(args: readonly string[], output: CommandOutput): Promise<number> {
  const given = doctorArguments(args)
  const directives = given.conf === undefined ? undefined : readNginxConfig(given.conf)
  const conf = directives === undefined ? undefined : factsOf(directives)
  const logs = await readLogs(given, conf)
  const live: readonly LiveCheck[] =
    given.live && conf !== undefined
      ? await checkLive(conf, {
          clock: systemClock,
          wallTime,
          path: given.livePath,
          wait: given.liveWait,
        })
      : []
  const found =
    logs.findings.length > 0 ||
    logs.lost.total > 0 ||
    live.some(({ result }) => result === 'failed')
  const lint = lintNotes(directives)
  const report: DoctorReport = { version: 1, found, ...logs, lint, live }
  output.stdout(
    given.json
      ? `${JSON.stringify(report, null, 2)}\n`
      : textReport(report, { colour: output.colour }),
  )
  if (given.html !== undefined) writeFileSync(given.html, htmlReport(report))
  return found ? 1 : 0
}

/** Texts of the file are shown as they may be. */
function lintNotes(directives: readonly Directive[] | undefined): LintNote[] {
  return lintNginx(directives ?? []).map(({ rule, severity, message, file, line, advice }) => ({
    rule,
    severity,
    message: printable(message),
    file: printable(file),
    line,
    advice: { nginx: printable(advice.nginx), evenkeel: printable(advice.evenkeel) },
  }))
}
