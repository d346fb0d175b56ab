/** `access_log` and `log_format` of a location. */
import { readAccessLog as readAccessLogOptions } from '../config/access-log.js'
import { Problems } from '../config/problems.js'
import type { Directive } from './conf.js'
import { COMBINED, parseLogFormat } from '../observe/log-format.js'
import { hasVariable } from './import-arguments.js'
import type { ImportDraft } from './import-draft.js'
import type { ValueMap } from './import-value.js'
import type { Levels } from './levels.js'
import type { KnownVariables } from './variables.js'

export interface ImportedLogFormat {
  readonly name: string
  /** The texts of the directive, joined. */
  readonly format: string
  readonly escape: 'default' | 'json' | 'none'
  /** Where nginx writes it. */
  readonly path: string
}

/** The format, undefined without an `access_log` or where it is off; and the option. Of several the first counts. */
export function importAccessLog(
  draft: ImportDraft,
  levels: Levels,
  variables: KnownVariables,
): ImportedLogFormat | undefined {
  const [first] = levels.all('access_log')
  const log = readAccessLogs(draft, levels)
  if (first === undefined || log === undefined) return log
  const { name, format, escape } = log
  // In the text of the option a backslash is written twice.
  const text = variables.expand(format).replaceAll('\\', '\\\\')
  const options: ValueMap = new Map([['format', name === 'combined' ? name : text]])
  if (escape !== 'default') options.set('escape', escape)
  const problem = problemOf(options)
  if (problem === undefined) {
    draft.put(['accessLog'], options)
    draft.take(first, 'accessLog')
  } else draft.leave(first, `no log is written: ${problem}`, 'accessLog with another format')
  return log
}

/** A variable that is known to nginx only, say. */
function problemOf(options: ValueMap): string | undefined {
  const problems = new Problems()
  readAccessLogOptions(problems, 'accessLog', Object.fromEntries(options))
  try {
    problems.throwIfAny()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function readAccessLogs(draft: ImportDraft, levels: Levels): ImportedLogFormat | undefined {
  const [first, ...others] = levels.all('access_log')
  for (const other of others) draft.leave(other, 'one log is written', 'the event finish')
  if (first === undefined) return undefined
  const [path = '', name = 'combined', ...more] = first.args
  if (path === 'off') {
    draft.take(first, 'accessLog: none')
    return undefined
  }
  const definition = formatNamed(levels, name)
  if (definition === undefined && name !== 'combined') {
    draft.wrong(first, `unknown log format "${name}"`)
    return undefined
  }
  const parameters = more.filter((each) => each.includes('=') && !each.startsWith('if='))
  if (more.length > 0 || hasVariable(path)) {
    draft.leave(
      first,
      `the file and how it is written (${[path, ...parameters].join(' ')}) are up to the stream that is given`,
      'accessLog: { stream }',
    )
  }
  if (definition === undefined) return { name, format: COMBINED, escape: 'default', path }
  return { ...readFormat(draft, definition), path }
}

function formatNamed(levels: Levels, name: string): Directive | undefined {
  return levels.blocks
    .flat()
    .find((directive) => directive.name === 'log_format' && directive.args[0] === name)
}

function readFormat(draft: ImportDraft, definition: Directive): Omit<ImportedLogFormat, 'path'> {
  const [name = '', ...texts] = definition.args
  const [, escape] = /^escape=(.*)$/.exec(texts[0] ?? '') ?? []
  if (escape !== undefined) texts.shift()
  const known = escape === 'json' || escape === 'none' ? escape : 'default'
  if (escape !== undefined && escape !== known) {
    draft.wrong(definition, `unknown log format escaping "${escape}"`)
  }
  const format = texts.join('')
  try {
    parseLogFormat(format)
    draft.take(definition, 'accessLog: its format')
  } catch {
    draft.wrong(definition, 'invalid parameter "$"')
  }
  return { name, format, escape: known }
}
