/** What a rule of the lint says. */
import type { Directive } from './conf.js'
import { printable } from './config-error.js'

/** Names of the rules. */
export type LintRule =
  | 'application-errors-mark-peers'
  | 'backup-is-ignored'
  | 'down-peer-is-counted'
  | 'header-buffer-of-one-page'
  | 'invalid'
  | 'keepalive-before-method'
  | 'keepalive-longer-than-the-peers'
  | 'keepalive-without-effect'
  | 'marks-are-not-logged'
  | 'no-keepalive'
  | 'probe-takes-long'
  | 'unlimited-tries'

export interface Lint {
  readonly rule: LintRule
  /** `error`: nginx does not start. `danger`: one request can take all peers out. */
  readonly severity: 'error' | 'danger' | 'warning' | 'notice'
  readonly message: string
  readonly file: string
  readonly line: number
  /** What to do: in nginx, and what it is with evenkeel. */
  readonly advice: { readonly nginx: string; readonly evenkeel: string }
}

/** A finding and the blocks that it is about: an upstream, a location; none: the whole file. */
export interface Finding {
  readonly lint: Lint
  readonly blocks: readonly Directive[]
}

/** A finding at a directive. */
export function finding(
  at: Directive,
  blocks: readonly Directive[],
  lint: Omit<Lint, 'file' | 'line'>,
): Finding {
  const { file, line } = at
  return { lint: { ...lint, message: printable(lint.message), file, line }, blocks }
}
