/** The option `rewrite`: the path that peers see (nginx `proxy_pass` with a path, and `rewrite`). */
import type { RequestContext, RewriteRule } from '../message-options.js'
import { ChangeError } from './change-error.js'
import { replacedByPattern, replacedPrefix } from './pattern.js'

export type RewriteOfConfig =
  readonly RewriteRule[] | ((target: string, context: RequestContext) => string) | undefined

/** Returns the target itself where no rule fits. */
export type Rewrite = (target: string, context: RequestContext) => string

/** Undefined when nothing is rewritten. */
export function compileRewrite(rewrite: RewriteOfConfig): Rewrite | undefined {
  if (rewrite === undefined) return undefined
  if (typeof rewrite === 'function') {
    return (target, context) => {
      const made: unknown = rewrite(target, context)
      if (typeof made === 'string') return made
      throw new ChangeError('rewrite', 'must return a text', made)
    }
  }
  if (rewrite.length === 0) return undefined
  return (target) => rewritten(target, rewrite)
}

/** The first rule that fits changes the path; the asterisk form is no path. */
function rewritten(target: string, rules: readonly RewriteRule[]): string {
  if (!target.startsWith('/')) return target
  const path = pathOf(target)
  const query = target.slice(path.length)
  for (const rule of rules) {
    const changed = changedPath(path, rule)
    if (changed !== undefined) {
      return typeof rule.from === 'string' ? changed + query : withQuery(changed, query)
    }
  }
  return target
}

/** The rule that a target goes through. */
export function ruleFor(rules: readonly RewriteRule[], target: string): RewriteRule | undefined {
  const path = pathOf(target)
  return rules.find((rule) => changedPath(path, rule) !== undefined)
}

function changedPath(path: string, { from, to }: RewriteRule): string | undefined {
  return typeof from === 'string'
    ? replacedPrefix(from, to, path)
    : replacedByPattern(from, to, path)
}

function pathOf(target: string): string {
  const mark = target.indexOf('?')
  return mark === -1 ? target : target.slice(0, mark)
}

/** As in nginx: the query goes behind one that `to` has brought, and a `?` at the end of `to` drops it. */
function withQuery(changed: string, query: string): string {
  if (changed.endsWith('?')) return changed.slice(0, -1)
  if (!changed.includes('?')) return changed + query
  return query.length > 1 ? `${changed}&${query.slice(1)}` : changed
}
