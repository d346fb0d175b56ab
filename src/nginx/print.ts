/** An import as TypeScript: what `npx evenkeel import` prints. */
import { printable } from './config-error.js'
import type { DirectivePlace } from './import-draft.js'
import type { NginxImport } from './import.js'
import { Call, FileText, SecretText, sourceOf } from './import-value.js'
import type { Value } from './import-value.js'

/** A module that makes the balancer and a server for it. Certificates are read by their paths when it runs. */
export function printImport(imported: NginxImport): string {
  const { draft, upgrades, title } = imported
  const calls = new Set<string>()
  const readsFiles = collect(draft, calls)
  const names = ['createBalancer', ...[...calls].sort()]
  return [
    `// Made from nginx configuration: ${printable(title)}`,
    ...(readsFiles ? ["import { readFileSync } from 'node:fs'"] : []),
    "import { createServer } from 'node:http'",
    `import { ${names.join(', ')} } from 'evenkeel'`,
    "import type { BalancerOptions } from 'evenkeel'",
    '',
    ...comments(imported),
    `export const options: BalancerOptions = ${sourceOf(draft)}`,
    '',
    'export const balancer = createBalancer(options)',
    '',
    'export const server = createServer(balancer)',
    ...(upgrades ? ["server.on('upgrade', balancer.upgrade)"] : []),
    "server.listen(Number(process.env['PORT'] ?? 8080))",
    '',
  ].join('\n')
}

/** Calls that are in it; says whether files are, too. */
function collect(value: Value, calls: Set<string>): boolean {
  if (value instanceof FileText) return true
  if (value instanceof Call) calls.add(value.name)
  if (
    value instanceof Call ||
    value instanceof SecretText ||
    value instanceof RegExp ||
    typeof value !== 'object'
  )
    return false
  const parts = value instanceof Map ? [...value.values()] : value
  return parts.map((part) => collect(part, calls)).includes(true)
}

function comments({ taken, notCarriedOver, problems }: NginxImport): string[] {
  return [
    ...section('Wrong, and left out:', problems, ({ message }) => message),
    ...section('Taken:', taken, ({ option }) => option),
    ...section(
      'Not carried over:',
      notCarriedOver,
      ({ meaning, instead }) => `${meaning}. Instead: ${instead}`,
    ),
  ]
}

function section<T extends DirectivePlace>(
  heading: string,
  entries: readonly T[],
  say: (entry: T) => string,
): string[] {
  if (entries.length === 0) return []
  const lines = entries.map(
    (entry) =>
      `//   ${printable(entry.file)}:${entry.line}  ${entry.directive}  ->  ${printable(say(entry))}`,
  )
  return [`// ${heading}`, ...lines, '']
}
