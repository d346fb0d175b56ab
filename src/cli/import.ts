/** `npx evenkeel import`: nginx configuration as TypeScript. */
import { parseArgs } from 'node:util'
import type { Directive } from '../nginx/conf.js'
import { printable } from '../nginx/config-error.js'
import { importNginx } from '../nginx/import.js'
import type { FromNginxOptions, NginxImport } from '../nginx/import.js'
import { passingLocations, serverOf, upstreamsIn } from '../nginx/import-select.js'
import { jsonValue } from '../nginx/import-value.js'
import type { Lint } from '../nginx/lint.js'
import { printImport } from '../nginx/print.js'
import { UsageError } from './command.js'
import type { Command, CommandOutput } from './command.js'
import { readNginxConfig } from './read-config.js'

const USAGE = `Usage: evenkeel import nginx.conf [--location PATH [--server NAME] | --upstream NAME] [--preset nginx] [--json]

Prints the TypeScript of a balancer that does what the configuration says, and as comments what was taken, what has no
counterpart and what is wrong. Warnings go to stderr. The file may also be the output of nginx -T.

  --location PATH   what nginx does for this path: the location that gets it, its upstream, all that it inherits
  --server NAME     the server_name, where several servers have such a location; NAME:PORT where several have the name
  --upstream NAME   an upstream by itself
  --preset nginx    nginx's defaults for all that the file does not say, in place of evenkeel's
  --json            options and lists as JSON

With neither of them it takes the only location that passes requests on, or the only upstream, or lists what there is.
Exit code: 0, or 1 when there are warnings of danger or problems, or 2 when nothing can be imported.
`

export const importCommand: Command = {
  name: 'import',
  summary: 'prints the TypeScript for an nginx configuration',
  usage: USAGE,
  run: (args, output) => Promise.resolve(run(args, output)),
}

interface Given extends FromNginxOptions {
  readonly path: string
  readonly json: boolean
}

function run(args: readonly string[], output: CommandOutput): number {
  const given = readArguments(args)
  const directives = readNginxConfig(given.path)
  const selection = selectionOf(directives, given)
  if (selection === undefined) {
    output.stderr(`evenkeel import: say what is meant\n\n${overview(directives)}`)
    return 2
  }
  // Certificates are named in the code, and read when it runs.
  const imported = importNginx(directives, { ...given, ...selection, readFile: () => undefined })
  output.stdout(given.json ? asJson(imported) : printImport(imported))
  for (const lint of imported.warnings) output.stderr(lintText(lint))
  for (const { message, file, line } of imported.problems) {
    output.stderr(`problem  ${printable(file)}:${line}  ${message}\n`)
  }
  const grave = imported.warnings.some(({ severity }) => severity === 'danger')
  return grave || imported.problems.length > 0 ? 1 : 0
}

function readArguments(args: readonly string[]): Given {
  const { values, positionals } = parse(args)
  const [path, ...more] = positionals
  if (path === undefined) throw new UsageError('which file?')
  if (more.length > 0) throw new UsageError(`what is "${more.join(' ')}"?`)
  const { upstream, location, server, preset, json } = values
  if (upstream !== undefined && location !== undefined) {
    throw new UsageError('either --upstream or --location')
  }
  if (preset !== undefined && preset !== 'nginx' && preset !== 'evenkeel') {
    throw new UsageError('--preset is nginx or evenkeel')
  }
  return { path, upstream, location, server, preset, json: json ?? false }
}

function parse(args: readonly string[]): ReturnType<typeof parseCommandLine> {
  try {
    return parseCommandLine(args)
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function parseCommandLine(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      upstream: { type: 'string' },
      location: { type: 'string' },
      server: { type: 'string' },
      preset: { type: 'string' },
      json: { type: 'boolean' },
    },
  })
}

/** What was named, or the only one there is. */
function selectionOf(
  directives: readonly Directive[],
  { upstream, location, server }: Given,
): Pick<FromNginxOptions, 'upstream' | 'location'> | undefined {
  if (upstream !== undefined || location !== undefined) return { upstream, location }
  if (server !== undefined) return { location: '/' }
  const locations = passingLocations(directives)
  const upstreams = upstreamsIn(directives)
  const [only] = locations
  if (only !== undefined && locations.length === 1) return { location: only.title }
  const [group] = upstreams
  return locations.length === 0 && group !== undefined && upstreams.length === 1
    ? { upstream: group.args[0] }
    : undefined
}

function overview(directives: readonly Directive[]): string {
  const passing = passingLocations(directives)
  const locations = passing.map((each) => {
    const {
      title,
      directive: { file, line },
    } = each
    const name = serverOf(each, passing)
    const where = name === undefined ? '' : ` --server ${name}`
    return `  --location '${title}'${where}   ${file}:${line}`
  })
  const upstreams = upstreamsIn(directives).map(
    ({ args, file, line }) => `  --upstream ${args[0] ?? ''}   ${file}:${line}`,
  )
  const lines = [...locations, ...upstreams].map((line) => `${printable(line)}\n`)
  return lines.length === 0
    ? 'There is neither a location with a proxy_pass nor an upstream in it.\n'
    : lines.join('')
}

function lintText({ severity, message, file, line, advice }: Lint): string {
  return `${severity}  ${printable(file)}:${line}  ${message}\n  nginx: ${advice.nginx}\n  evenkeel: ${advice.evenkeel}\n`
}

function asJson({ draft, ...rest }: NginxImport): string {
  return `${JSON.stringify({ ...rest, options: jsonValue(draft) }, undefined, 2)}\n`
}
