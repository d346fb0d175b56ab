/** What is dangerous in nginx configuration, above all to the peers of an upstream: `lintNginx`. */
import type { Directive } from './conf.js'
import { ImportDraft } from './import-draft.js'
import { importUpstream } from './import-upstream.js'
import { finding } from './lint-finding.js'
import type { Finding, Lint } from './lint-finding.js'
import { poolRules } from './lint-pool.js'
import { retryRules } from './lint-retries.js'
import { siteOf } from './lint-site.js'
import type { LintSite } from './lint-site.js'

/** Findings of all rules, the gravest first, then by file and line. */
export function lintNginx(directives: readonly Directive[]): Lint[] {
  return findingsIn(directives).map(({ lint }) => lint)
}

export function findingsIn(directives: readonly Directive[]): Finding[] {
  const site = siteOf(directives)
  return [...invalidIn(site), ...retryRules(site), ...poolRules(site), ...logRule(site)].sort(
    (a, b) => rank(a) - rank(b),
  )
}

const SEVERITIES = ['error', 'danger', 'warning', 'notice']

function rank({ lint }: Finding): number {
  return SEVERITIES.indexOf(lint.severity)
}

/** What nginx refuses in an upstream: `server_fail_timeout=10s` and other inventions. */
function invalidIn({ upstreams }: LintSite): Finding[] {
  return upstreams.flatMap(({ block }) => {
    const draft = new ImportDraft()
    importUpstream(draft, block, { scheme: 'http' })
    return draft.problems.map(({ message, directive, file, line }): Finding => {
      const text = `${message} (${directive})`
      return {
        lint: {
          rule: 'invalid',
          severity: 'error',
          message: text,
          file,
          line,
          advice: {
            nginx: 'nginx does not start with it: correct it, or take it out',
            evenkeel: 'it is left out',
          },
        },
        blocks: [block],
      }
    })
  })
}

/** Without a level it is `error` (`ngx_log_set_levels`). */
const HIDES: ReadonlySet<string> = new Set(['error', 'crit', 'alert', 'emerg'])

function levelOf({ args }: Directive): string {
  return args[1] ?? 'error'
}

function hides(log: Directive): boolean {
  return HIDES.has(levelOf(log))
}

/** "upstream server temporarily disabled" is a warning. */
function logRule({ directives, uses, upstreams }: LintSite): Finding[] {
  const marks = upstreams.some(({ primaries }) => primaries.length > 1)
  // Of several on a level each is written: one that has the warnings is enough.
  const held = uses.map(({ levels }) => levels.all('error_log'))
  const logs = held.length > 0 ? held : [directives.filter(({ name }) => name === 'error_log')]
  const hiding = new Set(logs.filter((all) => all.every(hides)).flat())
  if (!marks) return []
  return [...hiding].flatMap((directive) => {
    const level = levelOf(directive)
    return [
      finding(directive, [], {
        rule: 'marks-are-not-logged',
        severity: 'warning',
        message: `error_log with the level ${level}: "upstream server temporarily disabled" is a warning, and is not written. What is seen of it is only "no live upstreams", when it is too late`,
        advice: {
          nginx: `error_log ${directive.args[0] ?? 'FILE'} warn;`,
          evenkeel: 'each mark and each return is an event: eject, return',
        },
      }),
    ]
  })
}

export type { Lint, LintRule } from './lint-finding.js'
